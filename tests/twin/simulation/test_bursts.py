"""Bursts: what closed forms refuse to say, the simulation says."""

from __future__ import annotations

import numpy as np

from headworks.system.verdicts.closed_forms import allen_cunneen, erlang_c
from headworks.twin.models.random_streams import generator
from headworks.twin.screening.closed_forms import not_stationary
from headworks.twin.simulation.observations import observe
from headworks.twin.simulation.run import simulate
from headworks.twin.workload.arrivals import Arrivals, peak_to_mean, squared_cv
from headworks.twin.workload.token_counts import TokenCounts
from tests.twin.systems import one, queueing

PLACES, STAY, LOAD = 8, 1.0, 0.68
ON, OFF = 100.0, 300.0
"""Seconds of a burst and of the silence after it: what comes in a burst is 2.7 times what is carried."""

SYSTEM = one(model=", timeouts: {answer: 100000s, total: 100000s}")


def on_off(bursts: int) -> Arrivals:
    """Poisson arrivals while it is on, nothing while it is off; exponential stays."""
    rng = generator(1, "on-off")
    rate = LOAD * PLACES / STAY * (ON + OFF) / ON
    at = np.concatenate(
        [number * (ON + OFF) + np.sort(rng.random(rng.poisson(rate * ON)) * ON) for number in range(bursts)]
    )
    tokens = np.maximum(1, np.rint(rng.exponential(STAY * 1000, len(at)))) + 1
    count = len(at)
    return Arrivals(
        at=at.tolist(),
        alias=["a"] * count,
        sizes=[TokenCounts(1, int(one)) for one in tokens],
        streamed=[False] * count,
        same=list(range(count)),
        begins=0.0,
        ends=float(at[-1]) + 1,
    )


def replayed(arrivals: Arrivals) -> float:
    """The mean wait by the oldest way there is: who comes first takes the place that is free first."""
    free = [0.0] * PLACES
    waits = []
    for at, size in zip(arrivals.at, arrivals.sizes, strict=True):
        place = min(range(PLACES), key=free.__getitem__)
        begun = max(at, free[place])
        free[place] = begun + (size.output - 1) / 1000
        waits.append(begun - at)
    return float(np.mean(waits))


def test_a_plan_is_not_fooled_by_bursts() -> None:
    arrivals = on_off(2)
    at = np.array(arrivals.at)
    assert squared_cv(at) > 100
    world = simulate(SYSTEM, {"v/x": queueing(PLACES)}, arrivals, 1)
    seen = observe([one for one in world.sink.records if one is not None], ["a"], arrivals.begins, arrivals.ends)
    stays = np.mean([(size.output - 1) / 1000 for size in arrivals.sizes])
    wait = float(seen.duration.mean() - stays)
    assert wait > 30.0  # tens of seconds
    assert abs(wait - replayed(arrivals)) < 0.01 * wait  # and what plain replay says
    offered = LOAD * PLACES
    assert erlang_c(PLACES, offered) * STAY / (PLACES - offered) < 0.31  # where Erlang says 0.3 s
    assert allen_cunneen(PLACES, offered, STAY, squared_cv(at), 1.0) > 0  # a number, and none to believe


def test_screening_refuses_what_it_cannot_say_and_says_why() -> None:
    at = np.array(on_off(3).at)
    assert not_stationary(squared_cv(at), 1.0).startswith("arrivals are too bursty for closed forms: the gaps vary by")
    uneven = np.concatenate([np.arange(600.0), 600 + np.arange(0, 302, 0.25)])
    assert peak_to_mean(uneven) > 1.3
    assert "the busiest 5 minutes carry 1.50 times the mean load" in not_stationary(1.0, 1.5)
    assert not_stationary(1.9, 1.2) == ""
