"""How much of the peak a run simulates."""

from __future__ import annotations

import pytest

from headworks.twin.plan import PlanInputs, peak_of, prepare
from headworks.twin.screening.course import Course, course_of
from tests.twin.screening.test_capacity import CALLS, EXPECT
from tests.twin.systems import one


def course(rate: float, limits: str, more: str = "", calls: int = 2000) -> Course:
    system = one(
        f"traffic: {{peak_rps: {rate}, {CALLS}{more}}}", limits=limits, targets=f"{{provider: v, model: x, {EXPECT}}}"
    )
    ready = prepare(system, PlanInputs(read=lambda path: b""))
    return course_of(system, ready.modelled.models, peak_of(system, ready.demand), calls)


def test_a_system_with_room_is_run_as_it_always_was() -> None:
    found = course(10, "")
    assert found.stretch is not None
    assert (found.calls, found.stretch.seconds, found.stretch.before, found.stretch.load) == (2000, 200, 30, 1.0)
    assert (found.is_whole, found.batches) == (False, 4)


def test_a_busy_queue_is_run_for_as_long_as_it_takes_to_forget_its_start_many_times() -> None:
    found = course(8.968, ", concurrency: 10")  # 0.9: of a thousand attempts 3.5 fail and are made again
    assert found.calls == pytest.approx(20 * 342, rel=0.02)
    assert found.stretch is not None
    assert found.stretch.before * 8.968 == pytest.approx(3 * 342, rel=0.02)
    assert not found.is_whole


@pytest.mark.parametrize("rate", [9.8, 10.0, 10.3])
def test_near_its_capacity_the_whole_peak_is_run_from_its_beginning(rate: float) -> None:
    found = course(rate, ", concurrency: 10")
    assert found.stretch is not None
    assert (found.is_whole, found.full_from, found.stretch.seconds) == (True, None, 3600)
    assert course(rate, ", concurrency: 10", ", peak_for: 10m").calls == pytest.approx(600 * rate, abs=1)


def test_beyond_its_capacity_a_peak_is_run_until_the_queue_is_full_and_has_been_seen_for_five_waits() -> None:
    found = course(15, ", concurrency: 10")
    assert found.stretch is not None
    assert found.full_from is not None
    full = 120 / 0.5
    late = ((1 + 1.5) * 15 * full) ** 0.5 / 5  # the length of the queue varies, and grows by five calls a second
    assert found.full_from == pytest.approx(full + 2 * late, rel=0.1)
    assert found.stretch.seconds == pytest.approx(found.full_from + 5 * 120)
    assert (found.is_whole, found.peak) == (True, 3600)


def test_limits_begin_where_the_days_mean_load_leaves_them() -> None:
    day = ", daily: [{}]"
    assert course(15, ", rpm: 600").drained == (("rpm/provider/v", 600),)  # the whole day is the peak
    busy = course(15, ", rpm: 600", day.format(", ".join(["80%"] * 24)))
    assert busy.drained == (("rpm/provider/v", 600),)
    quiet = course(15, ", rpm: 600", day.format(", ".join(["20%"] * 24)))
    assert quiet.drained == ()
    assert quiet.stretch is not None
    assert quiet.stretch.load == pytest.approx(0.2)
    assert busy.stretch is not None
    assert busy.stretch.load == pytest.approx(600 / 60 / 15, rel=0.01)  # no queue stands when the peak begins


def test_a_peak_of_more_calls_than_a_run_may_have_is_cut_and_says_so() -> None:
    found = course(101, ", concurrency: 100")
    assert found.stretch is not None
    assert (found.calls, found.is_cut, found.is_whole, found.full_from) == (100_000, True, True, None)
    assert not course(101, ", concurrency: 100", ", peak_for: 10m").is_cut
