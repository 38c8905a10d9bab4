"""The first sentences of a plan: each from one report made by hand."""

from __future__ import annotations

import msgspec
import pytest

from headworks.system.verdicts.verdict import VerdictWord, overall
from headworks.twin.report.report import Effort, Remedy, Report
from headworks.twin.report.summary import calls_a_second, carrying_lines, limit_words, plain_value, summary
from headworks.twin.screening.closed_forms import Screening
from headworks.twin.screening.giving_way import Carrying, GivesWay, LoadMultiple
from headworks.twin.simulation.utilization import Utilization
from headworks.twin.verdicts.bottleneck import Bottleneck
from headworks.twin.verdicts.overload import Overload
from headworks.twin.verdicts.quality import QualityMix, TargetShare
from headworks.twin.verdicts.verdict import Verdict


def first(verdict: VerdictWord = "does not hold", value: float | None = 1.9, **more: object) -> Verdict:
    made = Verdict(
        id="first",
        objective="p95 of time_to_first_token <= 800ms",
        alias=None,
        metric="time_to_first_token",
        verdict=verdict,
        limit=0.8,
        value=value,
        low=value,
        high=value,
        margin=-1.0,
    )
    return msgspec.structs.replace(made, **more)


def up(verdict: VerdictWord = "holds", value: float = 0.9991) -> Verdict:
    return Verdict(
        id="up",
        objective="availability >= 99%",
        alias=None,
        metric="availability",
        verdict=verdict,
        limit=0.99,
        value=value,
        low=value,
        high=value,
        margin=0.9,
    )


FULL = Utilization(name="tpm of openai", path="p", limit=1e6, at_peak=1.03, mean=0.9, waits=3.0, course=[1.0])
CARRIES = Carrying(rate=20.0, capacity=34.4, first="tpm of openai", multiples=[], holds_to=32.6, missed="first")


def report(*verdicts: Verdict, **more: object) -> Report:
    made = Report(
        headworks="1",
        system="bot",
        digest="d",
        verdict=overall(one.verdict for one in verdicts),
        traffic="",
        overloads=[],
        verdicts=list(verdicts),
        binding=Bottleneck(name="tpm of openai", at_peak=1.03, said="tpm of openai: 103% used at peak"),
        remedies=[],
        sensitivities=[],
        uses=[FULL],
        latencies=[],
        screening=Screening(refused="", limits=[], queues=[]),
        assumptions=[],
        models=[],
        prices={},
        effort=Effort(seed=1, runs=2, most_runs=2, calls=1, simulated=1, measured=1, wanted=1),
        carrying=CARRIES,
        distributions=[],
        days=[],
        calls_a_month=1_000_000.0,
    )
    return msgspec.structs.replace(made, **more)


def remedy(objective: str = "first", *, is_enough: bool = True, after: float | None = 0.001212) -> Remedy:
    return Remedy(
        objective=objective,
        is_enough=is_enough,
        gained=1.0,
        knob="another provider for bot",
        said="add `groq` as a second target",
        kind="vendor",
        path="models.bot.targets",
        value=0.5,
        cost_before=0.001,
        cost_after=after,
        breaks=[],
    )


def test_what_is_missed_why_and_what_would_help_is_said_in_four_sentences() -> None:
    said = summary(report(first(), up(), remedies=[remedy()]))
    assert said == (
        "Not yet: at 20 calls a second answers start after 1.9 s at p95, you asked for 0.8 s. "
        "The tokens a minute of `openai` give way first. "
        "Changing `another provider for bot` (add `groq` as a second target) would meet both promises for $212 more a month."
    )


def test_what_holds_says_how_much_more_it_carries() -> None:
    said = summary(report(first("holds", 0.5), up()))
    assert said == "Yes: both promises hold at 20 calls a second. The latencies hold up to 32.6 calls a second."


def test_the_first_missed_promise_of_the_file_is_named_and_the_others_are_counted() -> None:
    said = summary(report(up("does not hold", 0.42), first(), first("cannot say")))
    assert said.startswith("Not yet: at 20 calls a second 42% of the calls are answered, you asked for 99%. Two other ")


def test_a_promise_that_may_be_missed_is_not_called_missed() -> None:
    said = summary(report(first("cannot say", low=0.7, high=1.0)))
    assert said.startswith(
        "Not certain: at 20 calls a second `first` (p95 of time_to_first_token <= 800ms) may be missed"
    )
    assert "0.7 s to 1 s is likely" in said


def test_what_nothing_is_known_of_is_said_with_the_reason() -> None:
    said = summary(report(first("cannot say", None, low=None, high=None, why="a target's price is unknown")))
    assert said.startswith("Not known yet: of `first` nothing can be said (a target's price is unknown).")


def test_a_queue_that_grows_comes_before_a_limit_that_is_full() -> None:
    grows = Overload(
        name="rpm of v",
        offered=2,
        carried=1,
        grows=True,
        wait=9.0,
        full_after=None,
        said="more arrives than `v` admits",
    )
    assert "you asked for 0.8 s. More arrives than `v` admits." in summary(report(first(), overloads=[grows]))


