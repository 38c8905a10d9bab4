import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.policy.concurrency import Slots


def test_as_many_as_the_limit_and_no_more() -> None:
    slots = Slots(2)
    assert [slots.acquire() for _ in range(3)] == [True, True, False]
    assert repr(slots) == "Slots(2 of 2)"
    slots.release()
    assert slots.acquire()


def test_giving_back_what_nobody_took_is_an_error() -> None:
    slots = Slots(1)
    with pytest.raises(RuntimeError, match="nobody had taken"):
        slots.release()
    assert slots.in_use == 0


def test_a_limit_that_sinks_admits_nobody_until_enough_have_left() -> None:
    slots = Slots(3)
    assert [slots.acquire() for _ in range(3)] == [True] * 3
    slots.limit = 1
    slots.release()
    slots.release()
    assert not slots.acquire()
    slots.release()
    assert slots.acquire()


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_admits_nobody_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="nobody"):
        Slots(limit)


@given(limit=st.integers(1, 20), steps=st.lists(st.booleans(), max_size=100))
def test_law_in_use_is_what_was_taken_and_not_given_back(limit: int, steps: list[bool]) -> None:
    slots, held = Slots(limit), 0
    for takes in steps:
        if takes:
            held += slots.acquire()
        elif held:
            slots.release()
            held -= 1
        assert slots.in_use == held <= limit
