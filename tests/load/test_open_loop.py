"""The open loop on virtual time: when calls are sent, what their latency counts from, when it is enough."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from itertools import pairwise
from statistics import fmean

import pytest

from headworks.core.clock import now
from headworks.load.arrivals import Arrival, RequestBodies, closest_stretch, draw_arrivals
from headworks.load.call import CallResult
from headworks.load.open_loop import LoopLimits, OpenLoop
from headworks.system.verdicts.closed_forms import Spread
from headworks.testing import virtual


class Slots:
    """A server that answers in `takes` seconds with so many slots; calls beyond wait in line."""

    def __init__(self, takes: float, slots: int) -> None:
        self.takes = takes
        self.slots = asyncio.Semaphore(slots)
        self.loads = 0

    def next_load(self) -> None:
        self.loads += 1

    def begin(self, arrival: Arrival, fared: CallResult) -> Awaitable[None]:
        return self.read_answer(fared)

    async def read_answer(self, fared: CallResult) -> None:
        async with self.slots:
            await asyncio.sleep(self.takes)
        fared.ended = "ok"
        fared.ended_at = now()


def even(count: int, rate: float) -> list[Arrival]:
    return [Arrival(number / rate, "a", 10, 10, False, number) for number in range(count)]


@virtual
async def test_latency_counts_from_the_schedule_not_from_when_the_server_was_free() -> None:
    """500 ms and one slot, 8 calls at 10 a second: the last is due at 0.7 s and answered at 4 s."""
    loop = OpenLoop(Slots(0.5, 1), even(8, 10.0), LoopLimits())
    await loop.run()
    taken = [one.duration for one in loop.results]
    assert taken == pytest.approx([0.5 + 0.4 * number for number in range(8)])
    assert fmean(taken) == pytest.approx(1.9)
    assert [one.sent_at for one in loop.results] == pytest.approx([one.due_at for one in loop.results])


@virtual
async def test_no_answer_delays_a_send() -> None:
    loop = OpenLoop(Slots(1000.0, 1), even(50, 100.0), LoopLimits(patience=0.5))
    await loop.run()
    assert [one.sent_at - loop.began_at for one in loop.results] == pytest.approx([n / 100 for n in range(50)])
    assert {one.ended for one in loop.results} == {"left"}
    assert len(asyncio.all_tasks()) == 1


@virtual
async def test_a_load_beyond_the_capacity_ends_itself() -> None:
    """10 a second are answered, 100 are sent: at twice the bound of 1 s 200 are under way, and more come."""
    loop = OpenLoop(Slots(0.1, 1), even(6000, 100.0), LoopLimits(bound=2.0))
    await loop.run()
    assert "over its capacity" in loop.stopped
    assert now() < 10
    assert len(loop.results) < 1000
    assert loop.in_flight == 0


@virtual
async def test_a_load_within_the_capacity_goes_on_to_its_end() -> None:
    loop = OpenLoop(Slots(0.1, 11), even(1000, 100.0), LoopLimits(bound=2.0))
    await loop.run()
    assert (loop.stopped, len(loop.results), loop.ended) == ("", 1000, {"ok": 1000})
    assert loop.elapsed == pytest.approx(10, abs=0.6)


@virtual
async def test_who_looks_on_can_end_it() -> None:
    loop = OpenLoop(
        Slots(0.1, 1), even(1000, 1.0), LoopLimits(stop_reason=lambda loop: "enough" if len(loop.results) > 4 else "")
    )
    await loop.run()
    assert loop.stopped == "enough"
    assert 5 <= len(loop.results) < 7


@virtual
async def test_a_bug_of_the_caller_is_not_swallowed() -> None:
    class Broken:
        async def read_answer(self) -> None:
            raise ZeroDivisionError

        def next_load(self) -> None:
            raise AssertionError

        def begin(self, arrival: Arrival, fared: CallResult) -> Awaitable[None]:
            return self.read_answer()

    with pytest.raises(ZeroDivisionError):
        await OpenLoop(Broken(), even(3, 1.0), LoopLimits()).run()


class Shape:
    def __init__(self, alias: str = "a", rate: float = 50.0, burstiness: float = 1.0, repeated: float = 0.0) -> None:
        self.alias = alias
        self.rate = rate
        self.burstiness = burstiness
        self.prompt = Spread(100.0, 0.5)
        self.output = Spread(30.0, 0.5)
        self.streamed = 0.7
        self.repeated = repeated


def test_the_same_seed_gives_the_same_calls_and_another_gives_others() -> None:
    shapes = [Shape(), Shape("b", 10.0)]
    assert draw_arrivals(shapes, 20.0, 1) == draw_arrivals(shapes, 20.0, 1) != draw_arrivals(shapes, 20.0, 2)


@pytest.mark.parametrize(("process", "variation"), [("even", 0.0), ("poisson", 1.0), ("gamma", 4.0)])
def test_gaps_vary_as_they_should(process: str, variation: float) -> None:
    made = draw_arrivals([Shape(burstiness=4.0)], 400.0, 3, process=process)  # type: ignore[arg-type]
    gaps = [b.at - a.at for a, b in pairwise(made)]
    mean = fmean(gaps)
    assert len(made) / 400 == pytest.approx(50, rel=0.05)
    assert fmean([(gap - mean) ** 2 for gap in gaps]) / mean**2 == pytest.approx(variation, rel=0.1, abs=1e-9)
    assert fmean([one.prompt for one in made]) == pytest.approx(100 * 2.71828**0.125, rel=0.03)
    assert fmean([one.streamed for one in made]) == pytest.approx(0.7, abs=0.03)


def test_repeated_calls_ask_the_same_and_others_never_do() -> None:
    made = draw_arrivals([Shape(repeated=0.3), Shape("b")], 100.0, 3)
    questions = RequestBodies("run", 1000)
    bodies: dict[int, bytes] = {}
    for one in made:
        assert bodies.setdefault(one.same, questions.body(one)) == questions.body(one)
    assert len(set(bodies.values())) == len(bodies)
    mine = [one for one in made if one.alias == "a"]
    assert 1 - len({one.same for one in mine}) / len(mine) == pytest.approx(0.3, abs=0.03)
    assert questions.body(made[0]) != RequestBodies("another", 1000).body(made[0])
    before = questions.body(made[0])
    questions.next_load()
    assert questions.body(made[0]) not in (before, *bodies.values())


def test_the_stretch_of_a_trace_is_the_one_whose_rate_is_nearest() -> None:
    night = [float(number) for number in range(100)]
    day = [100 + number / 10 for number in range(1000)]
    trace = [*night, *day, *[200 + one for one in night]]
    begin, end = closest_stretch(trace, 10.0, 20.0)
    assert (trace[begin], end - begin) == (100.0, 200)
    assert closest_stretch(trace, 1.0, 20.0) == (0, 20)
    assert closest_stretch(trace, 10.0, 1000.0) == (0, len(trace))
    assert closest_stretch([], 1.0, 10.0) == (0, 0)


def test_even_calls_are_as_many_as_they_should_be() -> None:
    made = draw_arrivals([Shape(rate=10.0)], 5.0, 1, process="even")
    assert [one.at for one in made] == [number / 10 for number in range(50)]


def test_faster_is_more_calls_of_the_same_kind() -> None:
    assert len(draw_arrivals([Shape()], 100.0, 1, faster=2.0)) / len(
        draw_arrivals([Shape()], 100.0, 1)
    ) == pytest.approx(2, rel=0.05)
