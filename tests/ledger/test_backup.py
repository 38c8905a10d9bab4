"""A backup has all that was acknowledged before it began, once; what is not whole is known; what is restored is the same ledger."""

from __future__ import annotations

import contextlib
import gzip
import os
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from headworks.core.record import Opened
from headworks.ledger import restore as restoring
from headworks.ledger.backup import back_up
from headworks.ledger.backup_contents import Contents
from headworks.ledger.backup_file import Broken, Head, Writer, verified
from headworks.ledger.copies import copying
from headworks.ledger.erasure import purge_user
from headworks.ledger.identity import identity
from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.query import Filter
from headworks.ledger.restore import NotRestored, restore
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import Store, StoreAt
from headworks.ledger.store_url import store_at
from headworks.ledger.tables import ADDED, FILED, TABLES, WAITING
from tests.ledger.conftest import Closing
from tests.ledger.records import ids, indexed, journal, line, record, stored
from tests.servers import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreAt]:
    """Another store, with nothing in it: also of the other kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/other.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(f"other_{token_hex(6)}")
    with contextlib.closing(Closing(store_at(url, Path()))) as found:
        yield found


def began(number: int) -> Opened:
    call = record(number)
    return Opened(
        opened=call.request_id, at=call.at, operation="chat", model="m", key="web", config="c", reserved_nano=5_000
    )


def filled(folder: Path, at: StoreAt) -> Journal:
    """A ledger with everything that there is; its journal is being written, and has more than the store."""
    written = Journal(folder, started_at=1.0, sync=1.0)
    for number in range(20):
        written.append(record(number, user="ann" if number == 3 else "", tags=("team:a",) if number < 5 else ()))
    assert written.open(began(98))
    indexed(folder, at)
    store = at.open()
    Keys(store).put("key", "web", Entry(digest="00" * 32, created_at=1.0), None)
    Keys(store).put("key", "old", Entry(digest="11" * 32, created_at=1.0, revoked_at=2.0), None)
    Keys(store).put("revoked", "filed", Entry(revoked_at=2.0), None)
    purge_user(store, "ann", 1.9e9)
    store.close()
    assert written.open(began(99))
    for number in (20, 98):
        written.append(record(number))
    return written


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a store, in order."""
    found = {}
    for table, columns in TABLES.items():
        named = ", ".join(f'"{column}"' for column in columns)
        found[table] = sorted(tuple(map(plain, row)) for row in store.rows(f"SELECT {named} FROM {table}"))
    return found


def plain(value: object) -> str:
    return str(int(value) if isinstance(value, bool) else value)


def test_what_is_restored_is_the_same_ledger_in_either_store(tmp_path: Path, at: StoreAt, other: StoreAt) -> None:
    written = filled(tmp_path / "journal", at)
    done = back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=5.0)
    assert (done.contents.waiting, done.contents.rows["waiting"], done.contents.revoked) == (2, 3, 2)
    written.close()
    with (tmp_path / "backup").open("rb") as file:
        assert restore(file, tmp_path / "elsewhere", other).contents == done.contents
    indexed(tmp_path / "journal", at)
    assert stored(other) == [
        one for one in stored(at) if one != record(99).request_id
    ]  # lost here, its process has ended
    was, now = at.open(), other.open()
    assert identity(was) == identity(now)
    assert content(was)["access"] == content(now)["access"]
    assert now.spent(0)["key/web"] == was.spent(0)["key/web"]  # what is reserved of the open call counts in both
    back_up(tmp_path / "elsewhere", other, tmp_path / "again", made_at=5.0)
    with (tmp_path / "again").open("rb") as file:
        again = verified(file).contents
    assert again.cost_nano == done.contents.cost_nano + done.contents.waiting_cost_nano
    assert (again.waiting, again.rows["calls"]) == (0, done.contents.rows["calls"] + done.contents.waiting)


