"""Several processes that serve one system: the parent, which answers no call.

It holds the public port's socket, owns the admin port, the indexer, the local models and the embedded state, sums what its
workers count, starts again one that died, and has a new system file served by all of them or by none. `docs/scaling.md`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from headworks import __version__
from headworks.core.clock import now
from headworks.core.errors import ConfigError, Problem, StateAway
from headworks.core.masking import Mask
from headworks.core.private_folders import make_private
from headworks.core.throttled_log import LogEvent, ThrottledLog
from headworks.gateway.capabilities import TargetCapabilities
from headworks.gateway.counting import loaded as extra
from headworks.gateway.counting import state_folder
from headworks.gateway.gateway import callable_names, unchangeable
from headworks.gateway.leaves import local_processes
from headworks.gateway.lock import GatewayLock, hold_lock
from headworks.gateway.retirements import log_retirements
from headworks.http.server import BACKLOG
from headworks.ledger.final_flush import report_losses
from headworks.ledger.process import LedgerProcess
from headworks.providers.local.process import LocalProcess
from headworks.server.app import Readiness
from headworks.server.control_files import ControlFiles, Outcome
from headworks.server.open_files import allow_open_files
from headworks.server.reloading import Reloading
from headworks.server.serve import (
    bind_admin,
    open_admin,
    publish_pid,
    reloads_on,
    signals,
    unlistenable,
    warn_of_open_folders,
)
from headworks.server.workers.channel import Adopt, Cover, Look, Prepare, Prepared, Start
from headworks.server.workers.handle import WorkerHandle, fresh_owner
from headworks.system.derived.secret_values import all_secrets
from headworks.system.load import Loaded, read, read_bytes
from headworks.system.schema.secrets import named_variables
from headworks.system.schema.system import System
from headworks.telemetry.exposition import Readings
from headworks.telemetry.log_lines import hide_in_log
from headworks.telemetry.metrics import Metrics
from headworks.telemetry.snapshot import Sums, answers_of, circuits_of, slots_of, troubles_of
from headworks.telemetry.watchdog import BOUNDS

LOOK = 1.0
"""Seconds between two looks at what each worker has counted; a scrape looks at once."""

STEADY = 10.0
"""Seconds that a worker must have lived for its death to be an accident: then the next one starts at once."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds before the next start, after a worker that died sooner: they double."""

IS_SPREAD = sys.platform == "linux"
"""Whether the kernel spreads connections over sockets with one address (`SO_REUSEPORT`); elsewhere workers share a socket."""

GRACE = 10.0
"""Seconds beyond `server.drain` that a worker is given to end by itself; then it is killed."""

log = logging.getLogger("headworks.parent")


async def serve_by_workers(
    file: Path, loaded: Loaded, ready: Callable[[System, Path, bool], None], *, new_ledger: bool = False
) -> bool:
    """Serves a system by `server.workers` processes until SIGTERM or SIGINT, then drains; SIGHUP reads the file again.

    ready: told what is served, where its journals are, and whether callers need a key. Raises ConfigError where a port,
    the journal, the ledger or the state cannot be had, or no worker starts. A second signal ends the draining. new_ledger: the
    store that is there is the right one, whichever was before. False where records of calls are missing at the end.
    """
    allow_open_files()
    async with contextlib.AsyncExitStack() as held:
        lock = await held.enter_async_context(hold_lock(loaded, always=True, new_ledger=new_ledger))
        server = loaded.system.server
        admin = held.enter_context(contextlib.closing(taken)) if (taken := bind_admin(server)) is not None else None
        parent = Parent(file, loaded, lock)
        asked, again = signals(signal.SIGTERM, signal.SIGINT), signals(signal.SIGHUP)
        await held.enter_async_context(parent.running())
        control_files = ControlFiles(loaded.folder / loaded.system.log.journal, file)
        parent.reloading = Reloading(parent, parent.replace, control_files)
        publish_pid(control_files)
        warn_of_open_folders(control_files.folder)
        held.callback(control_files.withdraw_pid)
        await held.enter_async_context(reloads_on(parent.reloading, again))
        has_keys = any(handle.snapshot.has_keys for handle in parent.handles if handle.snapshot is not None)
        ready(loaded.system, loaded.folder / loaded.system.log.journal, has_keys)
        if admin is not None:
            await held.enter_async_context(await open_admin(parent, admin))
        await asked.get()
        await parent.drain(asked)
    return report_losses(parent.lost, loaded.folder / loaded.system.log.journal, parent.unforced)


