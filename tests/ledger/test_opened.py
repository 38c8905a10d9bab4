"""Calls under a budget are opened before they cost anything, so that what a dead gateway may have spent is known."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from headworks.core.record import Opened, Record
from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal, MemoryJournal
from headworks.ledger.query import Filter, Queries
from headworks.ledger.sqlite import MIGRATIONS, SCHEMA, SqliteAt
from headworks.ledger.store import StoreAt
from tests.ledger.records import ids, journal, record, stored

DAY = 1795305600


def opened(number: int, reserved: int = 500, **changes: object) -> Opened:
    made = Opened(
        opened=record(number).request_id,
        at=DAY + number,
        operation="chat",
        model="assistant",
        key="web",
        group="product",
        tags=("team:a",),
        config="c",
        reserved_nano=reserved,
    )
    return msgspec.structs.replace(made, **changes)


def indexed(folder: Path, at: StoreAt) -> Indexer:
    index = Indexer(folder / "journal", at)
    index.catch_up()
    return index


def lines(at: StoreAt, asked: Filter) -> list[Record]:
    store = at.open()
    found = [msgspec.json.decode(line, type=Record) for line in Queries(store).lines(asked)]
    store.close()
    return found


def test_a_call_that_was_opened_and_recorded_is_one_call(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    assert written.open(opened(1))
    written.append(record(1, key="web", group="product", cost_nano=70))
    written.close()
    index = indexed(tmp_path, at)
    assert (index.indexed, index.skipped) == (1, 0)
    assert stored(at) == ids(1)
    assert index.store().spent(DAY) == {"key/web": 70, "group/product": 70}
    index.close()


def test_a_call_that_a_dead_gateway_opened_is_lost_and_costs_what_was_reserved_last(
    tmp_path: Path, at: StoreAt
) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.open(opened(1, 500))
    written.open(opened(1, 800))
    written.append(record(2, key="web", group="product", cost_nano=70))
    written.close()
    index = indexed(tmp_path, at)
    assert index.store().spent(DAY) == {"key/web": 870, "group/product": 870}
    index.close()
    lost, ended = lines(at, Filter())
    assert (lost.request_id, lost.outcome, lost.cost_nano, lost.tags) == (ids(1)[0], "lost", 800, ("team:a",))
    assert ended.outcome == "ok"
    indexed(tmp_path, at).close()
    assert stored(at) == ids(1, 2)


def test_a_call_that_runs_is_not_lost_and_counts_as_reserved(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.open(opened(1))
    index = indexed(tmp_path, at)
    assert stored(at) == []
    assert index.store().spent(DAY) == {"key/web": 500, "group/product": 500}
    written.append(record(1, key="web", group="product", cost_nano=7))
    index.catch_up()
    assert index.store().spent(DAY) == {"key/web": 7, "group/product": 7}
    index.close()
    written.close()


def test_a_call_may_be_opened_in_one_file_and_end_in_another(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0, rotated_at=1)
    written.open(opened(1))
    written.append(record(1))
    written.append(record(2))
    index = indexed(tmp_path, at)
    written.close()
    index.catch_up()
    index.close()
    assert stored(at) == ids(1, 2)
    assert [one.outcome for one in lines(at, Filter())] == ["ok", "ok"]


def test_lines_that_are_indexed_again_spend_nothing_twice(tmp_path: Path, at: StoreAt) -> None:
    path = journal(tmp_path / "journal", record(1, cost_nano=70), record(2, cost_nano=5))
    again = path.read_bytes()
    indexed(tmp_path, at).close()
    (tmp_path / "journal" / "0000000000009-1-0000.jsonl").write_bytes(again)
    index = indexed(tmp_path, at)
    assert index.store().spent(0) == {"key/web": 75}
    index.close()


def test_what_was_spent_outlives_the_calls(tmp_path: Path, at: StoreAt) -> None:
    journal(tmp_path / "journal", record(1, cost_nano=70))
    index = indexed(tmp_path, at)
    assert index.store().forget("1 = 1", (), 10) == 1
    assert index.store().spent(0) == {"key/web": 70}
    assert index.store().spent(DAY + 3600) == {}
    index.close()


def test_calls_are_found_by_a_tag_of_their_key(tmp_path: Path, at: StoreAt) -> None:
    journal(tmp_path / "journal", record(1, tags=("team:a", "batch")), record(2, tags=("team:b",)), record(3))
    indexed(tmp_path, at).close()
    assert [one.request_id for one in lines(at, Filter(tag="team:a"))] == ids(1)
    assert [one.request_id for one in lines(at, Filter(tag="team:b", key="web"))] == ids(2)
    assert lines(at, Filter(tag="team")) == []


def test_a_store_of_the_first_version_knows_what_its_keys_spent(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "ledger.db")
    old.executescript(SCHEMA)
    old.execute("INSERT INTO names VALUES (1, 'key', 'web'), (2, 'key', '')")
    for number, key, cost in ((1, 1, 30), (2, 1, 12), (3, 2, 99), (4, 1, None)):
        call = (record(number).at * 1e6).__int__() << 11
        old.execute(f"INSERT INTO calls VALUES ({', '.join('?' * 15)})", (call, 0, 0, key, *([0] * 9), cost, None))
    old.execute("PRAGMA user_version = 1")
    old.commit()
    old.close()
    store = SqliteAt(tmp_path / "ledger.db").open()
    assert store.spent(DAY) == {"key/web": 42}
    assert store.connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    store.close()


@pytest.mark.parametrize("kind", [Journal, MemoryJournal])
def test_what_was_opened_is_there(kind: Callable[..., Journal | MemoryJournal], tmp_path: Path) -> None:
    made = MemoryJournal() if kind is MemoryJournal else Journal(tmp_path, started_at=1.0, sync=1.0)
    assert made.open(opened(1))


def test_a_full_disk_opens_nothing_and_keeps_no_half_line_apart(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    written.append(record(1))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (written.path.stat().st_size + 20, hard))
        assert not written.open(opened(2))
        assert not written.open(opened(3))
        written.append(record(4))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    written.close()
    index = indexed(tmp_path, at)
    assert index.skipped == 0
    found = {one.request_id: one.outcome for one in lines(at, Filter())}
    assert found == dict(zip(ids(1, 2, 4), ["ok", "lost", "ok"], strict=True))
    index.close()
