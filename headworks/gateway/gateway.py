"""One running system: what is started, what is asked, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from headworks.core.service import Service
from headworks.gateway.assemble import assemble
from headworks.gateway.leaves import Leaves
from headworks.ledger.journal import Journal
from headworks.system.schema import System

log = logging.getLogger("headworks.gateway")

ALWAYS_FORWARDED = frozenset({b"traceparent", b"idempotency-key"})


class Gateway:
    """A system that answers calls: `front` is its Service. Start it, drain it, stop it."""

    def __init__(self, system: System, folder: Path, *, seed: int) -> None:
        self.system = system
        self.started_at = time.time()
        self.journal = Journal(folder / system.log.journal, started_at=self.started_at, sync=system.log.sync)
        self.leaves = Leaves(system, folder, seed=seed)
        self.assembled = assemble(system, self.leaves.leaf, self.journal, seed=seed)
        self.keys = self.assembled.keys
        self.is_ready = False
        self.is_draining = False
        self._syncing: asyncio.Task[None] | None = None

    @property
    def front(self) -> Service:
        return self.assembled.front

    @property
    def passing(self) -> frozenset[bytes]:
        """Headers of a caller that some provider may be sent, beside a dialect's own list."""
        asked = {
            name.lower().encode()
            for provider in self.system.providers.values()
            for name in getattr(provider, "forward_headers", ())
        }
        return ALWAYS_FORWARDED | asked

    @property
    def in_flight(self) -> int:
        return self.assembled.front.in_flight

    def aliases(self, credential: str | None) -> Sequence[str]:
        """The aliases that this caller may use. Raises Unauthenticated for strangers."""
        if self.keys is None:
            return list(self.system.models)
        key = self.keys.find(credential)
        return [alias for alias in self.system.models if key.may_use(alias)]

    def troubles(self) -> list[str]:
        """What does not work just now, in words: none of it makes the gateway unready."""
        circuits = self.assembled.shared.circuits
        found = [f"{name}: set aside after failures" for name, circuit in circuits.items() if circuit.state != "closed"]
        found += [
            f"{name}: the model is still loading" for name, child in self.leaves.children.items() if not child.is_ready
        ]
        if self.journal.backlog:
            found.append(f"journal: {self.journal.backlog} bytes wait for the disk, {self.journal.lost} records lost")
        return found

    async def start(self) -> None:
        """Starts what runs beside calls. The embedded model may still be loading when this returns."""
        self._syncing = asyncio.create_task(self.journal.keep_synced(), name="journal")
        await self.leaves.start()
        self.is_ready = True

    async def stop(self) -> None:
        """Ends everything; calls in flight should have been drained before."""
        self.is_ready = False
        if self._syncing is not None:
            self._syncing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._syncing
        await self.leaves.close()
        self.journal.close()
