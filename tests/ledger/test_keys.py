"""Keys in the store, SQLite and PostgreSQL alike: changes are numbered, and of two who change one row the second is told."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from headworks.core.key import Allowance, Change, Spending, secret_digest
from headworks.ledger.indexer import Indexer
from headworks.ledger.keys import AT_ONCE, Entry, Former, Keys, Kind
from headworks.ledger.query import Filter
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreAt
from tests.ledger.records import ids, journal, record, stored

BUDGET = Spending(amount=5, every="1d", estimate="chars", alert=0.5)
ENTRY = Entry(
    digest=secret_digest("one").hex(),
    models=("a", "b"),
    priority="high",
    tags=("team:a",),
    group="g",
    allowance=Allowance(rpm=3, budget=BUDGET),
    expires_at=4e9,
    created_at=1.5,
)


def test_what_is_put_comes_back_and_is_a_change(at: StoreAt) -> None:
    keys = Keys(at.open())
    assert keys.put("key", "web", ENTRY, None)
    row = keys.row("key", "web")
    assert row is not None
    assert row.entry == ENTRY
    [change], since = keys.changes(0)
    assert change.key is not None
    assert (change.name, change.key.digest, change.key.models) == ("web", secret_digest("one"), frozenset({"a", "b"}))
    assert (change.key.group, change.key.tags, change.key.expires_at) == ("g", ("team:a",), 4e9)
    assert change.key.allowance == ENTRY.allowance
    assert keys.changes(since) == ([], since)


def test_changes_come_in_their_order_and_the_last_of_a_name_counts(at: StoreAt) -> None:
    keys = Keys(at.open())
    assert keys.put("key", "web", ENTRY, None)
    assert keys.put("group", "g", Entry(allowance=Allowance(rpm=1)), None)
    _, since = keys.changes(0)
    assert keys.put("key", "web", Entry(digest=ENTRY.digest, revoked_at=1.0), keys.row("key", "web"))
    assert keys.put("revoked", "file", Entry(revoked_at=1.0), None)
    changes, _ = keys.changes(since)
    assert changes == [Change(kind="key", name="web"), Change(kind="revoked", name="file", is_revoked=True)]
    assert [one.name for one in keys.changes(0)[0]] == ["g", "web", "file"]


def test_former_secrets_that_ended_are_not_told(at: StoreAt) -> None:
    keys = Keys(at.open())
    former = (Former(secret_digest("old").hex(), 1.0), Former(secret_digest("new").hex(), 4e9))
    assert keys.put("key", "web", Entry(digest=ENTRY.digest, former=former), None)
    [change], _ = keys.changes(0)
    assert change.former == ((secret_digest("new"), 4e9),)


def test_of_two_who_change_a_row_the_second_is_told(at: StoreAt) -> None:
    first, second = Keys(at.open()), Keys(at.open())
    assert first.put("key", "web", ENTRY, None)
    assert not second.put("key", "web", ENTRY, None)
    was = second.row("key", "web")
    assert first.put("key", "web", Entry(revoked_at=1.0), was)
    assert not second.put("key", "web", ENTRY, was)


def test_many_are_read_a_few_at_a_time(at: StoreAt) -> None:
    keys = Keys(at.open())
    entries: list[tuple[Kind, str, Entry]] = [("key", f"k{number:04}", ENTRY) for number in range(AT_ONCE + 5)]
    keys.load(entries)
    first, since = keys.changes(0)
    rest, _ = keys.changes(since)
    assert [one.name for one in (*first, *rest)] == [name for _, name, _ in entries]
    assert [row.name for row in keys.rows()] == [name for _, name, _ in entries]


@pytest.mark.parametrize("count", [4])
def test_changes_made_at_once_have_numbers_of_their_own(count: int, at: StoreAt) -> None:
    at.open().close()

    def work(number: int) -> None:
        store = at.open(30.0)
        keys = Keys(store)
        for step in range(5):
            assert keys.put("key", f"{number}-{step}", ENTRY, None)
        store.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = Keys(at.open())
    changes, last = keys.changes(0)
    assert len(changes) == last == 5 * count


PUT = """
import sys
from pathlib import Path
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.sqlite import SqliteAt
store = SqliteAt(Path(sys.argv[1])).open()
Keys(store).put("key", sys.argv[2], Entry(digest=sys.argv[2]), None)
store.close()
"""


def test_a_store_that_is_opened_twice_still_sees_what_other_processes_write(tmp_path: Path) -> None:
    """A file closed by hand dropped the locks of the first; the process that wrote then took the log away from under it."""
    path = tmp_path / "ledger.db"
    first = SqliteAt(path).open()
    keys = Keys(first)
    assert keys.put("key", "one", Entry(digest="00"), None)
    SqliteAt(path).open().close()
    seen = []
    for name in ("aa", "bb", "cc"):
        subprocess.run([sys.executable, "-c", PUT, str(path), name], check=True, timeout=60)
        seen += [change.name for change in keys.changes(len(seen) + 1)[0]]
    first.close()
    assert seen == ["aa", "bb", "cc"]


def test_the_second_key_of_a_name_has_a_name_of_its_own_and_the_first_keeps_what_it_spent(
    tmp_path: Path, at: StoreAt
) -> None:
    journal(
        tmp_path / "journal",
        record(1, key="web", cost_nano=7),
        record(2, key="web#2", cost_nano=5),
        record(3, key="we"),
    )
    Indexer(tmp_path / "journal", at).catch_up()
    store = at.open()
    keys = Keys(store)
    assert [keys.free_number(name, first) for name, first in (("web", 1), ("web", 2), ("new", 1), ("new", 4))] == [
        3,
        3,
        1,
        4,
    ]
    assert store.forget("1 = 1", (), 10) == 3
    store.prune()
    assert keys.free_number("web", 1) == 3  # what was spent outlives the calls
    assert store.spent(0) == {"key/web": 7, "key/web#2": 5, "key/we": 1000}
    assert keys.put("key", "web", Entry(digest=ENTRY.digest, number=3), None)
    [change], _ = keys.changes(0)
    assert change.key is not None
    assert (change.name, change.key.name) == ("web", "web#3")


def test_a_keys_calls_are_found_by_its_name_and_its_number(tmp_path: Path, at: StoreAt) -> None:
    calls = [record(number, key=name) for number, name in enumerate(("web", "web#2", "web#12", "webs"))]
    journal(tmp_path / "journal", *calls)
    Indexer(tmp_path / "journal", at).catch_up()
    for asked, expected in (("web", [0, 1, 2]), ("web#1", [0]), ("web#2", [1]), ("webs", [3]), ("web#", [])):
        assert stored(at, Filter(key=asked)) == ids(*expected), asked


def test_a_group_that_fails_open_is_stored_under_the_name_that_version_0_1_reads() -> None:
    stored = msgspec.json.encode(Allowance(fails_open=True))
    assert stored == b'{"goes_on":true}'
    assert msgspec.json.decode(stored, type=Allowance).fails_open
