"""Time leaps, in order, and says so when it can leap no further."""

import asyncio
import time
from collections.abc import Coroutine

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.errors import AtLimit
from headworks.core.reply import Reply
from headworks.core.service import Enter, entering
from headworks.core.vtime import EPOCH, MOST_READINGS, MOST_TURNS, Deadlock, Spinning, VirtualLoop, run_virtual
from headworks.testing import ask, call, virtual

INSTANTS = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.1 + 0.2, 0.3, 1.0, 3600.0, 1e6]), max_size=30)


@given(INSTANTS)
def test_timers_run_in_the_order_of_their_instants_then_of_their_making(instants: list[float]) -> None:
    async def scene() -> list[tuple[float, int]]:
        loop = asyncio.get_running_loop()
        ran: list[tuple[float, int]] = []
        for number, at in enumerate(instants):
            loop.call_at(at, ran.append, (at, number))
        await asyncio.sleep(2e6)
        return ran

    expected = sorted((at, number) for number, at in enumerate(instants))
    assert run_virtual(scene()) == expected


@given(INSTANTS, st.randoms(use_true_random=False))
def test_a_cancelled_timer_never_runs_and_the_others_keep_their_order(instants: list[float], random: object) -> None:
    async def scene() -> tuple[list[int], list[int]]:
        loop = asyncio.get_running_loop()
        ran: list[int] = []
        timers = [loop.call_at(at, ran.append, number) for number, at in enumerate(instants)]
        kept = []
        for number, timer in enumerate(timers):
            if random.random() < 0.6:  # type: ignore[attr-defined]
                timer.cancel()
            else:
                kept.append(number)
        await asyncio.sleep(2e6)
        return ran, sorted(kept, key=lambda number: (instants[number], number))

    ran, expected = run_virtual(scene())
    assert ran == expected


@given(st.lists(st.floats(0, 1e6), max_size=10))
def test_a_timer_runs_at_its_instant_to_the_last_bit(instants: list[float]) -> None:
    async def scene() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        ran: list[tuple[float, float]] = []

        def note(at: float) -> None:
            ran.append((at, now()))

        for at in instants:
            loop.call_at(at, note, at)
        await asyncio.sleep(2e6)
        return ran

    ran = run_virtual(scene())
    assert len(ran) == len(instants)
    assert all(ran_at == due for due, ran_at in ran)


@virtual
async def test_time_moves_only_when_nothing_is_ready() -> None:
    steps = []

    async def busy() -> None:
        for _ in range(50):
            await asyncio.sleep(0)
            steps.append(now())

    await asyncio.gather(busy(), asyncio.sleep(1))
    assert set(steps) == {0.0}
    assert now() == 1.0


def test_a_year_of_sleeping_takes_no_time() -> None:
    started = time.perf_counter()
    assert run_virtual(asyncio.sleep(365 * 86_400, "slept")) == "slept"
    assert time.perf_counter() - started < 30


@virtual
async def test_the_wall_is_its_start_and_the_time_that_was_leapt() -> None:
    assert (now(), wall()) == (0.0, EPOCH)
    await asyncio.sleep(90)
    assert (now(), wall()) == (90.0, EPOCH + 90)


