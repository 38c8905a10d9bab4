"""The indexer thread: it indexes the journal, deletes old records, and reports its status. It runs in its own process (`child.py`).

Always true: nothing here waits on the event loop or makes it wait. A store that is locked, gone or full costs no call
and no record: the journal keeps what is not indexed, and the thread tries again, soon at first, then every
`LONGEST_PAUSE` seconds.
"""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import msgspec

from headworks.ledger.indexer import Indexer
from headworks.ledger.keys import Keys
from headworks.ledger.responses import Responses
from headworks.ledger.store import Store, StoreAt, StoreTrouble, key_at

POLL = 0.2
"""Seconds between two looks at the journal: how old `headworks logs` finds the newest record."""

LONGEST_PAUSE = 5.0
YIELD = 0.0005
"""Seconds that the thread sleeps after each slice of lines, so that the event loop never waits for more than a slice."""

MARKED = 365 * 86400.0
"""Seconds for which it is known at least that a user was purged: a kept answer of theirs, or a journal's, is not older."""

FORGET_EVERY = 600.0
FORGET_AT_ONCE = 500
"""Calls deleted in one transaction: about ten milliseconds."""

SILENCE = 10.0
"""Seconds of one pass after which a store that neither works nor fails is said to be silent: a pass is a megabyte."""

RECORD_SIZE = 600
"""Bytes of a usual record, to guess how many wait before any was indexed."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far the store is behind the journal: bytes, about how many records, and for how many seconds.

    trouble: why nothing can be indexed now, or "". skipped: lines of the journal that were no records.
    """

    trouble: str = ""
    behind_bytes: int = 0
    behind_records: int = 0
    behind_seconds: float = 0.0
    indexed: int = 0
    skipped: int = 0


def complaints(status: Status) -> list[str]:
    """A status in words; nothing while all is well."""
    found = []
    if status.trouble:
        waiting = f"{status.behind_records} records wait in the journal, {status.behind_seconds:.0f} s behind"
        found.append(f"ledger: {status.trouble}; no record is lost, {waiting}")
    if status.skipped:
        found.append(f"ledger: {status.skipped} lines of the journal were no records and were skipped")
    return found


class Ledger:
    """Indexes a journal's folder into a store as long as it runs. retention: seconds. responses: seconds that kept answers live, None
    where none are kept any more: then those that are there live as long as calls."""

    def __init__(self, journal: Path, store: StoreAt, *, retention: float, responses: float | None = None) -> None:
        self.indexer = Indexer(journal, store, pause=YIELD)
        self.retention = retention
        self.responses = retention if responses is None else responses
        self.silence = SILENCE
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""
        self._even_at = time.monotonic()
        self._asked_at: float | None = None
        self._forgotten_at = -FORGET_EVERY

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    async def stop(self, within: float = 5.0) -> None:
        """Indexes what is there, `within` seconds at most, and ends the thread; what is left waits in the journal."""
        if self._thread is not None:
            self._stopping.set()
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, within)
            self._thread = None

    def status(self) -> Status:
        """The current status. Reads a few numbers, and never waits."""
        indexer = self.indexer
        trouble = self._trouble
        asked_at = self._asked_at
        if asked_at is not None and (silent := time.monotonic() - asked_at) > self.silence:
            indexer.measure()  # the thread waits for the store, and cannot
            trouble = f"the store {indexer.at} has said nothing for {silent:.0f} s"
        behind = indexer.behind
        size = indexer.indexed_bytes / indexer.indexed if indexer.indexed else RECORD_SIZE
        return Status(
            trouble=trouble,
            behind_bytes=behind,
            behind_records=round(behind / size),
            behind_seconds=time.monotonic() - self._even_at if behind else 0.0,
            indexed=indexer.indexed,
            skipped=indexer.skipped,
        )

    def troubles(self) -> list[str]:
        """Problems for the operator, in words; empty while all is well."""
        return complaints(self.status())

    def _run(self) -> None:
        failures = 0
        while True:
            is_last = self._stopping.is_set()
            try:
                self._asked_at = time.monotonic()
                has_more = self.indexer.advance()
                self._forget()
                failures = 0
                self._trouble = ""
            except StoreTrouble as trouble:
                has_more = False
                failures += 1
                self._trouble = str(trouble)
            except Exception as error:  # noqa: BLE001  a long-lived loop: a bug of ours must not end the indexing
                has_more = False
                failures += 1
                self._trouble = f"the indexer failed: {type(error).__name__}: {error}"
            self._asked_at = None
            if not self.indexer.behind:
                self._even_at = time.monotonic()
            if is_last and not has_more:
                break
            if not has_more:
                self._stopping.wait(min(POLL * 2**failures, LONGEST_PAUSE) if failures else POLL)
        self.indexer.close()

    def _forget(self) -> None:
        """Deletes what is older than the retention, in small pieces, between two looks at the journal."""
        if time.monotonic() - self._forgotten_at < FORGET_EVERY:
            return
        store, at = self.indexer.store(), time.time()
        calls = forget(store, at - self.retention, FORGET_AT_ONCE)
        answers = Responses(store).forget(at - self.responses, FORGET_AT_ONCE)
        if max(calls, answers) < FORGET_AT_ONCE:
            self._forgotten_at = time.monotonic()


def forget(store: Store, before: float, most: int) -> int:
    """Deletes at most so many calls that arrived before an instant (seconds since 1970), and says how many they were."""
    count = store.forget("id < ?", (key_at(before),), most)
    if count == 0:
        store.prune()
        Keys(store).forget_purged(min(before, time.time() - MARKED))
    return count
