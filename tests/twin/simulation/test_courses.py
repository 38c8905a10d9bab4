"""How much of an overloaded peak is simulated: until the queue is seen to be full, and often enough."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from headworks.twin.screening.course import Course, Peak
from headworks.twin.simulation.courses import AFTER_LATEST, Courses, filled_at, full_later
from headworks.twin.simulation.replications import Effort, Run
from headworks.twin.workload.arrivals import Stretch
from tests.twin.cases import Case
from tests.twin.simulation.test_steady_state import seen

COURSE = Course(
    stretch=Stretch(before=0.0, seconds=100.0, after=0.0),
    calls=100,
    is_whole=True,
    full_from=30.0,
    longest=50.0,
    peak=1000.0,
)


def run(full_after: float) -> Run:
    """A run whose queue grows evenly, and is full after so many seconds."""
    waits = np.minimum(50.0, np.arange(100.0) * 50 / full_after)
    return Run(seed=1, seen=seen(waits), values={}, uses=[], calls=100, begins=10.0, course=COURSE)


def test_runs_of_a_queue_that_was_full_later_than_computed_are_made_again_and_longer() -> None:
    early, late, never = run(25), run(60), run(1000)
    assert filled_at(COURSE, [early, late]) == pytest.approx(0.9 * 60, abs=1)
    assert filled_at(COURSE, [early, never]) == float("inf")
    courses = Courses(Peak(mix=(), burstiness=1.0, seconds=1000.0, busy=1.0), 1.0)
    assert courses.longer(COURSE, [early, early]) is None
    longer = courses.longer(COURSE, [early, late])
    assert longer is not None
    assert longer.stretch is not None
    assert longer.full_from == pytest.approx(AFTER_LATEST * 0.9 * 60, rel=0.02)
    assert longer.stretch.seconds == pytest.approx(
        70 + longer.full_from
    )  # the full queue is seen for as long as before
    assert longer.calls == pytest.approx(longer.stretch.seconds, abs=1)
    whole = courses.longer(COURSE, [early, never])
    assert whole is not None
    assert whole.stretch is not None
    assert (whole.full_from, whole.stretch.seconds) == (None, 1000.0)


def test_a_queue_that_is_full_when_the_peak_is_nearly_over_is_run_to_the_end() -> None:
    assert full_later(msgspec.structs.replace(COURSE, peak=150.0), 90.0, 150.0) is None


def test_of_a_short_peak_eight_runs_are_made_however_clear_they_are() -> None:
    bounds = {"first50": 1, "first95": 2, "duration95": 5, "up": 0.99}
    case = Case(rate=1, seconds=40, tiers=({"concurrency": 1},), first=(2.0, 3.0), deadline=20, bounds=bounds)
    _, _, made = case.planned(Effort(calls=10, runs=12))
    assert made[0].course is not None
    assert made[0].course.is_whole
    assert len(made) == 8
    _, _, few = case.planned(Effort(calls=10, runs=4))
    assert len(few) == 4
