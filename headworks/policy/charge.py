"""What an attempt cost, also where nobody said what it used.

Always true: a cost rests on the tokens written beside it, so it can be worked out again from the record; what may have
been billed is never taken for nothing; what cannot be known is None. An estimate is marked as one. It takes a token for
four bytes, which is near for English text (OpenAI's own rule of thumb), much for the JSON around it, and far too much
for an image inside a body: better a cost that is too high than one that is missing.
"""

from __future__ import annotations

from typing import TypeAlias

from headworks.core.errors import CallError, Expired, Refused, Shed, Unreachable
from headworks.core.money import NanoDollars
from headworks.core.reply import Usage
from headworks.core.trail import Attempt

BYTES_PER_TOKEN = 4

NOTHING = NanoDollars(0)


Charge: TypeAlias = tuple[Usage | None, NanoDollars | None, bool]
"""An attempt's tokens; what they cost, None where it is unknown; whether the tokens are an estimate of ours. A plain
tuple: a named one takes 0.4 us to make, and one is made for every attempt."""

FREE: Charge = (None, NOTHING, False)


def charge(attempt: Attempt, sent: int, received: int) -> Charge:
    """What an attempt cost. `sent`: bytes of the body; `received`: bytes of text that came back before it ended."""
    tokens = attempt.usage
    is_estimated = tokens is None
    if tokens is None:
        if not attempt.is_billable:
            return FREE
        tokens = Usage(input=-(-sent // BYTES_PER_TOKEN), output=-(-received // BYTES_PER_TOKEN))
    price = attempt.price
    return tokens, None if price is None else price.cost(tokens), is_estimated


def is_unsold(error: CallError) -> bool:
    """Whether an attempt that failed thus before its head is not billed: nothing was asked, or the vendor refused."""
    if isinstance(error, (Unreachable, Refused, Shed)):
        return True
    if isinstance(error, Expired):
        return error.phase == "connect"
    return error.said is not None and error.said.status >= 400
