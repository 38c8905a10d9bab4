"""What differs in the traffic of two systems, in words."""

from __future__ import annotations

import pytest

from headworks.twin.workload.demand import demand
from headworks.twin.workload.traffic_differences import traffic_differences
from tests.system.files import right

FILE = "requirements: {{traffic: {{{traffic}}}}}\nproviders: {{v: {{dialect: simulated}}}}\nmodels: {{{models}}}"
TRACES = {
    "t.csv": b"arrived_at,prompt_tokens,output_tokens\n0,10,5\n1,20,5\n3,30,5\n",
    "u.csv": b"arrived_at,prompt_tokens,output_tokens\n0,10,5\n2,20,5\n3,30,9\n",
}
ONE = "a: {targets: [v]}"
TOKENS = "prompt_tokens: {p50: 10, p95: 30}, output_tokens: {p50: 5, p95: 9}"


def differences(mine: str, theirs: str, models: tuple[str, str] = (ONE, ONE)) -> list[str]:
    found = []
    for traffic, names in zip((mine, theirs), models, strict=True):
        system = right(FILE.format(traffic=traffic, models=names))
        found.append((system, demand(system, TRACES.__getitem__, None)))
    return traffic_differences(*found[0], *found[1])


@pytest.mark.parametrize("traffic", [f"peak_rps: 3, {TOKENS}", "trace: t.csv"])
def test_of_the_same_traffic_nothing_is_said(traffic: str) -> None:
    assert differences(traffic, traffic) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("burstiness: 4", "burstiness of a: 4, not 1"),
        ("repeated: 20%", "repeated of a: 0.2, not 0"),
        ("streamed: 50%", "streamed of a: 0.5, not 1"),
        ("peak_for: 10m", "the peak lasts 10m, not 1h"),
        (f"daily: [{', '.join(['100%'] * 12 + ['50%'] * 12)}]", "the mean load is 0.75 of the peak's, not 1"),
    ],
)
def test_each_number_of_a_shape_is_said(more: str, said: str) -> None:
    shape = f"peak_rps: 3, {TOKENS}"
    assert differences(shape, f"{shape}, {more}") == [said]


def test_other_sizes_of_calls_are_said() -> None:
    assert differences(f"peak_rps: 3, {TOKENS}", f"peak_rps: 3, {TOKENS.replace('30', '40')}") == [
        "prompt tokens of a: median 10, p95 40, not median 10, p95 30"
    ]


def test_other_aliases_are_other_calls() -> None:
    shape = f"peak_rps: 3, {TOKENS}"
    assert differences(shape, shape, (ONE, "b: {targets: [v]}")) == ["calls come for b, not for a"]


def test_traces_are_compared_call_by_call() -> None:
    said = "another trace: the trace u.csv: 3 calls, 0.667 calls/s in the busiest 5 minutes"
    assert differences("trace: t.csv", "trace: u.csv") == [said]
    assert differences("trace: t.csv", "trace: t.csv, peak_rps: 8")[0] == "calls a second: 8, not 0.667"
    assert differences("trace: t.csv", "trace: t.csv, streamed: 50%") == ["other shares are streamed or repeated"]
    both = f"{ONE}, b: {{targets: [v]}}"
    assert differences("trace: t.csv", "trace: t.csv", (ONE, both)) == ["the calls go to other aliases"]
    said = "synthetic traffic, 3 calls/s at peak, not the trace t.csv: 3 calls, 0.667 calls/s in the busiest 5 minutes"
    assert differences("trace: t.csv", "peak_rps: 3")[0] == said