class Parent:
    """The workers of one system. `system` is what all of them serve."""

    def __init__(self, file: Path, loaded: Loaded, lock: GatewayLock) -> None:
        self.lock = lock
        system = loaded.system
        loaded.pin_default_folder()
        self.file = file
        self.folder = loaded.folder
        self.system = system
        hide_in_log(Mask(all_secrets(system)))
        self.content = read_bytes(file)
        self.started_at = time.time()
        self.is_draining = False
        self.reloading: Reloading | None = None
        self.restarts = 0
        self._events = ThrottledLog(log)
        self.handles = [WorkerHandle(number) for number in range(system.server.workers)]
        self.ledger = LedgerProcess(
            loaded.folder / system.log.journal,
            system.log.store.reveal(),
            loaded.folder,
            retention=system.log.retention,
            responses=system.responses.store,
        )
        self._has_started = False
        self._is_adopting = False  # the workers are being told of a new file
        self._dead = Sums(BOUNDS)
        self.unforced: list[Path] = []
        self._names = set(callable_names(system))
        self._chance = Random()
        self._listening: list[list[socket.socket]] = []
        self._covered: dict[int, WorkerHandle] = {}
        self._children: dict[str, LocalProcess] = {}
        self._state: Any = None
        self._state_url = system.state.reveal()
        self._tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything that the workers stand on, then the workers; and its end."""
        async with contextlib.AsyncExitStack() as held:
            self._listening = listening(self.system)
            held.callback(self._close_sockets)
            journal = self.folder / self.system.log.journal
            make_private(journal)
            if self._state_url == "embedded":
                embedded = extra("headworks.state.embedded", "embedded").Embedded(
                    state_folder(self.system, self.folder)
                )
                self._state_url = embedded.url
                held.push_async_callback(embedded.stop)
                await embedded.start()
            self._state = extra("headworks.state.valkey", "redis").Valkey(
                self._state_url, self.system.name, fresh_owner(), is_member=False
            )
            held.push_async_callback(self._state.stop, 0.0)
            self._state.start()
            self._children = local_processes(self.system, self.folder)
            held.push_async_callback(self._end_children)
            for child in self._children.values():
                await child.start()
            held.push_async_callback(self.ledger.stop)
            held.push_async_callback(self._end_workers)
            for handle in self.handles:
                self._tasks.append(asyncio.create_task(self._keep(handle), name=f"worker {handle.number}"))
            await asyncio.gather(*(handle.settled.wait() for handle in self.handles))
            if problems := [problem for handle in self.handles for problem in handle.problems]:
                raise ConfigError(list(dict.fromkeys(problems)))
            self.ledger.start()  # now: the workers have found that the store is the right one
            self._has_started = True
            self._tasks.append(asyncio.create_task(self._look(), name="look"))
            telling = log_retirements(lambda: TargetCapabilities(self.system))
            self._tasks.append(asyncio.create_task(telling, name="retirements"))
            yield

    @property
    def lost(self) -> int:
        """Records that are missing of the workers that have ended."""
        return self._dead.journal_lost

    # What the admin port shows.

    @property
    def reloads(self) -> Mapping[str, int]:
        return self.reloading.counts if self.reloading is not None else {}

    def readiness(self) -> tuple[int, Readiness]:
        """Ready where one worker is: calls are answered then."""
        if self.is_draining:
            return 503, Readiness(status="draining")
        down = [f"worker {handle.number}: it is started again" for handle in self.handles if not handle.is_up]
        if len(down) == len(self.handles):
            return 503, Readiness(status="starting", reasons=down)
        snapshots = [handle.snapshot for handle in self.handles if handle.is_up and handle.snapshot is not None]
        loading = [
            f"{name}: the model is still loading" for name, child in self._children.items() if not child.is_ready
        ]
        other = [f"ledger: {self.lock.other}; limits count twice"] if self.lock.other else []
        reasons = [*down, *troubles_of(snapshots), *loading, *other, *self.ledger.troubles()]
        return 200, Readiness(status="ready", reasons=reasons)

    async def numbers(self) -> tuple[Metrics, Readings]:
        await asyncio.gather(*map(self._see, self.handles))
        snapshots = [handle.snapshot for handle in self.handles if handle.snapshot is not None]
        sums = Sums(BOUNDS)
        sums.add(self._dead.counts)
        for snapshot in snapshots:
            sums.add(snapshot.counts)
        readings = Readings(
            in_flight=sum(snapshot.in_flight for snapshot in snapshots),
            queued=sum(snapshot.queued for snapshot in snapshots),
            strangers=sums.strangers,
            circuits=circuits_of(snapshots),
            slots=slots_of(snapshots),
            answers=answers_of(snapshots),
            budget_alerts=sorted({name for snapshot in snapshots for name in snapshot.budget_alerts}),
            journal_appended=sums.journal_appended,
            journal_backlog=sum(snapshot.journal_backlog for snapshot in snapshots),
            journal_lost=sums.journal_lost,
            ledger=self.ledger.status(),
            version=__version__,
            config=self.system.digest,
            started_at=self.started_at,
            reloads=self.reloads,
            lags=sums.lags,
            workers={str(handle.number): handle.is_up for handle in self.handles},
            restarts=self.restarts,
        )
        return sums.metrics, readings

    async def reload(self) -> Outcome:
        assert self.reloading is not None, "the admin port opens after it"
        return await self.reloading.reload()

    # A new system file.

    async def replace(self) -> list[Problem]:
        """Reloads all workers or none (two-phase commit). Raises ConfigError or OSError: nothing has changed then."""
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(None, read_bytes, self.file)
        loaded = await loop.run_in_executor(
            None, lambda: read(content, file=self.file, folder=self.folder, env=os.environ)
        )
        if problems := unchangeable(self.system, loaded.system):
            raise ConfigError(problems)
        children = local_processes(loaded.system, self.folder, before=(self.system, self._children))
        fresh = [child for child in children.values() if child not in self._children.values()]
        try:
            for child in fresh:
                await child.start()
            message = Prepare(content=content, models=sockets(children), env=named_variables(content, os.environ))
            handles = [handle for handle in self.handles if handle.is_up]
            answers = await asyncio.gather(*(handle.ask(message) for handle in handles), return_exceptions=True)
            problems = [one for answer in answers if isinstance(answer, Prepared) for one in answer.problems]
            if problems:
                await asyncio.gather(*(handle.ask(Adopt(False)) for handle in handles), return_exceptions=True)
                raise ConfigError(list(dict.fromkeys(problems)))
        except BaseException:
            for child in fresh:
                await child.stop()
            raise
        # A worker that has died meanwhile, or dies now, is started again with the new content.
        self._is_adopting = True
        self.content = content
        hide_in_log(Mask([*all_secrets(self.system), *all_secrets(loaded.system)]))
        self.system = loaded.system
        self._names.update(callable_names(loaded.system))
        gone = [child for child in self._children.values() if child not in children.values()]
        self._children = children
        try:
            adopted = await asyncio.gather(*(handle.ask(Adopt(True)) for handle in handles), return_exceptions=True)
            for handle, answer in zip(handles, adopted, strict=True):
                if not isinstance(answer, BaseException):
                    handle.content = content  # others are started again by `_look`
        finally:
            self._is_adopting = False
        self._tasks.append(asyncio.create_task(self._retire(gone), name="retire models"))
        return list(loaded.warnings)

    # The workers.

    async def _keep(self, handle: WorkerHandle) -> None:
        failures = 0
        while not self.is_draining:
            began = now()
            watching = asyncio.create_task(self._watch(handle), name=f"cover {handle.number}")
            try:
                ending = await handle.live(self._start(), self._listening)
                await watching
            finally:
                watching.cancel()
                self._count(handle)
            await self._free(handle.owner)
            if self._is_over(handle):
                return
            self.restarts += 1
            text = f"{ending}; it is started again"
            self._events.write(LogEvent(logging.ERROR, "worker_ended", f"worker {handle.number}", text))
            failures = 0 if now() - began >= STEADY else failures + 1
            await asyncio.sleep(min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE) if failures > 1 else 0.0)

    def _count(self, handle: WorkerHandle) -> None:
        """Keeps what a process that has ended counted, and what its disk did not take."""
        if handle.snapshot is not None:
            self.unforced.extend(map(Path, handle.snapshot.journal_unforced))
        handle.count(self._dead, self._names)

    async def _watch(self, handle: WorkerHandle) -> None:
        """Routes the connections of a worker's socket: to the worker while it is up, else to another worker."""
        left = asyncio.create_task(handle.left.wait())
        up = asyncio.create_task(handle.up.wait())
        try:
            await asyncio.wait([left, up], return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                await self._uncover(handle.number)
                await left
        finally:
            left.cancel()
            up.cancel()
        for number in [handle.number, *(number for number, other in self._covered.items() if other is handle)]:
            await self._cover(number)

    async def _cover(self, number: int) -> None:
        """Has another worker take the connections that come to a place that takes none."""
        if self.is_draining or not IS_SPREAD:
            return
        for other in self.handles[number + 1 :] + self.handles[:number]:
            if other.is_up:
                with contextlib.suppress(ConnectionError):
                    await other.ask(Cover(number=number, is_on=True))
                    self._covered[number] = other
                    return

    async def _uncover(self, number: int) -> None:
        other = self._covered.pop(number, None)
        if other is not None:
            with contextlib.suppress(ConnectionError):
                await other.ask(Cover(number=number, is_on=False))

    def _is_over(self, handle: WorkerHandle) -> bool:
        """Whether a place is not filled again: at the end, and where the first start shows that none can serve."""
        return self.is_draining or bool(handle.problems and not self._has_started)

    def _start(self) -> Start:
        return Start(
            content=self.content,
            file=str(self.file),
            folder=str(self.folder),
            owner=fresh_owner(),
            state=self._state_url,
            models=sockets(self._children),
            seed=self._chance.getrandbits(60),
            log_format=self.system.log.format,
            env=named_variables(self.content, os.environ),
        )

    async def _free(self, owner: str) -> None:
        """Releases what a dead process held in the shared state. If the state cannot be reached, the lease expires."""
        try:
            await self._state.release_owner(owner)
        except StateAway:
            log.warning("the state is away: what worker %s held is free when its lease ends", owner)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await asyncio.gather(*map(self._see, self.handles))
            for handle in self.handles:
                if handle.is_up and handle.content != self.content and not self._is_adopting:
                    text = "it began with an older system file, and is started again"
                    self._events.write(LogEvent(logging.INFO, "worker_outdated", f"worker {handle.number}", text))
                    handle.end()

    async def _see(self, handle: WorkerHandle) -> None:
        with contextlib.suppress(ConnectionError):
            await handle.ask(Look())

    async def drain(self, asked: asyncio.Queue[None]) -> None:
        """Lets every worker finish its calls, `server.drain` seconds at most or until a second signal."""
        self.is_draining = True
        self._close_sockets()
        for handle in self.handles:
            handle.end()
        keeping = asyncio.ensure_future(asyncio.wait(self._keepers()))
        again = asyncio.ensure_future(asked.get())
        grace = self.system.server.drain + GRACE
        await asyncio.wait([keeping, again], timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        again.cancel()
        if not keeping.done():
            for handle in self.handles:
                handle.end()
            await asyncio.wait([keeping], timeout=GRACE)

    async def _end_workers(self) -> None:
        self.is_draining = True
        self._events.close()
        for handle in self.handles:
            handle.end()
        if keepers := [task for task in self._keepers() if not task.done()]:
            await asyncio.wait(keepers, timeout=GRACE)
        for task in self._tasks:
            task.cancel()  # kills a worker that has not ended
        await asyncio.wait(self._tasks)

    def _keepers(self) -> list[asyncio.Task[None]]:
        return self._tasks[: len(self.handles)]

    async def _retire(self, children: Sequence[LocalProcess]) -> None:
        """Ends models that the new file does not have, once calls that began before cannot run any more."""
        if children:
            await asyncio.sleep(self.system.server.drain)
        for child in children:
            await child.stop()

    async def _end_children(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._children.values()))

    def _close_sockets(self) -> None:
        for own in self._listening:
            for one in own:
                one.close()


def sockets(children: Mapping[str, LocalProcess]) -> dict[str, str]:
    return {name: str(child.origin.path) for name, child in children.items()}


def listening(system: System) -> list[list[socket.socket]]:
    """The public port's sockets for each worker, listening: held by the parent, so that what waits there outlives a worker.

    One for each, over which the kernel spreads connections by their addresses: from one socket for all, a burst of 200
    connections went to four workers as 0, 0, 41 and 159 (`docs/adr/0035`). Raises ConfigError.
    """
    address = system.server.listen
    count = system.server.workers
    taken: list[list[socket.socket]] = [[] for _ in range(count)]
    try:
        for family, _, _, _, where in dict.fromkeys(
            socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            port = where[1]
            # First without sharing: another gateway on this port is an error, and not half of the calls.
            socket.create_server((where[0], port), family=family).close()
            one: socket.socket | None = None
            for own in taken:
                if one is None or IS_SPREAD:
                    one = socket.create_server((where[0], port), family=family, backlog=BACKLOG, reuse_port=IS_SPREAD)
                    one.setblocking(False)
                    port = one.getsockname()[1]
                own.append(one)
    except OSError as error:
        for own in taken:
            for one in own:
                one.close()
        raise unlistenable(address, error) from error
    return taken
