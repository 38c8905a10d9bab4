"""The plots of a page: which are drawn, and that they show the report's own numbers."""

from __future__ import annotations

import msgspec

from headworks.twin.report.plots import effect_figures, limit_figures, objective_figures
from headworks.twin.report.report import PERCENTS, Distribution, Effect, Percentiles, Sensitivity
from headworks.twin.screening.giving_way import DayUse
from tests.twin.report.test_summary import FULL, first, report, up

SPREAD = Distribution(objective="first", over="calls", values=[0.1 + percent / 60 for percent in PERCENTS])


def test_a_latency_is_drawn_as_its_distribution_and_a_mean_as_its_range() -> None:
    figures = dict(objective_figures(report(first(), up(), distributions=[SPREAD])))
    assert list(figures) == ["first: p95 of time_to_first_token <= 800ms", "up: availability >= 99%"]
    latency, mean = figures.values()
    assert "share of the calls that have at most this" in latency
    assert ">p95</text>" in latency
    assert "p50 933 ms, p95 1.68 s" in latency  # the text for screen readers
    assert "predicted 99.91%" in mean
    for drawn in figures.values():
        assert ">bound " in drawn


def test_what_was_measured_is_drawn_beside_what_is_predicted() -> None:
    measured = Percentiles(alias="a", metric="time_to_first_token", predicted=SPREAD.values, measured=SPREAD.values)
    [(_, drawn)] = objective_figures(report(first(), distributions=[SPREAD], latencies=[measured]))
    assert ">measured</text>" in drawn
    [(_, alone)] = objective_figures(report(first(), distributions=[SPREAD]))
    assert ">measured</text>" not in alone


def test_an_objective_without_a_number_is_not_drawn() -> None:
    assert list(objective_figures(report(first("cannot say", None)))) == []


def test_a_limit_is_drawn_over_the_hours_of_the_day_or_over_the_run() -> None:
    hours = DayUse(name="tpm of openai", hours=[0.5] * 23 + [1.5])
    [(title, day)] = limit_figures(report(first(), days=[hours]))
    assert title == "tpm of openai: 103% at peak"
    assert "asked of it in the busiest hour 150%, on average 54%" in day
    assert ">18:00</text>" in day
    [(_, run)] = limit_figures(report(first(), uses=[msgspec.structs.replace(FULL, course=[0.5] * 60)]))
    assert "time, first run" in run


def test_only_effects_that_are_measurable_are_drawn() -> None:
    clear = Effect(objective="first", change=0.2, low=0.1, high=0.3, after=0.6)
    noise = Effect(objective="first", change=0.2, low=-0.1, high=0.5, after=0.6)
    changes = [
        Sensitivity(knob=name, said="1 -> 2", kind="file", path="", effects=[effect])
        for name, effect in (("clear", clear), ("noise", noise))
    ]
    [(title, drawn)] = effect_figures(report(first(), sensitivities=changes))
    assert title == "effect on first"
    assert "clear: 1 -&gt; 2" in drawn
    assert "noise" not in drawn
