"""The lock of a gateway on its store and its journal's folder, so that no two gateways count the same limits and budgets.

Always true: of two gateways that count in their own memory the second one does not start. The locks are taken in one order, and
the store's is not kept while another gateway has the folder's: else each of two could hold one and wait for ever. A gateway that loses its lock tries to
acquire it again every second. If another gateway has it meanwhile, calls under a budget are refused (`access.py`) and the log
says so. Gateways that count in a shared state hold the lock as a shared one. A store that cannot be reached does not prevent a
start: the first gateway that asks once it is back gets the lock.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from headworks.core.errors import ConfigError, Problem
from headworks.core.throttled_log import LogEvent, ThrottledLog
from headworks.gateway.quotas import allowances_of
from headworks.ledger.identity import forget
from headworks.ledger.lock import FileLock
from headworks.ledger.store import Lock, StoreAt, StoreTrouble
from headworks.ledger.store_url import store_at
from headworks.system.load import Loaded
from headworks.system.schema.system import OpenAI, System

LOCK: Final = "gateway.lock"
"""The file beside the journal's files."""

WATCH: Final = 1.0
"""Seconds between two checks that the locks are still held."""

STOP_TIMEOUT: Final = 1.0
"""Seconds that an end waits for its thread."""

ALONE: Final = ("memory", "embedded")
"""States that are counted by one gateway."""

log = logging.getLogger("headworks.hold")


class LockPart:
    """One of the two locks. state: "free" before the first try, "away" where it cannot be checked."""

    def __init__(self, name: str, lock: Lock) -> None:
        self.name = name
        self.lock = lock
        self.state: Literal["free", "ours", "away", "taken"] = "free"
        self.holder = ""
        self.trouble = ""

    def ask(self, holder: str, *, shared: bool) -> bool:
        """Tries to acquire it. Returns whether its state has changed, also where it was lost and is held again."""
        before: tuple[str, str] = self.state, self.holder
        if self.state == "ours":
            if self.lock.is_held():
                return False
            before = "lost", ""
        self._take(holder, shared=shared)
        return (self.state, self.holder) != before

    def give_up(self) -> None:
        """Leaves it to others until it is asked for again."""
        self.lock.release()
        self.state, self.holder = "free", ""

    def _take(self, holder: str, *, shared: bool) -> None:
        try:
            found = self.lock.acquire(holder, shared=shared)
        except StoreTrouble as trouble:
            self.state, self.holder, self.trouble = "away", "", str(trouble)
            return
        self.state = "ours" if found is None else "taken"
        said = "".join(c if c.isprintable() else "?" for c in found or "")  # a file that others may have written
        self.holder = "" if found is None else said or "a holder that did not write its name"


