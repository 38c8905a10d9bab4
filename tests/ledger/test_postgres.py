"""PostgreSQL as the store: what is only there, and what is only wrong there."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import psycopg
import pytest

from headworks.core.errors import ConfigError
from headworks.core.extras import install
from headworks.ledger import postgres as store_file
from headworks.ledger import store_url
from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal
from headworks.ledger.ledger import Ledger, forget
from headworks.ledger.postgres import PostgresAt, PostgresStore
from headworks.ledger.query import Filter, Queries
from headworks.ledger.store import StoreTrouble
from headworks.ledger.store_url import store_at
from tests.ledger.conftest import Closing
from tests.ledger.records import ids, journal, record, stored
from tests.servers import PostgresServer, postgres


@pytest.fixture
def schema() -> str:
    return f"test_{token_hex(6)}"


@pytest.fixture
def at(postgres_server: PostgresServer, schema: str) -> Iterator[Closing]:
    with contextlib.closing(Closing(store_at(postgres_server.url(schema), Path()))) as found:
        yield found


@pytest.fixture
def other(postgres_server: PostgresServer, schema: str) -> Iterator[psycopg.Connection]:
    """Another session, whose unqualified tables are the same."""
    with postgres_server.admin() as connection:
        connection.execute(f"SET search_path = {schema}".encode())
        yield connection


def indexer(folder: Path, at: Closing, lock_timeout: float = 0.05) -> Indexer:
    return Indexer(folder / "journal", at, lock_timeout=lock_timeout)


def test_a_locked_store_is_said_and_then_nothing_is_missing(
    tmp_path: Path, at: Closing, other: psycopg.Connection
) -> None:
    at.open()
    journal(tmp_path / "journal", record(1), record(2))
    index = indexer(tmp_path, at)
    with other.transaction():
        other.execute("LOCK TABLE calls")
        with pytest.raises(StoreTrouble, match="another session holds its lock"):
            index.catch_up()
        assert index.behind > 0
    index.catch_up()
    assert stored(at) == ids(1, 2)


@pytest.mark.parametrize("code", ["53100", "25006", "57P03"])
def test_a_full_or_read_only_store_is_said_and_costs_no_record(
    tmp_path: Path, at: Closing, other: psycopg.Connection, code: str
) -> None:
    """The server raises what it raises when its disk is full; filling a disk is not for a test."""
    at.open()
    journal(tmp_path / "journal", *(record(number) for number in range(50)))
    other.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '{code}'; END $$".encode()
    )
    other.execute("CREATE TRIGGER full_disk BEFORE INSERT ON records EXECUTE FUNCTION full_disk()")
    index = indexer(tmp_path, at)
    with pytest.raises(StoreTrouble, match="does not work: no space left"):
        index.catch_up()
    assert stored(at) == []
    assert list((tmp_path / "journal").glob("*.jsonl"))
    other.execute("DROP TRIGGER full_disk ON records")
    index.catch_up()
    assert stored(at) == ids(*range(50))


def test_a_server_that_goes_and_comes_back_costs_no_record(tmp_path: Path) -> None:
    """Beside a running loop, as in a gateway."""

    async def until(holds: object) -> None:
        assert callable(holds)
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.01)

    async def run(server: PostgresServer, ledger: Ledger) -> None:
        written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
        ledger.start()
        written.append(record(1))
        await until(lambda: ledger.status().indexed == 1)
        server.stop()
        written.append(record(2))
        await until(lambda: bool(ledger.status().trouble))
        written.append(record(3))
        assert "no record is lost" in ledger.troubles()[0]
        server.start()
        await until(lambda: ledger.status().indexed == 3)
        await until(lambda: not ledger.troubles())
        written.close()
        await ledger.stop()

    with postgres() as server:
        at = Closing(store_at(server.url("headworks"), Path()))
        asyncio.run(run(server, Ledger(tmp_path / "journal", at, retention=1e9)))
        assert stored(at) == ids(1, 2, 3)
        at.close()


def test_a_server_that_neither_works_nor_fails_is_said_to_be_silent(
    tmp_path: Path, at: Closing, other: psycopg.Connection
) -> None:
    """As one that was stopped without closing its connections."""

    async def run() -> None:
        ledger = Ledger(tmp_path / "journal", at, retention=1e9)
        ledger.indexer.lock_timeout = 100.0
        ledger.silence = 0.0
        with other.transaction():
            other.execute("LOCK TABLE journals")
            ledger.start()
            while not ledger.status().trouble:
                await asyncio.sleep(0.01)
            assert "has said nothing" in ledger.troubles()[0]
            assert ledger.status().behind_bytes > 0
        await ledger.stop()

    at.open()
    journal(tmp_path / "journal", record(1))
    asyncio.run(run())
    assert stored(at) == ids(1)


def test_a_schema_that_was_dropped_is_made_anew_from_what_the_journal_has(
    tmp_path: Path, at: Closing, other: psycopg.Connection, schema: str
) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.append(record(1))
    index = indexer(tmp_path, at)
    index.catch_up()
    other.execute(f"DROP SCHEMA {schema} CASCADE".encode())
    written.append(record(2))
    with pytest.raises(StoreTrouble):
        index.catch_up()
    index.catch_up()
    assert stored(at) == ids(1, 2)
    written.close()


def test_a_store_of_an_older_version_is_brought_up_to_date_once(
    tmp_path: Path, at: Closing, other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second step is put behind the ones that there are: the one thing that only a patch can show."""
    journal(tmp_path / "journal", record(1))
    indexer(tmp_path, at).catch_up()
    monkeypatch.setattr(store_file, "MIGRATIONS", (*store_file.MIGRATIONS, "CREATE TABLE later (id INTEGER)"))
    monkeypatch.setattr(store_file, "VERSION", store_file.VERSION + 1)
    for _ in range(2):
        at.open()
        assert other.execute("SELECT count(*) FROM later").fetchone() == (0,)
    assert stored(at) == ids(1)


