"""Verdicts: what follows is said, what does not follow is not, and what would say it is named."""

from __future__ import annotations

import pytest

from headworks.core.money import Price, Rates
from headworks.gateway.prices import Prices
from headworks.system.schema.system import Model, TargetOf
from headworks.system.verdicts.judge import Verdict, judge
from tests.system.files import right

TRAFFIC = "peak_rps: 10, prompt_tokens: {p50: 1000, p95: 1000}, output_tokens: {p50: 200, p95: 200}"
EXPECT = "expect: {first_token: {p50: 1s, p95: 2s}, per_token: {p50: 10ms, p95: 10ms}}"

PATIENT = ", timeouts: {first_token: 1h, answer: 2h, total: 2h}"
"""Timeouts that every answer fits, however slow its target is: nobody said of these how fast they are."""


def dollar(model: Model, target: TargetOf) -> Price | None:
    """$1 a million tokens in, $5 out: a call of 1000 and 200 costs $0.002; the dear one ten times that."""
    factor = 10 if target.provider == "dear" else 1
    return None if target.provider == "odd" else Price(rates=Rates(input=factor * 10**9, output=factor * 5 * 10**9))


def verdicts(
    objectives: str,
    targets: str = "v/x",
    *,
    traffic: str = TRAFFIC,
    limits: str = "",
    more: str = "",
    model: str = "",
    causes: str = "",
) -> list[Verdict]:
    is_latency = "time_to_first_token" in objectives or "duration" in objectives
    patient = "" if is_latency else PATIENT
    system = right(f"""\
requirements:
  traffic: {{{traffic}}}
  objectives: [{objectives}]
  common_causes: [{causes}]
providers:
  v: {{dialect: openai, base_url: "https://v/v1"{limits}}}
  w: {{dialect: openai, base_url: "https://w/v1"}}
  dear: {{dialect: openai, base_url: "https://dear/v1"}}
  odd: {{dialect: openai, base_url: "https://odd/v1"}}
  here: {{dialect: local}}
  sim: {{dialect: simulated, first_token: {{p50: 1s, p99: 1s}}, per_token: {{p50: 10ms, p99: 10ms}}}}
models:
  a: {{targets: [{targets}]{model}{patient}}}
{more}""")
    return judge(system, dollar)


def verdict(objective: str, targets: str = "v/x", **others: str) -> tuple[str, str, str]:
    [one] = verdicts(f"{{id: x, {objective}}}", targets, **others)
    return one.verdict, one.needs, one.why


def available(share: str) -> str:
    return f"metric: availability, at_least: {share}"


@pytest.mark.parametrize(
    ("targets", "share", "said"),
    [
        ("v/x", "98.8%", "holds"),
        ("v/x", "99%", "cannot say"),  # so close to what outages leave that single calls decide
        ("v/x", "99.01%", "does not hold"),
        ("v/x, v/y", "99.5%", "does not hold"),  # two models of one provider fail together
        ("v/x, w/y", "99.7%", "holds"),
        ("v/x, w/y", "99.89%", "cannot say"),
        ("v/x, w/y", "99.9%", "does not hold"),
        ("v/x, w/y, dear/z", "99.9%", "does not hold"),  # beta: the third buys next to nothing
        ("[v/x, w/y]", "99.7%", "holds"),  # in one tier or in two: a call goes to the other
        ("{provider: v, model: x, expect: {availability: 99.95%}}", "99.8%", "holds"),
        ("{provider: v, model: x, rpm: 600}", "98.8%", "cannot say"),  # a limit may turn calls away
        ("v/x, here", "99.5%", "cannot say"),  # while v is down all of it comes to one that takes four at once
        ("here", "98%", "cannot say"),  # nobody knows how fast this machine is
    ],
)
def test_availability_of_a_chain(targets: str, share: str, said: str) -> None:
    assert verdict(available(share), targets)[0] == said


@pytest.mark.parametrize(
    ("targets", "share", "said", "windows"),
    [
        ("v/x", "98%", "holds", "99%"),
        ("v/x", "99%", "cannot say", "54%"),
        ("v/x", "99.7%", "does not hold", "1%"),
        ("v/x, w/y", "99.8%", "cannot say", "81%"),  # the mean is above it, and every sixth month below
        ("v/x, w/y", "99%", "holds", "100%"),
    ],
)
def test_availability_in_a_window_is_judged_window_by_window(targets: str, share: str, said: str, windows: str) -> None:
    found = verdict(available(share) + ", window: 30d", targets)
    assert found[0] == said
    assert f"; {windows} of 30d windows meet it" in found[2]


