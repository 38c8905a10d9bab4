"""What the tokens of a batch cost."""

from __future__ import annotations

from headworks.gateway.passages import price_of
from headworks.gateway.prices import Prices
from tests.stack.systems import system

PRICES = Prices(system())


def test_a_batch_pays_half_of_the_tables_price_where_its_vendor_says_so() -> None:
    whole = PRICES.catalog.find("https://api.openai.com/v1", "gpt-4o-mini-2024-07-18")
    half = price_of(PRICES, "https://api.openai.com/v1", "gpt-4o-mini-2024-07-18")
    assert whole is not None
    assert whole.price is not None
    assert half is not None
    assert 2 * half.rates.input == whole.price.rates.input
    assert price_of(PRICES, "https://api.openai.com/v1", "no-such-model") is None
    assert price_of(PRICES, "http://127.0.0.1:1/v1", "gpt-4o-mini") is None
