"""The purge of one user: nothing of theirs is left to read, in no file, and no sum changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.core.record import Record, user_digest
from headworks.core.reply import Usage
from headworks.ledger import sqlite
from headworks.ledger.erasure import purge_user, redacted
from headworks.ledger.facts import ERASED, facts
from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.ledger import forget
from headworks.ledger.overwrite import blank, of, of_user, overwrite
from headworks.ledger.postgres import PostgresAt
from headworks.ledger.query import Filter, Queries
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import Store, StoreAt, StoreTrouble
from headworks.ledger.sums import By, sums
from tests.ledger.records import attempt, ids, journal, line, record, stored
from tests.ledger.test_opened import opened
from tests.servers import PostgresServer

LATER = 1795305600.0 + 100_000
SECRETS = (
    b"ann@example.com",
    b"what ann asked",
    b"what ann heard",
    b"anns-trace",
    b"anns-digest",
    b"anns-reason",
    b"anns-vendor",
)


def anns(number: int, **changes: object) -> Record:
    made = record(
        number,
        user="ann@example.com",
        asked="what ann asked",
        answered="what ann heard",
        session="anns-session",
        agent="anns-agent",
        parent_agent="anns-agent",
        trace="anns-trace",
        request_digest="anns-digest",
        reply_digest="anns-digest",
        reason="anns-reason",
        tokens=Usage(input=7, output=5),
        attempts=[
            attempt("a/x", outcome="failed", reason="anns-reason", vendor_request_id="anns-vendor", cost_nano=400),
            attempt("b/x", why="fallback", cost_nano=600, tokens=Usage(input=7, output=5)),
        ],
    )
    return msgspec.structs.replace(made, **changes)


def three() -> list[Record]:
    return [anns(1), record(2, user="bob", cost_nano=50), anns(3, model="small", cost_nano=None)]


@pytest.fixture
def store(tmp_path: Path, at: StoreAt) -> Store:
    """A store with two calls of ann and one of bob."""
    journal(tmp_path / "journal", *three())
    Indexer(tmp_path / "journal", at).catch_up()
    return at.open()


def summed(store: Store) -> list[dict[str, Any]]:
    bys: list[tuple[By, ...]] = [("alias", "key"), ("target",), ("day",), ("hour", "target")]
    found = [one for by in bys for one in sums(Queries(store), Filter(), by)]
    return [msgspec.to_builtins(one) for one in found]


def test_calls_are_found_by_their_user(store: Store, at: StoreAt) -> None:
    assert stored(at, Filter(user="ann@example.com")) == ids(1, 3)
    assert stored(at, Filter(user="ann@example.com", alias="small")) == ids(3)
    assert stored(at, Filter(user="bob")) == ids(2)
    assert stored(at, Filter(user="ann")) == []


def test_a_user_is_gone_from_every_question_and_no_sum_changes(store: Store, at: StoreAt) -> None:
    before = summed(store)
    spent = store.spent(0)
    assert purge_user(store, "ann@example.com", LATER) == 2
    assert stored(at) == ids(2)
    questions = Queries(store)
    assert list(questions.lines(Filter(), last=5)) == list(questions.lines(Filter(), last=5, slowest=True))
    assert len(list(questions.lines(Filter(), last=5))) == 1
    for asked in (
        Filter(user="ann@example.com"),
        Filter(request_id=ids(1)[0]),
        Filter(error="anns-reason"),
        Filter(session="anns-session"),
    ):
        assert list(questions.lines(asked)) == []
    assert summed(store) == before
    assert store.spent(0) == spent
    assert store.rows("SELECT count(*) FROM names WHERE kind = 'enduser' AND name <> 'bob'") == [(0,)]
    assert store.rows("SELECT count(*) FROM names WHERE kind = 'session'") == [(0,)]
    assert purge_user(store, "ann@example.com", LATER) == 0


def test_more_calls_than_fit_into_one_transaction_are_all_gone(tmp_path: Path, at: StoreAt) -> None:
    journal(tmp_path / "journal", *(anns(number) for number in range(5)))
    Indexer(tmp_path / "journal", at).catch_up()
    store = at.open()
    assert purge_user(store, "ann@example.com", LATER, at_once=2) == 5
    assert store.rows("SELECT count(*) FROM calls WHERE enduser > 0 OR request >= 0") == [(0,)]


def test_what_is_left_of_a_call_says_nothing_of_its_user_and_stays_itself() -> None:
    left = redacted(line(anns(1)).strip())
    assert not [secret for secret in (*SECRETS, ids(1)[0].encode()) if secret in left]
    known = msgspec.json.decode(left, type=Record)
    assert known.erased
    assert ERASED.fullmatch(known.request_id)
    assert (known.key, known.model, known.cost_nano, known.tokens) == (
        "web",
        "assistant",
        1000,
        Usage(input=7, output=5),
    )
    assert [(one.target, one.cost_nano) for one in known.attempts] == [("a/x", 400), ("b/x", 600)]
    assert redacted(left) == left


def test_a_call_that_ends_after_the_purge_and_came_before_it_is_never_shown(tmp_path: Path, at: StoreAt) -> None:
    store = at.open()
    assert purge_user(store, "ann@example.com", record(10).at) == 0
    journal(tmp_path / "journal", anns(9), anns(11))
    Indexer(tmp_path / "journal", at).catch_up()
    assert stored(at, Filter(user="ann@example.com")) == ids(11)
    assert Queries(store).count(Filter()) == 2
    [[left]] = store.rows("SELECT line FROM records JOIN calls USING (id) WHERE request < 0")
    assert b"ann" not in left


def test_a_call_that_comes_again_after_the_purge_is_counted_once(tmp_path: Path, store: Store, at: StoreAt) -> None:
    """As it was written, and as it was overwritten: a journal's file may be written again into another."""
    before = summed(store)
    purge_user(store, "ann@example.com", LATER)
    again = journal(tmp_path / "journal", *three(), started_at=2.0)
    again.write_bytes(again.read_bytes() + redacted(line(anns(1)).strip()) + b"      \n")
    Indexer(tmp_path / "journal", at).catch_up()
    assert summed(store) == before


