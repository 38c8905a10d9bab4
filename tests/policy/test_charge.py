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
from headworks.core.trail import Attempt, Trail
from headworks.policy.charge import FREE, answered, billed, charge, is_unbilled, used

PRICE = Price(rates=Rates(input=1_000_000_000, output=5_000_000_000))  # 1000 and 5000 nano-dollars a token


def attempt(*, is_billable: bool = True, price: Price | None = PRICE, usage: Usage | None = None) -> Attempt:
    made = Attempt("v/m", "first", 0.0)
    made.is_billable = is_billable
    made.price = price
    made.usage = usage
    return made


def test_what_the_vendor_says_counts_and_is_no_estimate() -> None:
    usage = Usage(input=3, output=2)
    assert charge(attempt(usage=usage), 1000, 64) == (usage, 13_000, False)


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
    assert is_unbilled(error)


@pytest.mark.parametrize("phase", ["first_token", "answer", "between_tokens", "total"])
def test_who_waited_in_vain_may_pay(phase: Phase) -> None:
    assert not is_unbilled(Expired(phase=phase))


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
    assert not is_unbilled(error)


# A claim


def test_a_token_for_32_bytes_is_believed_and_less_is_not() -> None:
    claimed = Usage(input=100, output=1, reasoning=1)
    assert charge(attempt(usage=claimed), 400, 64) == (claimed, 110_000, False)
    assert charge(attempt(usage=claimed), 400, 65) == (Usage(input=100, output=16, reasoning=1), 185_000, True)


def test_no_output_beside_content_is_not_believed_and_without_content_it_is() -> None:
    assert charge(attempt(usage=Usage(input=100)), 40, 1)[2]
    assert charge(attempt(usage=Usage(input=100)), 40, 0) == (Usage(input=100), 100_000, False)


def test_no_input_is_never_believed() -> None:
    assert charge(attempt(usage=Usage(output=5)), 40, 8) == (Usage(input=10, output=5), 35_000, True)
    assert not charge(attempt(usage=Usage(cached_input=1, output=5)), 40, 8)[2]


def test_what_was_read_before_the_last_content_counts_where_it_is_more() -> None:
    early = attempt(usage=Usage(input=3, cached_input=90, output=2))
    early.uncounted = 1
    assert charge(early, 40, 40) == (Usage(input=3, cached_input=90, output=10), 93_000 + 50_000, True)
    early.usage = Usage(input=100, output=50)
    assert charge(early, 40, 40) == (Usage(input=100, output=50), 350_000, True)


def test_what_an_answer_repeats_of_its_question_is_no_output() -> None:
    one = attempt(usage=Usage(input=100, output=1))
    one.repeated = 100
    assert charge(one, 400, 104) == (one.usage, 105_000, False)
    one.usage = None
    assert charge(one, 400, 104)[0] == Usage(input=100, output=1)
    assert charge(one, 400, 50)[0] == Usage(input=100)


@given(
    st.builds(Usage, input=st.integers(0, 10**6), cached_input=st.integers(0, 10**6), output=st.integers(0, 10**6)),
    *[st.integers(0, 10**7)] * 3,
)
def test_law_a_claim_is_never_undercut_and_counts_as_it_is_where_it_is_believed(
    claimed: Usage, sent: int, received: int, uncounted: int
) -> None:
    one = attempt(usage=claimed)
    one.uncounted = uncounted
    one.received = received
    tokens, cost, is_estimated = charge(one, sent, received)
    assert tokens is not None
    assert used(one, sent) == tokens.input_tokens + tokens.output_tokens
    assert cost == PRICE.cost(tokens)
    assert tokens.input_tokens >= claimed.input_tokens
    assert tokens.output_tokens >= claimed.output_tokens
    if is_estimated:
        assert tokens.input_tokens >= sent / 4
        assert tokens.output_tokens >= received / 4
    else:
        assert tokens == claimed
        assert received <= 32 * claimed.output


def test_limits_count_what_is_believed() -> None:
    one = attempt(usage=Usage(input=10, output=1))
    assert used(one, 400) == 11
    one.received = 400
    assert used(one, 400) == 100 + 100
    one.sent = 40
    assert used(one, 400) == 10 + 100
    one.usage = None
    assert used(one, 400) is None
    one.is_billable = False
    assert used(one, 400) == 0


# The tokens of a call


def trail(*attempts: Attempt) -> Trail:
    made = Trail()
    made.attempts = list(attempts)
    return made


