"""A lock on a store: one has it alone, or several of a kind together, and who lost it knows."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from headworks.ledger.lock import FileLock
from headworks.ledger.store import Lock, StoreAt, StoreTrouble
from headworks.ledger.store_url import store_at
from tests.children import running
from tests.servers import PostgresServer


@pytest.fixture
def claims(url: str, tmp_path: Path) -> tuple[Lock, Lock]:
    return store_at(url, tmp_path).lock(), store_at(url, tmp_path).lock()


def test_one_has_it_and_the_next_one_hears_who_until_it_is_given_back(claims: tuple[Lock, Lock]) -> None:
    first, second = claims
    assert not first.is_held()
    assert first.acquire("the first, process 7", shared=False) is None
    assert second.acquire("the second", shared=False) == "the first, process 7"
    assert second.acquire("the second", shared=True) == "the first, process 7"
    assert first.is_held()
    assert not second.is_held()
    first.release()
    assert second.acquire("the second", shared=False) is None
    assert first.acquire("the first", shared=False) == "the second"
    second.release()
    second.release()


def test_those_who_share_it_keep_out_who_wants_it_alone(claims: tuple[Lock, Lock]) -> None:
    first, second = claims
    assert first.acquire("the first", shared=True) is None
    assert second.acquire("the second", shared=True) is None
    first.release()
    assert first.acquire("the first", shared=False) == "the second"
    second.release()


def test_a_store_that_is_away_is_nobodys(tmp_path: Path, postgres_server: PostgresServer) -> None:
    (tmp_path / "file").touch()
    for at in (
        store_at("sqlite:///file/ledger.db", tmp_path),
        store_at(f"postgresql://postgres@/postgres?host={tmp_path}", tmp_path),
    ):
        with pytest.raises(StoreTrouble, match="cannot be locked"):
            at.lock().acquire("somebody", shared=False)
        at.lock().release()


def test_two_names_of_one_file_are_one_lock_and_closing_it_takes_no_lock_of_sqlites(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "ledger.db")
    first, second = store_at("sqlite:///ledger.db", tmp_path), store_at("sqlite:///link", tmp_path)
    with closing(first.open()) as store, store.transaction():
        mine, theirs = first.lock(), second.lock()
        assert mine.acquire("mine", shared=False) is None
        assert theirs.acquire("theirs", shared=False) == "mine"
        mine.release()
        with pytest.raises(StoreTrouble, match="lock"):
            first.open(0.01).transaction().__enter__()


def test_a_lock_whose_file_was_removed_is_lost_and_is_had_again(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire("the first", shared=False) is None
    (tmp_path / "lock").unlink()
    assert not first.is_held()
    assert second.acquire("the second", shared=False) is None
    assert first.acquire("the first", shared=False) == "the second"
    second.release()


def test_whoever_is_killed_has_no_lock_any_more(tmp_path: Path) -> None:
    text = f"""
import sys
from pathlib import Path
from headworks.ledger.lock import FileLock
claim = FileLock(Path({str(tmp_path / "lock")!r}))
print(claim.acquire("the child", shared=False), flush=True)
sys.stdin.read()
"""
    with running([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"None\n"
        claim = FileLock(tmp_path / "lock")
        assert claim.acquire("us", shared=False) == "the child"
        child.kill()
        child.wait()
        assert claim.acquire("us", shared=False) is None
        claim.release()


def cut(server: PostgresServer, name: str) -> int:
    """Ends the sessions of this name, as a restart of the server would; says how many."""
    with closing(server.admin()) as admin:
        query = b"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
        return len(admin.execute(query, (name,)).fetchall())


def test_a_lock_whose_connection_was_cut_is_lost_and_is_had_again(postgres_server: PostgresServer) -> None:
    claim = store_at(postgres_server.url("cut"), Path()).lock()
    assert claim.acquire("cut here", shared=False) is None
    assert cut(postgres_server, "cut here") == 1
    assert not claim.is_held()
    assert claim.acquire("cut here", shared=False) is None
    assert claim.is_held()
    claim.release()


def test_systems_in_two_schemas_of_one_database_do_not_meet(postgres_server: PostgresServer) -> None:
    claims = [store_at(postgres_server.url(schema), Path()).lock() for schema in ("one", "two")]
    assert [claim.acquire("somebody", shared=False) for claim in claims] == [None, None]
    for claim in claims:
        claim.release()


def test_holding_it_keeps_no_table_and_no_vacuum(at: StoreAt, url: str) -> None:
    with closing(at.open()) as store:
        claim = store_at(url, Path()).lock()
        assert claim.acquire("somebody", shared=False) is None
        store.compact()
        assert claim.is_held()
        claim.release()


def test_on_a_full_disk_the_lock_is_had_and_only_its_name_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        assert first.acquire("the first", shared=False) is None
    assert first.is_held()
    assert second.acquire("the second", shared=False) == ""
    first.release()
    assert second.acquire("the second", shared=False) is None
    second.release()
