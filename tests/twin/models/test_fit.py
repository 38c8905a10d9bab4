"""What is fitted from records is what made them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from headworks.core.record import AttemptRecord, Record
from headworks.system.verdicts.closed_forms import Spread
from headworks.twin.models.fit import MIN_ATTEMPTS, failure_bursts, fit, fit_noise
from headworks.twin.models.random_streams import generator, multipliers
from headworks.twin.models.vendor_model import Latency, VendorModel
from headworks.twin.simulation.run import simulate
from headworks.twin.workload.arrivals import AliasShape, Shape
from tests.twin.systems import one

SYSTEM = one(model=", retry: {attempts: 1}, breaker: {failures: 1000}")


def made(model: VendorModel, rate: float = 4.0, calls: int = 1200, streamed: float = 1.0) -> list[Record]:
    """Records of a system over this vendor."""
    shape = AliasShape(
        alias="a", rate=rate, burstiness=1.0, prompt=Spread.of(800, 3000, 95), output=Spread.of(60, 200, 95),
        streamed=streamed, repeated=0.0,
    )  # fmt: skip
    world = simulate(SYSTEM, {"v/x": model}, Shape([shape]).draw(1, calls), 1)
    return [record for record in world.sink.records if record is not None]


PLAIN = VendorModel(target="v/x", first=Latency(median=0.4, sigma=0.5), pace=Latency(median=0.02, sigma=0.3))


def refitted(model: VendorModel, **others: float) -> VendorModel:
    return fit(made(model, **others), SYSTEM).models["v/x"]  # type: ignore[arg-type]


def test_a_vendor_that_does_not_slow_down_is_fitted_as_one() -> None:
    found = refitted(PLAIN)
    assert found.first.median == pytest.approx(0.4, rel=0.06)
    assert found.first.sigma == pytest.approx(0.5, rel=0.12)
    assert found.pace.median == pytest.approx(0.02, rel=0.06)
    assert found.pace.sigma == pytest.approx(0.3, rel=0.12)
    # No effect is kept that the data do not show.
    assert (found.prefill, found.lean, found.crowding, found.stall, found.slots) == (0.0, 0.0, 0.0, 0.0, None)
    assert found.faults == {}


def test_a_long_prompt_that_takes_its_time_is_seen() -> None:
    found = refitted(msgspec.structs.replace(PLAIN, prefill=0.0005, first=Latency(median=0.2, sigma=0.2)))
    assert found.prefill == pytest.approx(0.0005, rel=0.15)
    assert found.first.median == pytest.approx(0.2, rel=0.15)


def test_a_machine_that_batches_is_seen_with_its_slots() -> None:
    machine = VendorModel(
        target="v/x", first=Latency(median=0.03, sigma=0.2), pace=Latency(median=0.02, sigma=0.02),
        crowding=0.03, stall=0.00004, slots=12,
    )  # fmt: skip
    found = refitted(machine, rate=4.5)
    assert found.slots == 12
    assert found.pace.median == pytest.approx(0.02, rel=0.05)
    assert found.crowding == pytest.approx(0.03, rel=0.2)
    assert found.stall == pytest.approx(0.00004, rel=0.2)


def test_calls_that_are_not_streamed_are_enough_for_a_fit() -> None:
    found = refitted(msgspec.structs.replace(PLAIN, first=Latency(median=0.4), pace=Latency(median=0.02)), streamed=0.0)
    assert found.first.median == pytest.approx(0.4, rel=0.1)
    assert found.pace.median == pytest.approx(0.02, rel=0.1)


def test_failures_are_fitted_by_kind_and_spells_by_their_length() -> None:
    scattered = refitted(msgspec.structs.replace(PLAIN, faults={"server_error": 0.05, "cut": 0.02}), calls=3000)
    assert scattered.faults["server_error"] == pytest.approx(0.05, rel=0.25)
    assert scattered.faults["cut"] == pytest.approx(0.02, rel=0.4)
    assert scattered.bursts is None


def test_failures_that_come_together_are_spells() -> None:
    def attempt(second: int) -> AttemptRecord:
        is_bad = second % 200 < 20 and second % 10 != 5  # twenty seconds in two hundred, of which one in ten is good
        error = "Failed" if is_bad else ""
        return AttemptRecord(
            target="v/x", why="first", started_at=float(second), ended_at=second + 0.5,
            outcome="failed" if is_bad else "ok", error=error,
        )  # fmt: skip

    found = failure_bursts([attempt(second) for second in range(2000)])
    assert found is not None
    assert found.lasting == pytest.approx(19.0, rel=0.05)
    assert found.share == pytest.approx(0.9, rel=0.05)


def test_a_heavy_tail_is_kept_and_a_light_one_is_not_made_heavy() -> None:
    normal = generator(1, "tail").standard_normal(20_000)
    heavy = fit_noise(multipliers(Latency(median=1.0, sigma=0.4, tail=1.8), normal))
    assert heavy.tail == pytest.approx(1.8, rel=0.15)
    light = fit_noise(multipliers(Latency(median=1.0, sigma=0.4), normal))
    assert light.tail is None
    assert light.sigma == pytest.approx(0.4, rel=0.05)


def test_a_time_with_a_tail_has_the_percentiles_and_the_mean_that_it_says() -> None:
    time = Latency(median=2.0, sigma=0.4, tail=2.5)
    drawn = 2.0 * multipliers(time, generator(2, "mean").standard_normal(400_000))
    assert drawn.mean() == pytest.approx(time.mean, rel=0.01)
    assert np.percentile(drawn, [50, 99]) == pytest.approx([time.at(50), time.at(99)], rel=0.03)


def test_too_few_calls_are_said_to_be_too_few() -> None:
    found = fit(made(PLAIN)[: MIN_ATTEMPTS - 1], SYSTEM)
    assert found.models == {}
    assert found.notes[0].assumed == f"too few answered calls to fit: {MIN_ATTEMPTS - 1} of at least {MIN_ATTEMPTS}"
