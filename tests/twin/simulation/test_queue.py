"""The engine against what is known in closed form: Poisson arrivals, exponential stays, c slots."""

from __future__ import annotations

import numpy as np
import pytest

from headworks.system.verdicts.closed_forms import allen_cunneen, erlang_b, erlang_c
from headworks.twin.simulation.confidence_interval import Interval, mean_interval
from headworks.twin.simulation.observations import observe
from headworks.twin.simulation.run import simulate
from tests.twin.systems import exponential, one, queueing

SYSTEM = one(model=", timeouts: {answer: 100000s, total: 100000s}")


def waits(places: int, load: float, calls: int, runs: int, confidence: float = 0.95) -> Interval:
    """The mean wait over independent runs, in mean stays."""
    found = []
    for seed in range(runs):
        arrivals = exponential(load * places, 1.0, calls, seed)
        world = simulate(SYSTEM, {"v/x": queueing(places)}, arrivals, seed)
        records = [record for record in world.sink.records if record is not None]
        seen = observe(records, ["a"], arrivals.begins, arrivals.ends)
        counted = [index for index, at in enumerate(arrivals.at) if arrivals.begins <= at < arrivals.ends]
        stays = np.array([(arrivals.sizes[index].output - 1) / 1000 for index in counted])
        # What a call waited beyond its own stay; both as the run had them, so that the stays' chance is not in it.
        found.append(float((seen.duration - stays).mean()))
    return mean_interval(found, confidence)


def erlang(places: int, load: float) -> float:
    offered = load * places
    return erlang_c(places, offered) / (places - offered)


def test_the_wait_for_a_slot_is_erlangs() -> None:
    found, said = waits(4, 0.7, 2500, 5), erlang(4, 0.7)
    assert found.low <= said <= found.high
    assert found.value == pytest.approx(said, rel=0.1)  # so few calls know no better; `make soak` has 2 %


@pytest.mark.soak
@pytest.mark.parametrize("places", [1, 2, 5, 20])
@pytest.mark.parametrize("load", [0.5, 0.7, 0.85])
def test_the_wait_is_erlangs_within_two_hundredths(places: int, load: float) -> None:
    # A call of a busier and smaller queue says less: the variance of the mean grows with (1 - load) ** -4.
    calls = int(30_000 * (0.3 / (1 - load)) ** 2)
    found, said = waits(places, load, calls, 10, 0.99), erlang(places, load)  # twelve intervals: each must be wider
    assert found.low <= said <= found.high
    # Two hundredths of what a caller sees, waiting and stay; and of the waiting itself where there is enough of it.
    assert found.value + 1 == pytest.approx(said + 1, rel=0.02)


def test_who_gives_up_waiting_gives_no_slot_away() -> None:
    impatient = one(model=", timeouts: {first_token: 2s, answer: 3s}, retry: {attempts: 2}, breaker: {failures: 1000}")
    arrivals = exponential(1.5, 1.0, 600, 1)
    world = simulate(impatient, {"v/x": queueing(1)}, arrivals, 1)
    records = [record for record in world.sink.records if record is not None]
    assert len(records) == 600
    assert sum(record.outcome == "expired" for record in records) > 50
    engines = [twin.engine for twin in world.targets if twin.engine is not None]
    assert [(engine.taken, engine.decoding, len(engine.waiting)) for engine in engines] == [(0, 0, 0)]


def test_erlangs_formulas_have_their_tabulated_values() -> None:
    # Erlang B of 10 places and 5 erlang is 0.018385, C of the same 0.036105 (any teletraffic table).
    assert erlang_b(10, 5) == pytest.approx(0.018385, rel=1e-4)
    assert erlang_c(10, 5) == pytest.approx(0.036105, rel=1e-4)
    assert erlang_c(1, 0.5) == pytest.approx(0.5)  # M/M/1: who finds it busy
    assert erlang_c(2, 2) == 1.0


def test_allen_and_cunneen_scale_the_wait_by_both_variations() -> None:
    assert allen_cunneen(1, 0.5, 1.0, 1.0, 1.0) == pytest.approx(1.0)
    assert allen_cunneen(1, 0.5, 1.0, 1.0, 0.0) == pytest.approx(0.5)  # M/D/1 waits half as long
    assert allen_cunneen(3, 3, 1.0, 1.0, 1.0) == float("inf")
