"""A whole answer, in no vendor's words."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from headworks.core import reply
from headworks.wire.hub.parts import Part
from headworks.wire.hub.values import NO_EXTRA, Extra

Reason: TypeAlias = Literal[
    "stop",  # it said what it had to say
    "stop_sequence",  # one of the caller's stop sequences came (OpenAI says `stop`)
    "length",  # `max_output` is used up
    "context",  # the model's window is
    "tool_calls",  # tools are called
    "content_filter",  # the vendor's filter or guardrail
    "refusal",  # the model's own (Anthropic)
    "pause",  # a hosted tool is at work: send it back and go on (Anthropic `pause_turn`)
    "malformed_call",  # a tool call that is none (Gemini, Bedrock)
    "other",
]


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """Why a choice ended. detail: the vendor's words on it (Anthropic `stop_details`, Gemini `finishMessage`). extra: the
    vendor's own word, where the reason says less than it."""

    reason: Reason
    stop_sequence: str = ""
    detail: str = ""
    extra: Extra = NO_EXTRA


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer took. tokens: in disjoint classes. extra: the count as the vendor said it."""

    tokens: reply.Usage
    extra: Extra = NO_EXTRA


class Likely(msgspec.Struct, frozen=True, kw_only=True):
    """A token and how likely it was. octets: its UTF-8, where it is said. others: what else could have stood here."""

    token: str
    logprob: float | None = None
    octets: tuple[int, ...] | None = None
    others: tuple[Likely, ...] = ()
    extra: Extra = NO_EXTRA


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the answers. likely: the tokens of its text, unlikely answers included; likely_refusal: those of its refusal."""

    parts: tuple[Part, ...] = ()
    finish: Finish | None = None
    index: int = 0
    likely: tuple[Likely, ...] | None = None
    likely_refusal: tuple[Likely, ...] | None = None
    extra: Extra = NO_EXTRA


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """id: the vendor's. created: seconds since 1970, 0 where it is not said. model: as the vendor names it."""

    choices: tuple[Choice, ...]
    id: str = ""
    model: str = ""
    created: int = 0
    usage: Usage | None = None
    service_tier: str = ""
    extra: Extra = NO_EXTRA

    def __repr__(self) -> str:
        # The generated one would print the model's words.
        return f"Answer(id={self.id!r}, model={self.model!r}, choices={len(self.choices)})"
