"""What a call may turn out to cost, and when a budget begins anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.money import Price, Rates, Tier
from headworks.core.reply import Usage
from headworks.core.state import Window
from headworks.policy.spend import IMAGE, LENGTHS, TEMPLATE, Asking, ceiling, most_input, window_ends_in, window_start

WINDOWS: tuple[Window, ...] = get_args(Window)
PRICE = Price(rates=Rates(input=250_000_000, output=2_000_000_000))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("window", "start"),
    [("1h", "2026-11-26T15:00"), ("1d", "2026-11-26T00:00"), ("1w", "2026-11-23T00:00"), ("30d", "2026-11-03T00:00")],
)
def test_windows_begin_where_a_calendar_has_them(window: Window, start: str) -> None:
    assert window_start(window, at("2026-11-26T15:34:12")) == at(start)


def test_a_budget_without_a_window_never_begins_anew() -> None:
    assert window_start("total", 1.8e9) == 0
    assert window_ends_in("total", 1.8e9) == float("inf")


@given(window=st.sampled_from(WINDOWS), instant=st.floats(0, 4e9))
def test_law_an_instant_lies_in_its_window(window: Window, instant: float) -> None:
    start = window_start(window, instant)
    assert start <= max(instant, 0) or window == "1w"
    if window != "total":
        assert 0 <= instant - start < LENGTHS[window]
        assert window_start(window, start + LENGTHS[window] - 1) == start
        assert 0 < window_ends_in(window, instant) <= LENGTHS[window]


def test_a_token_a_byte_or_one_in_four() -> None:
    asking = Asking(size=1001, output=10, around=0)
    assert most_input(asking, "bytes") == 1001
    assert most_input(asking, "chars") == 251
    assert most_input(Asking(size=1001, output=10), "bytes") == 1001 + TEMPLATE


def test_pictures_count_by_their_detail_however_short_their_address_is() -> None:
    assert (
        most_input(Asking(size=100, output=1, pictures=(1, 2), around=0), "bytes")
        == 100 + IMAGE["low"] + 2 * IMAGE["high"]
    )


def test_the_dearest_target_decides_class_by_class() -> None:
    other = Price(
        rates=Rates(input=100, output=3_000_000_000), tiers=(Tier(above=9, rates=Rates(input=400_000_000, output=1)),)
    )
    found = ceiling([PRICE, other], has_output=True)
    assert found is not None
    assert (found.input, found.output) == (400_000_000, 3_000_000_000)


@pytest.mark.parametrize(
    ("prices", "has_output", "is_known"),
    [
        ([PRICE, None], True, False),
        ([], True, False),
        ([Price(rates=Rates(input=1))], True, False),
        ([Price(rates=Rates(input=1))], False, True),
    ],
)
def test_what_is_unknown_of_one_is_unknown(prices: list[Price | None], has_output: bool, is_known: bool) -> None:
    assert (ceiling(prices, has_output=has_output) is not None) is is_known


def test_sound_without_a_rate_is_unknown() -> None:
    asking = Asking(size=10, output=10, is_audible=True, around=0)
    silent = ceiling([PRICE], has_output=True)
    assert silent is not None
    assert silent.cost(asking, "bytes") is None
    loud = ceiling(
        [Price(rates=Rates(input=1_000_000, output=2_000_000, audio_input=5_000_000, audio_output=9_000_000))],
        has_output=True,
    )
    assert loud is not None
    assert loud.cost(asking, "bytes") == 10 * 5 + 10 * 9


rates = st.builds(
    Rates,
    input=st.integers(0, 10**10),
    cached_input=st.none() | st.integers(0, 10**10),
    cache_write=st.none() | st.integers(0, 10**10),
    output=st.integers(0, 10**10),
    reasoning=st.none() | st.integers(0, 10**10),
)


@given(
    prices=st.lists(st.builds(Price, rates=rates), min_size=1, max_size=3),
    size=st.integers(1, 5000),
    output=st.integers(0, 5000),
    parts=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_law_no_answer_that_a_body_allows_costs_more_than_was_reserved(
    prices: list[Price], size: int, output: int, parts: tuple[float, float, float, float]
) -> None:
    found = ceiling(prices, has_output=True)
    assert found is not None
    most = found.cost(Asking(size=size, output=output), "bytes")
    assert most is not None
    asked, cached, said, thought = (
        int(size * parts[0] * parts[1]),
        int(size * parts[0] * (1 - parts[1])),
        int(output * parts[2] * parts[3]),
        int(output * parts[2] * (1 - parts[3])),
    )
    for price in prices:
        cost = price.cost(Usage(input=asked, cached_input=cached, output=said, reasoning=thought))
        assert cost is not None
        assert cost <= most
