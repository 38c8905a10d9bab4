"""The numbers of a report follow from each other: of varied systems, on every page that shows them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

import headworks.twin.search.remedies
import headworks.twin.search.search
from headworks.cli.views.plan import show
from headworks.system.schema.system import System
from headworks.twin.plan import PlanInputs, plan
from headworks.twin.report.html import html_report
from headworks.twin.report.report import Report
from headworks.twin.simulation.replications import Effort
from tests.system.files import right
from tests.twin.report.sums import contradictions

SPILLS = """\
name: spills
requirements:
  traffic: {peak_rps: 2, peak_for: 1m, prompt_tokens: {p50: 100, p95: 300}, output_tokens: {p50: 5, p95: 10}, daily: DAILY}
  objectives:
    - {id: up, metric: availability, at_least: 50%}
    - {id: month-up, metric: availability, at_least: 99%, window: 30d}
    - {id: each, metric: cost_per_call, at_most: $1}
    - {id: month, metric: cost, at_most: $100, window: 30d}
    - {id: good, metric: goodput, at_least: 0.1rps}
    - {id: first, metric: time_to_first_token, percentile: 95, at_most: 4s}
providers: {v: {dialect: openai, base_url: "https://v/v1", rpm: 60}, w: {dialect: openai, base_url: "https://w/v1"}}
models: {a: {targets: [v/x, w/y], price: {input: $1/M, output: $2/M}, max_output: 100}}
keys: {one: {key: "a-key-of-some-length", rpm: 30, budget: {amount: $1, every: 1d}}, two: {key: "another-key-of-it"}}
""".replace("DAILY", f"[{', '.join(['50%'] * 12 + ['100%'] * 12)}]")
THROTTLED = """\
name: throttled
requirements:
  traffic: {peak_rps: 2, peak_for: 1m, prompt_tokens: {p50: 100, p95: 300}, output_tokens: {p50: 5, p95: 10}}
  objectives:
    - {id: good, metric: goodput, at_least: 1rps}
    - {id: month, metric: cost, at_most: $100, window: 30d}
    - {id: each, metric: cost_per_call, at_most: $1}
providers:
  v: {dialect: simulated, first_token: {p50: 200ms, p99: 500ms}, per_token: {p50: 20ms, p99: 40ms}, rpm: 30}
  w: {dialect: simulated, first_token: {p50: 900ms, p99: 1500ms}, per_token: {p50: 20ms, p99: 40ms}, rpm: 15}
models: {a: {targets: [v, w], price: {input: $1/M, output: $2/M}}}
"""
REPLAYED = """\
name: replayed
requirements:
  traffic: {trace: calls.csv, aliases: {a: {peak_rps: 3}, b: {peak_rps: 1}}}
  objectives:
    - {id: each, metric: cost_per_call, at_most: $1}
    - {id: month, metric: cost, at_most: $100, window: 30d}
    - {id: month-b, metric: cost, alias: b, at_most: $100, window: 30d}
    - {id: each-b, metric: cost_per_call, alias: b, at_most: $1}
providers: {v: {dialect: simulated, first_token: {p50: 200ms, p99: 500ms}, per_token: {p50: 20ms, p99: 40ms}}}
models: {a: {targets: v, price: {input: $1/M, output: $2/M}}, b: {targets: v, price: {input: $5/M, output: $9/M}}}
"""
ROWS = [f"{number * 3 + (number % 7)},{100 + number % 50},{5 + number % 9}" for number in range(130)]
TRACE = "\n".join(["arrived_at,prompt_tokens,output_tokens", *ROWS]).encode()


def made(text: str) -> Report:
    system: System = right(text)
    return plan(system, PlanInputs(read=lambda path: TRACE), Effort(calls=100, runs=2))


@pytest.fixture(scope="module")
def reports() -> Iterator[dict[str, Report]]:
    with pytest.MonkeyPatch.context() as patch:  # few changes are tried: what they do is looked at elsewhere
        patch.setattr(headworks.twin.search.search, "MAX_CHANGES", 2)
        patch.setattr(headworks.twin.search.remedies, "MAX_REMEDIES", 2)
        patch.setattr(headworks.twin.search.remedies, "MAX_PARTS", 2)
        yield {text.split()[1]: made(text) for text in (SPILLS, THROTTLED, REPLAYED)}


@pytest.mark.parametrize("name", ["spills", "throttled", "replayed"])
def test_the_numbers_of_a_report_add_up(reports: dict[str, Report], name: str) -> None:
    assert contradictions(reports[name]) == []


@pytest.mark.parametrize("name", ["spills", "throttled", "replayed"])
def test_terminal_and_page_say_the_same_numbers(
    reports: dict[str, Report], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = reports[name]
    show(report)
    text, page = capsys.readouterr().out, html_report(report)
    effort = report.effort
    said = f"{effort.runs} runs, {effort.measured} measured calls, seed 1, {effort.simulated} calls simulated in total"
    for shown in (text, page):
        assert said in shown
        assert all(one.said.split()[0] in shown for one in report.verdicts)
        assert report.binding.said.split(";")[0] in shown


def test_a_limit_rejects_at_most_all_that_ask_for_it_however_often_each_is_tried_again(
    reports: dict[str, Report],
) -> None:
    uses = {one.name: one for one in reports["throttled"].uses}
    assert 0.1 < uses["rpm of w"].refused < 1
    assert uses["rpm of w"].refused + uses["rpm of v"].refused > 0.5


def test_calls_that_go_on_to_the_next_tier_are_rejected_by_the_first_and_answered_elsewhere(
    reports: dict[str, Report],
) -> None:
    """Key `one` may ask 30 times a minute and key `two` asks 60: of these 90 the vendor admits 60, but for what its bucket had."""
    [limit] = [one for one in reports["spills"].uses if one.name == "rpm of v"]
    assert 0.05 < limit.refused < 0.5
    assert limit.elsewhere == pytest.approx(limit.refused, abs=0.02)


def test_a_trace_is_counted_as_it_was_replayed_and_not_as_it_was_asked_for(reports: dict[str, Report]) -> None:
    effort = reports["replayed"].effort
    assert (effort.wanted, effort.calls, effort.measured) == (100, 125, 2 * 125)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"effort": {"calls": 2000}}, "2 runs of 2000 calls are not"),
        ({"verdict": "holds"}, "the whole holds"),
        ({"uses": {"refused": 1.099}}, "rejects 1.099 of what asks for it"),
        ({"verdicts": {"low": 90.0, "high": 91.0}}, "is not within 90.0 .. 91.0"),
        ({"verdicts": {"served": 0.12}}, "served 0.12, and"),
    ],
)
def test_what_does_not_add_up_is_found(reports: dict[str, Report], changed: dict[str, object], said: str) -> None:
    report = reports["throttled"]
    fields: dict[str, object] = {}
    for name, value in changed.items():
        found = getattr(report, name)
        if isinstance(found, list):
            fields[name] = [msgspec.structs.replace(found[0], **value), *found[1:]]  # type: ignore[arg-type]
        else:
            fields[name] = msgspec.structs.replace(found, **value) if isinstance(value, dict) else value
    if name == "verdict":
        fields["verdicts"] = [msgspec.structs.replace(one, verdict="does not hold") for one in report.verdicts]
    assert any(said in line for line in contradictions(msgspec.structs.replace(report, **fields)))