def tried(usage: Usage | None, *, why: str = "first", outcome: str = "cut", prefilled: int = 0) -> Attempt:
    made = attempt(usage=usage, is_billable=usage is not None)
    made.why = why  # type: ignore[assignment]
    made.outcome = outcome
    made.prefilled = prefilled
    made.head_at = 1.0
    return made


def tokens_of(*attempts: Attempt, usage: Usage | None = None, is_delivered: bool = True) -> Usage | None:
    charges = [charge(one, 0, 0) for one in attempts]
    return answered(trail(*attempts), charges, usage, is_delivered=is_delivered)


def test_a_call_without_attempts_has_what_its_reply_says() -> None:
    assert tokens_of(usage=Usage(input=1)) == Usage(input=1)
    assert tokens_of(usage=None, is_delivered=False) is None


def test_a_call_without_an_answer_has_all_that_may_be_billed() -> None:
    first, second = tried(Usage(input=5, output=1)), tried(Usage(input=5, reasoning=2), why="retry")
    assert tokens_of(first, second, is_delivered=False) == Usage(input=10, output=1, reasoning=2)
    assert tokens_of(tried(None), is_delivered=False) is None


def test_an_answer_after_others_failed_has_its_own() -> None:
    first, second = tried(Usage(input=5, output=1)), tried(Usage(input=6, output=2), why="retry", outcome="ok")
    assert tokens_of(first, second, usage=second.usage) == second.usage


def test_an_answer_that_was_gone_on_with_has_what_its_reader_was_told() -> None:
    first = tried(Usage(input=5, output=4))
    more = tried(Usage(input=9, output=2), why="resume", outcome="ok", prefilled=16)
    assert tokens_of(first, more, usage=Usage(input=5, output=6)) == Usage(input=5, output=6)
    assert tokens_of(first, more) == Usage(input=5, output=6)
    more.outcome = "cancelled"
    assert tokens_of(first, more, usage=Usage(input=1, output=1)) == Usage(input=5, output=6)


def test_of_an_answer_that_was_told_again_the_longest_telling_counts() -> None:
    first, again = tried(Usage(input=5, output=4)), tried(Usage(input=9, output=2), why="resume")
    assert tokens_of(first, again) == first.usage
    again.usage = Usage(input=9, output=7)
    assert tokens_of(first, again) == again.usage
    silent = tried(Usage(input=9), why="resume")
    silent.head_at = 0.0
    assert tokens_of(first, silent) == first.usage
    first.head_at = 0.0
    assert tokens_of(first, silent) == first.usage


# Of a whole call


def test_of_a_call_whose_leaf_said_nothing_the_last_attempt_alone_has_the_text_that_came() -> None:
    made = trail(attempt(), attempt())
    made.received = 40
    assert billed(made, 400, "chat") == [
        (Usage(input=100), 100_000, True),
        (Usage(input=100, output=10), 150_000, True),
    ]


def test_embeddings_have_no_tokens_of_output() -> None:
    made = trail(attempt())
    made.received = 40
    assert billed(made, 400, "embeddings") == [(Usage(input=100), 100_000, True)]


def test_of_a_call_that_was_resumed_each_attempt_has_what_it_brought_itself() -> None:
    first, second = attempt(), attempt()
    first.received, first.sent = 8, 80
    made = trail(first, second)
    made.received = 40
    assert billed(made, 400, "chat") == [(Usage(input=20, output=2), 30_000, True), (Usage(input=100), 100_000, True)]


def test_what_a_call_cost_is_worked_out_once() -> None:
    made = trail(attempt())
    assert billed(made, 400, "chat") is billed(made, 4_000, "chat")


def test_nobody_is_billed_for_a_count_of_tokens() -> None:
    trail = Trail()
    for _ in range(2):
        attempt = trail.begin("v/m", "first", 0.0)
        attempt.is_billable = True
        attempt.price = Price(rates=Rates(input=10**9, output=10**9))
    assert billed(trail, 4000, "count") == [(None, 0, False)] * 2


def test_of_what_passes_through_only_what_the_vendor_says_is_counted() -> None:
    """A sound of a megabyte has no million tokens: without a word its cost is unknown, and what asked nobody is free."""
    found = trail(
        attempt(usage=Usage(input=7)), attempt(), attempt(is_billable=False), attempt(price=None, usage=Usage(input=7))
    )
    [said, unsaid, free, unpriced] = billed(found, 1_000_000, "audio")
    assert said == (Usage(input=7), PRICE.cost(Usage(input=7)), False)
    assert (unsaid, free) == ((None, None, False), FREE)
    assert unpriced == (Usage(input=7), None, False)
