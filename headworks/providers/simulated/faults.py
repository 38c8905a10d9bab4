"""Every fault that a simulated vendor can have, by name, and what a caller of the leaf sees of it.

A leaf has no wire, so each fault is what a leaf *with* one would make of it: a reset before the head is Failed, a
stream that ends without a finish reason is Cut. The names are the drills' and the system file's vocabulary.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Literal, TypeAlias, get_args

import msgspec

from headworks.core.errors import CallError, Denied, Failed, Filtered, Garbled, Throttled, TooLong, Upstream, VendorSaid

Fault: TypeAlias = Literal[
    # nothing was sent
    "refused",  # the connection is refused: Unreachable
    "connect_silence",  # the connection is not answered: Expired(connect)
    # before the head
    "reset",  # the connection breaks before the head: Failed
    "silence",  # accepted, and then nothing: Expired(first_token or answer)
    "slow_first_token",  # the head comes SLOW seconds late
    "no_content",  # a 200 that ends before its first content: Garbled
    "empty",  # a 200 with an empty body: Garbled
    "html",  # a 200 with a page for people: Garbled
    "huge_body",  # a 200 without end: Garbled
    # in place of an answer
    "rate_limited",  # 429 with Retry-After: Throttled
    "rate_limited_bare",  # 429 without: Throttled
    "out_of_credit",  # 429 insufficient_quota: Denied
    "server_error",  # 500: Failed
    "unavailable",  # 503: Failed
    "overloaded",  # 529: Failed
    "denied",  # 401: Denied
    "unknown_model",  # 404: Denied
    "context_length",  # 400 context_length_exceeded: TooLong
    "content_filter",  # 400 content_filter: Filtered
    # after the head; of a call that is not streamed, in the middle of its body
    "reset_after_head",  # the connection breaks after the first token: Cut (not streamed: Failed)
    "cut",  # it breaks after k tokens: Cut (not streamed: Failed)
    "stall",  # after k tokens, silence: Expired(between_tokens) (not streamed: Expired(answer))
    "garbled_event",  # after k tokens an event that is no JSON: Cut (not streamed: Garbled)
    "missing_end",  # every token, and neither finish reason nor end mark: Cut (not streamed: Failed)
    "slow_drip",  # a token every DRIP seconds
    "content_filter_finish",  # after k tokens the finish reason content_filter: an answer, and a short one
]

FAULTS: tuple[Fault, ...] = get_args(Fault)

Shares: TypeAlias = "Mapping[Fault, float]"

SLOW_FIRST_TOKEN_DELAY = 20.0
"""Seconds by which a slow first token is late: longer than any reasonable `first_token` bound."""
SLOW_DRIP_INTERVAL = 5.0
"""Seconds between the tokens of a slow drip: shorter than the default `between_tokens`, so only `total` ends it."""
SILENCE_TIMEOUT = 600.0
"""Seconds after which a silent vendor hangs up: what an idle connection gets at large vendors."""
RETRY_AFTER = 1.0
"""Seconds that `rate_limited` asks to wait."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's error in place of an answer: what is raised, and the vendor's own words."""

    raised: type[Upstream]
    status: int
    type: str
    message: str
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None

    def error(self, target: str, request_id: str) -> CallError:
        said = VendorSaid(
            status=self.status,
            message=self.message,
            type=self.type,
            code=self.code,
            param=self.param,
            request_id=request_id,
        )
        return self.raised(self.message, target=target, param=self.param, retry_after=self.retry_after, said=said)


_TOO_MANY = "Rate limit reached. Please try again later."

REFUSALS: Mapping[Fault, Refusal] = {
    "rate_limited": Refusal(
        raised=Throttled,
        status=429,
        type="rate_limit_error",
        code="rate_limit_exceeded",
        message=_TOO_MANY,
        retry_after=RETRY_AFTER,
    ),
    "rate_limited_bare": Refusal(
        raised=Throttled, status=429, type="rate_limit_error", code="rate_limit_exceeded", message=_TOO_MANY
    ),
    "out_of_credit": Refusal(
        raised=Denied,
        status=429,
        type="insufficient_quota",
        code="insufficient_quota",
        message="You exceeded your current quota.",
    ),
    "server_error": Refusal(
        raised=Failed, status=500, type="server_error", message="The server had an error while processing your request."
    ),
    "unavailable": Refusal(
        raised=Failed, status=503, type="server_error", message="The server is temporarily unavailable."
    ),
    "overloaded": Refusal(
        raised=Failed, status=529, type="overloaded_error", message="The model is currently overloaded."
    ),
    "denied": Refusal(
        raised=Denied,
        status=401,
        type="invalid_request_error",
        code="invalid_api_key",
        message="Incorrect API key provided.",
    ),
    "unknown_model": Refusal(
        raised=Denied,
        status=404,
        type="invalid_request_error",
        code="model_not_found",
        param="model",
        message="The model does not exist or you do not have access to it.",
    ),
    "context_length": Refusal(
        raised=TooLong,
        status=400,
        type="invalid_request_error",
        code="context_length_exceeded",
        param="messages",
        message="The messages are longer than this model's context.",
    ),
    "content_filter": Refusal(
        raised=Filtered,
        status=400,
        type="invalid_request_error",
        code="content_filter",
        message="The content was refused by a filter.",
    ),
}

INVALID_ANSWERS: Mapping[Fault, str] = {
    "no_content": "200, and the stream ended before its first content",
    "empty": "200 with an empty body",
    "html": "200 with text/html",
    "huge_body": "200 with a body past every limit",
}
"""A 200 that is no answer: each is Garbled."""


def invalid_answer(fault: Fault, target: str) -> CallError:
    return Garbled(INVALID_ANSWERS[fault], target=target)


class FaultMix:
    """Draws the fault of a call by shares. The order of the shares does not matter: it is that of `FAULTS`."""

    __slots__ = ("_ends", "_names")

    def __init__(self, shares: Shares) -> None:
        for name, share in shares.items():
            if name not in FAULTS:
                raise ValueError(f"{name!r} is no fault; there are {', '.join(FAULTS)}")
            if not 0 <= share <= 1:
                raise ValueError(f"the share of {name} is {share}, and must be between 0 and 1")
        self._names = tuple(name for name in FAULTS if shares.get(name))
        self._ends = tuple(accumulate(shares[name] for name in self._names))
        if self._ends and self._ends[-1] > 1 + 1e-9:
            raise ValueError(f"the shares of the faults add up to {self._ends[-1]}, and a call has one fault at most")

    def of(self, drawn: float) -> Fault | None:
        """The fault of a call that drew a number in [0, 1)."""
        at = bisect_right(self._ends, drawn)
        return self._names[at] if at < len(self._names) else None
