"""What an attempt cost when nobody said what it used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.errors import (
    CallError,
    Crowded,
    Cut,
    Denied,
    Expired,
    Failed,
    Garbled,
    Overloaded,
    Phase,
    Rejected,
    Throttled,
    TooLarge,
    Unreachable,
    VendorSaid,
)
from headworks.core.money import Price, Rates
from headworks.core.reply import Usage
from headworks.core.trail import Attempt
from headworks.policy.charge import FREE, charge, is_unsold

PRICE = Price(rates=Rates(input=1_000_000_000, output=5_000_000_000))  # 1000 and 5000 nano-dollars a token


def attempt(*, is_billable: bool = True, price: Price | None = PRICE, usage: Usage | None = None) -> Attempt:
    made = Attempt("v/m", "first", 0.0)
    made.is_billable = is_billable
    made.price = price
    made.usage = usage
    return made


def test_what_the_vendor_says_counts_and_is_no_estimate() -> None:
    usage = Usage(input=3, output=2)
    assert charge(attempt(usage=usage), 1000, 1000) == (usage, 13_000, False)


def test_an_attempt_that_asked_nobody_costs_nothing_whatever_the_price() -> None:
    for price in (PRICE, None):
        assert charge(attempt(is_billable=False, price=price), 1000, 0) == FREE
    assert FREE == (None, 0, False)


def test_an_abandoned_answer_costs_what_was_sent_and_what_came() -> None:
    got = charge(attempt(), 401, 9)
    assert got == (Usage(input=101, output=3), 101_000 + 15_000, True)


def test_an_unknown_price_is_an_unknown_cost_with_its_tokens() -> None:
    assert charge(attempt(price=None), 400, 0) == (Usage(input=100), None, True)
    assert charge(attempt(price=None, usage=Usage(input=7)), 400, 0) == (Usage(input=7), None, False)


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_law_the_cost_is_that_of_the_tokens_beside_it(sent: int, received: int) -> None:
    tokens, cost, is_estimated = charge(attempt(), sent, received)
    assert tokens is not None
    assert is_estimated
    assert cost == PRICE.cost(tokens)
    assert 0 <= 4 * tokens.input - sent < 4
    assert 0 <= 4 * tokens.output - received < 4


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("no route"),
        Throttled("429", said=VendorSaid(status=429)),
        Failed("500", said=VendorSaid(status=500)),
        Denied("401", said=VendorSaid(status=401)),
        Rejected("400", said=VendorSaid(status=400)),
        Expired(phase="connect"),
        Overloaded("no slot"),
        Crowded("no room, and nobody was asked"),
        TooLarge("too long"),
    ],
)
def test_who_was_refused_pays_nothing(error: CallError) -> None:
    assert is_unsold(error)


@pytest.mark.parametrize("phase", ["first_token", "answer", "between_tokens", "total"])
def test_who_waited_in_vain_may_pay(phase: Phase) -> None:
    assert not is_unsold(Expired(phase=phase))


@pytest.mark.parametrize(
    "error",
    [
        Failed("reset after the request was sent"),
        Garbled("html", said=VendorSaid(status=200)),
        Cut("mid-word"),
        Crowded("no room for its answer", was_sent=True),
    ],
)
def test_an_answer_that_broke_may_be_billed(error: CallError) -> None:
    assert not is_unsold(error)