def test_a_call_under_a_budget_that_ends_after_the_purge_is_not_lost(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.open(opened(1, 900))
    index = Indexer(tmp_path / "journal", at)
    index.catch_up()
    purge_user(index.store(), "ann@example.com", LATER)
    written.append(anns(1, cost_nano=70))
    written.close()
    index.catch_up()
    assert index.store().spent(0) == {"key/web": 70}
    assert index.store().rows("SELECT count(*) FROM opened") == [(0,)]
    index.close()


def test_who_was_purged_is_known_for_a_year_and_the_last_change_for_ever(store: Store) -> None:
    keys = Keys(store)
    purge_user(store, "ann@example.com", 1000.0)
    keys.put("key", "web", Entry(), None)
    purge_user(store, "bob", 1000.0)
    assert forget(store, 2000.0, 1) == 0
    assert keys.purged() == {user_digest("bob"): 1000.0}
    assert [row.name for row in keys.rows()] == ["web"]
    changes, _ = keys.changes(0)
    assert [(one.kind, one.name, one.purged_at) for one in changes if one.kind == "purged"] == [
        ("purged", user_digest("bob"), 1000.0)
    ]


# The files


def test_no_byte_of_a_user_is_left_in_a_journal_that_is_being_written(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0, rotated_at=3400)
    index = Indexer(tmp_path / "journal", at)
    for number in range(0, 20, 2):
        written.open(opened(number))
        written.append(anns(number))
        written.append(record(number + 1, user="bob"))
    index.catch_up()
    path, size = written.path, written.path.stat().st_size
    written.append(record(20, user="bob"))
    purge_user(index.store(), "ann@example.com", LATER)
    assert overwrite(tmp_path / "journal", index.offsets(), of_user("ann@example.com"), redacted) > 0
    assert written.path == path
    left = b"".join(one.read_bytes() for one in (tmp_path / "journal").iterdir())
    assert not [secret for secret in (*SECRETS, *(one.encode() for one in ids(*range(0, 20, 2)))) if secret in left]
    assert path.stat().st_size > size
    written.append(record(21, user="bob"))
    written.close()
    index.catch_up()
    assert stored(at) == ids(*range(1, 20, 2), 20, 21)
    assert index.skipped == 0
    index.close()


def test_a_store_that_is_made_anew_from_such_a_journal_knows_what_it_cost_and_nobody(tmp_path: Path) -> None:
    at = SqliteAt(tmp_path / "ledger.db")
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.open(opened(1))
    for one in three():
        written.append(one)
    index = Indexer(tmp_path / "journal", at)
    index.catch_up()
    before = summed(index.store())
    overwrite(tmp_path / "journal", index.offsets(), of_user("ann@example.com"), redacted)
    index.close()
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    again = Indexer(tmp_path / "journal", at)
    again.catch_up()
    assert summed(again.store()) == before
    assert again.skipped == 0
    assert stored(at) == ids(2)
    again.close()
    written.close()


def test_calls_that_were_deleted_leave_no_record_in_the_journal(tmp_path: Path) -> None:
    at = SqliteAt(tmp_path / "ledger.db")
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.append(record(1, key="nightly"))
    written.append(record(2))
    index = Indexer(tmp_path / "journal", at)
    index.catch_up()
    written.append(record(3, key="nightly"))  # not in the store yet
    assert overwrite(tmp_path / "journal", index.offsets(), of(Filter(key="nightly").holds), blank) == 1
    found = [facts(one) for one in written.path.read_bytes().splitlines()]
    assert [one and one.request_id for one in found] == [None, *ids(2, 3)]
    index.close()
    written.close()


def test_a_file_that_is_gone_and_a_line_without_room_stop_nothing(tmp_path: Path) -> None:
    path = journal(tmp_path, record(1))
    size = path.stat().st_size
    offsets = {path.name: size, "0-0-0.jsonl": 9}
    assert overwrite(tmp_path, offsets, of(lambda one: True), lambda line: line + b"!") == 1
    assert path.read_bytes() == b" " * (size - 1) + b"\n"
    assert overwrite(tmp_path, {}, of(lambda one: True), blank) == 0


def test_no_byte_of_a_user_is_left_in_the_files_of_sqlite_while_a_gateway_has_them_open(
    tmp_path: Path, store: Store, at: StoreAt
) -> None:
    if at.is_shared:
        pytest.skip("its files are a server's")
    other = at.open()
    assert other.rows("SELECT count(*) FROM calls") == [(3,)]
    files = [tmp_path / "ledger.db", tmp_path / "ledger.db-wal"]
    assert b"what ann asked" in b"".join(file.read_bytes() for file in files)
    before = summed(store)
    purge_user(store, "ann@example.com", LATER)
    store.compact()
    left = b"".join(file.read_bytes() for file in tmp_path.glob("ledger.db*"))
    assert not [secret for secret in (*SECRETS, ids(1)[0].encode()) if secret in left]
    assert b'"user":"bob"' in left
    assert summed(other) == before


def test_a_reader_who_stays_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long it is waited for is the one thing that only a patch can change."""
    monkeypatch.setattr(sqlite, "EMPTIED_WITHIN", 0.0)
    at = SqliteAt(tmp_path / "ledger.db")
    journal(tmp_path / "journal", *three())
    index = Indexer(tmp_path / "journal", at)
    index.catch_up()
    with closing(at.open(0.0)) as store, closing(sqlite3.connect(tmp_path / "ledger.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM calls").fetchone()
        purge_user(index.store(), "ann@example.com", LATER)
        with pytest.raises(StoreTrouble, match=r"another process has been reading it.*do this again"):
            store.compact()
    index.close()


def test_no_byte_of_a_user_is_left_in_the_tables_of_postgresql(tmp_path: Path, postgres_server: PostgresServer) -> None:
    at = PostgresAt(postgres_server.url("erased"))
    journal(tmp_path / "journal", *(anns(number) for number in range(200)), record(999, user="bob"))
    index = Indexer(tmp_path / "journal", at)
    index.catch_up()
    tables = "names", "calls", "records"

    def left() -> bytes:
        with closing(postgres_server.admin()) as admin:
            admin.execute("CHECKPOINT")
            names = [
                admin.execute("SELECT pg_relation_filepath(%s)", (f"erased.{name}",)).fetchone() for name in tables
            ]
            found = b"".join((postgres_server.folder / "data" / name[0]).read_bytes() for name in names if name)
            shown = admin.execute("SELECT * FROM pg_stats WHERE schemaname = 'erased'").fetchall()
            return found + str(shown).encode()

    with closing(postgres_server.admin()) as admin:
        admin.execute("ANALYZE erased.names; ANALYZE erased.records")
    assert all(secret in left() for secret in (b"ann@example.com", b"what ann asked"))
    purge_user(index.store(), "ann@example.com", LATER)
    index.store().compact()
    assert not [secret for secret in SECRETS if secret in left()]
    assert b'"user":"bob"' in left()
    assert stored(at) == ids(999)
    index.close()


def test_a_call_that_is_added_while_a_user_is_purged_is_hidden_too(tmp_path: Path, at: StoreAt) -> None:
    """Whoever adds holds the names, and has asked who was purged after that; whoever purges waits for it."""
    journal(tmp_path / "journal", anns(1))
    Indexer(tmp_path / "journal", at).catch_up()
    adding, purging = at.open(), at.open(0.05)
    with adding.transaction("names"), pytest.raises(StoreTrouble, match="lock"):
        purge_user(purging, "ann@example.com", LATER)
    purge_user(purging, "ann@example.com", LATER)
    assert stored(at) == []


# What was there before


def test_the_users_of_a_store_of_an_earlier_version_are_found_in_its_records(tmp_path: Path, at: StoreAt) -> None:
    journal(tmp_path / "journal", *three(), record(4, model='"user":', reason='"user":"eve"'))
    Indexer(tmp_path / "journal", at).catch_up()
    with closing(at.open()) as now:
        with now.transaction():
            for column in ("session", "enduser"):
                now.run(f"DROP INDEX calls_{column}")
                now.run(f"ALTER TABLE calls DROP COLUMN {column}")
            now.run("DROP TABLE responses")
            now.run("DROP TABLE resources")
            now.run("DROP TABLE response_items")
            now.run("DELETE FROM names WHERE kind = 'enduser'")
            now.run("UPDATE version SET number = 1" if at.is_shared else "PRAGMA user_version = 2")
    assert stored(at, Filter(user="ann@example.com")) == ids(1, 3)
    assert stored(at, Filter(user="bob")) == ids(2)
    assert stored(at, Filter(user="eve")) == []
    assert stored(at) == ids(1, 2, 3, 4)
