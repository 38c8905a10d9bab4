"""What the admin port shows and does: of one process, or of a parent and its workers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from headworks import __version__
from headworks.core.clock import wall
from headworks.gateway.gateway import Gateway
from headworks.ledger.ledger import Status
from headworks.server.app import Readiness, readiness
from headworks.server.control_files import Outcome
from headworks.server.reloading import Reloading
from headworks.system.schema.system import System
from headworks.telemetry.exposition import Readings
from headworks.telemetry.metrics import Metrics
from headworks.telemetry.view import View, counts_of


class AdminView(Protocol):
    """Something that serves a system."""

    @property
    def system(self) -> System: ...
    @property
    def started_at(self) -> float: ...
    @property
    def reloads(self) -> Mapping[str, int]: ...
    def readiness(self) -> tuple[int, Readiness]:
        """Whether to send calls here, as a status and in words."""
        ...

    async def numbers(self) -> tuple[Metrics, Readings]:
        """What was counted, and what is true now."""
        ...

    async def reload(self) -> Outcome: ...


class Single:
    """One gateway in this process."""

    def __init__(self, gateway: Gateway, reloading: Reloading) -> None:
        self.gateway = gateway
        self.reloading = reloading

    @property
    def system(self) -> System:
        return self.gateway.system

    @property
    def started_at(self) -> float:
        return self.gateway.started_at

    @property
    def reloads(self) -> Mapping[str, int]:
        return self.reloading.counts

    def readiness(self) -> tuple[int, Readiness]:
        return readiness(self.gateway)

    async def numbers(self) -> tuple[Metrics, Readings]:
        gateway, view = self.gateway, view_of(self.gateway)
        readings = Readings(
            in_flight=view.in_flight,
            queued=view.queued,
            strangers=gateway.strangers,
            circuits=view.circuits,
            slots=view.slots,
            answers=view.answers,
            budget_alerts=view.budget_alerts,
            journal_appended=gateway.journal.appended,
            journal_backlog=view.journal_backlog,
            journal_lost=gateway.journal.lost,
            ledger=gateway.ledger.status() if gateway.ledger is not None else Status(),
            version=__version__,
            config=gateway.system.digest,
            started_at=gateway.started_at,
            reloads=self.reloading.counts,
            lags=gateway.watchdog.lags,
            workers={},
            restarts=0,
        )
        return gateway.metrics, readings

    async def reload(self) -> Outcome:
        return await self.reloading.reload()


def view_of(gateway: Gateway) -> View:
    """A gateway as it is now."""
    shared = gateway.assembled.shared
    journal = gateway.journal
    return View(
        counts=counts_of(
            gateway.metrics,
            gateway.watchdog.lags,
            strangers=gateway.strangers,
            appended=journal.appended,
            lost=journal.lost,
        ),
        in_flight=gateway.in_flight,
        queued=shared.admission.queued,
        circuits={name: circuit.state for name, circuit in shared.circuits.items()},
        slots={name: (slots.in_use, slots.limit) for name, slots in shared.slots.items()},
        answers={alias: (len(kept), kept.bytes, kept.evicted) for alias, kept in shared.answers.items()},
        journal_backlog=journal.backlog,
        journal_waiting=journal.waiting,
        journal_unforced=[str(one.absolute()) for one in journal.unforced],
        journal=str(journal.path.absolute()),
        journal_bytes=size_of(journal.path),
        troubles=gateway.troubles(),
        has_keys=gateway.keys is not None,
        budget_alerts=shared.books.alerts(wall()),
    )


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
