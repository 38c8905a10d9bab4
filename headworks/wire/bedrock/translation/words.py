"""Converse's words for why an answer ended, and its tokens, as the hub's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from headworks.wire import hub
from headworks.wire.bedrock.usage import usage_of as tokens_of
from headworks.wire.hub.values import CONVERSE

_REASONS: Final[Mapping[str, hub.Reason]] = MappingProxyType(
    {
        "end_turn": "stop",
        "tool_use": "tool_calls",
        "max_tokens": "length",
        "stop_sequence": "stop_sequence",
        "guardrail_intervened": "content_filter",
        "content_filtered": "content_filter",
        "malformed_model_output": "other",
        "malformed_tool_use": "malformed_call",
        "model_context_window_exceeded": "context",
    }
)


def finish_of(word: Any) -> hub.Finish:
    if not isinstance(word, str) or not word:
        return hub.Finish(reason="stop")
    reason = _REASONS.get(word, "other")
    extra = {CONVERSE: {"stopReason": word}} if reason in ("content_filter", "other") else {}
    return hub.Finish(reason=reason, extra=extra)


def usage_of(said: Any) -> hub.Usage | None:
    tokens = tokens_of(said)
    return None if tokens is None else hub.Usage(tokens=tokens)
