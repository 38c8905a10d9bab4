"""First come, first served, where several bounds are shared by some and not by others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headworks.policy.wait_queue import Names, Waiter, WaitQueue

PROVIDER: Names = frozenset(["tpm/p"])
X: Names = frozenset(["tpm/p", "rpm/x"])
Y: Names = frozenset(["tpm/p", "rpm/y"])


class Room:
    """A provider's turns, and who was told."""

    def __init__(self) -> None:
        self.queue = WaitQueue()
        self.told: list[str] = []

    def come(self, name: str, names: Names) -> Waiter:
        return self.queue.join(names, lambda: self.told.append(name))


def test_nobody_stands_before_a_newcomer_where_nobody_waits() -> None:
    room = Room()
    assert room.queue.blocker(PROVIDER) is None
    one = room.come("one", PROVIDER)
    assert room.queue.may_poll(one)
    assert room.queue.blocker(PROVIDER) is one
    room.queue.leave(one)
    assert (room.queue.blocker(PROVIDER), room.queue.queues, room.told) == (None, {}, [])


def test_who_came_first_asks_first_and_the_next_is_told_when_it_leaves() -> None:
    room = Room()
    one, two, three = (room.come(name, PROVIDER) for name in ("one", "two", "three"))
    room.queue.note_refusal(one, "tpm/p", 5.0)
    assert [room.queue.may_poll(waiter) for waiter in (one, two, three)] == [True, False, False]
    assert one.room_at == 5.0
    room.queue.leave(two)
    assert room.told == []
    room.queue.leave(one)
    assert room.told == ["three"]
    assert room.queue.may_poll(three)


def test_who_waits_for_its_target_does_not_hold_up_another_target_of_the_provider() -> None:
    room = Room()
    one, two, other = room.come("one", X), room.come("two", X), room.come("other", Y)
    assert not room.queue.may_poll(other), "it is not known yet what the first one waits for"
    room.queue.note_refusal(one, "rpm/x")
    assert room.told == ["other"]
    assert room.queue.may_poll(other)
    room.queue.note_refusal(one, "rpm/x")
    assert room.told == ["other"], "that is no news"
    room.queue.note_refusal(other, "tpm/p")
    assert room.queue.may_poll(one)
    assert room.queue.blocker(X) is one
    assert room.queue.blocker(frozenset(["tpm/q"])) is None
    room.queue.leave(other)
    room.queue.leave(two)
    assert room.told == ["other"]


def test_who_waits_for_the_provider_stands_before_all_of_its_targets() -> None:
    room = Room()
    one, other = room.come("one", X), room.come("other", Y)
    room.queue.note_refusal(one, "tpm/p")
    assert not room.queue.may_poll(other)
    assert room.queue.blocker(Y) is one


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["come", "refuse", "leave"]),
            st.sampled_from([PROVIDER, X, Y, frozenset(["rpm/x"])]),
            st.integers(0, 99),
        ),
        max_size=60,
    )
)
def test_law_nobody_passes_and_somebody_may_always_ask(steps: list[tuple[str, Names, int]]) -> None:
    room = Room()
    waiting: list[Waiter] = []
    for number, (step, names, drawn) in enumerate(steps):
        asking = [waiter for waiter in waiting if room.queue.may_poll(waiter)]
        if step == "come":
            waiting.append(room.come(str(number), names))
        elif step == "refuse" and asking:
            chosen = asking[drawn % len(asking)]
            room.queue.note_refusal(chosen, sorted(chosen.names)[drawn % len(chosen.names)])
        elif step == "leave" and waiting:
            room.queue.leave(waiting.pop(drawn % len(waiting)))
        asking = [waiter for waiter in waiting if room.queue.may_poll(waiter)]
        assert bool(asking) == bool(waiting)
        assert asking[:1] == waiting[:1], "who has waited longest may always ask"
        for later in asking:
            for earlier in waiting[: waiting.index(later)]:
                assert earlier.waits_for not in later.names, "it would pass"
                assert earlier.names != later.names
