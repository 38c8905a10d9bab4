"""The ledger as a process beside the gateway's: it follows, it is started again, and nothing of it is left."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from headworks.core.throttled_log import MOST
from headworks.core.vtime import run_virtual
from headworks.ledger.child import Order
from headworks.ledger.journal import Journal
from headworks.ledger.ledger import Status
from headworks.ledger.process import LedgerProcess
from headworks.ledger.sqlite import SqliteAt
from tests.ledger.records import ids, journal, record, stored

URL = "sqlite:///ledger.db"
FOREVER = 100 * 365 * 86400.0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def process(folder: Path, *, delay: float = 0.0) -> LedgerProcess:
    return LedgerProcess(folder / "journal", URL, folder, retention=FOREVER, delay=delay)


def test_it_follows_the_journal_outlives_a_kill_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def run() -> int:
        written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
        one = process(tmp_path)
        one.start()
        written.append(record(1))
        await until(lambda: one.status().indexed == 1)
        assert one.process is not None
        first = one.process.pid
        os.kill(first, signal.SIGTERM)  # as a supervisor does that signals the whole group: not what ends it
        os.kill(first, signal.SIGKILL)
        await until(lambda: one.process is not None and one.process.pid != first)
        written.append(record(2))
        await until(lambda: one.status().indexed == 1 and not one.troubles())
        written.append(record(3))
        written.close()
        assert one.process is not None
        last = one.process.pid
        await one.stop()
        assert one.troubles() == []
        assert (one.status().behind_bytes, one.status().behind_seconds) == (0, 0.0)
        return last

    last = asyncio.run(run())
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(1, 2, 3)
    assert list((tmp_path / "journal").iterdir()) == []
    assert not Path(f"/proc/{last}").exists()


def test_a_stop_before_the_child_has_begun_indexes_all_the_same(tmp_path: Path) -> None:
    async def run() -> None:
        journal(tmp_path / "journal", record(1))
        one = process(tmp_path, delay=3600.0)
        one.start()
        await one.stop()
        assert one.status().indexed == 1

    asyncio.run(run())
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(1)


def test_a_store_that_does_not_work_is_said_with_how_far_it_is_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        (tmp_path / "file").write_text("in the way")
        journal(tmp_path / "journal", record(1))
        one = LedgerProcess(tmp_path / "journal", URL, tmp_path / "file", retention=FOREVER, delay=0.0)
        one.start()
        await until(lambda: bool(one.status().trouble))
        assert "no record is lost" in one.troubles()[0]
        assert one.status().behind_bytes > 0
        await one.stop()

    asyncio.run(run())
    assert caplog.records[-1].__dict__["fields"]["event"] == "records_wait"  # said at the end, too
    assert len(list((tmp_path / "journal").iterdir())) == 1


def test_a_child_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    async def run() -> None:
        nobody = (str(tmp_path / "nobody"),)
        one = LedgerProcess(tmp_path / "journal", URL, tmp_path, retention=FOREVER, command=nobody, delay=0.0)
        one.start()
        await until(lambda: bool(one.troubles()))
        assert "it cannot be started" in one.troubles()[0]
        await one.stop()

    asyncio.run(run())


def test_a_child_whose_gateway_was_killed_indexes_what_is_left_and_ends(tmp_path: Path) -> None:
    journal(tmp_path / "journal", record(1))
    order = Order(journal=str(tmp_path / "journal"), store=URL, folder=str(tmp_path), retention=FOREVER, within=60.0)
    child = subprocess.Popen(
        [sys.executable, "-m", "headworks.ledger.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.close()
    child.stdin.write(msgspec.json.encode(order) + b"\n")
    child.stdin.close()
    assert child.wait(60) == 0
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(1)


def test_a_store_that_comes_and_goes_is_said_but_does_not_flood_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def run() -> None:
        one = process(tmp_path)
        for number in range(200):
            one._on_status(Status(trouble="" if number % 2 else "the disk is gone"))
            one._on_status(Status(trouble="" if number % 2 else "the disk is gone"))
        one._events.close()

    run_virtual(run())
    said = [record.getMessage() for record in caplog.records]
    assert said[:2] == [
        "store_away: the ledger's store: the disk is gone; records wait in the journal",
        "store_back: the ledger's store: it works again",
    ]
    assert len(said) == MOST + 1
    assert said[-1] == "store_back: the ledger's store: it works again (195 more changes in the last 60 s)"
