"""The flow through tiers of limits: what each carries, and what is left over."""

from __future__ import annotations

import pytest

from headworks.system.schema.system import System
from headworks.twin.plan import PlanInputs, peak_of, prepare
from headworks.twin.screening.capacity import Capacity, capacity, relaxed_after
from tests.twin.systems import one

CALLS = "prompt_tokens: {p50: 100, p95: 100}, output_tokens: {p50: 51, p95: 51}"
EXPECT = "expect: {first_token: {p50: 500ms, p95: 500ms}, per_token: {p50: 10ms, p95: 10ms}}"
"""A call of 151 tokens that takes a second."""


def target(provider: str) -> str:
    return f"{{provider: {provider}, model: x, {EXPECT}}}"


def load_of(system: System, down: frozenset[str] = frozenset()) -> Capacity:
    ready = prepare(system, PlanInputs(read=lambda path: b""))
    faultless = {
        name: type(model)(target=name, first=model.first, pace=model.pace)
        for name, model in ready.modelled.models.items()
    }
    peak = peak_of(system, ready.demand)
    return capacity(system, faultless, peak.mix, peak.burstiness, down)


def system(rate: float, limits: str, targets: str = target("v"), **others: str) -> System:
    traffic = others.pop("traffic", "")
    return one(f"traffic: {{peak_rps: {rate}, {CALLS}{traffic}}}", limits=limits, targets=targets, **others)


@pytest.mark.parametrize(
    ("limits", "name", "carried"),
    [
        (", rpm: 480", "rpm of v", 8.0),
        (", tpm: 72480", "tpm of v", 8.0),
        (", concurrency: 8", "concurrency of v", 8.0),
    ],
)
def test_what_the_only_tier_does_not_admit_waits_and_the_wait_is_bounded_by_the_deadline(
    limits: str, name: str, carried: float
) -> None:
    found = load_of(system(10, limits))
    [short] = found.shorts
    assert (short.name, short.grows) == (name, True)
    assert short.carried == pytest.approx(carried, rel=1e-6)
    assert found.use == pytest.approx(10 / carried)
    assert short.wait_after(60) == pytest.approx(60 * (10 / carried - 1))
    assert short.wait_after(3600) == 120  # `timeouts.total`
    assert short.full_after == pytest.approx(120 / (10 / carried - 1))


def test_a_wait_is_bounded_by_the_calls_that_the_gateway_holds_too() -> None:
    [short] = load_of(system(10, ", rpm: 480", more="server: {max_in_flight: 80}")).shorts
    assert short.longest == pytest.approx(0.95 * 80 / 8)


def test_what_a_tier_does_not_admit_is_offered_to_the_next_and_waits_there() -> None:
    found = load_of(system(10, ", rpm: 300", f"[{target('v')}], [{target('w')}]"))
    assert [(short.name, short.grows, short.goes) for short in found.shorts] == [("rpm of v", False, "the next tier")]
    assert found.drained == (("rpm/provider/v", 300),)
    bound = f"{{provider: w, model: x, rpm: 240, {EXPECT}}}"
    found = load_of(system(10, ", rpm: 300", f"[{target('v')}], [{bound}]"))
    assert found.growing is not None
    assert (found.growing.name, found.growing.offered, found.growing.carried) == ("rpm of w/x", 5.0, 4.0)
    assert found.use == pytest.approx(1.25)
    assert [name for name, _ in found.drained] == ["rpm/provider/v", "rpm/target/a/w/x"]


def test_places_of_an_upper_tier_turn_calls_away_before_they_are_all_in_use_on_average() -> None:
    found = load_of(system(10, ", concurrency: 10", f"[{target('v')}], [{{provider: w, model: x, rpm: 60, {EXPECT}}}]"))
    # Ten erlang at ten places lose 21.5 % (any teletraffic table): 2.15 calls a second for a tier that takes one.
    assert found.growing is not None
    assert found.growing.offered == pytest.approx(2.146, rel=1e-3)


def test_targets_of_one_tier_help_each_other_out() -> None:
    found = load_of(system(10, ", rpm: 240", f"[{target('v')}, {target('w')}]"))
    assert found.growing is None
    assert load_of(system(10, ", rpm: 240", f"[{target('v')}, {target('w')}]"), frozenset({"w"})).growing is not None


def test_a_provider_that_is_down_carries_nothing() -> None:
    found = load_of(system(10, "", f"[{target('v')}], [{{provider: w, model: x, rpm: 300, {EXPECT}}}]"), frozenset("v"))
    assert found.growing is not None
    assert (found.growing.name, found.use) == ("rpm of w/x", 2.0)


def test_attempts_that_fail_are_load_too() -> None:
    ready = prepare(system(10, ", rpm: 660"), PlanInputs(read=lambda path: b""))
    [(name, model)] = ready.modelled.models.items()
    failing = type(model)(target=name, first=model.first, pace=model.pace, faults={"server_error": 0.2})
    asked = system(10, ", rpm: 660")
    found = capacity(asked, {name: failing}, peak_of(asked, ready.demand).mix, 1.0)
    assert found.use == pytest.approx(10 / 0.8 / 11)


def test_calls_that_a_cache_answers_are_no_load() -> None:
    half = ", repeated: 50%"
    assert load_of(system(10, ", rpm: 480", traffic=half)).use > 1
    assert load_of(system(10, ", rpm: 480", traffic=half, model=", cache: {exact: 1h}")).use == pytest.approx(5 / 8)


def test_what_a_key_may_not_ask_is_refused_and_no_load_for_those_behind() -> None:
    keys = "keys: {web: {key: k1, rpm: 120}, app: {key: k2}}"
    found = load_of(system(10, ", rpm: 480", more=keys))
    assert [(short.name, short.grows) for short in found.shorts] == [("rpm of key web", False)]
    assert found.use == pytest.approx(7 / 8)  # five of the one, two of the other
    assert found.drained == (("rpm/key/web", 120),)


def test_a_queue_forgets_its_start_the_later_the_busier_it_is() -> None:
    assert relaxed_after(0.9, 1.0) == pytest.approx(342, rel=0.01)
    assert relaxed_after(0.95, 1.0) == pytest.approx(1481, rel=0.01)
    assert relaxed_after(0.9, 2.0) == 2 * relaxed_after(0.9, 1.0)
    assert relaxed_after(1.0, 1.0) == float("inf")


def test_a_bucket_that_is_never_empty_is_in_no_queue() -> None:
    assert load_of(system(9, ", rpm: 600")).relaxation == 0  # at 0.9 of ten a second an hour's luck does not empty it
    assert load_of(system(0.09, ", rpm: 6")).relaxation > 0  # six calls a minute come together now and then
