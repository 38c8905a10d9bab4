"""Why an answer ended, its tokens, and logprobs, to and from the hub's.

An answer's status is `completed` or `incomplete`; of the second kind `incomplete_details` has the reason. The word for
policies is the reason where there is one, else the status.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.hub.values import RESPONSES, only, own
from headworks.wire.openai.usage import MOST

COMPLETED: Final = "completed"
INCOMPLETE: Final = "incomplete"
OUT_OF_TOKENS: Final = "max_output_tokens"

_REASONS: Final[Mapping[str, hub.Reason]] = MappingProxyType(
    {COMPLETED: "stop", OUT_OF_TOKENS: "length", "content_filter": "content_filter"}
)
_WORDS: Final[Mapping[hub.Reason, str]] = MappingProxyType(
    {
        "stop": COMPLETED,
        "stop_sequence": COMPLETED,
        "length": OUT_OF_TOKENS,
        "context": OUT_OF_TOKENS,
        "tool_calls": COMPLETED,
        "content_filter": "content_filter",
        "refusal": "content_filter",
        "pause": COMPLETED,
        "malformed_call": COMPLETED,
        "other": COMPLETED,
    }
)


def word_of(response: Mapping[str, Any]) -> str | None:
    """Why an answer ended; None where it has not."""
    status = response.get("status")
    if status == INCOMPLETE:
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return reason if isinstance(reason, str) else INCOMPLETE
    return COMPLETED if status == COMPLETED else None


def finish_of(word: str, *, calls: bool) -> hub.Finish:
    """calls: the answer has calls of the caller's tools."""
    reason = _REASONS.get(word, "other")
    if reason == "stop" and calls:
        return hub.Finish(reason="tool_calls")
    return hub.Finish(reason=reason, extra=only(RESPONSES, {} if reason != "other" else {"reason": word}))


def finish_word(finish: hub.Finish) -> str:
    word: str = own(finish.extra, RESPONSES).get("reason") or _WORDS[finish.reason]
    return word


# Tokens


class _Input(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Output(msgspec.Struct):
    reasoning_tokens: int | None = None


class UsageSaid(msgspec.Struct):
    """`usage` as it stands on the wire. Cached and written tokens are inside the input, reasoning inside the output."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: _Input | None = None
    output_tokens_details: _Output | None = None

    def usage(self) -> reply.Usage | None:
        """The tokens by class; None where there are none."""
        asked, said = _part(self.input_tokens, MOST), _part(self.output_tokens, MOST)
        said += max(0, _part(self.total_tokens, MOST) - asked - said)
        if not (asked or said):
            return None
        inside, outside = self.input_tokens_details or _Input(), self.output_tokens_details or _Output()
        cached = _part(inside.cached_tokens, asked)
        written = _part(inside.cache_write_tokens, asked - cached)
        reasoned = _part(outside.reasoning_tokens, said)
        return reply.Usage(
            input=asked - cached - written,
            cached_input=cached,
            cache_write=written,
            output=said - reasoned,
            reasoning=reasoned,
        )


def _part(said: int | None, most: int) -> int:
    return min(max(0, said or 0), most)


def usage_in(said: Any) -> reply.Usage | None:
    """The tokens that a usage says, whose members may be of any type."""
    if not isinstance(said, dict):
        return None
    try:
        return msgspec.convert(said, UsageSaid, strict=False).usage()
    except ValueError:  # msgspec's errors are ValueErrors, and so is half of a surrogate pair
        return None


def usage_of(said: Any) -> hub.Usage | None:
    """What was used; None where nothing is said of it."""
    tokens = usage_in(said)
    return None if tokens is None else hub.Usage(tokens=tokens, extra={RESPONSES: said})


def written_usage(usage: hub.Usage) -> dict[str, Any]:
    if said := own(usage.extra, RESPONSES):
        return dict(said)
    tokens = usage.tokens
    return {
        "input_tokens": tokens.input_tokens,
        "input_tokens_details": {"cached_tokens": tokens.cached_input, "cache_write_tokens": tokens.cache_write},
        "output_tokens": tokens.output_tokens,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input_tokens + tokens.output_tokens,
    }
