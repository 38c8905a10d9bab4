"""A running gateway: start, reload, drain and stop.

Always true: `stack` is one reference, read anew for each call, so a call lives on one stack from its arrival to its last
chunk; a stack that was replaced stays until its last call has left; a connection pool or a child process is closed when
no stack that lives has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from headworks.catalog.table import Catalog
from headworks.core.call import PROMPT_PREFIX
from headworks.core.clock import now
from headworks.core.errors import ConfigError, Draining, Problem
from headworks.core.key import Key
from headworks.core.masking import Mask
from headworks.core.passage import PASSAGE_PREFIX
from headworks.core.service import Service
from headworks.core.session import SESSION_NAMES
from headworks.gateway.access import Access
from headworks.gateway.assemble import Assembled, Shared, assemble
from headworks.gateway.counting import Counting, Member
from headworks.gateway.kept_responses import KeptResponses
from headworks.gateway.leaves import Leaves
from headworks.gateway.memory_trim import MemoryTrim
from headworks.gateway.owned_ids import StoredIds
from headworks.gateway.prompting import prompts_of
from headworks.gateway.quotas import allowances_of, file_groups, file_keys
from headworks.gateway.retirements import log_retirements
from headworks.gateway.sessions import Sessions
from headworks.gateway.target_log import TargetLog
from headworks.http.buffered import Buffered
from headworks.layers.auth import Keyring
from headworks.layers.render import Prompt
from headworks.ledger.final_flush import flush_and_close, report_losses
from headworks.ledger.journal import Journal
from headworks.ledger.process import LedgerProcess
from headworks.ledger.store_url import store_at
from headworks.prompts.render_process import RenderProcess
from headworks.system.derived.same_as import SameAs
from headworks.system.derived.secret_values import all_secrets
from headworks.system.schema.system import System
from headworks.system.verdicts.constraints import check_served
from headworks.telemetry.log_lines import hide_in_log
from headworks.telemetry.metrics import Metrics, Recorder
from headworks.telemetry.watchdog import Watchdog

log = logging.getLogger("headworks.gateway")

ALWAYS_FORWARDED: Final = frozenset({b"traceparent", b"idempotency-key"})

CHANGEABLE: Final = frozenset(
    {"max_buffered", "max_in_flight", "max_queued", "max_wait", "drain", "cors", "expose", "keepalive", "admin_key"}
)
"""Keys of `server` that a reload may change. The others, and all of `log` and `responses`, belong to what is open already: a restart."""

PAUSE: Final = 0.1
"""Seconds between two checks whether a replaced stack has no more calls. Nothing waits for it, so polling is enough."""


class Stack:
    """A system that is assembled over its leaves. Its place in `Gateway.stack` is all that makes it the current one."""

    def __init__(self, system: System, leaves: Leaves, assembled: Assembled) -> None:
        self.system = system
        self.leaves = leaves
        self.assembled = assembled
        self.front = assembled.front
        asked = {
            name.lower().encode()
            for provider in system.providers.values()
            for name in getattr(provider, "forward_headers", ())
        }
        self.passing = ALWAYS_FORWARDED | asked
        self.sessions = Sessions(system.models)
        self.noticed = self.passing.union(SESSION_NAMES)
        self.exposed = frozenset(system.server.expose)
        self.passthrough = frozenset(system.passthrough)
        self.keepalive = system.server.keepalive
        self.same_as = SameAs(callable_names(system), system.same_as) if system.same_as else None
        self.further_names = [] if self.same_as is None else self.same_as.listed(Catalog().names())
        """Names beside the aliases that `/v1/models` shows."""


def most_buffered(system: System) -> int:
    """Bytes of answers that may wait in one of a system's processes."""
    return max(system.server.max_buffered // system.server.workers, 1)


class Prepared(NamedTuple):
    """A system that can be served at once."""

    system: System
    leaves: Leaves
    prompts: Mapping[str, Prompt]


class Gateway:
    """A system that answers calls: `front` is its Service. Start it, reload it, drain it, stop it."""

    def __init__(self, system: System, folder: Path, *, seed: int, member: Member | None = None) -> None:
        self.render_process = RenderProcess()
        check_served(system)  # first: where something is wrong nothing is opened
        prompts = prompts_of(system, folder, self.render_process)
        self.folder = folder
        self.seed = seed
        self.is_alone = member is None
        """Whether no other process serves this system: else their parent says what concerns all of them."""
        self.started_at = time.time()
        self.journal = Journal(folder / system.log.journal, started_at=self.started_at, sync=system.log.sync)
        self.ledger: LedgerProcess | None = None
        if member is None:
            self.ledger = LedgerProcess(
                folder / system.log.journal,
                system.log.store.reveal(),
                folder,
                retention=system.log.retention,
                responses=system.responses.store,
            )
        self.models = {} if member is None else member.models
        self.buffered = Buffered(most_buffered(system))
        self.counting = Counting(system, folder, member)
        self.metrics = Metrics()
        self.watchdog = Watchdog()
        self.targets = TargetLog()
        self.is_ready = False
        self.is_draining = False
        self.is_whole = True
        """False after the end where records of calls are missing."""
        self.generation = 0
        """How often the system was replaced."""
        self.ring = Keyring()
        self._secrets: list[str] = []
        leaves = Leaves(system, folder, seed=seed, models=self.models, buffered=self.buffered)
        store = store_at(system.log.store.reveal(), folder)
        self.kept: KeptResponses | None = None
        """The answers that are kept; None where the system file does not say so."""
        if system.responses.store is not None:
            self.kept = KeptResponses(store, self.metrics, system.server.max_body)
        self.ids = StoredIds(store)
        """Whose the files and batches are that callers made."""
        self.stack = self._assembled(system, leaves, None, prompts)
        shared = self.stack.assembled.shared
        self.access = Access(store, folder / system.log.journal, self.ring, shared)
        self.counting.lost(self.access.lose)
        self._replaced: list[Stack] = []
        self._strangers = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def system(self) -> System:
        return self.stack.system

    @property
    def front(self) -> Service:
        return self.stack.front

    @property
    def assembled(self) -> Assembled:
        return self.stack.assembled

    @property
    def leaves(self) -> Leaves:
        return self.stack.leaves

    @property
    def keys(self) -> Keyring | None:
        """The keyring; None where there are no keys and any caller on this machine is served."""
        return None if self.ring.is_open else self.ring

    @property
    def same_as(self) -> SameAs | None:
        """Which alias a caller's name means; None where every name is an alias."""
        return self.stack.same_as

    @property
    def in_flight(self) -> int:
        """Calls that have arrived and not ended, those on replaced stacks too."""
        return sum(stack.front.in_flight for stack in self._living())

    @property
    def strangers(self) -> int:
        """Callers so far without a key that is known."""
        return self._strangers + sum(stack.front.strangers for stack in self._living())

    @property
    def max_body(self) -> int:
        """Bytes that a caller's body may have."""
        return self.system.server.max_body

    def aliases(self, credential: str | None) -> Sequence[str]:
        """The aliases that this caller may use. Raises Unauthenticated for strangers."""
        return self.aliases_of(None if self.ring.is_open else self.ring.find(credential))

    def aliases_of(self, key: Key | None) -> Sequence[str]:
        """The aliases that may be used with this key; None where there are no keys."""
        names = callable_names(self.system)
        same_as = self.stack.same_as
        if same_as is None:
            return names if key is None else [name for name in names if key.may_use(name)]
        names += self.stack.further_names
        return names if key is None else [name for name in names if key.may_use(same_as.alias(name))]

    def turned_away(self) -> None:
        """Counts a caller without a valid key."""
        self._strangers += 1

    def troubles(self) -> list[str]:
        """What does not work now, in words. None of it makes the gateway unready."""
        circuits = self.assembled.shared.circuits
        at = now()
        found = [
            f"{name}: set aside after failures"
            for name, circuit in circuits.items()
            if circuit.state != "closed" or circuit.blocked_until > at
        ]
        found += [
            f"{name}: sent answers that nobody asked for; each of its connections is used once for now"
            for name, client in self.leaves.clients.items()
            if client.unsolicited.until > at
        ]
        found += [
            f"{name}: the model is still loading" for name, child in self.leaves.children.items() if not child.is_ready
        ]
        found += [
            f"{name}: its credential cannot be refreshed: {credential.problem}"
            for name, credential in self.leaves.credentials.items()
            if credential.problem
        ]
        if self.journal.backlog:
            found.append(f"journal: {self.journal.backlog} bytes wait for the disk, {self.journal.lost} records lost")
        ledger = [] if self.ledger is None else self.ledger.troubles()
        kept = [] if self.kept is None else self.kept.troubles()
        return found + self.counting.troubles() + ledger + kept + self.ids.troubles() + self.access.troubles()

    async def start(self) -> None:
        """Starts what runs beside calls. The embedded model may still be loading when this returns. Raises ConfigError."""
        self._tasks.append(asyncio.create_task(self.journal.keep_synced(), name="journal"))
        self._tasks.append(asyncio.create_task(self.watchdog.watch(), name="watchdog"))
        self._tasks.append(asyncio.create_task(MemoryTrim(lambda: self.in_flight).keep(), name="memory_trim"))
        if self.is_alone:
            self._tasks.append(
                asyncio.create_task(log_retirements(lambda: self.assembled.shared.known), name="retirements")
            )
        await self.counting.start()
        await self.access.start()  # first: into a store that is not the right one no record goes
        if self.ledger is not None:
            self.ledger.start()
        await self.counting.settle_in()
        await self.leaves.start()
        self.is_ready = True

    async def reload(self, system: System) -> None:
        """Serves another system from now on; calls in flight finish on the old stack. Not for two tasks at once.

        Raises ConfigError, or OSError where a child cannot be started: nothing has changed then.
        """
        self.adopt(await self.prepared(system))

    async def prepared(self, system: System, models: Mapping[str, str] | None = None) -> Prepared:
        """Everything of another system that may fail or take time; to be adopted or abandoned. Raises as `reload` does."""
        if problems := unchangeable(self.system, system):
            raise ConfigError(problems)
        check_served(system)
        old = self.stack
        seed = self.seed + self.generation + 1  # the same chance again would repeat the same picks
        loop = asyncio.get_running_loop()
        # Off the loop: reading the machine's certificates takes some 20 ms a provider, and templates are compiled.
        prompts = await loop.run_in_executor(None, prompts_of, system, self.folder, self.render_process)
        await self.access.prepare(allowances_of(system), {name: group.keys for name, group in system.groups.items()})
        made = partial(Leaves, before=old.leaves, models=models or self.models, buffered=self.buffered)
        leaves = await loop.run_in_executor(None, partial(made, system, self.folder, seed=seed))
        try:
            await leaves.start()
        except BaseException:
            await leaves.close([old.leaves])
            raise
        return Prepared(system, leaves, prompts)

    async def abandon(self, prepared: Prepared) -> None:
        """Discards a prepared system."""
        await prepared.leaves.close([self.leaves])

    def adopt(self, prepared: Prepared) -> None:
        """Serves what was prepared from now on. Nothing waits here, so no call sees half of it."""
        old = self.stack
        self.generation += 1
        self.buffered.most = most_buffered(prepared.system)
        self.stack = self._assembled(prepared.system, prepared.leaves, old.assembled.shared, prepared.prompts)
        self._replaced.append(old)
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(self._retire(old), name=f"retire {self.generation - 1}"))

    def end(self, error: Draining) -> None:
        """Calls that are cancelled from now on are ended by us, and their records say so. Cancelling is the server's."""
        for stack in self._living():
            stack.front.ending = error

    async def stop(self) -> None:
        """Ends everything; calls in flight should have been drained before."""
        self.is_ready = False
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        try:
            for stack in self._replaced:
                await stack.leaves.close([self.leaves])
            await self.leaves.close()
            self.targets.close()
            await self.render_process.close()
        finally:  # whatever cannot be closed costs no record
            await flush_and_close(self.journal, self.access.at)
        if self.kept is not None:
            await self.kept.stop()
        await self.ids.stop()
        await self.access.stop()
        await self.counting.stop()
        if self.ledger is not None:
            await self.ledger.stop()
        unforced = self.journal.unforced if self.ledger is not None else ()  # of a worker's its parent knows in the end
        self.is_whole = report_losses(self.journal.lost, self.journal.folder, unforced)

    def _assembled(self, system: System, leaves: Leaves, before: Shared | None, prompts: Mapping[str, Prompt]) -> Stack:
        before_this, self._secrets = self._secrets, all_secrets(system)
        mask = Mask([*self._secrets, *before_this])  # a call of the system before this one may still end
        hide_in_log(mask)
        recorder = Recorder(self.journal, self.metrics, counted_names(system), mask)
        seed = self.seed + self.generation
        self.ring.file(file_keys(system), file_groups(system), is_required=not system.server.listen.is_loopback)
        made = assemble(
            system,
            leaves.leaf,
            recorder,
            seed=seed,
            before=before,
            prompts=prompts,
            state=self.counting.state,
            keys=self.ring,
            answer_stores=self.counting.answers,
            kept=self.kept,
            ids=self.ids,
        )
        self.targets.watch(made.shared.circuits)
        self.targets.watch_connections(leaves.clients)
        self.targets.watch_models(leaves.remotes(), self.metrics)
        return Stack(system, leaves, made)

    def _living(self) -> list[Stack]:
        return [*self._replaced, self.stack]

    async def _retire(self, stack: Stack) -> None:
        """Waits for a replaced stack's last call, then closes what no other stack has."""
        while True:
            # First a pause: who has just asked for `front` has not entered yet.
            await asyncio.sleep(PAUSE)
            if not stack.front.in_flight:
                break
        await stack.leaves.close([living.leaves for living in self._living() if living is not stack])
        self._replaced.remove(stack)
        self._strangers += stack.front.strangers


