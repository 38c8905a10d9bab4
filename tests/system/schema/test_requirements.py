"""`requirements:`, right and wrong: what is read, and every word about what does not hold."""

import json
from decimal import Decimal

import pytest
import yaml

from headworks.system.reference.json_schema import json_schema
from headworks.system.schema.requirements import Bound, Times, Tokens, bound
from headworks.system.syntax.scalars import Unreadable
from tests.system.files import right, wrong
from tests.system.shapes import admits

BASE = """\
providers: {v: {dialect: simulated}, w: {dialect: simulated}}
models: {a: v/x, b: w/y}
"""
WHOLE = (
    BASE
    + """\
suites: {support: suites/support.yaml}
requirements:
  traffic:
    peak_rps: 20
    peak_for: 90m
    burstiness: 1.5
    prompt_tokens: {p50: 900, p95: 3200}
    output_tokens: {p50: 180, p95: 600}
    streamed: 80%
    repeated: 15%
    aliases:
      b: {peak_rps: 0.5, output_tokens: {p50: 1k, p95: 4k}}
  objectives:
    - {id: first-token, metric: time_to_first_token, percentile: 95, at_most: 800ms}
    - {id: whole-answer, metric: duration, percentile: 99.9, at_most: 12s, alias: a}
    - {id: availability, metric: availability, at_least: 99.9%, window: 30d}
    - {id: throughput, metric: goodput, at_least: 18rps}
    - {id: cost, metric: cost_per_call, at_most: $0.004}
    - {id: monthly, metric: cost, at_most: $5000, window: 30d}
    - {id: answers, metric: quality, suite: support, at_least: 90%, confidence: 95%}
  common_causes:
    - {name: us-east, providers: [v, w], share: 5%}
"""
)


def test_everything_is_read_in_its_unit() -> None:
    required = right(WHOLE).requirements
    traffic = required.traffic
    assert (traffic.peak_rps, traffic.burstiness, traffic.streamed, traffic.repeated) == (20.0, 1.5, 0.8, 0.15)
    assert traffic.peak_for == 5400.0
    assert right(BASE).requirements.traffic.peak_for == 3600.0
    assert traffic.prompt_tokens == Tokens(p50=900, p95=3200)
    assert traffic.aliases["b"].peak_rps == 0.5
    assert traffic.aliases["b"].output_tokens == Tokens(p50=1000, p95=4000)
    assert [str(one) for one in required.objectives] == [
        "p95 of time_to_first_token <= 800ms",
        "p99.9 of duration <= 12s",
        "availability >= 99.9% in 30d",
        "goodput >= 18rps",
        "cost_per_call <= $0.004",
        "cost <= $5000 in 30d",
        "quality >= 90%",
    ]
    assert required.common_causes[0].share == 0.05


def test_an_editor_takes_what_the_reader_takes() -> None:
    schema = json_schema()
    assert admits(schema, json.loads(json.dumps(yaml.safe_load(WHOLE))), schema)


def test_what_is_expected_of_a_target_and_a_vendors_limits_are_read() -> None:
    system = right("""\
providers: {v: {dialect: openai, base_url: "https://v/v1", rpm: 10k, tpm: 2M}}
models: {a: {targets: [{provider: v, model: x, expect: {first_token: {p50: 250ms, p95: 900ms}, availability: 99.5%}}]}}
""")
    [[target]] = system.models["a"].targets
    assert target.expect is not None
    assert (target.expect.first_token, target.expect.availability) == (Times(p50=0.25, p95=0.9), 0.995)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("800ms", "duration", "0.8"),
        ("12s", "duration", "12"),
        ("99.95%", "share", "0.9995"),
        ("$0.004", "money", "0.004"),
        ("$5000", "money", "5000"),
        ("18rps", "rate", "18"),
        ("0.5rps", "rate", "0.5"),
    ],
)
def test_a_bound_is_exact_and_is_written_as_it_is_read(text: str, kind: str, value: str) -> None:
    read = bound(text)
    assert (read.kind, read.value, str(read)) == (kind, Decimal(value), text)
    assert bound(str(read)) == read


@pytest.mark.parametrize(
    "text", ["", "8 00", "0.004$", "-1s", "$", "$1k", "18 rps", "120%", "5 apples", "5d 3h", "5xs", "$1e9"]
)
def test_what_is_no_bound_says_so(text: str) -> None:
    with pytest.raises(Unreadable):
        bound(text)


def test_bounds_of_two_kinds_differ() -> None:
    assert bound("$1") != Bound("rate", Decimal(1))


