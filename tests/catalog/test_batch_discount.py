"""What a batch pays."""

from __future__ import annotations

from headworks.catalog.batch_discount import batch_price
from headworks.core.money import Price, Rates, Tier
from headworks.core.reply import Usage

PRICE = Price(rates=Rates(input=3, output=10), tiers=(Tier(above=5, rates=Rates(input=4)),), at="2026-01-01")


def test_half_is_paid_where_the_vendor_says_so_and_elsewhere_it_is_unknown() -> None:
    half = Price(rates=Rates(input=2, output=5), tiers=(Tier(above=5, rates=Rates(input=2)),), at="2026-01-01")
    assert batch_price("https://api.openai.com/v1", PRICE) == half
    assert batch_price("https://me.OPENAI.azure.com/openai/v1", PRICE) == half
    for url in ("https://api.openai.com.example/v1", "https://notapi.openai.com/v1", "http://127.0.0.1/v1", "x"):
        assert batch_price(url, PRICE) is None
    assert half.cost(Usage(input=1_000_000)) == 2
