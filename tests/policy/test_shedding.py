import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.call import Priority
from headworks.policy.shedding import SHARES, Admission

PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")


@pytest.mark.parametrize(("priority", "places"), [("high", 4096), ("normal", 3892), ("low", 3277)])
def test_each_priority_fills_its_share_of_the_bound(priority: Priority, places: int) -> None:
    admission = Admission()
    assert sum(admission.admit(priority) for _ in range(5000)) == places == admission.in_flight


def test_the_last_places_are_kept_for_who_matters_more() -> None:
    admission = Admission(20)
    assert sum(admission.admit("low") for _ in range(20)) == 16
    assert sum(admission.admit("normal") for _ in range(20)) == 3
    assert sum(admission.admit("high") for _ in range(20)) == 1
    assert repr(admission) == "Admission(20 of 20)"


@pytest.mark.parametrize("priority", PRIORITIES)
@given(limit=st.integers(1, 10_000))
def test_an_idle_gateway_admits_everybody(priority: Priority, limit: int) -> None:
    assert Admission(limit).admit(priority)


def test_leaving_without_being_admitted_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="never admitted"):
        Admission(1).leave()


def test_a_limit_that_admits_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody"):
        Admission(0)


@given(limit=st.integers(1, 50), steps=st.lists(st.sampled_from([*PRIORITIES, None]), max_size=150))
def test_law_bounded_conserved_and_ordered(limit: int, steps: list[Priority | None]) -> None:
    """Never more than the limit; as many as came and did not leave; who is refused, every lower priority is too."""
    admission, inside = Admission(limit), 0
    for priority in steps:
        if priority is None:
            if inside:
                admission.leave()
                inside -= 1
        elif admission.admit(priority):
            inside += 1
        else:
            lower = PRIORITIES[PRIORITIES.index(priority) :]
            assert not any(admission.admit(other) for other in lower)
        assert admission.in_flight == inside <= limit


def test_shares_fall_with_the_priority() -> None:
    shares = [SHARES[priority] for priority in PRIORITIES]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0


def test_another_bound_takes_no_place_away_and_gives_none_until_enough_have_left() -> None:
    admission = Admission(4)
    assert [admission.admit("high") for _ in range(4)] == [True] * 4
    admission.resize(2)
    assert (admission.in_flight, admission.limit) == (4, 2)
    admission.leave()
    admission.leave()
    assert not admission.admit("high")
    admission.leave()
    assert admission.admit("high")
    with pytest.raises(ValueError, match="nobody"):
        admission.resize(0)