def test_a_limit_at_which_nobody_waits_is_not_called_the_cause() -> None:
    idle = msgspec.structs.replace(FULL, waits=0.0)
    said = summary(report(first(), uses=[idle]))
    assert "No limit of the file is the cause: vendors take long to start an answer." in said


def test_a_limit_whose_calls_go_on_to_the_next_tier_is_not_why_calls_fail() -> None:
    spills = msgspec.structs.replace(FULL, refused=0.3, elsewhere=0.3)
    missed = up("does not hold", 0.5)
    assert "No limit of the file is the cause: vendors are down" in summary(report(missed, uses=[spills]))
    refuses = msgspec.structs.replace(spills, elsewhere=0.1)
    assert "The tokens a minute of `openai` give way first." in summary(report(missed, uses=[refuses]))


def test_only_a_change_that_is_enough_is_promised() -> None:
    said = summary(report(first(), remedies=[remedy(is_enough=False)]))
    assert said.endswith("No single change that was tried is enough.")
    assert "would meet" not in said


def test_a_change_that_meets_some_of_what_is_missed_says_how_many() -> None:
    said = summary(report(first(), up("does not hold", 0.5), remedies=[remedy(), remedy("up", is_enough=False)]))
    assert "would meet one promise of the two that are open or missed for $212 more a month." in said


@pytest.mark.parametrize(
    ("after", "said"), [(None, "promise."), (0.0010001, "promise at the same cost."), (0.0008, "$200 less")]
)
def test_what_a_change_costs_is_said_if_it_is_known_and_measurable(after: float | None, said: str) -> None:
    assert said in summary(report(first(), remedies=[remedy(after=after)]))


def test_a_promise_about_a_part_of_what_is_asked_says_so() -> None:
    said = summary(report(first("holds", 0.5, served=0.12)))
    assert said.startswith("Yes: the promise holds for 12% of what is asked at 20 calls a second.")


def test_how_far_it_carries_names_what_gives_way_at_each_multiple() -> None:
    short = GivesWay(name="tpm of openai", offered=100.0, carried=34.4)
    other = GivesWay(name="server.max_in_flight", offered=100.0, carried=80.0)
    multiples = [
        LoadMultiple(factor=2, rate=40.0, gives_way=[]),
        LoadMultiple(factor=5, rate=100.0, gives_way=[short, other]),
    ]
    carries = msgspec.structs.replace(CARRIES, multiples=multiples, missed_at=33.5)
    assert carrying_lines(report(first(), carrying=carries)) == [
        "the latencies hold up to 32.6 calls a second in simulation; at 33.5 calls a second `first` is missed",
        "by formulas the limits carry 34.4 calls a second; then the tokens a minute of `openai` are used up",
        "at 2x (40 calls a second), by formulas, every limit has room",
        "at 5x (100 calls a second), by formulas, the tokens a minute of `openai` give way first: 34.4 of 100 calls a second are admitted; "
        "then the calls that the gateway holds at once (`server.max_in_flight`)",
    ]


def test_where_no_limit_bounds_the_load_that_is_said() -> None:
    free = Carrying(rate=1.0, capacity=None, first="", multiples=[])
    lines = carrying_lines(report(first(), carrying=free))
    assert lines[-1] == "no limit of the file bounds the load"


def test_numbers_of_a_sentence_are_short() -> None:
    assert plain_value("availability", 0.088066) == "8.8%"
    assert plain_value("availability", 0.989256) == "98.93%"
    assert plain_value("goodput", 13.912) == "13.9"
    assert plain_value("duration", 119.5) == "120 s"
    assert calls_a_second(1.0) == "1 call a second"
    assert limit_words("slots of v/m") == "the slots of `v/m`"
    assert limit_words("targets of a") == "`targets of a`"


def test_a_missed_quality_names_who_gives_most_of_the_answers() -> None:
    mix = QualityMix(
        suite="support",
        model="a",
        prompt="",
        targets=[
            TargetShare(
                target="openai/m", share=0.98, value=0.7, low=0.6, high=0.8, samples=100, measured_on="2026-11-30"
            ),
            TargetShare(
                target="here/m", share=0.02, value=0.2, low=0.1, high=0.3, samples=100, measured_on="2026-11-30"
            ),
        ],
        fallbacks=-0.01,
        outages=0.0,
        evaluation=0.1,
        mix=0.0,
    )
    missed = msgspec.structs.replace(
        up("does not hold", 0.69),
        id="answers",
        objective="quality >= 90%",
        metric="quality",
        limit=0.9,
        margin=None,
        quality=mix,
    )
    said = summary(report(missed))
    assert said.startswith("Not yet: at 20 calls a second 69.0% of the answers are right, you asked for 90.0%.")
    assert "`openai/m` gives 98.0% of the answers, and 70.0% of its own are right." in said
    unknown = msgspec.structs.replace(missed, verdict="cannot say", value=None, quality=None, why="too few clusters")
    assert "Not known yet: of `answers` nothing can be said (too few clusters)." in summary(report(unknown))