class GatewayLock:
    """The locks of one gateway, whose loop runs already. other: which other gateway holds one of them, in words; else ""."""

    def __init__(self, journal: Path, store: StoreAt, holder: str, state: str) -> None:
        self.other = ""
        self.is_wanted = False
        self._parts = (
            LockPart(f"the journal's folder {journal}", FileLock(journal / LOCK)),
            LockPart(f"the store {store}", store.lock()),
        )
        self._holder = holder
        self._state = state
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop = asyncio.get_running_loop()
        self._events = ThrottledLog(log)

    def acquire(self) -> None:
        """Acquires both locks. Raises ConfigError where another gateway holds one."""
        self.is_wanted = True
        self.check(says=False)
        if self.other:
            raise ConfigError([self.problem()])
        for part in self._parts:
            if part.state == "away":
                self._tell(part, "free")

    def acquire_later(self) -> None:
        """Starts to acquire the locks, without failing; `other` says whether another gateway holds one. Waits for the store."""
        if not self.is_wanted:
            self.is_wanted = True
            self.check()

    def watch(self) -> None:
        """Checks the locks in a thread, until they are released."""
        self._thread = threading.Thread(target=self._run, name="hold", daemon=True)
        self._thread.start()

    def check(self, *, says: bool = True) -> None:
        """Tries again to acquire what is not held, and logs changes."""
        with self._turn:
            if not self.is_wanted or self._stopping.is_set():
                return
            is_blocked = False
            for part in self._parts:
                was = part.state
                if is_blocked:  # holding it while another gateway has an earlier one, both would wait for ever
                    part.give_up()
                elif part.ask(self._holder, shared=self._state not in ALONE) and says:
                    self._tell(part, was)
                is_blocked = is_blocked or part.state == "taken"
            self.other = next(
                (f"{one.name} is in use by {one.holder}" for one in self._parts if one.state == "taken"), ""
            )

    def problem(self) -> Problem:
        """The problem that is shown where another gateway holds one of the locks."""
        each = "each would count limits and budgets for itself, and both would let through twice as much"
        return Problem(
            path="log",
            problem=f"{self.other}; with `state: {self._state.partition(':')[0]}` {each}",
            remedy="end that one; or name another place, `log: {store: ..., journal: ...}`; or have both count in one server,"
            " `state: redis://...`",
        )

    async def release(self) -> None:
        """Releases the locks. If the thread waits for a server that hangs, they are released when it answers or the process ends."""
        self._stopping.set()
        self._events.close()
        if self._thread is None:
            self._give_back()
        else:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, STOP_TIMEOUT)

    def _run(self) -> None:
        while not self._stopping.wait(WATCH):
            self.check()
        self._give_back()

    def _give_back(self) -> None:
        with self._turn:
            for part in self._parts:
                part.lock.release()

    def _tell(self, part: LockPart, was: str) -> None:
        notice: LogEvent | None = None
        if part.state == "taken":
            text = (
                f"another gateway has it, {part.holder}: limits count twice, and calls under a budget are refused here"
                " until it is ours; end one of them"
            )
            notice = LogEvent(logging.ERROR, "lock_taken", part.name, text)
        elif part.state == "away":
            text = f"its lock cannot be checked: {part.trouble}; it is tried again every second, and another gateway may start meanwhile"
            notice = LogEvent(logging.ERROR, "lock_lost", part.name, text)
        elif was == "ours":
            notice = LogEvent(logging.WARNING, "lock_back", part.name, "its lock was lost, and is ours again")
        elif was != "free":
            notice = LogEvent(logging.INFO, "lock_back", part.name, "its lock is ours")
        if notice is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._events.write, notice)


@asynccontextmanager
async def hold_lock(loaded: Loaded, *, always: bool, new_ledger: bool = False) -> AsyncIterator[GatewayLock]:
    """Holds the lock of a system. always: also where its file bounds nothing; else from the first key with a limit on.
    new_ledger: whichever store is there is the right one. Raises ConfigError where another holds it."""
    system, folder = loaded.system, loaded.folder
    journal = folder / system.log.journal
    file = loaded.path.absolute() if loaded.path is not None else folder.absolute()
    holder = f"headworks, process {os.getpid()} on {socket.gethostname()}, {file}"
    lock = GatewayLock(journal, store_at(system.log.store.reveal(), folder), holder, system.state.reveal())
    try:
        if always or is_bounded(system):
            await asyncio.get_running_loop().run_in_executor(None, lock.acquire)
        lock.watch()
        if new_ledger:
            forgotten(journal)
        yield lock
    finally:
        await lock.release()


def forgotten(journal: Path) -> None:
    """Accepts whichever store is found next. Raises ConfigError."""
    try:
        forget(journal)
    except StoreTrouble as trouble:
        problem = Problem(path="log.journal", problem=str(trouble), remedy="have this user own that folder")
        raise ConfigError([problem]) from trouble


def is_bounded(system: System) -> bool:
    """Whether a system file limits anything that is counted where it is served. What a local model or a simulated vendor
    takes at once is its own to count."""
    targets = [one for model in system.models.values() for one in chain.from_iterable(model.targets)]
    vendors = [one for one in system.providers.values() if isinstance(one, OpenAI)]
    limits = [(one.rpm, one.tpm, one.concurrency) for one in system.models.values()]
    limits += [(one.rpm, one.tpm, one.concurrency) for one in targets]
    limits += [(one.rpm, one.tpm, one.concurrency) for one in vendors]
    return any(one is not None for limit in limits for one in limit) or any(one for _, one in allowances_of(system))
