"""Whole nano-dollars, rounded once; what is not known is not zero."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.money import NANO, Price, Rates, Tier, written_dollars
from headworks.core.reply import Usage

CLASSES = Usage.__struct_fields__

MINI = Price(rates=Rates(input=250_000_000, cached_input=25_000_000, output=2_000_000_000))
"""$0.25, $0.025 and $2 per million."""

tokens = st.builds(Usage, **{name: st.integers(0, 10**9) for name in CLASSES})
full = st.builds(Rates, **{name: st.integers(0, 10**12) for name in CLASSES})
partial = st.builds(
    Rates,
    **{name: st.none() | st.integers(0, 10**12) if name != "input" else st.integers(0, 10**12) for name in CLASSES},
)


def test_rates_and_tokens_have_the_same_classes() -> None:
    assert set(Rates.__struct_fields__) == set(CLASSES)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(), 0),
        (Usage(input=1), 250),
        (Usage(input=1000, output=500), 250_000 + 1_000_000),
        (Usage(input=1000, cached_input=3000), 250_000 + 75_000),
        (Usage(cache_write=4), 1000),  # as input
        (Usage(cache_write_1h=4), 1000),  # as cache_write
        (Usage(reasoning=3), 6000),  # as output
        (Usage(input=1_000_000, output=1_000_000), NANO * 9 // 4),
        (Usage(audio_input=1), None),
        (Usage(input=5, audio_output=1), None),
    ],
)
def test_what_tokens_cost(usage: Usage, cost: int | None) -> None:
    assert MINI.cost(usage) == cost


@pytest.mark.parametrize("name", ["output", "reasoning"])
def test_a_price_without_answers_does_not_know_what_an_answer_costs(name: str) -> None:
    embeddings = Price(rates=Rates(input=20_000_000))
    assert embeddings.cost(Usage(input=50)) == 1000
    assert embeddings.cost(Usage(**{"input": 50, name: 1})) is None


@pytest.mark.parametrize(("rate", "cost"), [(499_999, 0), (500_000, 1), (1_499_999, 1), (1_500_000, 2), (1, 0)])
def test_half_a_nano_dollar_is_rounded_up(rate: int, cost: int) -> None:
    assert Price(rates=Rates(input=rate)).cost(Usage(input=1)) == cost


@given(tokens, full)
def test_law_a_cost_is_the_exact_sum_rounded_once(usage: Usage, rates: Rates) -> None:
    exact = sum(Fraction(getattr(usage, name) * getattr(rates, name), 1_000_000) for name in CLASSES)
    cost = Price(rates=rates).cost(usage)
    assert isinstance(cost, int)
    assert -Fraction(1, 2) < cost - exact <= Fraction(1, 2)


@given(tokens, tokens, full)
def test_law_more_tokens_never_cost_less_and_parts_sum_to_the_whole(one: Usage, other: Usage, rates: Rates) -> None:
    price = Price(rates=rates)
    both = Usage(**{name: getattr(one, name) + getattr(other, name) for name in CLASSES})
    apart, together = [price.cost(one), price.cost(other)], price.cost(both)
    assert together is not None
    assert abs(sum(cost or 0 for cost in apart) - together) <= 1
    assert together >= max(cost or 0 for cost in apart)


@given(tokens, partial)
def test_law_unknown_only_where_used_tokens_have_no_rate(usage: Usage, rates: Rates) -> None:
    stands_for = {"cached_input": "input", "cache_write": "input", "reasoning": "output"}
    own = {name: getattr(rates, name) for name in CLASSES}
    filled = {name: own[stands_for.get(name, name)] if rate is None else rate for name, rate in own.items()}
    if filled["cache_write_1h"] is None:
        filled["cache_write_1h"] = filled["cache_write"]
    is_unknown = any(filled[name] is None and getattr(usage, name) for name in CLASSES)
    cost = Price(rates=rates).cost(usage)
    assert (cost is None) == is_unknown
    assert is_unknown or cost == Price(rates=Rates(**{name: rate or 0 for name, rate in filled.items()})).cost(usage)


@pytest.mark.parametrize(("asked", "rate"), [(200_000, 3), (200_001, 6), (500_000, 6), (500_001, 9)])
def test_above_a_threshold_all_tokens_cost_more_whatever_their_class(asked: int, rate: int) -> None:
    def rates(dollars: int) -> Rates:
        return Rates(input=dollars * NANO, output=10 * dollars * NANO)

    tiers = (Tier(above=200_000, rates=rates(6)), Tier(above=500_000, rates=rates(9)))
    price = Price(rates=rates(3), tiers=tiers)
    usage = Usage(input=1000, cached_input=asked - 1000, output=7)
    assert price.cost(usage) == (asked + 70) * rate * 1000


def test_a_rate_below_zero_is_no_rate() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"input":-1}', type=Rates)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (0, "$0"),
        (1, "$0.000000001"),
        (250_000, "$0.00025"),
        (2 * NANO, "$2"),
        (-NANO // 2, "-$0.5"),
        (10 * NANO, "$10"),
    ],
)
def test_an_amount_is_written_exactly(amount: int, written: str) -> None:
    assert written_dollars(amount) == written
