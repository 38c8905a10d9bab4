"""What an attempt cost, also where the vendor reported no usage or an impossible one.

Always true: a cost rests on the tokens written beside it, so it can be worked out again from the record; what may have
been billed is never taken for nothing; what cannot be known is None. An estimate is marked as one. It takes a token for
four bytes, which is near for English text (OpenAI's own rule of thumb), much for the JSON around it, and far too much
for an image inside a body: better a cost that is too high than one that is missing.

A vendor's number is a claim. It counts, unless it cannot be true: no input at all; no output beside an answer, or less
than a token for 32 bytes of it (`MOST_BYTES_OF_A_TOKEN`); or it was read before the last content came, because the caller
left or the stream broke. Then the larger of the claim and the estimate counts, for the input and for the output, and it
is marked as an estimate.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headworks.core.dialect import PASSED_OPERATIONS, Operation
from headworks.core.errors import CallError, Crowded, Expired, Refused, Shed, Unreachable
from headworks.core.money import Charge, NanoDollars
from headworks.core.reply import Usage
from headworks.core.trail import Attempt, Trail

BYTES_PER_TOKEN = 4

MOST_BYTES_OF_A_TOKEN = 32
"""Bytes of content for which there must be a token. The longest words of o200k_base are 128 spaces and a few such runs;
of English text a token has 4 to 5 bytes, of code 3, and no language has more than 10 on the average."""

NOTHING = NanoDollars(0)


FREE: Charge = (None, NOTHING, False)


def charge(attempt: Attempt, sent: int, received: int) -> Charge:
    """What an attempt cost. `sent`: bytes of the body; `received`: bytes of content that came back before it ended."""
    tokens = attempt.usage
    if tokens is None and not attempt.is_billable:
        return FREE
    # Whether it can be true is written out, here and in `used`: each is on the way of every call, and a function is a frame.
    is_estimated = (
        tokens is None
        or attempt.uncounted > 0
        or received - attempt.repeated
        > MOST_BYTES_OF_A_TOKEN * (tokens.output + tokens.reasoning + tokens.audio_output)
        or not (
            (tokens.input or tokens.cached_input or tokens.cache_write) or tokens.cache_write_1h or tokens.audio_input
        )
    )
    if is_estimated:
        tokens = larger_of(tokens or Usage(), estimated(sent, max(0, received - attempt.repeated)))
    assert tokens is not None
    price = attempt.price
    return tokens, None if price is None else price.cost(tokens), is_estimated


def unestimated(attempt: Attempt) -> Charge:
    """What an attempt cost by what the vendor says alone: bytes of a picture or a sound tell no tokens."""
    usage, price = attempt.usage, attempt.price
    if usage is None:
        return (None, None, False) if attempt.is_billable else FREE
    return usage, None if price is None else price.cost(usage), False


def estimated(sent: int, received: int) -> Usage:
    return Usage(input=-(-sent // BYTES_PER_TOKEN), output=-(-received // BYTES_PER_TOKEN))


def larger_of(claimed: Usage, reckoned: Usage) -> Usage:
    """The larger of the claimed and the estimated tokens, for the input and for the output."""
    return msgspec.structs.replace(
        claimed,
        input=claimed.input + max(0, reckoned.input - claimed.input_tokens),
        output=claimed.output + max(0, reckoned.output - claimed.output_tokens),
    )


def billed(trail: Trail, sent: int, operation: Operation) -> list[Charge]:
    """What every attempt of a call cost: worked out once, when all have ended, so that the record and what is settled agree.

    A leaf that reads a vendor's bytes says itself what came of its attempt. For others only the last attempt's text reached
    us, but for one that was resumed; embeddings have no tokens of output.
    """
    if trail.billed is None:
        attempts = trail.attempts
        if operation == "count":
            trail.billed = [FREE for _ in attempts]
            return trail.billed
        if operation in PASSED_OPERATIONS:
            trail.billed = [unestimated(one) for one in attempts]
            return trail.billed
        is_resumed = len(attempts) > 1 and any(one.received for one in attempts)
        last = len(attempts) - 1 if not is_resumed and operation != "embeddings" else -1
        trail.billed = [
            charge(one, one.sent or sent, one.received or (trail.received if index == last else 0))
            for index, one in enumerate(attempts)
        ]
    return trail.billed


def used(attempt: Attempt, sent: int) -> int | None:
    """The tokens of an ended attempt, for rate limits; None where they are unknown."""
    usage = attempt.usage
    if usage is None:
        return None if attempt.is_billable else 0
    asked = usage.input + usage.cached_input + usage.cache_write + usage.cache_write_1h + usage.audio_input
    said = usage.output + usage.reasoning + usage.audio_output
    came = attempt.received - attempt.repeated
    if attempt.uncounted or not asked or came > MOST_BYTES_OF_A_TOKEN * said:
        reckoned = estimated(attempt.sent or sent, max(0, came))
        return max(asked, reckoned.input) + max(said, reckoned.output)
    return asked + said


def answered(trail: Trail, charges: Sequence[Charge], usage: Usage | None, *, is_delivered: bool) -> Usage | None:
    """The tokens of a call, for its record: those of the answer that was delivered, or else all that may be billed.

    usage: what the reply that was read says of itself. Where one attempt answered its charge has them. A stream that was
    gone on with is one answer of several attempts: what was asked is what the first of them read, and what was said is
    what came of all of them (`continue`), or of the one that said most (`restart`).
    """
    attempts = trail.attempts
    if not attempts:
        return usage
    known = [(one, tokens) for one, (tokens, _, _) in zip(attempts, charges, strict=True) if tokens is not None]
    if not known:
        return None
    if not is_delivered:
        return sum_of([tokens for _, tokens in known])
    if not any(one.why == "resume" for one in attempts):
        return charges[-1][0]
    if usage is not None and attempts[-1].outcome == "ok" and not charges[-1][2]:
        return usage
    (_, told), *others = [(one, tokens) for one, tokens in known if one.head_at] or known
    for one, tokens in others:
        if one.prefilled:
            told = with_continuation(told, tokens)
        elif tokens.output_tokens > told.output_tokens:
            told = tokens
    return told


def with_continuation(told: Usage, more: Usage) -> Usage:
    """The tokens of an answer that a second attempt continued. The input counts once."""
    return msgspec.structs.replace(
        told,
        output=told.output + more.output,
        reasoning=told.reasoning + more.reasoning,
        audio_output=told.audio_output + more.audio_output,
    )


def sum_of(parts: Sequence[Usage]) -> Usage:
    return Usage(**{name: sum([getattr(one, name) for one in parts]) for name in Usage.__struct_fields__})


def is_unbilled(error: CallError) -> bool:
    """Whether an attempt that failed with this error before its head is not billed: nothing was sent, or the vendor refused."""
    if isinstance(error, (Unreachable, Refused, Shed)):
        return not (isinstance(error, Crowded) and error.was_sent)
    if isinstance(error, Expired):
        return error.phase == "connect"
    return error.said is not None and error.said.status >= 400