def test_a_cache_answers_while_its_vendors_are_down() -> None:
    repeated = TRAFFIC + ", repeated: 50%"
    assert verdict(available("99.2%"))[0] == "does not hold"
    assert verdict(available("99.2%"), model=", cache: {exact: 1h}", traffic=repeated)[0] == "cannot say"


def test_availability_names_what_it_rests_on_and_what_one_more_would_bring() -> None:
    _, _, why = verdict(available("99.9%"), "v/x")
    assert why == "99% expected with v (99% assumed where not stated); with one more provider: 99.8919%"
    _, _, why = verdict(available("99%"), "v/x, w/y")
    assert why == "99.8919% expected with v, w (99% assumed where not stated; 10% of outages shared)"
    _, needs, why = verdict(available("99%"), "v/x")
    assert (needs, why.partition("), ")[2]) == ("plan", "counting only outages; needs a simulation: headworks plan")


def test_written_causes_take_the_place_of_the_assumed_one() -> None:
    assert verdict(available("99.8%"), "v/x, w/y", causes="{name: c, providers: [sim, odd], share: 5%}")[0] == "holds"
    apart = verdict(available("99.98%"), "v/x, w/y", causes="{name: c, providers: [v, w], share: 5%}")
    assert apart[0] == "does not hold"
    assert "in common" not in apart[2]


def test_the_whole_system_is_the_mean_of_its_models_by_their_peaks() -> None:
    more = f"  b: {{targets: [v/x, w/y]{PATIENT}}}"
    assert verdict(available("99.5%"), more=more)[:2] == ("cannot say", "numbers")
    traffic = TRAFFIC + ", aliases: {a: {peak_rps: 1}, b: {peak_rps: 9}}"
    assert verdict(available("99.5%"), more=more, traffic=traffic)[0] == "holds"
    assert verdict(available("99.85%"), more=more, traffic=traffic)[0] == "does not hold"
    assert verdict("alias: b, " + available("99.7%"), more=more, traffic=traffic)[0] == "holds"


@pytest.mark.parametrize(
    ("limits", "rate", "said", "needs"),
    [
        ("", 5, "cannot say", "numbers"),  # no limit is declared
        (", rpm: 900", 8, "holds", ""),
        (", rpm: 600", 8, "cannot say", "plan"),  # as much arrives as the limit admits
        (", rpm: 600", 9, "cannot say", "plan"),  # so close that bursts decide
        (", rpm: 600", 11, "does not hold", ""),
        (", rpm: 6k", 11, "does not hold", ""),  # no more than 10 a second arrive
        (", rpm: 6k", 9, "holds", ""),
        (", rpm: 6k", 9.9, "cannot say", "plan"),  # as good as all of them, and some are always lost
        (", rpm: 6k, tpm: 1M", 8, "holds", ""),  # 16667 tokens a second by 1200 tokens per call
        (", rpm: 6k, tpm: 720k", 11, "does not hold", ""),
        (", concurrency: 40", 5, "cannot say", "numbers"),  # nobody said how long a call takes
        (", rpm: 600, concurrency: 40", 11, "does not hold", ""),
    ],
)
def test_throughput_by_a_vendors_limits(limits: str, rate: float, said: str, needs: str) -> None:
    assert verdict(f"metric: goodput, at_least: {rate}rps", limits=limits)[:2] == (said, needs)


def test_throughput_by_places_and_how_long_a_call_takes_one() -> None:
    """Little's law: 31 places by 3.09 s (1.09 s to the first token on average, 200 tokens by 10 ms) carry 10 calls/s."""
    target = f"{{provider: v, model: x, {EXPECT}}}"
    assert verdict("metric: goodput, at_least: 8rps", target, limits=", concurrency: 41")[0] == "holds"
    said, _, why = verdict("metric: goodput, at_least: 11rps", target, limits=", concurrency: 31")
    assert (said, why) == (
        "does not hold",
        "the limits allow only 10.0 calls/s: v: concurrency, 31 calls at once of 3.1s each",
    )


def test_throughput_adds_up_over_providers_and_ends_at_the_gateways_own_bound() -> None:
    limits = ", rpm: 600"
    many = TRAFFIC.replace("peak_rps: 10", "peak_rps: 110")
    assert verdict("metric: goodput, at_least: 100rps", "v/x, sim/y", limits=limits, traffic=many)[0] == "holds"
    assert verdict("metric: goodput, at_least: 9rps", "v/x, w/y", limits=limits)[:2] == ("cannot say", "numbers")
    own = verdict("metric: goodput, at_least: 5rps", "sim/y", more="server: {max_in_flight: 12}")
    assert own[::2] == ("does not hold", "the limits allow only 4.0 calls/s: server.max_in_flight")


