import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headworks.core.call import Priority
from headworks.policy.shedding import SHARES, Admission, Ticket

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
    assert repr(admission) == "Admission(20 of 20, 0 waiting)"


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


# Waiting


class Waiting:
    """An admission and those who wait at it, by name; `told` has who was told what, in order."""

    def __init__(self, limit: int, most_queued: int) -> None:
        self.admission = Admission(limit, most_queued)
        self.told: list[tuple[str, str]] = []
        self.tickets: dict[str, Ticket] = {}

    def wait(self, name: str, priority: Priority) -> bool:
        def tell() -> None:
            self.told.append((name, "admitted" if self.tickets[name].is_admitted else "shed"))

        ticket = self.admission.wait(priority, tell)
        if ticket is not None:
            self.tickets[name] = ticket
        return ticket is not None


def full(limit: int = 1, most_queued: int = 3) -> Waiting:
    waiting = Waiting(limit, most_queued)
    while waiting.admission.admit("high"):
        pass
    return waiting


def test_a_place_goes_to_the_highest_priority_and_there_to_who_came_first() -> None:
    waiting = full(most_queued=9)
    arrivals: list[tuple[str, Priority]] = [
        ("a", "low"),
        ("b", "normal"),
        ("c", "high"),
        ("d", "high"),
        ("e", "normal"),
    ]
    for name, priority in arrivals:
        assert waiting.wait(name, priority)
    for _ in arrivals:
        waiting.admission.leave()
    assert waiting.told == [(name, "admitted") for name in "cdbea"]
    assert (waiting.admission.queued, waiting.admission.in_flight) == (0, 1)


def test_when_the_queue_is_full_the_oldest_of_the_lowest_priority_is_shed() -> None:
    waiting = full()
    assert all([waiting.wait("a", "normal"), waiting.wait("b", "low"), waiting.wait("c", "low")])
    assert waiting.wait("d", "high")
    assert waiting.told == [("b", "shed")]
    assert waiting.wait("e", "low")
    assert waiting.wait("f", "normal")
    assert waiting.told == [("b", "shed"), ("c", "shed"), ("e", "shed")]
    assert not waiting.wait("g", "low"), "all others matter more"
    assert waiting.wait("h", "normal")
    assert waiting.told[-1] == ("a", "shed")
    assert waiting.admission.queued == 3


def test_without_a_queue_nobody_waits() -> None:
    assert not full(most_queued=0).wait("a", "high")


def test_a_place_that_is_kept_for_others_is_not_given_to_who_waits() -> None:
    waiting = Waiting(5, 9)  # low may have four
    for _ in range(5):
        assert waiting.admission.admit("high")
    waiting.wait("a", "low")
    waiting.admission.leave()
    assert waiting.told == []
    assert waiting.admission.has_room("high")
    assert not waiting.admission.has_room("low")
    waiting.admission.leave()
    assert waiting.told == [("a", "admitted")]


def test_who_withdraws_leaves_no_gap_in_the_queue_and_gives_back_a_place_that_it_got() -> None:
    waiting = full()
    waiting.wait("a", "high")
    waiting.wait("b", "high")
    waiting.admission.withdraw(waiting.tickets["a"])
    assert waiting.admission.queued == 1
    waiting.admission.leave()
    assert waiting.told == [("b", "admitted")]
    for _ in range(2):
        waiting.admission.withdraw(waiting.tickets["b"])
        waiting.admission.withdraw(waiting.tickets["a"])
    assert (waiting.admission.in_flight, waiting.admission.queued) == (0, 0)


def test_a_higher_bound_calls_in_who_waits() -> None:
    waiting = full()
    waiting.wait("a", "high")
    waiting.wait("b", "high")
    waiting.admission.resize(2, 0)
    assert waiting.told == [("a", "admitted")]
    assert waiting.admission.queued == 1, "nobody who waits is turned away"


def test_a_place_that_was_given_back_is_not_given_back_again_in_another_calls_name() -> None:
    waiting = full()
    waiting.wait("a", "high")
    waiting.admission.leave()
    waiting.admission.leave(waiting.tickets["a"])
    assert waiting.admission.admit("high")
    waiting.admission.withdraw(waiting.tickets["a"])
    assert waiting.admission.in_flight == 1, "the place is another call's"
    with pytest.raises(RuntimeError, match="never admitted"):
        waiting.admission.leave(waiting.tickets["a"])


@given(
    limit=st.integers(1, 8),
    most=st.integers(0, 5),
    steps=st.lists(
        st.tuples(st.sampled_from(["come", "leave", "withdraw"]), st.sampled_from(PRIORITIES), st.integers(0, 99))
    ),
)
@example(
    1,
    1,
    [("come", "high", 0), ("come", "high", 0), ("leave", "high", 0), ("leave", "high", 0), ("withdraw", "high", 0)],
)
def test_law_conserved_bounded_and_told_once(limit: int, most: int, steps: list[tuple[str, Priority, int]]) -> None:
    """Whoever came is inside, waits, was shed or has left; nobody waits who would find a place; each is told once."""
    waiting = Waiting(limit, most)
    admission = waiting.admission
    at_once = 0  # inside without having waited
    for number, (step, priority, drawn) in enumerate(steps):
        inside = [ticket for ticket in waiting.tickets.values() if ticket.is_admitted]
        if step == "come":
            if admission.admit(priority):
                at_once += 1
            else:
                waiting.wait(str(number), priority)
        elif step == "leave" and at_once + len(inside):
            if (chosen := drawn % (at_once + len(inside))) < len(inside):
                admission.leave(inside[chosen])
            else:
                at_once -= 1
                admission.leave()
        elif step == "withdraw" and waiting.tickets:
            name = sorted(waiting.tickets)[drawn % len(waiting.tickets)]
            admission.withdraw(waiting.tickets[name])
            assert not waiting.tickets[name].is_admitted
        assert 0 <= admission.queued <= most
        told = [name for name, _ in waiting.told]
        assert len(told) == len(set(told))
        here = [ticket for queue in admission._queues.values() for ticket in queue]
        inside = [ticket for ticket in waiting.tickets.values() if ticket.is_admitted]
        assert admission.in_flight == at_once + len(inside) <= limit
        assert len(here) == admission.queued
        assert not any(admission.has_room(ticket.priority) for ticket in here)
        assert {name for name, ticket in waiting.tickets.items() if ticket in here}.isdisjoint(told)
