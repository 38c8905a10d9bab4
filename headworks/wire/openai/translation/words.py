"""Finish reasons, token counts and logprobs of a chat answer, to and from the hub's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.hub.values import CHAT, only, own
from headworks.wire.openai.answer import UNSAID
from headworks.wire.openai.usage import read_usage

_REASONS: Final[Mapping[str, hub.Reason]] = MappingProxyType(
    {
        "stop": "stop",
        "length": "length",
        "tool_calls": "tool_calls",
        "content_filter": "content_filter",
        "function_call": "tool_calls",
        "model_length": "length",  # Mistral
        "eos": "stop",  # Together
    }
)
_WORDS: Final[Mapping[hub.Reason, str]] = MappingProxyType(
    {
        "stop": "stop",
        "stop_sequence": "stop",
        "length": "length",
        "context": "length",
        "tool_calls": "tool_calls",
        "content_filter": "content_filter",
        "refusal": "content_filter",
        "pause": "stop",
        "malformed_call": "stop",
        "other": "stop",
    }
)
"""SDKs know five words and fail on others: what has none of its own ends like the nearest."""


def finish_of(word: Any) -> hub.Finish | None:
    """Why a choice ended; None where that is not said."""
    if not isinstance(word, str) or word in UNSAID:
        return None
    reason = _REASONS.get(word, "other")
    return hub.Finish(reason=reason, extra=only(CHAT, {} if _WORDS[reason] == word else {"finish_reason": word}))


def finish_word(finish: hub.Finish) -> str:
    word: str = own(finish.extra, CHAT).get("finish_reason") or _WORDS[finish.reason]
    return word


# Tokens


def usage_of(said: Any) -> hub.Usage | None:
    """What was used; None where nothing is said of it."""
    if not isinstance(said, dict) or not said:
        return None
    return hub.Usage(tokens=read_usage(said).usage() or reply.Usage(), extra={CHAT: said})


def written_usage(usage: hub.Usage) -> dict[str, Any]:
    """The counts in OpenAI's words: cached and written tokens are inside the prompt's, reasoning inside the completion's."""
    if said := own(usage.extra, CHAT):
        return dict(said)
    tokens = usage.tokens
    prompt: dict[str, int] = {"cached_tokens": tokens.cached_input, "audio_tokens": tokens.audio_input}
    if written := tokens.cache_write + tokens.cache_write_1h:
        prompt["cache_write_tokens"] = written
    return {
        "prompt_tokens": tokens.input_tokens,
        "completion_tokens": tokens.output_tokens,
        "total_tokens": tokens.input_tokens + tokens.output_tokens,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": tokens.audio_output},
    }


# Likelihoods


class _Others(msgspec.Struct, forbid_unknown_fields=True):
    token: str
    logprob: float | None = None
    bytes: list[int] | None = None


class _Token(_Others, forbid_unknown_fields=True):
    top_logprobs: list[_Others] | None = None


def likely_of(said: Any) -> tuple[hub.Likely, ...] | None:
    """The tokens of a list of logprobs; None where it is no such list."""
    if not isinstance(said, list):
        return None
    try:
        read = msgspec.convert(said, list[_Token])
    except msgspec.ValidationError:
        return None
    return tuple([_likely(one, tuple([_likely(other) for other in one.top_logprobs or ()])) for one in read])


def _likely(said: _Others, others: tuple[hub.Likely, ...] = ()) -> hub.Likely:
    octets = None if said.bytes is None else tuple(said.bytes)
    return hub.Likely(token=said.token, logprob=said.logprob, octets=octets, others=others)


def written_likely(tokens: tuple[hub.Likely, ...]) -> list[dict[str, Any]]:
    return [{**_written(one), "top_logprobs": [_written(other) for other in one.others]} for one in tokens]


def _written(one: hub.Likely) -> dict[str, Any]:
    return {"token": one.token, "logprob": one.logprob, "bytes": None if one.octets is None else list(one.octets)}