def test_goodput_beside_an_objective_of_latency_needs_a_simulation_unless_the_limits_forbid_it() -> None:
    latency = "{id: fast, metric: duration, percentile: 95, at_most: 5s}"
    for rate, said in ((5, "cannot say"), (11, "does not hold")):
        found = verdicts(f"{{id: x, metric: goodput, at_least: {rate}rps}}, {latency}", limits=", rpm: 600")
        assert found[0].verdict == said
    assert "fast" in verdicts(f"{{id: x, metric: goodput, at_least: 5rps}}, {latency}", limits=", rpm: 600")[0].why


def test_providers_that_models_share_need_a_simulation() -> None:
    more = "  b: v/y"
    said = verdict("metric: goodput, at_least: 5rps, alias: a", limits=", rpm: 600", more=more)
    assert said[:2] == ("cannot say", "plan")
    assert verdict("metric: goodput, at_least: 11rps", limits=", rpm: 600", more=more)[0] == "does not hold"


@pytest.mark.parametrize(
    ("targets", "bound", "said", "needs"),
    [
        ("v/x", "$0.0022", "holds", ""),
        ("v/x", "$0.002", "cannot say", "plan"),  # at the bound: what tries cost decides
        ("v/x", "$0.0018", "does not hold", ""),
        ("v/x, dear/x", "$0.003", "cannot say", "plan"),  # what it falls back to costs ten times as much
        ("odd/x", "$1", "cannot say", "numbers"),
        ("[{provider: v, model: x, weight: 3}, dear/x]", "$0.007", "holds", ""),
        ("[{provider: v, model: x, weight: 3}, dear/x]", "$0.006", "does not hold", ""),
    ],
)
def test_cost_per_call_by_prices_and_tokens(targets: str, bound: str, said: str, needs: str) -> None:
    assert verdict(f"metric: cost_per_call, at_most: {bound}", targets)[:2] == (said, needs)


def test_cost_that_depends_on_who_answers_needs_a_simulation() -> None:
    share = "metric: cost_per_call, at_most: $0.0065"
    assert verdict(share, "[v/x, dear/x]", model=", balance: fastest")[:2] == ("cannot say", "plan")
    assert verdict(share, traffic="peak_rps: 10")[:2] == ("cannot say", "numbers")


def test_cost_in_a_window_is_bounded_by_the_peak() -> None:
    """10 calls a second by $0.002 are $1728 a day."""
    assert verdict("metric: cost, at_most: $1728, window: 1d")[:2] == ("cannot say", "plan")
    assert verdict("metric: cost, at_most: $1830, window: 1d")[0] == "holds"
    assert verdict("metric: cost, at_most: $1727, window: 1d")[:2] == ("cannot say", "plan")
    assert verdict("metric: cost, at_most: $1728, window: 1d", more="  b: v/y")[:2] == ("cannot say", "numbers")


@pytest.mark.parametrize(
    ("targets", "bound", "said"),
    [
        ("v/x", "1s", "cannot say"),
        (f"{{provider: v, model: x, {EXPECT}}}", "1999ms", "does not hold"),
        (f"{{provider: v, model: x, {EXPECT}}}", "2001ms", "cannot say"),
        (f"{{provider: v, model: x, {EXPECT}}}, w/x", "1999ms", "cannot say"),  # the other may be quicker
        (f"{{provider: v, model: x, {EXPECT}}}, sim/x", "999ms", "does not hold"),
        ("v/x", "2m", "holds"),  # `timeouts.total`
    ],
)
def test_time_to_first_token_by_what_is_expected(targets: str, bound: str, said: str) -> None:
    found = verdict(f"metric: time_to_first_token, percentile: 95, at_most: {bound}", targets)
    assert found[0] == said
    assert found[1] == ("plan" if said == "cannot say" else "")


def test_a_whole_answer_takes_at_least_the_writing_of_its_tokens() -> None:
    target = f"{{provider: v, model: x, {EXPECT}}}"
    assert verdict("metric: duration, percentile: 50, at_most: 1999ms", target)[0] == "does not hold"
    assert verdict("metric: duration, percentile: 50, at_most: 2001ms", target)[0] == "cannot say"


def test_without_streams_nothing_is_said_of_the_first_token() -> None:
    objective = "metric: time_to_first_token, percentile: 95, at_most: 1s"
    assert verdict(objective, traffic=TRAFFIC + ", streamed: 0%")[:2] == ("cannot say", "numbers")


