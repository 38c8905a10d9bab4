"""A store of yesterday is told from one that is new, another one, or an old copy."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from headworks.ledger.identity import NOTE, Identity, departure, forget, identity, note, noted
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.store import StoreAt, StoreTrouble
from headworks.ledger.store_url import store_at


def revoke(at: StoreAt, name: str) -> None:
    with closing(at.open()) as store:
        assert Keys(store).put("revoked", name, Entry(revoked_at=1.0), None)


def known(at: StoreAt) -> Identity:
    with closing(at.open()) as store:
        return identity(store)


def test_a_store_is_the_same_each_time_it_is_opened_and_counts_its_changes_to_keys(at: StoreAt) -> None:
    first = known(at)
    assert len(first.id) == 16
    assert first.changes == 0
    revoke(at, "web")
    revoke(at, "other")
    assert known(at) == Identity(first.id, 2)


def test_two_stores_are_never_the_same(url: str, tmp_path: Path) -> None:
    other = url.replace("ledger.db", "other.db").replace("schema=test_", "schema=two_")
    assert known(store_at(url, tmp_path)).id != known(store_at(other, tmp_path)).id


def test_a_store_of_an_earlier_version_gets_its_identity_when_it_is_opened(at: StoreAt) -> None:
    revoke(at, "web")
    with closing(at.open()) as store, store.transaction():
        store.run("DROP TABLE identity")
        store.run("DROP TABLE responses")
        store.run("DROP TABLE resources")
        store.run("DROP TABLE response_items")
        store.run("DROP INDEX calls_session")
        store.run("ALTER TABLE calls DROP COLUMN session")
        store.run("UPDATE version SET number = 2" if at.is_shared else "PRAGMA user_version = 3")
    first = known(at)
    assert first.changes == 1
    assert known(at) == first


def test_what_is_noted_in_the_journals_folder_tells_another_store_and_an_older_copy(
    at: StoreAt, url: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    assert noted(journal) is None
    assert departure(known(at), None) == ""
    revoke(at, "web")
    with closing(at.open()) as store:
        assert note(journal, store) == noted(journal) == identity(store)
    now = known(at)
    assert departure(now, noted(journal)) == ""
    assert departure(Identity(now.id, now.changes + 3), noted(journal)) == ""
    assert "older copy: 0 changes to keys are in it, and there were 1" in departure(Identity(now.id, 0), noted(journal))
    assert "another store" in departure(Identity("0" * 16, 7), noted(journal))
    forget(journal)
    assert noted(journal) is None
    assert [path.name for path in journal.iterdir() if path.name.startswith("ledger")] == []


def test_a_note_that_was_spoiled_fits_no_store(tmp_path: Path, at: StoreAt) -> None:
    (tmp_path / NOTE).write_text("{")
    assert departure(known(at), noted(tmp_path))
    (tmp_path / NOTE).unlink()
    (tmp_path / NOTE).mkdir()
    with pytest.raises(StoreTrouble, match="cannot be read"):
        noted(tmp_path)
    with pytest.raises(StoreTrouble, match="cannot be written"), closing(at.open()) as store:
        note(tmp_path, store)
