"""What an attempt cost, also where nobody said what it used.

Always true: a cost rests on the tokens written beside it, so it can be worked out again from the record; what may have
been billed is never taken for nothing; what cannot be known is None. An estimate is marked as one. It takes a token for
four bytes, which is near for English text (OpenAI's own rule of thumb), much for the JSON around it, and far too much
for an image inside a body: better a cost that is too high than one that is missing.
"""

from __future__ import annotations

from typing import NamedTuple

from headworks.core.errors import CallError, Expired, Refused, Shed, Unreachable
from headworks.core.money import NanoDollars
from headworks.core.reply import Usage
from headworks.core.trail import Attempt

BYTES_PER_TOKEN = 4

NOTHING = NanoDollars(0)


class Charge(NamedTuple):
    """An attempt's tokens and what they cost; None is unknown. `is_estimated`: the vendor did not say the tokens."""

    tokens: Usage | None
    cost: NanoDollars | None
    is_estimated: bool


FREE = Charge(None, NOTHING, False)


def charge(attempt: Attempt, sent: int, received: int) -> Charge:
    """What an attempt cost. `sent`: bytes of the body; `received`: bytes of text that came back before it ended."""
    tokens = attempt.usage
    if tokens is None:
        if not attempt.is_billable:
            return FREE
        tokens = Usage(input=-(-sent // BYTES_PER_TOKEN), output=-(-received // BYTES_PER_TOKEN))
        return Charge(tokens, None if attempt.price is None else attempt.price.cost(tokens), True)
    return Charge(tokens, None if attempt.price is None else attempt.price.cost(tokens), False)


def is_unsold(error: CallError) -> bool:
    """Whether an attempt that failed thus before its head is not billed: nothing was asked, or the vendor refused."""
    if isinstance(error, (Unreachable, Refused, Shed)):
        return True
    if isinstance(error, Expired):
        return error.phase == "connect"
    return error.said is not None and error.said.status >= 400
