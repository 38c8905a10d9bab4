"""The last flush of a journal at shutdown: records that its disk does not take go into the store, or are reported as lost.

Always true: a record that was acknowledged is in the journal or in the store, or is counted in the last line of the log. Its
own journal goes into the store first, so that no call is opened there after its record has come, and taken for lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from headworks.core.throttled_log import log_fields
from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal
from headworks.ledger.store import StoreAt, StoreTrouble

LOCK_TIMEOUT: Final = 5.0
"""Seconds that the store may take for these records."""

log = logging.getLogger("headworks.journal")


async def flush_and_close(journal: Journal, store: StoreAt) -> None:
    """Closes a journal. Records that its disk does not take go into the store. Afterwards `journal.lost` is final."""
    if left := journal.last_flush():
        taking = StoreFlush(
            Indexer(journal.folder, store, lock_timeout=LOCK_TIMEOUT), f"{journal.name}-left.jsonl", left
        )
        taking.start()
        await asyncio.get_running_loop().run_in_executor(None, taking.join, 2 * LOCK_TIMEOUT)
        if taking.is_done:
            journal.drop_backlog()
            log.warning(
                "the journal's disk is full: its last %d lines were written to the store instead",
                len(left),
                extra=log_fields("journal_left"),
            )
    journal.close()


class StoreFlush(threading.Thread):
    """A thread that writes the remaining lines into the store, so that a store that hangs cannot block the shutdown."""

    def __init__(self, indexer: Indexer, name: str, lines: Sequence[bytes]) -> None:
        super().__init__(name="left", daemon=True)
        self.indexer = indexer
        self.file = name
        self.lines = lines
        self.is_done = False

    def run(self) -> None:
        with contextlib.suppress(StoreTrouble):
            self.indexer.catch_up()
            self.indexer.take(self.file, self.lines)
            self.is_done = True
        self.indexer.close()


def report_losses(lost: int, journal: Path, unforced: Sequence[Path] = ()) -> bool:
    """Logs which acknowledged records are missing, as the last line of the log. True where none is.

    unforced: files that could not be forced to the disk; those that went into the store since are gone.
    """
    left = [str(one) for one in unforced if one.exists()]
    if left:
        text = "the journal could not be forced to the disk: keep %s, records of it may be missing when the machine restarts"
        log.error(text, ", ".join(left), extra=log_fields("journal_unforced", files=left))
    if lost:
        records = "1 record is" if lost == 1 else f"{lost} records are"
        text = "%s missing from the journal %s: its disk did not take them, and they are in no store"
        log.error(text, records, journal, extra=log_fields("records_missing", records=lost, journal=str(journal)))
    return not (left or lost)
