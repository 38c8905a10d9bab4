"""Noted ids in either store: whose they are, that they count once, and the backup that has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.core.passage import OwnedId
from headworks.ledger.backup import back_up
from headworks.ledger.resources import AT_ONCE, Resources
from headworks.ledger.restore import restore
from headworks.ledger.store import StoreAt


@pytest.fixture
def found(at: StoreAt) -> Resources:
    return Resources(at.open())


def test_an_id_stays_whose_it_is(found: Resources) -> None:
    found.note("v", [OwnedId("a", "web"), OwnedId("b", "web", "batch_output")], 1000.0)
    found.note("v", [OwnedId("a", "other")], 1001.0)
    found.note("w", [OwnedId("a", "other")], 1002.0)
    assert found.find("v", ["a", "b", "c"]) == {"a": OwnedId("a", "web"), "b": OwnedId("b", "web", "batch_output")}
    assert found.find("w", ["a"]) == {"a": OwnedId("a", "other")}
    assert found.find("v", []) == {}


def test_many_ids_are_looked_up(found: Resources) -> None:
    ids = [str(number) for number in range(AT_ONCE + 1)]
    found.note("v", [OwnedId(one, "web") for one in ids], 1000.0)
    assert set(found.find("v", ids)) == set(ids)


def test_results_count_for_one_call_and_for_it_again_where_it_asks_twice(found: Resources) -> None:
    found.note("v", [OwnedId("a", "web", "batch_output")], 1000.0)
    assert [found.count("v", "a", call) for call in ("first", "second", "first")] == [True, False, True]
    assert found.find("v", ["a"])["a"].counted == "first"
    assert not found.count("v", "never", "first")


def test_what_was_deleted_is_forgotten(found: Resources) -> None:
    found.note("v", [OwnedId("a", "web")], 1000.0)
    found.forget("w", "a")
    assert found.find("v", ["a"])
    found.forget("v", "a")
    assert found.find("v", ["a"]) == {}


def test_a_backup_has_them(at: StoreAt, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    noted = Resources(at.open())
    noted.note("v", [OwnedId("a", "web", "batch_output"), OwnedId("b", "")], 1000.0)
    noted.count("v", "a", "call")
    before = noted.find("v", ["a", "b"])
    backup = tmp_path / "backup"
    back_up(tmp_path / "journal", at, backup, made_at=1.0)
    noted.forget("v", "a")
    with backup.open("rb") as file:
        restore(file, tmp_path / "journal", at, may_replace=True)
    assert Resources(at.open()).find("v", ["a", "b"]) == before
