"""Kept answers in either store: conversations, whose they are, how they end, and the backup that has them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from headworks.core.kept_answer import ItemPlace, KeptAnswer
from headworks.core.record import user_digest
from headworks.ledger import responses as stored_responses
from headworks.ledger.backup import back_up
from headworks.ledger.backup_file import AT_ONCE, BYTES_AT_ONCE, next_batch, verified
from headworks.ledger.erasure import purge_user
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.ledger import Ledger
from headworks.ledger.responses import Responses, TooMuch
from headworks.ledger.restore import restore
from headworks.ledger.store import StoreAt

DAY = 86400.0
PLENTY = 1_000_000


def answer(
    id: str,
    earlier: str = "",
    *,
    key: str = "web",
    user: str = "",
    at: float = 1000.0,
    root: str = "",
    total: int = 100,
    items: Sequence[ItemPlace] = (),
) -> KeptAnswer:
    return KeptAnswer(
        id=id,
        key=key,
        user=user_digest(user) if user else "",
        made_at=at,
        earlier=earlier,
        root=root or id,
        total=total,
        turn=b'{"input":[],"output":["' + id.encode() + b'"]}',
        head=b'{"id":"' + id.encode() + b'"}',
        items=items,
    )


def ids(found: Responses) -> list[str]:
    return [id for (id,) in found.store.rows("SELECT id FROM responses ORDER BY id")]


@pytest.fixture
def found(at: StoreAt) -> Responses:
    return Responses(at.open())


def test_a_conversation_is_read_from_its_first_turn_to_the_answer_asked_for(found: Responses) -> None:
    chain = [
        answer("a"),
        answer("b", "a", root="a", total=200),
        answer("c", "b", root="a", total=300),
        answer("d", "a", root="a"),
    ]
    assert found.add(chain[:1]) == [True]
    assert found.add(chain[1:]) == [True] * 3
    read = found.find("c", "web", PLENTY)
    assert read is not None
    assert (read.id, read.root, read.total, read.head) == ("c", "a", 300, chain[2].head)
    assert list(read.turns) == [one.turn for one in chain[:3]]
    fork = found.find("d", "web", PLENTY)
    assert fork is not None
    assert list(fork.turns) == [chain[0].turn, chain[3].turn]


def test_another_keys_answer_is_not_there_and_neither_is_one_of_nobody(found: Responses) -> None:
    found.add([answer("a"), answer("b", key="")])
    assert found.find("a", "other", PLENTY) is found.find("a", "", PLENTY) is found.find("b", "web", PLENTY) is None
    assert found.find("nobody", "web", PLENTY) is None
    assert not found.delete("a", "other")
    assert found.find("b", "", PLENTY) is not None
    # Not even where a row says that it goes on from another key's.
    found.add([answer("c", "b", root="b")])
    assert found.find("c", "web", PLENTY) is None


def test_a_conversation_that_is_too_large_is_not_read(found: Responses) -> None:
    found.add([answer("a", total=500)])
    with pytest.raises(TooMuch) as caught:
        found.find("a", "web", 499)
    assert caught.value.total == 500
    assert found.find("a", "web", 500) is not None


def test_what_goes_on_from_a_deleted_answer_is_not_whole_and_so_not_there(found: Responses) -> None:
    found.add([answer("a"), answer("b", "a", root="a")])
    assert found.delete("a", "web")
    assert not found.delete("a", "web")
    assert found.find("b", "web", PLENTY) is None
    assert found.delete("b", "web")


def test_an_answer_that_comes_twice_is_kept_once_as_it_came_first(found: Responses) -> None:
    found.add([answer("a")])
    assert found.add([answer("a", key="other")]) == [True]
    assert found.find("a", "web", PLENTY) is not None


def test_a_circle_in_a_forged_table_ends(found: Responses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        stored_responses, "_CHAIN", stored_responses._CHAIN.replace(str(stored_responses.MOST_TURNS), "50")
    )
    found.add([answer("a", "b"), answer("b", "a")])
    assert found.find("a", "web", PLENTY) is None


def test_a_conversation_ends_when_its_last_answer_is_old_and_not_before(found: Responses) -> None:
    found.add(
        [answer("a", at=DAY), answer("b", "a", root="a", at=9 * DAY), answer("c", at=DAY), answer("d", at=10 * DAY)]
    )
    assert found.forget(5 * DAY, 500) == 1
    assert ids(found) == ["a", "b", "d"]
    assert found.forget(9.5 * DAY, 500) == 2
    assert ids(found) == ["d"]
    assert found.forget(9.5 * DAY, 500) == 0


def test_forgetting_is_done_in_small_pieces(found: Responses) -> None:
    found.add([answer(f"a{number}", at=float(number)) for number in range(5)])
    assert [found.forget(DAY, 2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_purge_takes_the_users_answers_and_those_that_come_later_of_calls_before_it(
    found: Responses,
) -> None:
    found.add([answer("ann", user="ann"), answer("bob", user="bob"), answer("none")])
    purge_user(found.store, "ann", 2000.0)
    assert ids(found) == ["bob", "none"]
    late, new = answer("late", user="ann", at=1999.0), answer("new", user="ann", at=2001.0)
    assert found.add([late, new, answer("more")]) == [False, True, True]
    assert ids(found) == ["bob", "more", "new", "none"]


def test_the_ledger_forgets_answers_by_their_own_retention_and_by_that_of_calls_where_none_are_kept_any_more(
    tmp_path: Path, at: StoreAt
) -> None:
    store = at.open()
    for retention, left in ((3 * DAY, ["a"]), (None, [])):
        Responses(store).add([answer("a", at=_days_ago(2))])
        ledger = Ledger(tmp_path / "journal", at, retention=DAY, responses=retention)
        ledger._forget()
        ledger.indexer.close()
        assert ids(Responses(store)) == left


def _days_ago(days: float) -> float:
    return time.time() - days * DAY


def test_a_backup_has_the_answers_and_a_restore_brings_them_back(tmp_path: Path, at: StoreAt) -> None:
    (tmp_path / "journal").mkdir()
    store = at.open()
    kept = [answer("a", user="ann"), answer("b", "a", root="a", key="")]
    Responses(store).add(kept)
    backup = tmp_path / "backup"
    back_up(tmp_path / "journal", at, backup, made_at=1.0)
    Responses(store).delete("a", "web")
    with backup.open("rb") as file:
        assert verified(file).contents.rows["responses"] == 2
        file.seek(0)
        restore(file, tmp_path / "journal", at, may_replace=True)
    back = Responses(at.open())
    assert ids(back) == ["a", "b"]
    read = back.find("a", "web", PLENTY)
    assert read is not None
    assert (list(read.turns), read.head) == ([kept[0].turn], kept[0].head)
    assert back.erase(user_digest("ann"), 2000.0) == 1


def test_a_backup_holds_few_long_rows_at_once() -> None:
    rows = iter([("a", b"x" * (BYTES_AT_ONCE // 2))] * 5)
    assert [len(next_batch(rows)) for _ in range(4)] == [2, 2, 1, 0]
    short = iter([("a", b"x")] * (AT_ONCE + 1))
    assert [len(next_batch(short)) for _ in range(3)] == [AT_ONCE, 1, 0]


def test_marks_of_the_purged_are_read_only_where_an_answer_is_a_users(found: Responses) -> None:
    Keys(found.store).put("purged", user_digest("ann"), Entry(created_at=2000.0), None)
    assert found.add([answer("a"), answer("b", user="ann")]) == [True, False]


# Items of answers, by their ids

BEGINS = 22
"""Where the only item of an answer's output begins, in `answer`."""