def test_a_store_of_a_newer_version_is_left_alone(at: Closing, other: psycopg.Connection) -> None:
    at.open()
    other.execute("UPDATE version SET number = 99")
    with pytest.raises(StoreTrouble, match="newer Headworks"):
        at.open()


def test_a_name_that_a_caller_made_up_stops_nothing(tmp_path: Path, at: Closing) -> None:
    """NUL, which PostgreSQL has not, and a length that no index takes."""
    models = ["with\0nul", "with\ufffdnul", "x" * 100_000, "x" * 100_001, "%s ? {}"]
    journal(tmp_path / "journal", *(record(n, model=name, reason=name) for n, name in enumerate(models)))
    indexer(tmp_path, at).catch_up()
    assert stored(at) == ids(*range(5))
    assert stored(at, Filter(alias="x" * 100_001)) == ids(3)
    assert stored(at, Filter(error="with\0")) == ids(0, 1)


def test_a_writer_that_knows_a_pruned_name_interns_it_again(tmp_path: Path, at: Closing) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    index = indexer(tmp_path, at)
    for number in range(0, 20, 2):
        written.append(record(number))
        index.catch_up()
        pruner = at.open()
        assert forget(pruner, record(number + 1).at, 9) >= 1
        assert forget(pruner, record(number + 1).at, 9) == 0
        written.append(record(number + 1))
        index.catch_up()
        assert Queries(index.store()).count(Filter(alias="assistant", key="web")) == 1
    written.close()


def test_no_text_of_a_store_has_its_password(tmp_path: Path) -> None:
    at = PostgresAt("postgresql://user:hunter2@127.0.0.1:1/ledger?sslpassword=hunter3")
    assert str(at) == repr(at) == "postgresql://127.0.0.1:1/ledger"
    with pytest.raises(StoreTrouble, match="does not work") as trouble:
        at.open()
    assert "hunter" not in str(trouble.value)
    with pytest.raises(StoreTrouble, match="cannot be read") as trouble:
        PostgresAt("postgresql://user:hunter2@127.0.0.1:port/ledger?no=thing").open()
    assert "hunter" not in str(trouble.value)


def test_where_the_client_is_missing_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(store_url, "import_module", missing)
    with pytest.raises(ConfigError, match=re.escape(install("postgres"))):
        store_at("postgresql://127.0.0.1/ledger", Path())


def test_many_rows_are_read_a_few_at_a_time(tmp_path: Path, at: Closing) -> None:
    journal(tmp_path / "journal", *(record(number) for number in range(1500)))
    indexer(tmp_path, at).catch_up()
    store = at.open()
    assert isinstance(store, PostgresStore)
    lines = Queries(store).lines(Filter())
    first = next(lines)
    assert store.rows("SELECT count(*) FROM calls") == [(1500,)]  # while the stream is open
    assert len([first, *lines]) == 1500
