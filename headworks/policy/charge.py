"""What an attempt cost, also where nobody said what it used.

Always true: a cost rests on the tokens written beside it, so it can be worked out again from the record; what may have
been billed is never taken for nothing; what cannot be known is None. An estimate is marked as one. It takes a token for
four bytes, which is near for English text (OpenAI's own rule of thumb), much for the JSON around it, and far too much
for an image inside a body: better a cost that is too high than one that is missing.
"""

from __future__ import annotations

from headworks.core.call import Operation
from headworks.core.errors import CallError, Crowded, Expired, Refused, Shed, Unreachable
from headworks.core.money import Charge, NanoDollars
from headworks.core.reply import Usage
from headworks.core.trail import Attempt, Trail

BYTES_PER_TOKEN = 4

NOTHING = NanoDollars(0)


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


def billed(trail: Trail, sent: int, operation: Operation) -> list[Charge]:
    """What every attempt of a call cost: worked out once, when all have ended, so that the record and what is settled agree.

    Only the last attempt's text reached us, but for one that was resumed, which says itself what came; embeddings have no
    tokens of output.
    """
    if trail.billed is None:
        attempts = trail.attempts
        is_resumed = len(attempts) > 1 and any(one.received for one in attempts)
        last = len(attempts) - 1 if not is_resumed and operation != "embeddings" else -1
        trail.billed = [
            charge(one, one.sent or sent, trail.received if index == last else one.received)
            for index, one in enumerate(attempts)
        ]
    return trail.billed


def is_unsold(error: CallError) -> bool:
    """Whether an attempt that failed thus before its head is not billed: nothing was asked, or the vendor refused."""
    if isinstance(error, (Unreachable, Refused, Shed)):
        return not (isinstance(error, Crowded) and error.was_sent)
    if isinstance(error, Expired):
        return error.phase == "connect"
    return error.said is not None and error.said.status >= 400
