"""Verdicts where a speed is measured by a probe, from a public source, or unknown."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from headworks.system.schema.system import System
from headworks.system.speeds.measurements import Measurement, Measurements, asked_of
from headworks.system.verdicts.verdict import VerdictWord
from headworks.twin.models.building import build_models
from headworks.twin.models.known_speeds import measured_speeds
from headworks.twin.models.probed import fit_spread
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.plan import PlanInputs, plan
from headworks.twin.report.html import html_report
from headworks.twin.report.report import Report
from headworks.twin.report.summary import carrying_lines, summary
from headworks.twin.simulation.replications import Effort
from headworks.twin.verdicts.bottleneck import Bottleneck
from headworks.twin.verdicts.speed_ends import judged_over_speeds, noting_unknown
from headworks.twin.verdicts.verdict import Verdict
from tests.system.files import right
from tests.twin.systems import steady

FILE = """\
requirements:
  traffic: {{peak_rps: 1, prompt_tokens: {{p50: 100, p95: 200}}, output_tokens: {{p50: 20, p95: 40}}}}
  objectives:
    - {{id: first, metric: time_to_first_token, percentile: 95, at_most: 2s}}
    - {{id: patient, metric: time_to_first_token, percentile: 95, at_most: 8s}}
    - {{id: cost, metric: cost_per_call, at_most: $1}}
providers:
  m: {{dialect: openai, base_url: "https://api.mistral.ai/v1"}}
  v: {{dialect: openai, base_url: "https://v/v1"}}
  s: {{dialect: simulated, first_token: {{p50: 200ms, p99: 300ms}}, per_token: {{p50: 5ms, p99: 6ms}}}}
