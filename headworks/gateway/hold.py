"""Who counts limits and budgets in his own memory is alone on his store and on his journal's folder, from his start to his end.

Always true: of two gateways that each count for themselves the second one does not start, and one whose lock was lost tries to
have it again every second. Where another has it meanwhile, calls under a budget are refused (`access.py`) and the log says so.
Who counts in a shared state holds the same locks together with others of its kind. A store that is away keeps nobody from
starting: whoever asks first once it is back has it.
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
from headworks.core.notices import Notice, Notices
from headworks.gateway.quotas import allowances_of
from headworks.ledger.claim import FileClaim
from headworks.ledger.identity import forget
from headworks.ledger.places import store_at
from headworks.ledger.store import Claim, StoreAt, StoreTrouble
from headworks.system.load import Loaded
from headworks.system.schema.system import OpenAI, System

LOCK: Final = "gateway.lock"
"""The file beside the journal's files."""

WATCH: Final = 1.0
"""Seconds between two looks at whether the locks are still ours."""

PATIENCE: Final = 1.0
"""Seconds that an end waits for its thread."""

ALONE: Final = ("memory", "embedded")
"""States that are counted by one gateway."""

log = logging.getLogger("headworks.hold")


class Part:
    """One of the things that are held. state: "free" where nobody has asked yet, "away" where nobody can say whose it is."""

    def __init__(self, name: str, claim: Claim) -> None:
        self.name = name
        self.claim = claim
        self.state: Literal["free", "ours", "away", "taken"] = "free"
        self.holder = ""
        self.trouble = ""

    def ask(self, holder: str, *, shared: bool) -> bool:
        """Takes it where it can be had. Whether anything has changed: also where it was lost and is ours again."""
        before: tuple[str, str] = self.state, self.holder
        if self.state == "ours":
            if self.claim.is_ours():
                return False
            before = "lost", ""
        self._take(holder, shared=shared)
        return (self.state, self.holder) != before

    def _take(self, holder: str, *, shared: bool) -> None:
        try:
            found = self.claim.take(holder, shared=shared)
        except StoreTrouble as trouble:
            self.state, self.holder, self.trouble = "away", "", str(trouble)
            return
        self.state = "ours" if found is None else "taken"
        said = "".join(c if c.isprintable() else "?" for c in found or "")  # a file that others may have written
        self.holder = "" if found is None else said or "somebody who does not say who he is"


class Hold:
    """The locks of one gateway, whose loop runs already. other: who has one of them in our place, in words."""

    def __init__(self, journal: Path, store: StoreAt, holder: str, state: str) -> None:
        self.other = ""
        self.is_wanted = False
        self._parts = (
            Part(f"the journal's folder {journal}", FileClaim(journal / LOCK)),
            Part(f"the store {store}", store.claim()),
        )
        self._holder = holder
        self._state = state
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop = asyncio.get_running_loop()
        self._notices = Notices(log)

    def take(self) -> None:
        """Takes all of it, from now on. Raises ConfigError where another has a part."""
        self.is_wanted = True
        self.look(says=False)
        if self.other:
            raise ConfigError([self.problem()])
        for part in self._parts:
            if part.state == "away":
                self._tell(part, "free")

    def want(self) -> None:
        """Takes what can be had, from now on; `other` says whether another has a part. Waits for the store."""
        if not self.is_wanted:
            self.is_wanted = True
            self.look()

    def watch(self) -> None:
        """Looks after it, by a thread of its own, until it is released."""
        self._thread = threading.Thread(target=self._run, name="hold", daemon=True)
        self._thread.start()

    def look(self, *, says: bool = True) -> None:
        """Takes again what was lost, and says what has changed."""
        with self._turn:
            if not self.is_wanted or self._stopping.is_set():
                return
            for part in self._parts:
                was = part.state
                if part.ask(self._holder, shared=self._state not in ALONE) and says:
                    self._tell(part, was)
            self.other = next(
                (f"{one.name} is in use by {one.holder}" for one in self._parts if one.state == "taken"), ""
            )

    def problem(self) -> Problem:
        """What is said where another has a part."""
        each = "each would count limits and budgets for itself, and both would let through twice as much"
        return Problem(
            path="log",
            problem=f"{self.other}; with `state: {self._state.partition(':')[0]}` {each}",
            remedy="end that one; or name another place, `log: {store: ..., journal: ...}`; or have both count in one server,"
            " `state: redis://...`",
        )

    async def release(self) -> None:
        """Gives all of it back; where its thread waits for a silent server, when that has answered or the process has ended."""
        self._stopping.set()
        self._notices.close()
        if self._thread is None:
            self._give_back()
        else:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, PATIENCE)

    def _run(self) -> None:
        while not self._stopping.wait(WATCH):
            self.look()
        self._give_back()

    def _give_back(self) -> None:
        with self._turn:
            for part in self._parts:
                part.claim.release()

    def _tell(self, part: Part, was: str) -> None:
        notice: Notice | None = None
        if part.state == "taken":
            text = (
                f"another gateway has it, {part.holder}: limits count twice, and calls under a budget are refused here"
                " until it is ours; end one of them"
            )
            notice = Notice(logging.ERROR, "lock_taken", part.name, text)
        elif part.state == "away":
            text = f"nobody can say whose its lock is: {part.trouble}; it is asked for again, and others may start meanwhile"
            notice = Notice(logging.ERROR, "lock_lost", part.name, text)
        elif was == "ours":
            notice = Notice(logging.WARNING, "lock_back", part.name, "its lock was lost, and is ours again")
        elif was != "free":
            notice = Notice(logging.INFO, "lock_back", part.name, "its lock is ours")
        if notice is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._notices.tell, notice)


@asynccontextmanager
async def holding(loaded: Loaded, *, always: bool, new_ledger: bool = False) -> AsyncIterator[Hold]:
    """Holds what a system counts on. always: also where its file bounds nothing; else from the first key with a limit on.
    new_ledger: whichever store is there is the right one. Raises ConfigError where another holds it."""
    system, folder = loaded.system, loaded.folder
    journal = folder / system.log.journal
    file = loaded.path.absolute() if loaded.path is not None else folder.absolute()
    holder = f"headworks, process {os.getpid()} on {socket.gethostname()}, {file}"
    hold = Hold(journal, store_at(system.log.store.reveal(), folder), holder, system.state.reveal())
    try:
        if always or is_bounded(system):
            await asyncio.get_running_loop().run_in_executor(None, hold.take)
        hold.watch()
        if new_ledger:
            forgotten(journal)
        yield hold
    finally:
        await hold.release()


def forgotten(journal: Path) -> None:
    """Has the next store be right, whichever it is. Raises ConfigError."""
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