def places(*ids: str) -> list[ItemPlace]:
    return [ItemPlace(id, BEGINS, 3) for id in ids]


def left(found: Responses) -> list[str]:
    return [item for (item,) in found.store.rows("SELECT item FROM response_items ORDER BY item")]


def test_an_item_is_found_by_the_key_that_made_it(found: Responses) -> None:
    found.add(
        [answer("a", items=places("x", "y")), answer("b", items=places("z")), answer("c", key="", items=places("x"))]
    )
    assert found.items(["x", "z", "none"], "web", PLENTY) == {"x": b'"a"', "z": b'"b"'}
    assert found.items(["x", "z"], "", PLENTY) == {"x": b'"c"'}
    assert found.items(["x"], "other", PLENTY) == {}


def test_of_an_id_that_comes_twice_the_newest_item_counts(found: Responses) -> None:
    found.add([answer("a", items=places("x"))])
    found.add([answer("b", items=places("x"))])
    assert found.items(["x"], "web", PLENTY) == {"x": b'"b"'}
    found.delete("a", "web")
    assert found.items(["x"], "web", PLENTY) == {"x": b'"b"'}


def test_items_go_with_their_answer_however_it_goes(found: Responses) -> None:
    found.add(
        [
            answer("deleted", items=places("d")),
            answer("purged", user="ann", items=places("p")),
            answer("old", at=1.0, items=places("o")),
            answer("young", at=DAY, items=places("y")),
        ]
    )
    assert found.delete("deleted", "web")
    assert left(found) == ["o", "p", "y"]
    purge_user(found.store, "ann", 2000.0)
    assert left(found) == ["o", "y"]
    assert found.forget(1000.0, 500) == 1
    assert left(found) == ["y"]
    late = answer("late", user="ann", at=1999.0, items=places("l"))
    assert found.add([late]) == [False]
    assert left(found) == ["y"]


def test_items_that_are_too_large_together_are_not_read(found: Responses, monkeypatch: pytest.MonkeyPatch) -> None:
    found.add([answer("a", items=places("x", "y"))])
    assert len(found.items(["x", "y"], "web", 6)) == 2
    with pytest.raises(TooMuch) as caught:
        found.items(["x", "y"], "web", 5)
    assert caught.value.total == 6
    monkeypatch.setattr(stored_responses, "MOST_SEARCHED", 10)
    with pytest.raises(TooMuch) as caught:
        found.items(["x", "y"], "web", PLENTY)
    assert caught.value.total == len(answer("a").turn)


def test_a_backup_has_the_items_too(tmp_path: Path, at: StoreAt) -> None:
    (tmp_path / "journal").mkdir()
    store = at.open()
    Responses(store).add([answer("a", items=places("x"))])
    back_up(tmp_path / "journal", at, tmp_path / "backup", made_at=1.0)
    Responses(store).delete("a", "web")
    with (tmp_path / "backup").open("rb") as file:
        restore(file, tmp_path / "journal", at, may_replace=True)
    assert Responses(at.open()).items(["x"], "web", PLENTY) == {"x": b'"a"'}
