"""What each user and each session of a key has spent is in the ledger, with what nobody has a record of yet."""

from __future__ import annotations

from pathlib import Path

from headworks.ledger.erasure import purge_user, redacted
from headworks.ledger.journal import Journal
from headworks.ledger.overwrite import of_user, overwrite
from headworks.ledger.store import StoreAt
from headworks.ledger.subjects import subtotals
from tests.ledger.records import journal, record
from tests.ledger.test_opened import DAY, indexed, opened

REFUSED = {"outcome": "refused", "status": 429, "attempts": [], "cost_nano": 0}


def test_each_user_of_a_key_has_its_sum_and_those_who_named_none_have_one(tmp_path: Path, at: StoreAt) -> None:
    journal(
        tmp_path / "journal",
        record(1, user="ada", cost_nano=5),
        record(2, user="bob", cost_nano=7),
        record(3, user="ada", cost_nano=11),
        record(4, cost_nano=13),
        record(5, user="ada", key="other", cost_nano=17),
        record(6, user="bob", **REFUSED),
    )
    index = indexed(tmp_path, at)
    found = {one.name: (one.cost, one.calls) for one in subtotals(index.store(), "enduser", ["web"], DAY)}
    assert found == {"ada": (16, 2), "bob": (7, 1), "": (13, 1)}
    assert [one.name for one in subtotals(index.store(), "enduser", ["web", "other"], DAY + 5)] == ["ada", "bob"]
    assert subtotals(index.store(), "enduser", ["nobody has this key"], DAY) == []
    index.close()


def test_a_session_that_lives_has_the_sum_of_its_whole_life(tmp_path: Path, at: StoreAt) -> None:
    journal(
        tmp_path / "journal",
        record(1, session="long", cost_nano=5),
        record(2, session="over", cost_nano=7),
        record(1000, session="long", cost_nano=11),
        record(1001, cost_nano=13),
    )
    index = indexed(tmp_path, at)
    [found] = subtotals(index.store(), "session", ["web"], DAY + 500, is_whole=True)
    assert (found.name, found.cost, found.calls, found.at) == ("long", 16, 2, DAY + 1000)
    index.close()


def test_calls_that_run_or_were_lost_count_for_their_user_and_session(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    for number in (1, 2):
        written.open(opened(number, 500, user="ada", session="s"))
    index = indexed(tmp_path, at)
    for column, name in (("enduser", "ada"), ("session", "s")):
        [running] = subtotals(index.store(), column, ["web"], DAY)  # type: ignore[arg-type]
        assert (running.name, running.cost, running.calls) == (name, 1000, 2)
    written.close()
    index.catch_up()
    [lost] = subtotals(index.store(), "enduser", ["web"], DAY)
    assert (lost.name, lost.cost, lost.calls) == ("ada", 1000, 2)
    index.close()


def test_a_user_who_was_purged_is_in_no_sum_and_in_no_line_that_opened_a_lost_call(tmp_path: Path, at: StoreAt) -> None:
    written = Journal(tmp_path / "journal", started_at=1.0, sync=1.0)
    written.open(opened(1, 500, user="ada"))
    written.append(record(2, user="ada", cost_nano=5))
    written.append(record(3, cost_nano=7))
    index = indexed(tmp_path, at)
    purge_user(index.store(), "ada", DAY + 100)
    overwrite(tmp_path / "journal", index.offsets(), of_user("ada"), redacted)
    assert b'"ada"' not in written.path.read_bytes()
    written.close()
    index.catch_up()
    assert [(one.name, one.cost) for one in subtotals(index.store(), "enduser", ["web"], DAY)] == [("", 7)]
    index.close()


def test_more_keys_than_a_question_takes_are_asked_for_in_parts(tmp_path: Path, at: StoreAt) -> None:
    journal(tmp_path / "journal", record(1, user="ada", cost_nano=5))
    index = indexed(tmp_path, at)
    keys = [*[f"key-{number}" for number in range(1200)], "web"]
    assert [one.cost for one in subtotals(index.store(), "enduser", keys, DAY)] == [5]
    index.close()