WRONG = {
    "an unknown metric": (
        "{id: x, metric: time_to_first_tokn, percentile: 95, at_most: 1s}",
        ["4:22 requirements.objectives[0].metric: `time_to_first_tokn` is not known -> did you mean "
         "`time_to_first_token`? known: availability, calls, cost, cost_per_call, duration, goodput, quality, time_to_first_token"],
    ),
    "the wrong side": (
        "{id: x, metric: duration, percentile: 95, at_least: 1s}",
        ["4:58 requirements.objectives[0].at_least: `duration` is bounded by `at_most`, not by `at_least` -> write "
         "`at_most: 800ms`"],
    ),
    "both sides": (
        "{id: x, metric: goodput, at_most: 1rps, at_least: 1rps}",
        ["4:40 requirements.objectives[0].at_most: `goodput` is bounded by `at_least`, not by `at_most` -> remove it"],
    ),
    "no bound": (
        "{id: x, metric: availability}",
        ["4:6 requirements.objectives[0]: `at_least` is missing -> add it: `at_least: 99.9%`"],
    ),
    "another unit": (
        "{id: x, metric: cost, at_most: 99%, window: 30d}",
        ["4:37 requirements.objectives[0].at_most: `cost` is an amount of dollars, not a share -> write it as in `at_most: $0.004`"],
    ),
    "no unit": (
        "{id: x, metric: goodput, at_least: 18}",
        ["4:41 requirements.objectives[0].at_least: `goodput` is a rate, not a number -> write it as in `at_least: 18rps`"],
    ),
    "what is missing": (
        "{id: x, metric: duration, at_most: 1s}",
        ["4:6 requirements.objectives[0]: `duration` needs its `percentile` -> add it: `percentile: 95`"],
    ),
    "what means nothing": (
        "{id: x, metric: goodput, at_least: 1rps, percentile: 95, suite: s}",
        ["4:59 requirements.objectives[0].percentile: `percentile` does not apply to `goodput` -> remove it",
         "4:70 requirements.objectives[0].suite: `suite` does not apply to `goodput` -> remove it"],
    ),
    "a percentile that is none": (
        "{id: x, metric: duration, at_most: 1s, percentile: 100}",
        ["4:57 requirements.objectives[0].percentile: `100` is too large -> it must be at most 99.999"],
    ),
    "another id, another alias": (
        "[{id: x, metric: goodput, at_least: 1rps}, {id: x, metric: goodput, at_least: 2rps, alias: aa}]",
        ["4:54 requirements.objectives[1].id: `x` is the id of another objective too -> give each an id of its own",
         "4:97 requirements.objectives[1].alias: there is no model `aa` -> did you mean `a`? models: a, b"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_an_objective_that_does_not_hold_together_is_told_with_its_place_and_a_remedy(case: str) -> None:
    written, said = WRONG[case]
    text = BASE + f"requirements: {{objectives:\n     {written}}}\n"
    assert wrong(text) == said


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        ("peak_rps: 1, peak_for: 2d", "a peak lasts from 1s to 1d, not 2d -> write how long the busiest time of a day lasts: 1h"),
        ("peak_rps: 1, peak_for: 100ms", "a peak lasts from 1s to 1d, not 100ms -> write how long the busiest time of a day "
         "lasts: 1h"),
        ("log: true, peak_for: 2h", "`peak_for` does not apply to a trace or the log, which last as long as they do -> remove it"),
    ],
)  # fmt: skip
def test_a_peak_lasts_from_a_second_to_a_day_and_a_trace_as_long_as_it_does(traffic: str, said: str) -> None:
    [found] = wrong(BASE + f"requirements: {{traffic: {{{traffic}}}}}\n")
    assert found.endswith(f"requirements.traffic.peak_for: {said}")


def test_traffic_and_common_causes_name_what_is_there() -> None:
    text = BASE + """\
requirements:
  traffic:
    peak_rps: 0
    prompt_tokens: {p50: 3k, p95: 900}
    aliases: {aa: {peak_rps: 1}, b: {output_tokens: {p50: 2, p95: 1}}}
  common_causes:
    - {name: here, providers: [v, u], share: 70%}
    - {name: here, providers: [v, w], share: 70%}
    - {name: alone, providers: [w], share: 1%}
"""  # fmt: skip
    assert wrong(text) == [
        "5:15 requirements.traffic.peak_rps: `0` is too small -> it must be more than 0",
        "6:20 requirements.traffic.prompt_tokens: p50 (3k) is above p95 (900) -> p50 must not exceed p95",
        "7:15 requirements.traffic.aliases.aa: there is no model `aa` -> did you mean `a`? models: a, b",
        "7:53 requirements.traffic.aliases.b.output_tokens: p50 (2) is above p95 (1) -> p50 must not exceed p95",
        "9:5 requirements.common_causes: the shares of `v` add up to more than 100% -> each outage has one cause",
        "9:35 requirements.common_causes[0].providers[1]: there is no provider `u` -> providers: v, w",
        "10:14 requirements.common_causes[1].name: `here` is the name of another cause too -> give each a name of its own",
        "11:32 requirements.common_causes[2].providers: a common cause needs at least two providers -> name the others too",
    ]


def test_what_is_expected_of_a_target_is_in_order() -> None:
    text = """\
providers: {v: {dialect: simulated}}
models: {a: {targets: [{provider: v, model: x, expect: {first_token: {p50: 2s, p95: 1s}}}]}}
"""
    assert wrong(text) == [
        "2:70 models.a.targets[0][0].expect.first_token: p50 (2s) is above p95 (1s) -> p50 must not exceed p95"
    ]
