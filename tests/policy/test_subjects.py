"""So many users and sessions are told apart, and those beyond share accounts: nothing that was spent is forgotten."""

from __future__ import annotations

from headworks.core.state import Spent, Subject
from headworks.policy.subjects import SHARED, Subjects, is_shared, named, own_account, shared_account

AT = 1_800_000_000.0


def subject(number: int, at: float = AT, *, owner: str = "session/key/web", lasts: float = 60.0) -> Subject:
    return Subject(owner, f"{number:032x}"[::-1], at, lasts)


def dropping(dropped: list[str], *, busy: tuple[str, ...] = ()) -> Subjects:
    def drop(account: str) -> bool:
        if account in busy:
            return False
        dropped.append(account)
        return True

    return Subjects(drop, most=3)


def test_those_beyond_the_most_share_accounts_and_drive_nobody_out() -> None:
    dropped: list[str] = []
    known = dropping(dropped)
    first = [known.account(subject(number)) for number in range(3)]
    assert first == [own_account(subject(number)) for number in range(3)]
    made_up = {known.account(subject(number)) for number in range(3, 40_000)}
    assert all(one.startswith("session/key/web/~") for one in made_up)
    assert len(made_up) <= SHARED
    assert [known.account(subject(number)) for number in range(3)] == first
    assert known.account(subject(7, owner="session/key/other")) == own_account(subject(7, owner="session/key/other"))
    assert (len(known), dropped) == (4, [])


def test_one_beyond_the_most_has_always_the_same_account() -> None:
    known = dropping([])
    for number in range(3):
        known.account(subject(number))
    assert known.account(subject(9)) == known.account(subject(9)) == shared_account(subject(9))
    assert (is_shared(shared_account(subject(9))), is_shared(own_account(subject(9)))) == (True, False)


def test_who_was_silent_for_long_enough_makes_room_and_who_called_again_does_not() -> None:
    dropped: list[str] = []
    known = dropping(dropped)
    for number in range(3):
        known.account(subject(number))
    known.account(subject(0, AT + 50))
    assert known.account(subject(5, AT + 70)) == own_account(subject(5))
    assert dropped == [own_account(subject(1)), own_account(subject(2))]


def test_who_has_a_call_under_way_is_not_forgotten() -> None:
    dropped: list[str] = []
    known = dropping(dropped, busy=(own_account(subject(0)),))
    for number in range(3):
        known.account(subject(number))
    assert known.account(subject(5, AT + 70)) == own_account(subject(5, AT + 70))
    assert dropped == [own_account(subject(1))]
    assert known.account(subject(0, AT + 70)) == own_account(subject(0))


def test_whose_life_is_over_begins_anew() -> None:
    dropped: list[str] = []
    known = dropping(dropped)
    for at in (AT, AT + 60, AT + 121):
        assert known.account(subject(0, at)) == own_account(subject(0))
    assert dropped == [own_account(subject(0))]


def test_a_clock_that_is_set_back_shortens_nothing() -> None:
    dropped: list[str] = []
    known = dropping(dropped)
    for number in range(3):
        known.account(subject(number))
        known.account(subject(number, AT - 1000))
    assert known.account(subject(5, AT + 59)) == shared_account(subject(5))


def test_calls_that_name_nobody_are_one_and_take_no_room() -> None:
    known = dropping([])
    assert known.account(Subject("user/key/web", "", AT, 60.0)) == "user/key/web/"
    assert len(known) == 0


def test_what_two_spent_of_a_shared_account_is_added_up() -> None:
    one, two = subject(1), subject(2)
    spent = [Spent("", "total", 0, 3, 60, one), Spent("", "total", 0, 4, 60, two), Spent("key/web", "1d", 86400, 5)]
    assert named(spent, {one: "session/key/web/~1", two: "session/key/web/~1"}) == [
        Spent("session/key/web/~1", "total", 0, 7, 60),
        Spent("key/web", "1d", 86400, 5),
    ]