def test_each_run_starts_anew() -> None:
    async def scene() -> float:
        started = now()
        await asyncio.sleep(5)
        return started

    assert [run_virtual(scene()) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_what_can_never_happen_is_a_deadlock_and_what_waits_for_it_is_cancelled() -> None:
    ended = []

    async def scene() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(now())

    with pytest.raises(Deadlock, match="no timer"):
        run_virtual(scene())
    assert ended == [0.0]


def test_a_timer_that_never_comes_is_a_deadlock() -> None:
    with pytest.raises(Deadlock, match="infinitely"):
        run_virtual(asyncio.sleep(float("inf")))


def test_a_closed_loop_takes_no_timers() -> None:
    loop = VirtualLoop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_at(1.0, print)


def test_a_thread_is_outside_of_virtual_time() -> None:
    """Waiting for one would wait for ever, so it is said at once."""

    async def scene() -> None:
        await asyncio.to_thread(time.sleep, 0.05)

    with pytest.raises(Deadlock):
        run_virtual(scene())


def test_an_error_comes_out_as_it_was_raised() -> None:
    async def scene() -> None:
        await asyncio.sleep(1)
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        run_virtual(scene())


def test_tasks_that_are_left_over_are_cancelled() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            ended.append("cancelled")

    async def scene() -> asyncio.Task[None]:
        task = asyncio.create_task(endless())
        await asyncio.sleep(1)
        return task

    assert run_virtual(scene()).cancelled()
    assert ended == ["cancelled"]


@virtual
async def test_timeouts_and_queues_of_the_standard_library_run_on_it() -> None:
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    queue: asyncio.Queue[int] = asyncio.Queue()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await queue.get()
    assert now() == 3.0
    asyncio.get_running_loop().call_later(2, queue.put_nowait, 7)
    assert await asyncio.wait_for(queue.get(), 10) == 7
    assert now() == 5.0


# What goes round and does not get on


async def decides(steps: int | None) -> int:
    """As a layer that asks again and again and never waits."""
    rounds = 0
    while steps is None or rounds < steps:
        now()
        rounds += 1
    return rounds


async def asks(steps: int | None) -> int:
    return await decides(steps)


def test_a_step_that_reads_the_clock_for_ever_is_named_and_ended() -> None:
    with pytest.raises(Spinning, match=r"test_vtime.py:\d+:decides goes round at 5.000 s without waiting"):
        run_virtual(after(5.0, asks(None)))


async def after(seconds: float, then: Coroutine[None, None, int]) -> int:
    await asyncio.sleep(seconds)
    return await then


def test_a_layer_that_spins_is_named_and_not_what_it_calls() -> None:
    class Full:
        @entering
        async def open(self, call: Call, enter: Enter) -> Reply:
            raise AtLimit(f"not before {now() + 1}")

    class Circle:
        inner = Full()

        @entering
        async def open(self, call: Call, enter: Enter) -> Reply:
            while True:
                try:
                    return await enter(self.inner.open(call))
                except AtLimit:
                    continue

    with pytest.raises(Spinning, match=r"test_vtime.py:\d+:\S*Circle.open goes round"):
        run_virtual(ask(Circle(), call()))


def test_many_steps_of_one_turn_that_read_the_clock_are_no_circle() -> None:
    async def scene() -> int:
        return sum(await asyncio.gather(*[decides(MOST_READINGS // 20) for _ in range(60)]))

    assert run_virtual(scene()) == 60 * (MOST_READINGS // 20)


async def gives_way(turns: int | None) -> None:
    count = 0
    while turns is None or count < turns:
        await asyncio.sleep(0)
        count += 1


def test_tasks_that_wake_each_other_while_time_stands_still_are_named_and_ended() -> None:
    async def scene() -> None:
        await asyncio.gather(gives_way(None), asyncio.sleep(1.0))

    with (
        pytest.raises(Spinning, match=r"1000 turns at 0.000 s .* again and again: \S*test_vtime.py:\d+:gives_way$"),
        asyncio.Runner(loop_factory=lambda: VirtualLoop(most_turns=1000)) as runner,
    ):
        runner.run(scene())


def test_a_timer_that_is_too_near_to_be_reached_is_no_progress() -> None:
    async def scene() -> None:
        await asyncio.sleep(1e9)
        while True:
            await asyncio.sleep(1e-9)

    with (
        pytest.raises(Spinning, match="time does not move"),
        asyncio.Runner(loop_factory=lambda: VirtualLoop(most_turns=1000)) as runner,
    ):
        runner.run(scene())


def test_a_callback_that_calls_itself_is_named() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_soon(again)

        again()
        await asyncio.sleep(1.0)

    with (
        pytest.raises(Spinning, match=r"again and again: \S*scene.<locals>.again"),
        asyncio.Runner(loop_factory=lambda: VirtualLoop(most_turns=1000)) as runner,
    ):
        runner.run(scene())


@virtual
async def test_turns_count_only_since_time_moved_last() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    for _ in range(3):
        await gives_way(1000)
        await asyncio.sleep(0.001)
    assert loop._selector.turns_left > MOST_TURNS - 100
