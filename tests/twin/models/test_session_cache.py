"""What sessions leave in prompt caches, as a plan has it: the published rules, played."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from headworks.providers.simulated.prompt_cache import Block, Prompt, PromptCache
from headworks.system.derived.prompt_rules import prompt_rules
from headworks.system.schema.system import System
from headworks.system.verdicts.closed_forms import LogNormal
from headworks.twin.models.building import BuiltModels
from headworks.twin.models.session_cache import SessionShape, warmth
from headworks.twin.models.vendor_model import Latency, VendorModel
from headworks.twin.plan import PlanInputs, prepare
from headworks.twin.simulation.run import simulate
from headworks.twin.workload.arrivals import Arrivals
from headworks.twin.workload.token_counts import TokenCounts
from headworks.wire.prompt_caching import PREFILL_SHARE, RULES, Rules
from tests.system.files import right

SYSTEM = """
providers:
  east: {dialect: simulated, prompt_cache: anthropic}
  west: {dialect: openai, base_url: "https://west"}
models:
  assistant:
    targets: [[east/m, west/m]]
    balance: BALANCE
    price: {input: $3/M, cached_input: $0.3/M, cache_write: $3.75/M, output: $15/M}
requirements:
  traffic: {peak_rps: 5, prompt_tokens: {p50: 20k, p95: 50k}, output_tokens: {p50: 20, p95: 20}SESSIONS}
  objectives: [{id: cost, metric: cost_per_call, at_most: $0.05}]