def callable_names(system: System) -> list[str]:
    """The names that callers may use as `model`: aliases and prompts."""
    return [*system.models, *(PROMPT_PREFIX + name for name in system.prompts)]


def counted_names(system: System) -> list[str]:
    """Those, and what stands in their place on records of what passes through."""
    return [*callable_names(system), *(PASSAGE_PREFIX + word for word in system.passthrough)]


def unchangeable(old: System, new: System) -> list[Problem]:
    """The differences that need a restart."""
    problems = []
    if old.state != new.state:
        problem = f"it was {old.state} at the start and cannot change while calls are served"
        problems.append(Problem(path="state", problem=problem, remedy="restart the gateway, or put the old value back"))
    parts: list[tuple[str, msgspec.Struct, msgspec.Struct]] = [
        ("server", old.server, new.server),
        ("log", old.log, new.log),
        ("responses", old.responses, new.responses),
    ]
    for part, before, after in parts:
        for name in after.__struct_fields__:
            was = getattr(before, name)
            if (part == "server" and name in CHANGEABLE) or was == getattr(after, name):
                continue
            said = "not written" if was is None else str(was)
            problems.append(
                Problem(
                    path=f"{part}.{name}",
                    problem=f"it was {said} at the start and cannot change while calls are served",
                    remedy="restart the gateway, or put the old value back",
                )
            )
    return problems