@pytest.mark.parametrize(
    ("url", "other"), [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "postgresql")], indirect=True
)
def test_a_journal_that_is_still_there_is_gone_on_with_once(tmp_path: Path, at: StoreAt, other: StoreAt) -> None:
    """The usual case: the store's disk has died, the journal's has not."""
    written = filled(tmp_path / "journal", at)
    back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=5.0)
    written.append(record(99))
    written.append(record(100))
    written.close()
    with (tmp_path / "backup").open("rb") as file:
        restore(file, tmp_path / "journal", other)
    indexed(tmp_path / "journal", other)
    shown = [number for number in range(21) if number != 3]  # 3 was Ann's, who was purged
    assert stored(other) == ids(*shown, 98, 99, 100)
    store = other.open()
    assert store.spent(0) == {"key/web": 24 * 1000}
    assert list((tmp_path / "journal").glob("*.jsonl")) == []
    journal(tmp_path / "journal", record(200), started_at=9.0)
    indexed(tmp_path / "journal", other)  # names have got numbers of their own
    assert stored(other)[-1:] == ids(200)


def test_what_the_indexer_takes_and_removes_meanwhile_is_in_it_once(
    tmp_path: Path, at: StoreAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the journal and the state of the store, and after that: the file itself is gone by then."""
    folder = tmp_path / "journal"
    journal(folder, *[record(number) for number in range(10)])
    journal(folder, *[record(number) for number in range(10, 20)], started_at=2.0)
    at.open()
    whole = Indexer.prefix

    def meanwhile(self: Indexer) -> str:
        found = whole(self)
        monkeypatch.undo()
        indexed(folder, at)
        assert list(folder.glob("*.jsonl")) == []
        journal(folder, record(50), started_at=3.0)  # after the backup began
        return found

    monkeypatch.setattr(Indexer, "prefix", meanwhile)
    done = back_up(folder, at, tmp_path / "backup", made_at=5.0)
    assert done.contents.rows["calls"] + done.contents.waiting == 20
    new = SqliteAt(tmp_path / "new.db")
    with (tmp_path / "backup").open("rb") as file:
        restore(file, tmp_path / "elsewhere", new)
    assert stored(new) == ids(*range(20))


def test_a_backup_is_the_owners_alone_and_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = SqliteAt(tmp_path / "ledger.db")
    journal(tmp_path / "journal", record(1))
    (tmp_path / "backup.part").write_text("what one left that was killed")
    (tmp_path / "backup.snapshot").write_text("likewise")
    before = os.umask(0)
    try:
        back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=5.0)
    finally:
        os.umask(before)
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    was = (tmp_path / "backup").read_bytes()
    with pytest.raises(FileExistsError):
        back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=6.0)

    def fails(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="No space"):
            back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=6.0, may_replace=True)
    assert (tmp_path / "backup").read_bytes() == was
    back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=6.0, may_replace=True)
    assert (tmp_path / "backup").read_bytes() != was
    assert {one.name for one in tmp_path.iterdir()} == {"backup", "journal", "ledger.db"}


def test_every_byte_that_is_missing_or_another_is_known(tmp_path: Path) -> None:
    at = SqliteAt(tmp_path / "ledger.db")
    filled(tmp_path / "journal", at).close()
    back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=5.0)
    whole = (tmp_path / "backup").read_bytes()
    damaged = tmp_path / "damaged"
    step = max(1, len(whole) // 25)
    for end in range(0, len(whole), step):
        with pytest.raises(Broken):
            verify(damaged, whole[:end])
    for place in range(12, len(whole), step):  # before that stand a flag, a time and a name that mean nothing
        other = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with contextlib.suppress(OSError, EOFError, zlib.error):
            if gzip.decompress(other) == gzip.decompress(whole):
                continue  # a repetition that is told by another of its kind: the same content
        with pytest.raises(Broken):
            verify(damaged, other)
    verify(damaged, whole)
    with pytest.raises(Broken, match="behind its end"):
        verify(damaged, whole + whole)


@pytest.mark.parametrize(
    ("was", "new", "said"),
    [
        (b'"form":1', b'"form":2', "newer Headworks"),
        (b'"ledger backup"', b'"a cake recipe"', "no backup"),
        (b'{"table":"spent"}', b'{"table":"opened"}', "stands where"),
        (b'["key/web",', b'["key/bob",', "not those that were written"),
        (b'["key/web",', b"[7,", "is none"),
        (b'"cost_nano":', b'"cost_nano":1', "digest"),
    ],
)
def test_a_backup_that_was_changed_by_hand_is_known(tmp_path: Path, was: bytes, new: bytes, said: str) -> None:
    at = SqliteAt(tmp_path / "ledger.db")
    journal(tmp_path / "journal", record(1))
    indexed(tmp_path / "journal", at)
    back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=5.0)
    text = gzip.decompress((tmp_path / "backup").read_bytes())
    assert was in text
    if was == b'"cost_nano":':  # of the last line: where a digest stands before it, it must not be the one of this
        head, _, last = text.rpartition(was)
        changed = head + new + last
        said = "sums"
    else:
        changed = text.replace(was, new, 1)
    with pytest.raises(Broken, match=said):
        verify(tmp_path / "changed", gzip.compress(changed))


@pytest.mark.parametrize(
    ("table", "row", "said"),
    [
        ("spent", ("key/web", 1, 2**70), "is none"),
        ("access", ("key", "web", 1, '{"digest":"not hexadecimal"}'), "none"),
        ("access", ("crown", "web", 1, "{}"), "no kind"),
        ("access", ("key", "web", 1, "[" * 5000), "none"),
        ("identity", ("another",), "which ledger"),
    ],
)
def test_a_forged_backup_whose_digests_are_right_is_refused(
    tmp_path: Path, table: str, row: tuple[object, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: dict[str, list[tuple[object, ...]]] = {"identity": [("one",)]}
    rows[table] = [*rows.get(table, []), row]
    with (tmp_path / "forged").open("wb") as file, monkeypatch.context() as forging:
        forging.setattr(Contents, "add", lambda *_: None)  # as another program would write it
        writer = Writer(file, Head(made_at=1.0, version="x", store="sqlite"))
        for name in FILED:
            writer.table(name, rows.get(name, []))
        writer.end()
    with pytest.raises(Broken, match=said):
        verify(tmp_path / "forged", (tmp_path / "forged").read_bytes())


def test_a_backup_of_an_earlier_version_lacks_what_was_added_since(tmp_path: Path, at: StoreAt) -> None:
    folder = tmp_path / "journal"
    journal(folder, record(1, user="ann", session="run-1"))
    indexed(folder, at)
    tables = {name: [one for one in of if one not in ADDED.get(name, ())] for name, of in FILED.items()}
    head = Head(made_at=1.0, version="0.2.0", store="sqlite", tables={name: of for name, of in tables.items() if of})
    store = at.open()
    with (tmp_path / "earlier").open("wb") as file:
        writer = Writer(file, head)
        for name, columns in head.tables.items():
            named = ", ".join(f'"{column}"' for column in columns)
            rows = [] if name == WAITING else store.rows(f"SELECT {named} FROM {name}")
            writer.table(name, [tuple(map(kept, row)) for row in rows])
        writer.end()
    store.close()
    with (tmp_path / "earlier").open("rb") as file:
        restore(file, folder, at, may_replace=True)
    assert stored(at, Filter(user="ann")) == ids(1)
    assert stored(at, Filter(session="run-1")) == []


def kept(value: object) -> object:
    """A value as the writer of a backup is given it, whatever store it is from."""
    if isinstance(value, bool):
        return int(value)
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.parametrize("tables", [{}, {"names": ["id"]}, {"calls": ["id"]}, {"records": ["id", "line", "more"]}])
def test_a_backup_with_other_tables_is_refused(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    known = {name: list(of) for name, of in FILED.items()}
    with (tmp_path / "other").open("wb") as file:
        writer = Writer(
            file, Head(made_at=1.0, version="x", store="sqlite", tables={**known, **tables} if tables else {})
        )
        writer.end()
    with (tmp_path / "other").open("rb") as file, pytest.raises(Broken, match="not those of this form"):
        verified(file)


def verify(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with path.open("rb") as file:
        verified(file)


def test_a_restore_overwrites_nothing_unless_it_is_told_to(tmp_path: Path, at: StoreAt) -> None:
    folder = tmp_path / "journal"
    journal(folder, record(1))
    indexed(folder, at)
    back_up(folder, at, tmp_path / "backup", made_at=5.0)
    journal(folder, record(2), started_at=2.0)
    indexed(folder, at)
    with (tmp_path / "backup").open("rb") as file:
        with pytest.raises(NotRestored, match="--overwrite"):
            restore(file, folder, at)
        assert stored(at) == ids(1, 2)
        file.seek(0)
        restore(file, folder, at, may_replace=True)
    assert stored(at) == ids(1)


def test_a_restore_under_a_running_gateway_is_refused(tmp_path: Path, at: StoreAt) -> None:
    folder = tmp_path / "journal"
    written = Journal(folder, started_at=1.0, sync=1.0)
    back_up(folder, at, tmp_path / "backup", made_at=5.0)
    with (tmp_path / "backup").open("rb") as file, pytest.raises(NotRestored, match="a gateway writes the journal"):
        restore(file, folder, at, may_replace=True)
    written.close()


def test_a_restore_into_a_store_that_a_gateway_elsewhere_has_is_refused(
    tmp_path: Path, at: StoreAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its journal may be on another machine. One that has no limits to count alone has it shared."""
    folder = tmp_path / "journal"
    journal(folder, record(1))
    back_up(folder, at, tmp_path / "backup", made_at=5.0)
    claim = at.lock()
    monkeypatch.setattr(restoring, "PAUSES", (0.0,))
    for shared in (False, True):
        claim.release()
        claim = at.lock()
        while claim.acquire("the other one", shared=shared) is not None:
            pass  # PostgreSQL gives a lock back in a moment
        with (
            (tmp_path / "backup").open("rb") as file,
            pytest.raises(NotRestored, match=r"in use by .*: end that first"),
        ):
            restore(file, folder, at, may_replace=True)
    claim.release()
    monkeypatch.setattr(restoring, "PAUSES", (0.01,) * 500)
    with (tmp_path / "backup").open("rb") as file:
        restore(file, folder, at)
        file.seek(0)
        restore(file, folder, at, may_replace=True)  # it has given the lock back


def test_a_restore_that_breaks_off_leaves_what_was_there(
    tmp_path: Path, at: StoreAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "journal"
    journal(folder, record(1))
    indexed(folder, at)
    journal(folder, record(3), started_at=3.0)
    back_up(folder, at, tmp_path / "backup", made_at=5.0)
    journal(folder, record(2), started_at=2.0)
    indexed(folder, at)

    def killed(store: Store, index: Indexer, rows: object) -> None:
        raise KeyboardInterrupt  # everything else is in the transaction already

    with (tmp_path / "backup").open("rb") as file, monkeypatch.context() as patched:
        patched.setattr(restoring, "take", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(file, folder, at, may_replace=True)
    assert stored(at) == ids(1, 2, 3)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_names_that_read_alike_in_postgresql_can_be_restored(tmp_path: Path, at: StoreAt, other: StoreAt) -> None:
    folder = tmp_path / "journal"
    journal(folder, record(1, model="a\0b"), record(2, model="a\ufffdb"), record(3, model="ab"))
    indexed(folder, at)
    back_up(folder, at, tmp_path / "backup", made_at=5.0)
    with (tmp_path / "backup").open("rb") as file:
        restore(file, tmp_path / "elsewhere", other)
    assert stored(other) == ids(1, 2, 3)


def test_lines_that_are_no_text_and_names_with_a_nul_come_through(tmp_path: Path, other: StoreAt) -> None:
    at = SqliteAt(tmp_path / "ledger.db")
    folder = tmp_path / "journal"
    path = journal(folder, record(1, model="a\0b"))
    indexed(folder, at)
    path.parent.mkdir(exist_ok=True)
    path = journal(folder, record(2), started_at=2.0)
    with path.open("ab") as file:
        file.write(b"\xff\xfe garbled \n" + line(record(3)))
    done = back_up(folder, at, tmp_path / "backup", made_at=5.0)
    assert (done.contents.waiting, done.contents.rows["waiting"]) == (2, 3)
    with (tmp_path / "backup").open("rb") as file:
        restore(file, tmp_path / "elsewhere", other)
    assert stored(other) == ids(1, 2, 3)


def test_a_record_that_comes_while_the_snapshot_is_read_disturbs_nothing(tmp_path: Path) -> None:
    """Another connection writes between the tables of one backup."""
    at = SqliteAt(tmp_path / "ledger.db")
    folder = tmp_path / "journal"
    journal(folder, *[record(number) for number in range(10)])
    indexed(folder, at)
    from_outside = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    try:
        store = at.open()
        with copying(store).reading(tmp_path / "snapshot") as rows:
            calls = len(list(rows("calls")))
            from_outside.execute("DELETE FROM records")
            assert len(list(rows("records"))) == calls == 10
        store.close()
    finally:
        from_outside.close()
