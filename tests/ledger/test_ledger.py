"""The ledger beside a running loop: it follows, it says what is wrong, it forgets, and it waits for nobody."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headworks.ledger import sqlite as store_file
from headworks.ledger.journal import Journal
from headworks.ledger.ledger import Ledger, forget
from headworks.ledger.query import Filter, Queries
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreAt, StoreTrouble
from tests.ledger.records import ids, journal, record, stored

ROOT = Path(__file__).parent.parent.parent
FOREVER = 100 * 365 * 86400.0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def ledger(folder: Path, at: StoreAt | None = None, retention: float = FOREVER) -> Ledger:
    return Ledger(folder / "journal", at or SqliteAt(folder / "ledger.db"), retention=retention)


def test_it_follows_the_journal_and_is_even_after_the_stop(tmp_path: Path, at: StoreAt) -> None:
    async def run() -> None:
        written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
        one = ledger(tmp_path, at)
        one.start()
        written.append(record(1))
        await until(lambda: one.status().indexed == 1)
        written.append(record(2))
        written.close()
        await one.stop()
        assert one.troubles() == []
        assert (one.status().behind_bytes, one.status().behind_seconds) == (0, 0.0)

    asyncio.run(run())
    assert stored(at) == ids(1, 2)
    assert list((tmp_path / "journal").glob("*.jsonl")) == []


def test_a_locked_store_shows_its_lag_and_is_tried_again(tmp_path: Path) -> None:
    async def run() -> None:
        SqliteAt(tmp_path / "ledger.db").open().close()
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        journal(tmp_path / "journal", *(record(number) for number in range(100)))
        one = ledger(tmp_path)
        one.indexer.lock_timeout = 0.0
        one.start()
        await until(lambda: bool(one.status().trouble))
        status = one.status()
        assert status.behind_bytes > 0
        assert 10 <= status.behind_records <= 1000
        assert status.behind_seconds > 0
        assert "no record is lost" in one.troubles()[0]
        other.execute("ROLLBACK")
        other.close()
        await until(lambda: one.status().indexed == 100)
        await until(lambda: not one.troubles())
        await one.stop()

    asyncio.run(run())
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(*range(100))


def test_a_stop_does_not_wait_for_a_store_that_is_away(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "file").write_text("in the way")
        journal(tmp_path / "journal", record(1))
        one = Ledger(tmp_path / "journal", SqliteAt(tmp_path / "file" / "ledger.db"), retention=FOREVER)
        one.start()
        await until(lambda: bool(one.status().trouble))
        before = time.monotonic()
        await one.stop()
        assert time.monotonic() - before < 15

    asyncio.run(run())
    assert "ledger" not in {thread.name for thread in threading.enumerate()}
    assert len(list((tmp_path / "journal").iterdir())) == 1


def test_a_bug_in_the_indexer_is_said_and_does_not_end_it(tmp_path: Path) -> None:
    class Broken(Ledger):
        def _forget(self) -> None:
            if self.indexer.indexed < 2:
                raise ZeroDivisionError("a bug")

    async def run() -> None:
        written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
        written.append(record(1))
        one = Broken(tmp_path / "journal", SqliteAt(tmp_path / "ledger.db"), retention=FOREVER)
        one.start()
        await until(lambda: "a bug" in one.status().trouble)
        written.append(record(2))
        await until(lambda: one.status().trouble == "")
        await one.stop()
        written.close()

    asyncio.run(run())


def test_skipped_lines_are_said(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "journal").mkdir()
        (tmp_path / "journal" / "1-1-0000.jsonl").write_bytes(b"garbage\n")
        one = ledger(tmp_path)
        one.start()
        await until(lambda: one.status().skipped == 1)
        assert one.troubles() == ["ledger: 1 lines of the journal were no records and were skipped"]
        await one.stop()

    asyncio.run(run())


def test_what_is_older_than_the_retention_is_forgotten(tmp_path: Path, at: StoreAt) -> None:
    now = time.time()
    journal(tmp_path / "journal", *(record(number, at=now - 100 * number) for number in range(1, 11)))

    async def run() -> None:
        one = ledger(tmp_path, at, retention=550.0)
        one.start()
        await until(lambda: one._forgotten_at > 0)
        await one.stop()

    asyncio.run(run())
    assert stored(at) == ids(5, 4, 3, 2, 1)


def test_forgetting_goes_in_small_steps_and_forgets_names_at_the_end(tmp_path: Path, at: StoreAt) -> None:
    journal(tmp_path / "journal", *(record(number, model=f"made-up-{number}") for number in range(10)))
    asyncio.run(index(tmp_path, at))
    store = at.open()
    counts = [forget(store, record(7).at, 3) for _ in range(4)]
    assert counts == [3, 3, 1, 0]
    assert [name for _, name in Queries(store).names("alias")] == ["made-up-7", "made-up-8", "made-up-9"]
    store.close()


def test_a_name_that_another_process_pruned_is_interned_again(tmp_path: Path, at: StoreAt) -> None:
    async def run() -> None:
        written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
        one = ledger(tmp_path, at)
        written.append(record(1))
        one.indexer.catch_up()
        other = at.open()
        assert forget(other, record(2).at, 9) == 1
        assert forget(other, record(2).at, 9) == 0
        other.close()
        written.append(record(3))
        one.indexer.catch_up()
        assert Queries(one.indexer.store()).count(Filter(alias="assistant", key="web")) == 1
        one.indexer.close()
        written.close()

    asyncio.run(run())


async def index(folder: Path, at: StoreAt) -> None:
    one = ledger(folder, at)
    one.start()
    await one.stop()


def test_two_processes_that_start_at_once_make_one_store(at: StoreAt, url: str) -> None:
    script = (
        "import sys; from pathlib import Path; from headworks.ledger.store_url import store_at\n"
        "at = store_at(sys.argv[1], Path())\n"
        "print(flush=True); sys.stdin.readline(); at.open(20).close()\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", script, url], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    for child in children:
        child.communicate(b"\n")
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    assert stored(at) == []


def test_a_store_of_an_older_version_is_brought_up_to_date_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second step is put behind the ones that there are: the one thing that only a patch can show."""
    journal(tmp_path / "journal", record(1))
    asyncio.run(index(tmp_path, SqliteAt(tmp_path / "ledger.db")))
    monkeypatch.setattr(store_file, "MIGRATIONS", (*store_file.MIGRATIONS, "CREATE TABLE later (id INTEGER)"))
    monkeypatch.setattr(store_file, "VERSION", store_file.VERSION + 1)
    for _ in range(2):
        store = SqliteAt(tmp_path / "ledger.db").open()
        assert store.connection.execute("SELECT count(*) FROM later").fetchone() == (0,)
        store.close()
    assert stored(SqliteAt(tmp_path / "ledger.db")) == ids(1)


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    SqliteAt(tmp_path / "ledger.db").open().close()
    connection = sqlite3.connect(tmp_path / "ledger.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreTrouble, match="newer Headworks"):
        SqliteAt(tmp_path / "ledger.db").open()
