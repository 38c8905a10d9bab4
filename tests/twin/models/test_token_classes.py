"""What a call's tokens are, and what they cost, is as it was recorded."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from headworks.core.money import NANO
from headworks.core.record import AttemptRecord, Record
from headworks.core.reply import Usage
from headworks.gateway.prices import Prices
from headworks.system.schema.system import System
from headworks.twin.models.building import build_models
from headworks.twin.models.fit import blind_spots, fit, token_notes
from headworks.twin.models.token_classes import TokenClasses, class_shares, fit_classes
from headworks.twin.plan import PlanInputs, prepare
from headworks.twin.simulation.replications import Plan, replicate
from headworks.twin.verdicts.verdict import Judge
from headworks.twin.workload.demand import demand
from tests.system.files import right

SYSTEM = """\
requirements:
  traffic: {{log: true}}
  objectives: [{{id: cost, metric: cost_per_call, at_most: $1}}]
providers: {{v: {{dialect: openai, base_url: "https://v/v1"}}}}
models:
  a: {{targets: v/x, price: {{input: $2/M, output: $10/M, {rates}}}}}
"""
RATES = "cached_input: $0.2/M, cache_write: $2.5/M, reasoning: $40/M, audio_input: $50/M, audio_output: $80/M"


def system(rates: str = RATES) -> System:
    return right(SYSTEM.format(rates=rates))


def usage(rng: Random, cached: float, reasoning: float, share: float = 1.0) -> Usage:
    """One call's tokens as a vendor counts them: a part of each is cached or reasoning, in a share of the calls."""
    prompt, output = round(300 * 2.718 ** rng.gauss(0, 0.7)), round(40 * 2.718 ** rng.gauss(0, 0.5))
    kept = int(prompt * cached) if rng.random() < share else 0
    thought = int(output * reasoning) if rng.random() < share else 0
    return Usage(input=prompt - kept, cached_input=kept, output=output - thought, reasoning=thought)


def recorded(usages: list[Usage], made: System) -> list[Record]:
    """What the ledger has of these calls, six a second."""
    price = Prices(made).of(made.models["a"], made.models["a"].targets[0][0])
    assert price is not None
    records: list[Record] = []
    for number, used in enumerate(usages):
        begun = number / 6
        ended = begun + 0.2 + 0.015 * used.output_tokens
        attempt = AttemptRecord(
            target="v/x", why="first", started_at=begun, head_at=begun + 0.2, ended_at=ended, outcome="ok", tokens=used
        )
        records.append(
            Record(
                request_id=f"{number:06d}", at=begun, arrived_at=begun, head_at=begun + 0.2, last_at=ended, operation="chat",
                model="a", streamed=True, status=200, outcome="ok", config="c", tokens=used, cost_nano=price.cost(used),
                attempts=[attempt],
            )
        )  # fmt: skip
    return records


def costs(usages: list[Usage], made: System, *, is_fitted: bool = True) -> tuple[float, float]:
    """The mean cost of a call by the ledger, and in a simulated replay of its calls."""
    records = recorded(usages, made)
    models = build_models(made, fit(records, made).models if is_fitted else None).models
    run = replicate(Plan(made, models, demand(made, lambda path: b"", records).workload), 1, 100)
    since = run.seen.arrived.min()
    known = [one.cost_nano / NANO for one in records if one.cost_nano is not None and one.arrived_at >= since]
    return sum(known) / len(known), run.values["cost"]


@pytest.mark.parametrize(("cached", "reasoning"), [(0.9, 0.0), (0.0, 0.5), (0.9, 0.5)])
def test_the_cost_of_a_replayed_call_is_what_the_ledger_says(cached: float, reasoning: float) -> None:
    rng = Random(1)
    ledger, planned = costs([usage(rng, cached, reasoning) for _ in range(150)], system())
    assert planned == pytest.approx(ledger, rel=0.01)


def test_a_class_that_only_some_calls_have_is_priced_for_those_calls() -> None:
    rng = Random(2)
    ledger, planned = costs([usage(rng, 0.8, 0.6, share=0.4) for _ in range(300)], system())
    assert planned == pytest.approx(ledger, rel=0.06)


def test_without_a_fit_all_tokens_are_plain_and_the_plan_says_so() -> None:
    rng = Random(1)
    ledger, planned = costs([usage(rng, 0.9, 0.0) for _ in range(100)], system(), is_fitted=False)
    assert planned > 1.5 * ledger
    said = [one for one in build_models(system()).assumptions if "none is cached, reasoning or audio" in one.assumed]
    assert [(one.about, one.instead) for one in said] == [("v/x", "use `--fit`")]


