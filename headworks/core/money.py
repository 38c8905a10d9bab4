"""Money: whole nano-dollars, and what tokens cost.

Always true: no float is ever a price or a cost. A price is a whole number of nano-dollars per million tokens, so the
cost of one attempt is a whole number of millionths of a nano-dollar, and is rounded once, half up. What is not known
stays unknown: None is never taken for zero.
"""

from __future__ import annotations

from typing import Annotated, NewType, TypeAlias

import msgspec

from headworks.core.reply import Usage

NanoDollars = NewType("NanoDollars", int)
"""1e-9 dollars."""

Charge: TypeAlias = tuple[Usage | None, NanoDollars | None, bool]
"""An attempt's tokens; what they cost, None where it is unknown; whether the tokens are an estimate of ours. A plain
tuple: a named one takes 0.4 us to make, and one is made for every attempt."""

NANO = 1_000_000_000
"""Nano-dollars of a dollar."""

PER = 1_000_000
"""Tokens that a rate is for."""

Rate: TypeAlias = Annotated[int, msgspec.Meta(ge=0, extra={"unit": "rate"})]
"""Nano-dollars per million tokens: `$0.25/M` is 250000000."""


class Rates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What each class of `Usage` costs, in nano-dollars per million tokens.

    A class of text without a rate of its own costs what it is a part of: `cached_input` and `cache_write` as `input`,
    `cache_write_1h` as `cache_write`, `reasoning` as `output`. Audio has no such rule, since it costs many times what text costs: without a rate of its
    own its cost is unknown. So is that of `output` (embeddings have none).
    """

    input: Rate
    cached_input: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    output: Rate | None = None
    reasoning: Rate | None = None
    audio_input: Rate | None = None
    audio_output: Rate | None = None

    def total(self, usage: Usage) -> int | None:
        """Millionths of a nano-dollar for these tokens; None where one of them has no rate."""
        total = usage.input * self.input
        if usage.output:
            if self.output is None:
                return None
            total += usage.output * self.output
        if usage.cached_input:
            total += usage.cached_input * (self.input if self.cached_input is None else self.cached_input)
        if usage.reasoning:
            rate = self.output if self.reasoning is None else self.reasoning
            if rate is None:
                return None
            total += usage.reasoning * rate
        if usage.cache_write:
            total += usage.cache_write * (self.input if self.cache_write is None else self.cache_write)
        if usage.cache_write_1h:
            usual = self.input if self.cache_write is None else self.cache_write
            total += usage.cache_write_1h * (usual if self.cache_write_1h is None else self.cache_write_1h)
        if usage.audio_input:
            if self.audio_input is None:
                return None
            total += usage.audio_input * self.audio_input
        if usage.audio_output:
            if self.audio_output is None:
                return None
            total += usage.audio_output * self.audio_output
        return total


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """Other rates for all tokens of a call that has more than `above` tokens of input."""

    above: int
    rates: Rates


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a target charges. `tiers` begin ever higher. `at`: the date (YYYY-MM-DD) of the table, "" where set by hand."""

    rates: Rates
    tiers: tuple[Tier, ...] = ()
    at: str = ""

    def cost(self, usage: Usage) -> NanoDollars | None:
        """What these tokens cost, rounded once, half up; None where it is unknown. Counts are never negative."""
        rates = self.rates
        if self.tiers:
            asked = usage.input_tokens
            for tier in self.tiers:
                if asked <= tier.above:
                    break
                rates = tier.rates
        total = rates.total(usage)
        return None if total is None else NanoDollars((total + PER // 2) // PER)


def written_dollars(amount: int) -> str:
    """An amount of nano-dollars as people read it, exact: `$0.00025`, `$2`."""
    whole, part = divmod(abs(amount), NANO)
    sign = "-" if amount < 0 else ""
    return f"{sign}${whole}.{part:09d}".rstrip("0").rstrip(".") if part else f"{sign}${whole}"
