"""The most that a call can cost, and the windows of budgets.

Theory. A budget cannot be overrun if everything that may still be billed is reserved before it is asked for. So before
each attempt the reservation must hold (1) what the call's ended attempts cost, as its record will say, and (2) the most
that the coming one can cost: every token that its body can have, at the dearest rate of the dearest target that may
answer, and every token of output that the body allows, likewise. When the call ends, what it cost takes the
reservation's place. The sum of what is spent and reserved never exceeds the budget, so neither does what is spent; in
any order of calls, and whatever dies, since a reservation that nobody settles stands for the money it may have cost.

One token a byte is a bound for input: a byte-level tokenizer has a token for every byte, and merges them. Around each
message a vendor puts a few tokens of its own, fewer than the bytes of the JSON that asked for the message; around all of
them its template may have a preamble, for which `TEMPLATE` is reserved. Images are no text, they count by `IMAGE`. `chars` takes a quarter of the bytes, which is near for English: it admits
about four times the calls, and can be too low for other languages, so that a budget may be overrun by what calls in
flight were underestimated.

Where a vendor bills more than a body allows it to (a server that ignores `max_tokens`), nothing here can know before: it
is counted when it is settled, and the budget admits nobody until that is worked off.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.money import PER, Price, Rates
from headworks.core.per import Estimate
from headworks.core.state import Window

DAY: Final = 86400
MONDAY: Final = 4 * DAY
"""1970 began on a Thursday."""

LENGTHS: Final = MappingProxyType[Window, int]({"1h": 3600, "1d": DAY, "1w": 7 * DAY, "30d": 30 * DAY})
"""Seconds of the windows that end."""

CHARS_PER_TOKEN: Final = 4

TEMPLATE: Final = 256
"""Tokens of a preamble that the caller did not write. The longest known is that of gpt-oss: about 80, with its date, channels
and effort of reasoning; Llama 3.1 has 25, Qwen 20."""

IMAGE: Final = MappingProxyType({"low": 2833, "high": 48169})
"""Tokens of one picture by its `detail`, for the model that counts most: 2833 and 5667 for each of at most 8 tiles (OpenAI's
table for gpt-4o-mini; other models of that table count 65 to 1105). What is not `low` may be `high`."""


def window_start(window: Window, at: float) -> int:
    """When the window of an instant began (both in seconds since 1970)."""
    if window == "total":
        return 0
    length = LENGTHS[window]
    offset = MONDAY if window == "1w" else 0
    return int((at - offset) // length) * length + offset


def window_ends_in(window: Window, at: float) -> float:
    """Seconds until the next window begins; infinite for `total`."""
    return float("inf") if window == "total" else window_start(window, at) + LENGTHS[window] - at


class Asking(msgspec.Struct, frozen=True):
    """What of a call decides how many tokens it can have. size: bytes of the body. output: tokens it may answer with, over
    all choices. pictures: of low, and of other detail. is_audible: sound is asked for or sent. around: tokens of input that
    are put around the body."""

    size: int
    output: int
    pictures: tuple[int, int] = (0, 0)
    is_audible: bool = False
    around: int = TEMPLATE


def most_input(asking: Asking, estimate: Estimate) -> int:
    """Tokens of input that a call has at most."""
    tokens = asking.around + (asking.size if estimate == "bytes" else -(-asking.size // CHARS_PER_TOKEN))
    low, high = asking.pictures
    return tokens + low * IMAGE["low"] + high * IMAGE["high"] if low or high else tokens


class Ceiling(msgspec.Struct, frozen=True):
    """The dearest rates of several targets, in nano-dollars per million tokens. None: one of them is unknown."""

    input: int
    output: int
    audio_input: int | None
    audio_output: int | None

    def cost(self, asking: Asking, estimate: Estimate) -> int | None:
        """Nano-dollars that one attempt costs at most, rounded up; None where it is unknown."""
        into, out = self.input, self.output
        if asking.is_audible:
            if self.audio_input is None or self.audio_output is None:
                return None
            into, out = max(into, self.audio_input), max(out, self.audio_output)
        return -(-(most_input(asking, estimate) * into + asking.output * out) // PER)


def ceiling(prices: Iterable[Price | None], *, has_output: bool) -> Ceiling | None:
    """The dearest of these prices; None where one is unknown. has_output: embeddings have none, and need no rate for it."""
    rates: list[Rates] = []
    for price in prices:
        if price is None:
            return None
        rates += [price.rates, *(tier.rates for tier in price.tiers)]
    if not rates or (has_output and any(one.output is None for one in rates)):
        return None
    into = [
        rate
        for one in rates
        for rate in (one.input, one.cached_input, one.cache_write, one.cache_write_1h)
        if rate is not None
    ]
    out = [rate for one in rates for rate in (one.output, one.reasoning) if rate is not None]
    return Ceiling(
        input=max(into),
        output=max(out, default=0),
        audio_input=_dearest([one.audio_input for one in rates]),
        audio_output=_dearest([one.audio_output for one in rates]),
    )


def _dearest(rates: list[int | None]) -> int | None:
    known = [rate for rate in rates if rate is not None]
    return max(known) if len(known) == len(rates) else None
