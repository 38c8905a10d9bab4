"""What the tokens of a batch cost, where their vendor says it: half of what a call pays."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from headworks.core.money import Price, Rates

HALF: Final = (
    "api.openai.com",  # https://apidog.com/blog/openai-batch-api/ (of https://platform.openai.com/docs/guides/batch), read on 2026-12-01
    "openai.azure.com",  # https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch ("50% less cost"), read on 2026-12-01
    "api.groq.com",  # https://www.promptunit.ai/blog/batch-api-50-percent-routing-decision, read on 2026-12-01
)
"""Hosts, and hosts below them."""


def batch_price(base_url: str, price: Price) -> Price | None:
    """The price for a batch; None where the vendor's discount is not known."""
    host = (urlsplit(base_url).hostname or "").lower()
    if not any(host == one or host.endswith(f".{one}") for one in HALF):
        return None
    tiers = tuple([msgspec.structs.replace(tier, rates=halved(tier.rates)) for tier in price.tiers])
    return msgspec.structs.replace(price, rates=halved(price.rates), tiers=tiers)


def halved(rates: Rates) -> Rates:
    """Half of each rate, rounded up to a whole nano-dollar."""
    found = {name: -(-rate // 2) for name in Rates.__struct_fields__ if (rate := getattr(rates, name)) is not None}
    return Rates(**found)