def test_quality_needs_an_evaluation() -> None:
    objective = "metric: quality, suite: s, at_least: 90%"
    verdict_, needs, why = verdict(objective, more="suites: {s: suites/support.yaml}")
    assert (verdict_, needs) == ("not judged", "eval")
    assert why == "needs an evaluation: headworks eval --targets all --suite s"


def test_what_names_an_objective_is_kept() -> None:
    [one] = verdicts("{id: up, metric: availability, at_least: 99%, alias: a}")
    assert (one.id, one.objective, one.alias) == ("up", "availability >= 99%", "a")


def test_no_closed_form_is_said_of_arrivals_that_are_too_bursty() -> None:
    bound, limits = "metric: goodput, at_least: 5rps", ", rpm: 6000"
    assert verdict(bound, limits=limits)[0] == "holds"
    said, needs, why = verdict(bound, limits=limits, traffic=TRAFFIC + ", burstiness: 2.5")
    assert (said, needs) == ("cannot say", "plan")
    assert "the SCV of the gaps is 2.5, more than 2" in why


BUDGETS = """
providers: {sim: {dialect: simulated}}
models: {a: sim/x, b: sim/x}
keys:
  web: {key: "${env:K}", models: [a], budget: {amount: $1, every: 1d}}
  lab: {key: "${env:L}", models: [b], GROUP_OR_NOT}
groups: {product: {keys: [web], budget: {amount: $20, every: 30d}}}
requirements: {objectives: [{id: monthly, metric: cost, alias: a, at_most: BOUND, window: 30d}]}
"""


@pytest.mark.parametrize(("bound", "verdict"), [("$40", "holds"), ("$39.99", "cannot say")])
def test_a_cost_is_bounded_by_the_budgets_of_all_who_may_call(bound: str, verdict: str) -> None:
    text = BUDGETS.replace("BOUND", bound).replace(", GROUP_OR_NOT", "")
    [found] = judge(right(text, {"K": "k" * 20, "L": "l" * 20}), lambda model, target: None)
    # A stretch of 30 days can touch two windows of 30 days.
    assert found.verdict == verdict


def test_one_key_without_a_budget_leaves_the_cost_open() -> None:
    text = BUDGETS.replace("BOUND", "$40").replace("models: [b], GROUP_OR_NOT", "models: [a, b]")
    [found] = judge(right(text, {"K": "k" * 20, "L": "l" * 20}), lambda model, target: None)
    assert found.verdict == "cannot say"


LIMITED = """
providers: {v: {dialect: openai, base_url: "https://v"}}
models: {a: {targets: [{provider: v, model: m, TARGET}], ALIAS, timeouts: {first_token: 1h, answer: 2h, total: 2h}}}
requirements: {traffic: {peak_rps: PEAK, prompt_tokens: {p50: 100, p95: 200}, output_tokens: {p50: 100, p95: 200}}, objectives: [{id: t, metric: goodput, at_least: BOUND}]}
"""


@pytest.mark.parametrize(
    ("target", "alias", "bound", "verdict", "why"),
    [
        ("rpm: 600", "rpm: 6k", "7rps", "holds", "10"),
        ("rpm: 6k", "rpm: 6k", "9rps", "does not hold", "the offered load is only 8.0 calls/s"),
        ("rpm: 600", "rpm: 6k", "11rps", "does not hold", "v/m: rpm"),
        ("rpm: 6k", "rpm: 300", "6rps", "does not hold", "a: rpm"),
        ("rpm: 6k", "rpm: 300", "4rps", "cannot say", "5.0 calls/s, and 8.0 calls/s arrive"),
        ("rpm: 6k", "tpm: 12k", "2rps", "does not hold", "a: tpm"),
        ("weight: 1", "rpm: 6k", "1rps", "cannot say", "the limits of v"),
    ],
)
def test_limits_of_targets_and_aliases_bound_what_goes_through(
    target: str, alias: str, bound: str, verdict: str, why: str
) -> None:
    text = LIMITED.replace("TARGET", target).replace("ALIAS", alias).replace("BOUND", bound).replace("PEAK", "8")
    [found] = judge(right(text), lambda model, target: None)
    assert found.verdict == verdict
    assert why in found.why


BUDGETED = """\
requirements:
  traffic: {peak_rps: 6, prompt_tokens: {p50: 400, p95: 400}, output_tokens: {p50: 100, p95: 100}}
  objectives:
    - {id: each, metric: cost_per_call, at_most: $1}
    - {id: month, metric: cost, at_most: $9000, window: 30d}
providers: {v: {dialect: simulated}}
models: {a: {targets: v, price: {input: $1/M, output: $10/M}, max_output: 1k}}
keys: {k: {key: a-key-of-some-length, budget: {amount: AMOUNT, every: 30d}}}
"""


