"""Stop reasons and token counts of a message, to and from the hub's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.anthropic.usage import read_usage
from headworks.wire.hub.values import MESSAGES, own

_REASONS: Final[Mapping[str, hub.Reason]] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop_sequence",
        "max_tokens": "length",
        "model_context_window_exceeded": "context",
        "tool_use": "tool_calls",
        "refusal": "refusal",
        "pause_turn": "pause",
    }
)
_WORDS: Final[Mapping[hub.Reason, str]] = MappingProxyType(
    {
        **{reason: word for word, reason in _REASONS.items()},
        "content_filter": "refusal",
        "malformed_call": "end_turn",
        "other": "end_turn",
    }
)
"""Clients know seven words: what has none of its own ends like the nearest."""

_DETAILS: Final = "stop_details"


def finish_of(said: Mapping[str, Any]) -> hub.Finish | None:
    """Why a message ended, by its members or those of the last event's delta; None where that is not said."""
    word = said.get("stop_reason")
    if not isinstance(word, str) or not word:
        return None
    reason = _REASONS.get(word, "other")
    sequence, details = said.get("stop_sequence"), said.get(_DETAILS)
    extra: dict[str, Any] = {} if word in _REASONS else {"stop_reason": word}
    if isinstance(details, dict):
        extra[_DETAILS] = details
    why = details.get("explanation") if isinstance(details, dict) else None
    return hub.Finish(
        reason=reason,
        stop_sequence=sequence if isinstance(sequence, str) else "",
        detail=why if isinstance(why, str) else "",
        extra={MESSAGES: extra} if extra else {},
    )


def finish_word(finish: hub.Finish) -> str:
    word: str = own(finish.extra, MESSAGES).get("stop_reason") or _WORDS[finish.reason]
    return word


def written_finish(finish: hub.Finish) -> dict[str, Any]:
    """The members that say why a message ended."""
    said: dict[str, Any] = {"stop_reason": finish_word(finish), "stop_sequence": finish.stop_sequence or None}
    if details := own(finish.extra, MESSAGES).get(_DETAILS):
        said[_DETAILS] = details
    elif said["stop_reason"] == "refusal" and finish.detail:
        said[_DETAILS] = {"type": "refusal", "category": None, "explanation": finish.detail}
    return said


# Tokens


def usage_of(said: Any) -> hub.Usage | None:
    """What was used; None where nothing is said of it."""
    if not isinstance(said, dict) or not said:
        return None
    return hub.Usage(tokens=read_usage(said).total() or reply.Usage(), extra={MESSAGES: said})


def written_usage(usage: hub.Usage) -> dict[str, Any]:
    """The counts in Anthropic's words: cached and written tokens stand beside the input, thinking inside the output."""
    if said := own(usage.extra, MESSAGES):
        return dict(said)
    tokens = usage.tokens
    written = tokens.cache_write + tokens.cache_write_1h
    counts: dict[str, Any] = {
        "input_tokens": tokens.input + tokens.audio_input,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": tokens.cached_input,
        "output_tokens": tokens.output_tokens,
    }
    if written:
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": tokens.cache_write,
            "ephemeral_1h_input_tokens": tokens.cache_write_1h,
        }
    if tokens.reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": tokens.reasoning}
    return counts