"""
SESSIONS = ", sessions: {turns: {p50: 20, p95: 60}, pause: {p50: 60s, p95: 4m}, growth: 500}"


def system(balance: str = "sticky", sessions: str = SESSIONS) -> System:
    return right(SYSTEM.replace("BALANCE", balance).replace("SESSIONS", sessions))


def models(balance: str = "sticky", sessions: str = SESSIONS) -> BuiltModels:
    return prepare(system(balance, sessions), PlanInputs(read=lambda path: b"")).modelled


def shape(pause: float, turns: float = 50, opening: float = 10_000, growth: float = 800) -> SessionShape:
    return SessionShape(LogNormal(turns, 0.0), LogNormal(pause, 0.0), opening, growth)


@pytest.mark.parametrize(("rules", "share"), [("openai", 1.0), ("anthropic", 1.0), ("anthropic", 0.5)])
def test_the_share_is_that_of_the_vendors_own_cache_over_the_same_sessions(rules: Rules, share: float) -> None:
    pause = RULES[rules].life / 2.5  # a second and a third turn later it is warm, later it is not
    made = shape(pause, turns=12, opening=4000, growth=400)
    expected = warmth(made, RULES[rules], RULES[rules].smallest, share, "seed", 2000)
    rng, read, asked = Random(1), 0, 0
    for number in range(20):
        cache, at = PromptCache(rules, "m"), 0.0
        blocks = [Block(b"%08d" % number * (int(made.opening) // 2))]
        for turn in range(12):
            blocks += [Block(b"%08d" % turn * (int(made.growth) // 2))] if turn else []
            at += pause
            if rng.random() >= share:
                continue
            marked = [*blocks[:-1], Block(blocks[-1].data, "5m")]
            tokens = sum(len(block.data) for block in blocks) // 4
            usage = cache.use(Prompt(b"", marked, tokens), at)
            read, asked = read + usage.cached_input, asked + tokens
    played = expected.warm * expected.read
    assert played == pytest.approx(read / asked, abs=0.1 if share < 1 else 0.02)


def test_a_pause_that_is_longer_than_the_cache_lives_leaves_nothing_warm() -> None:
    found = warmth(shape(301.0), RULES["anthropic"], 1024, 1.0, "seed", 500)
    assert (found.warm, found.read, found.cold_write) == (0.0, 0.0, 1.0)


def test_sticky_sessions_find_more_than_shared_ones_and_the_same_seed_the_same() -> None:
    sticky, shared = (warmth(shape(200.0), RULES["anthropic"], 1024, share, "seed", 2000) for share in (1.0, 0.5))
    assert sticky.cached > shared.cached + 0.2
    assert sticky == warmth(shape(200.0), RULES["anthropic"], 1024, 1.0, "seed", 2000)


def test_without_growth_a_prompt_begins_with_what_a_turn_adds_and_keeps_its_mean() -> None:
    traffic = system(sessions=SESSIONS.replace(", growth: 500", "")).requirements.traffic
    assert traffic.sessions is not None
    assert traffic.sessions.pause is not None
    made = SessionShape.of(traffic.sessions, traffic.sessions.pause, 20_000.0)
    assert made.opening == pytest.approx(made.growth)
    assert made.growth < 20_000 / 10


def test_without_a_pause_in_the_file_nothing_is_cached() -> None:
    made = models(sessions=", sessions: {turns: {p50: 20, p95: 60}}")
    assert all(model.classes.is_plain for model in made.models.values())


def test_a_plan_says_what_is_read_under_this_balance_and_under_the_other() -> None:
    for balance, other in (("sticky", "weighted"), ("weighted", "sticky")):
        made = models(balance)
        [said] = [one.assumed for one in made.assumptions if "prompt cache" in one.assumed]
        assert f"under `balance: {balance}`" in said
        assert f"under `{other}`" in said
        assert not made.models["east/m"].classes.is_plain
        assert made.models["west/m"].classes.is_plain  # nobody knows its rules


def test_a_target_whose_speed_is_a_range_has_its_cache_at_both_ends() -> None:
    text = SYSTEM.replace("BALANCE", "sticky").replace("SESSIONS", SESSIONS)
    hosted = right(
        text.replace("{dialect: simulated, prompt_cache: anthropic}", "{dialect: anthropic, api_key: k1234567}")
    )
    made = prepare(hosted, PlanInputs(read=lambda path: b"")).modelled
    ends = made.ranges["east/m"]
    assert ends.fast.classes == ends.slow.classes == made.models["east/m"].classes
    assert not ends.fast.classes.is_plain
    assert not any(one.about == "east/m" and "none is cached" in one.assumed for one in made.assumptions)


def test_what_is_cached_costs_less_and_comes_earlier() -> None:
    model = models().models["east/m"]
    quick = msgspec.structs.replace(model, first=Latency(median=1.0), pace=Latency(median=1e-6), faults={})
    cold = msgspec.structs.replace(quick, classes=type(model.classes)(), cached_prefill=0.0)
    waits, costs = [], []
    for one in (cold, quick):
        seen = simulate(system(), {"east/m": one, "west/m": one_of(one)}, arrivals(200), 1).sink.records
        records = [record for record in seen if record is not None]
        waits.append(sum(record.head_at - record.arrived_at for record in records) / len(records))
        costs.append(sum(record.cost_nano or 0 for record in records))
    assert waits[0] == pytest.approx(1.0)
    assert 1 - PREFILL_SHARE < waits[1] < 0.6
    assert costs[1] < costs[0] / 2


def one_of(model: VendorModel) -> VendorModel:
    return msgspec.structs.replace(model, target="west/m")


def arrivals(calls: int) -> Arrivals:
    return Arrivals(
        at=[float(number) for number in range(calls)],
        alias=["assistant"] * calls,
        sizes=[TokenCounts(20_000, 1)] * calls,
        streamed=[True] * calls,
        same=list(range(calls)),
        begins=0.0,
        ends=float(calls),
    )


@pytest.mark.parametrize(
    ("provider", "model", "rules"),
    [
        ("dialect: simulated", "m", None),
        ("dialect: simulated, prompt_cache: gemini", "m", "gemini"),
        ("dialect: local", "m", None),
        ('dialect: openai, base_url: "https://api.openai.com/v1"', "gpt-5", "openai"),
        ('dialect: openai, base_url: "https://elsewhere/v1"', "gpt-5", None),
        ("dialect: anthropic, api_key: k12345678", "claude-sonnet-4-5", "anthropic"),
        ("dialect: gemini, api_key: k12345678", "gemini-2.5-pro", "gemini"),
        ("dialect: deepseek, api_key: k12345678", "deepseek-chat", "deepseek"),
        ("dialect: groq, api_key: k12345678", "m", None),
        ("dialect: bedrock, region: us-east-1", "anthropic.claude-haiku-4-5-v1:0", "anthropic"),
        ("dialect: bedrock, region: us-east-1", "amazon.nova-pro-v1:0", None),
    ],
)
def test_whose_rules_a_target_keeps(provider: str, model: str, rules: Rules | None) -> None:
    made = right(f'providers: {{v: {{{provider}}}}}\nmodels: {{a: {{targets: "v/{model}"}}}}')
    assert prompt_rules(made.providers["v"], model) == rules