def test_what_a_budget_has_no_room_for_is_said_beside_every_verdict() -> None:
    """6 x 30 d x $0.0014 = $21,772.80, of which a tenth is paid."""
    system = right(BUDGETED.replace("AMOUNT", "$2177.28"))
    each, month = judge(system, Prices(system).of)
    assert [one.said for one in (each, month)] == ["holds for 10% of what is asked"] * 2
    assert each.served == pytest.approx(0.1)
    assert each.why.startswith("holds for 10% of what is asked: 90% is never served (budget of key k); $0.0014")
    system = right(BUDGETED.replace("AMOUNT", "$30000"))
    assert [one.said for one in judge(system, Prices(system).of)] == ["holds", "cannot say"]
    assert all(one.served == 1.0 for one in judge(system, Prices(system).of))


@pytest.mark.parametrize(
    ("stated", "said"),
    [("", "does not hold"), (", output_tokens: {p50: 100, p95: 100}", "holds")],
)
def test_a_simulated_vendors_own_answers_are_no_longer_than_it_says(stated: str, said: str) -> None:
    """1000 tokens in and 200 out cost $0.002, and 100 out $0.0015."""
    system = right(f"""\
requirements:
  traffic: {{{TRAFFIC}}}
  objectives: [{{id: x, metric: cost_per_call, at_most: $0.0016}}]
providers:
  sim: {{dialect: simulated{stated}}}
models:
  a: {{targets: [sim/x]}}
""")
    [one] = judge(system, dollar)
    assert one.verdict == said


HOLDS_BY_OUTAGES = "metric: availability, at_least: 98.8%"


@pytest.mark.parametrize(
    ("provider", "model", "said"),
    [
        ("https://v/v1", "x", "cannot say"),  # its speed is unknown: it may not fit `timeouts.first_token`
        ("https://api.groq.com/openai/v1", "llama-3.1-8b-instant", "holds"),  # a public source says that it does
        ("https://api.deepseek.com", "deepseek-chat", "cannot say"),  # the slow end of what sources say does not
    ],
)
def test_availability_rests_on_no_speed_that_no_source_names(provider: str, model: str, said: str) -> None:
    system = right(f"""\
requirements: {{traffic: {{{TRAFFIC}}}, objectives: [{{id: up, {HOLDS_BY_OUTAGES}}}]}}
providers: {{v: {{dialect: openai, base_url: "{provider}"}}}}
models: {{a: {{targets: [v/{model}]}}}}
""")
    [found] = judge(system, dollar)
    assert found.verdict == said


SPILLING = """
providers:
  small: {dialect: openai, base_url: "https://a", tpm: TPM}
  big: {dialect: openai, base_url: "https://b"}
models: {a: [small/cheap, big/dear]}
requirements:
  traffic: {peak_rps: 20, prompt_tokens: {p50: 900, p95: 3200}, output_tokens: {p50: 180, p95: 600}, DAILY}
  objectives: [{id: monthly, metric: cost, at_most: $5000, window: 30d}]
"""


@pytest.mark.parametrize("daily", ["daily: [50%]", "streamed: 80%"])
@pytest.mark.parametrize(("dear", "verdict"), [(1_000_000_000, "cannot say"), (30_000_000, "holds")])
def test_a_month_is_within_its_bound_only_if_it_is_so_at_every_target_that_may_answer(
    daily: str, dear: int, verdict: str
) -> None:
    """A new user's file: the first tier's limit lets a sixth of the calls in, and its price alone was said to hold."""
    rates = {"cheap": Rates(input=30_000_000, output=30_000_000), "dear": Rates(input=dear, output=dear)}
    text = SPILLING.replace("TPM", "250k").replace("DAILY", daily.replace("[50%]", str(["50%"] * 24)))
    [found] = judge(right(text), lambda model, target: Price(rates=rates[target.model]))
    assert found.verdict == verdict, found.why
    assert verdict == "holds" or "which targets answer" in found.why


def test_a_cost_that_prompt_caches_decide_is_left_to_the_plan() -> None:
    objective = "metric: cost_per_call, at_most: $0.01"
    assert verdict(objective)[0] in ("holds", "does not hold")
    sessions = ", sessions: {turns: {p50: 8, p95: 40}, pause: {p50: 30s, p95: 4m}}"
    word, needs, _ = verdict(objective, traffic=TRAFFIC + sessions)
    assert (word, needs) == ("cannot say", "plan")