models: {{a: {{targets: [{targets}], price: {{input: $1/M, output: $1/M}}}}}}
"""
PRIOR, UNKNOWN = "m/mistral-small-latest", "v/x"
EXPECT = "expect: {first_token: {p50: 200ms, p95: 300ms}, per_token: {p50: 5ms, p95: 6ms}}"


def system(targets: str) -> System:
    return right(FILE.format(targets=targets))


def measured(of: System, name: str, first: float, *, asked: str | None = None) -> Measurements:
    [target] = [one for tier in of.models["a"].targets for one in tier if str(one) == name]
    times = [first * factor for factor in (0.9, 0.95, 1.0, 1.05, 1.1)] * 4
    one = Measurement(
        asked=asked or asked_of(of, target),
        at=1.8e9,
        place="lab",
        calls=20,
        answered=20,
        first_token=fit_spread(times),
        per_token=fit_spread([0.02 * time for time in times]),
    )
    return Measurements(targets={name: one})


def planned(of: System) -> Report:
    return plan(of, PlanInputs(read=lambda path: b""), Effort(calls=60, runs=4))


def test_no_verdict_on_latency_rests_on_a_speed_that_nobody_knows() -> None:
    report = planned(system(UNKNOWN))
    first, _, cost = report.verdicts
    assert (first.verdict, first.value, first.low, first.margin) == ("cannot say", None, None, None)
    assert first.why == "the speed of v/x is unknown: run `headworks probe`, or set `expect:`"
    assert cost.verdict == "holds"
    [waiting] = report.unmeasured
    assert (waiting.target, waiting.objectives, waiting.is_known, waiting.calls) == (
        UNKNOWN,
        ["first", "patient"],
        False,
        20,
    )
    assert waiting.cost_nano is not None
    said = summary(report)
    assert said.startswith("Not known yet: nobody has measured how fast v/x is, so nothing can be said of `first`.")
    assert "Do this next: run `headworks probe`, which measures v/x: it asks it 20 times, for about $0.00" in said
    assert "vendors take long" not in said
    assert carrying_lines(report)[0].startswith("up to which load the latencies hold is not known")
    assert [(one.objective, one.origin) for one in report.rests_on] == [("first", "unknown"), ("patient", "unknown")]
    assert not [one for one in report.remedies if one.objective == "first"]
    [said] = [one for one in report.assumptions if "time to first token" in one.assumed]
    assert said.assumed.startswith("time to first token is unknown, and no verdict rests on it")
    assert "unknown" in html_report(report)
    # Neither the plot of latencies nor the table of effects shows what nobody knows.
    assert report.latencies == []
    assert not [part for one in report.sensitivities for part in one.effects if part.objective == "first"]


def test_a_verdict_on_a_prior_is_given_where_both_ends_agree_and_the_report_says_that_it_rests_on_it() -> None:
    report = planned(system(PRIOR))
    first, patient, _ = report.verdicts
    assert (first.verdict, patient.verdict) == ("cannot say", "holds")
    rests = [one for one in report.rests_on if one.objective in ("first", "patient")]
    assert [(one.objective, one.target, one.origin) for one in rests] == [
        ("first", PRIOR, "prior"),
        ("patient", PRIOR, "prior"),
    ]
    assert rests[0].said == (
        "https://kickllm.com/research/llm-speed-benchmark.html (2026-04), https://benchlm.ai/llm-speed (2026-04-07), "
        "https://kickllm.com/research/ai-api-latency-comparison.html (2026-04)"
    )
    assert patient.low is not None
    assert patient.high is not None
    assert patient.low < 0.2 < 4 < patient.high  # its range is that of both ends


def test_what_was_measured_takes_the_place_of_what_the_file_expects() -> None:
    whole = system(f"{{provider: v, model: x, {EXPECT}}}")
    made = build_models(whole, None, measured_speeds(whole, measured(whole, "v/x", 4.0)).known)
    model, ends = made.models["v/x"], made.ranges["v/x"]
    assert model.origins["first_token"] == "probed"
    assert model.first.median == pytest.approx(4.0, rel=0.01)
    assert ends.origin == "probed"
    assert ends.fast.first.median < 4 < ends.slow.first.median
    [said] = [one.assumed for one in made.assumptions if "probe" in one.assumed]
    assert said == "its speed was measured by `headworks probe` on 2027-01-15 at lab, 20 of 20 calls answered"


def test_a_measurement_of_another_address_is_not_used_and_that_is_said() -> None:
    whole = system(UNKNOWN)
    made = measured_speeds(whole, measured(whole, UNKNOWN, 0.2, asked="of another"))
    assert made.known == {}
    assert [one.about for one in made.notes] == [UNKNOWN]
    assert "is not used: it was of another address" in made.notes[0].assumed


def test_a_fit_replaces_a_measurement() -> None:
    whole = system(UNKNOWN)
    known = measured_speeds(whole, measured(whole, UNKNOWN, 4.0)).known
    fitted = msgspec.structs.replace(
        steady(UNKNOWN, first=0.5), origins={"first_token": "fitted", "per_token": "fitted", "faults": "fitted"}
    )
    made = build_models(whole, {UNKNOWN: fitted}, known)
    assert made.models[UNKNOWN].first.median == 0.5
    assert made.ranges == {}


def test_what_the_file_says_has_no_range() -> None:
    assert build_models(system(f"{{provider: v, model: x, {EXPECT}}}, s")).ranges == {}
    half = "{provider: v, model: x, expect: {first_token: {p50: 200ms, p95: 300ms}}}"
    [one] = build_models(system(half)).ranges.values()
    assert one.origin == "unknown"
    assert one.fast.first == one.slow.first
    assert one.fast.pace.median < one.slow.pace.median


def verdict(word: VerdictWord, value: float | None) -> Verdict:
    return Verdict(
        id="first",
        objective="",
        alias=None,
        metric="time_to_first_token",
        verdict=word,
        limit=2.0,
        value=value,
        margin=0.1,
    )


@pytest.mark.parametrize(
    ("nominal", "fast", "slow", "said", "rests"),
    [
        (("holds", 1.0), ("holds", 0.5), ("holds", 1.9), "holds", True),
        (("holds", 1.0), ("holds", 0.5), ("does not hold", 3.0), "cannot say", True),
        (("holds", 1.0), ("holds", 0.5), ("cannot say", 2.0), "cannot say", True),
        (("does not hold", 3.0), ("does not hold", 2.5), ("does not hold", None), "does not hold", True),
        (("holds", 1.0), ("holds", 1.0), ("holds", 1.001), "holds", False),  # nothing moves: nothing rests on it
        (("not judged", None), ("not judged", None), ("not judged", None), "not judged", False),
    ],
)
def test_a_verdict_stands_where_no_end_contradicts_it(
    nominal: tuple[VerdictWord, float | None],
    fast: tuple[VerdictWord, float | None],
    slow: tuple[VerdictWord, float | None],
    said: str,
    rests: bool,
) -> None:
    whole = system(PRIOR)
    made = build_models(whole)
    points = iter([[verdict(*fast)], [verdict(*slow)]])
    over = judged_over_speeds(whole, made.models, made.ranges, [verdict(*nominal)], lambda models: next(points))
    assert over.verdicts[0].verdict == said
    assert bool(over.rests_on) is rests


def test_only_targets_of_its_alias_count() -> None:
    whole = right(FILE.format(targets="s").replace("models: {", f"models: {{b: {{targets: [{UNKNOWN}]}}, "))
    made = build_models(whole)
    mine = msgspec.structs.replace(verdict("holds", 1.0), alias="a")
    ends = iter([[mine], *[[msgspec.structs.replace(mine, verdict="does not hold")]] * 2])
    over = judged_over_speeds(whole, made.models, made.ranges, [mine], lambda models: next(ends))
    assert over.verdicts == [mine]


def test_a_limit_on_calls_at_once_is_named_with_the_speed_that_nobody_knows() -> None:
    ranges = build_models(system(UNKNOWN)).ranges
    places = Bottleneck(name="concurrency of v", at_peak=1.0, said="concurrency of v: 100% used")
    assert noting_unknown(places, ranges).said.endswith("; by a made-up speed: that of v/x is unknown")
    tokens = msgspec.structs.replace(places, name="tpm of v")
    assert noting_unknown(tokens, ranges) is tokens
    assert noting_unknown(places, build_models(system(PRIOR)).ranges) is places


def test_a_target_that_is_barely_waited_for_is_worse_than_one_that_is_given_up() -> None:
    """A first token of 66 s is cut by the timeout, and the fallback answers; one of 4 s is waited for."""
    whole = system(f"{UNKNOWN}, s")
    made = build_models(whole)
    asked: list[float] = []

    def judged(models: Mapping[str, VendorModel]) -> list[Verdict]:
        asked.append(models[UNKNOWN].first.median)
        return [verdict("does not hold", 4.0) if asked[-1] == 4.0 else verdict("holds", 1.0)]

    over = judged_over_speeds(whole, made.models, made.ranges, [verdict("holds", 1.0)], judged)
    assert [round(one, 3) for one in asked] == [0.015, 65.82, 4.0]
    assert over.verdicts[0].verdict == "cannot say"
