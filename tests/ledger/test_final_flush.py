"""The end of a journal whose disk is full: its records are in the store, or their number is the last line of the log."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from headworks.core.record import Opened
from headworks.ledger.final_flush import flush_and_close, report_losses
from headworks.ledger.journal import Journal
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreAt
from tests.ledger.records import full, ids, indexed, record


def test_what_a_full_disk_did_not_take_is_in_the_store_at_the_end(tmp_path: Path, at: StoreAt) -> None:
    journal = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    with full(journal):
        for number in range(20):
            journal.append(record(number))
        assert journal.waiting > 15
        asyncio.run(flush_and_close(journal, at))
    assert journal.lost == 0
    assert indexed(tmp_path / "journal", at) == ids(*range(20))
    assert list((tmp_path / "journal").glob("*.jsonl")) == []


def test_a_call_whose_record_went_past_its_journal_is_not_taken_for_lost(tmp_path: Path, at: StoreAt) -> None:
    """The journal says that it was opened. Its record comes by another way, and must not come to nothing."""
    journal = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    known = record(1)
    began = Opened(
        opened=known.request_id, at=known.at, operation="chat", model="m", key="web", config="c", reserved_nano=10**9
    )
    with full(journal, room=300):
        assert journal.open(began)
        journal.append(known)
        assert journal.waiting == 1
        asyncio.run(flush_and_close(journal, at))
    assert indexed(tmp_path / "journal", at) == ids(1)
    store = at.open()
    assert store.spent(0) == {"key/web": known.cost_nano}
    store.close()


def test_what_neither_disk_nor_store_take_is_counted_and_said_last(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    with full(journal):
        for number in range(20):
            journal.append(record(number))
        waiting = journal.waiting
        asyncio.run(flush_and_close(journal, SqliteAt(tmp_path / "file" / "ledger.db")))
    assert journal.lost == waiting > 15
    assert not report_losses(journal.lost, journal.folder)
    assert (
        caplog.records[-1]
        .getMessage()
        .startswith(f"{waiting} records are missing from the journal {tmp_path / 'journal'}: ")
    )
    assert caplog.records[-1].__dict__["fields"]["records"] == waiting


def test_records_of_a_file_that_was_removed_just_before_the_end_are_in_the_store(tmp_path: Path) -> None:
    at = SqliteAt(tmp_path / "ledger.db")
    journal = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    journal.append(record(1))
    journal.path.unlink()
    journal.append(record(2))
    asyncio.run(flush_and_close(journal, at))
    assert indexed(tmp_path / "journal", at) == ids(1, 2)


def test_a_file_that_could_not_be_forced_is_said_unless_the_store_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A later try that succeeds proves nothing: the kernel has dropped what it could not write."""
    at = SqliteAt(tmp_path / "ledger.db")
    journal = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    journal.append(record(1))

    def fails(file: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fails)
        journal._force(journal._file)
    asyncio.run(flush_and_close(journal, at))
    assert journal.unforced == [journal.path]
    assert not report_losses(journal.lost, journal.folder, journal.unforced)
    assert "could not be forced" in caplog.records[-1].getMessage()
    assert caplog.records[-1].levelno == logging.ERROR
    indexed(tmp_path / "journal", at)
    assert report_losses(journal.lost, journal.folder, journal.unforced)