def test_every_class_adds_up_to_what_was_recorded() -> None:
    rng = Random(3)
    usages = [
        Usage(
            input=rng.randrange(1, 900), cached_input=rng.choice((0, 1024)), cache_write=rng.choice((0, 0, 500)),
            audio_input=rng.choice((0, 70)), output=rng.randrange(1, 90), reasoning=rng.choice((0, 300)),
            audio_output=rng.choice((0, 0, 0, 40)),
        )
        for _ in range(1000)
    ]  # fmt: skip
    found = fit_classes(usages, 30)
    played = [
        found.usage(one.input_tokens, one.output_tokens, (rng.random(), rng.random()))
        for one in usages
        for _ in range(5)
    ]
    for one, other in zip(usages, played[::5], strict=True):
        assert (one.input_tokens, one.output_tokens) == (other.input_tokens, other.output_tokens)
    for name in Usage.__struct_fields__:
        recorded_tokens, simulated = (
            sum(getattr(one, name) for one in usages),
            sum(getattr(one, name) for one in played) / 5,
        )
        assert simulated == pytest.approx(recorded_tokens, rel=0.04), name
    shares = {name: share for name, share, _ in class_shares(usages)}
    assert shares["cached_input"] == pytest.approx(0.5, abs=0.04)


def test_a_short_prompt_is_not_cached_because_long_ones_are() -> None:
    usages = [Usage(input=200, output=9)] * 100 + [Usage(input=100, cached_input=1900, output=9)] * 100
    found = fit_classes(usages, 30)
    assert found.usage(150, 9, (0.99, 0.5)) == Usage(input=150, output=9)
    assert found.usage(4000, 9, (0.0, 0.5)) == Usage(input=200, cached_input=3800, output=9)
    assert fit_classes([Usage(input=5, output=9)] * 50, 30) == TokenClasses()


def test_a_fitted_model_is_the_same_after_it_was_written_and_read() -> None:
    rng = Random(4)
    records = recorded([usage(rng, 0.9, 0.5) for _ in range(100)], system())
    model = fit(records, system()).models["v/x"]
    assert msgspec.json.decode(msgspec.json.encode(model), type=type(model)) == model


def test_what_a_fit_knows_of_tokens_and_what_not_is_listed() -> None:
    rng = Random(5)
    records = recorded([usage(rng, 0.9, 0.5, share=0.5) for _ in range(200)], system())
    said = " | ".join(one.assumed for one in fit(records, system()).notes)
    assert "% of the calls have cached_input tokens: " in said
    assert "% of the calls have reasoning tokens: 4" in said
    assert (
        "no recorded call has cache_write, cache_write_1h, audio_input, audio_output tokens: none are expected" in said
    )
    assert "of another share it is not known" in said
    assert "their own pace is not known" in said
    assert "the attempts are from 33s: how it is at other hours of the day is not known" in said
    plain = token_notes([Usage(input=5, output=9)] * 50, 50)
    assert plain == [
        "no recorded call has cached_input, cache_write, cache_write_1h, audio_input, reasoning, audio_output tokens: "
        "none are expected"
    ]


def test_estimated_tokens_say_nothing_of_classes() -> None:
    assert token_notes([], 40) == [
        "the vendor did not say the tokens of 40 of 40 answers: their classes are not known",
        "all its tokens count as plain input and output",
    ]
    records = recorded([Usage(input=10, cached_input=90, output=9)] * 100, system())
    silent = [
        msgspec.structs.replace(one, attempts=[msgspec.structs.replace(one.attempts[0], estimated=True)])
        for one in records
    ]
    assert fit(silent, system()).models["v/x"].classes.is_plain


def test_endings_that_are_not_played_back_are_listed() -> None:
    made = recorded([Usage(input=10, output=9)], system())[0]
    left = msgspec.structs.replace(made.attempts[0], outcome="cancelled")
    later = msgspec.structs.replace(made, at=made.at + 2 * 86400)
    assert blind_spots([(made, left), (later, left)]) == ["attempts that ended otherwise are not modelled: 2 cancelled"]


def test_a_class_without_a_price_is_named() -> None:
    """Sound costs many times what text costs: without a rate of its own no cost is known."""
    usages = [Usage(input=10, audio_input=90, output=9)] * 50
    priced = fit(recorded(usages, system()), system()).notes
    bare = system("cached_input: $1/M")
    without = fit(recorded(usages, bare), bare).notes
    said = "audio_input tokens have no price, so costs are not known"
    assert said not in [one.assumed for one in priced]
    assert [one.instead for one in without if one.assumed == said] == [
        "set `price: {audio_input: ...}` under its model"
    ]


@pytest.mark.parametrize(("cached", "reasoning"), [(0.9, 0.0), (0.0, 0.5)])
def test_a_fitted_plans_interval_of_the_cost_has_a_width_and_the_ledgers_cost_in_it(
    cached: float, reasoning: float
) -> None:
    rng = Random(7)
    records = recorded([usage(rng, cached, reasoning) for _ in range(120)], system())
    made = system()
    ready = prepare(made, PlanInputs(read=lambda path: b"", records=records, is_fitted=True))
    whole = Plan(made, ready.modelled.models, ready.demand.workload)
    runs = [replicate(whole, seed, 100) for seed in (1, 2)]
    verdict = Judge(whole, runs, 1, ready.demand.busy).of(made.requirements.objectives[0])
    ledger = sum(one.cost_nano or 0 for one in records) / NANO / len(records)
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low < ledger < verdict.high
    assert verdict.high - verdict.low > 0.02 * ledger
