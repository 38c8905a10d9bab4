"""Pieces: what a stream adds to an answer, one typed delta each.

Theory. Some dialects open and close parts (Anthropic, Responses, Bedrock), some only add to fields (OpenAI's chat, Gemini).
So every delta names its place: `choice`, and `part`, the number of its part within the choice. Numbers begin at 0 and only
grow as parts begin; a new number is a new part, and two deltas of one number are of one kind. A part is over when the
choice's Finished comes; in a dialect that writes one part at a time, also when a delta of another part comes, unless tool
calls come side by side.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from headworks.wire.hub.answer import Finish, Likely, Usage
from headworks.wire.hub.parts import Citation, Part
from headworks.wire.hub.values import NO_EXTRA, Extra, Json


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the answer as a whole; a later one adds to it. usage: what is known of it before the first content."""

    id: str = ""
    model: str = ""
    created: int = 0
    service_tier: str = ""
    usage: Usage | None = None
    extra: Extra = NO_EXTRA


class ChoiceStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A choice begins; nothing of it is said yet."""

    choice: int = 0


class TextDelta(msgspec.Struct, frozen=True, kw_only=True):
    """signature: comes with the last delta of its part, if at all."""

    text: str
    choice: int = 0
    part: int = 0
    signature: str = ""
    origin: str = ""
    extra: Extra = NO_EXTRA


class CitationDelta(msgspec.Struct, frozen=True, kw_only=True):
    """A citation of the text of this part."""

    citation: Citation
    choice: int = 0
    part: int = 0


class ThinkingDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Fields as in Thinking: texts are joined, what else is said replaces what was."""

    origin: str
    text: str = ""
    choice: int = 0
    part: int = 0
    signature: str = ""
    redacted: str = ""
    id: str = ""
    is_summary: bool = False
    extra: Extra = NO_EXTRA


class RefusalDelta(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    choice: int = 0
    part: int = 0


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True):
    """id and name: with the first delta of the part, "" after it. arguments: what they grow by."""

    choice: int = 0
    part: int = 0
    id: str = ""
    name: str = ""
    arguments: str = ""
    is_custom: bool = False
    signature: str = ""
    origin: str = ""
    extra: Extra = NO_EXTRA


class AudioDelta(msgspec.Struct, frozen=True, kw_only=True):
    """data: base64, whole by itself; data and transcript grow."""

    choice: int = 0
    part: int = 0
    id: str = ""
    data: str = ""
    media_type: str = ""
    transcript: str = ""
    expires_at: int | None = None
    extra: Extra = NO_EXTRA


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A part that comes at once: a picture, a hosted tool's result, redacted thinking."""

    value: Part
    choice: int = 0
    part: int = 0


class LikelyDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the text or refusal, in order."""

    choice: int = 0
    likely: tuple[Likely, ...] | None = None
    likely_refusal: tuple[Likely, ...] | None = None


class ChoiceExtra(msgspec.Struct, frozen=True, kw_only=True):
    """What one dialect alone says of a choice. in_message: of its message, not of the choice itself."""

    extra: Extra
    choice: int = 0
    in_message: bool = False


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    finish: Finish
    choice: int = 0


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens used up to here; a later one replaces it."""

    usage: Usage


class OnlyEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that one dialect alone has, as it stands there."""

    dialect: str
    value: Json
    name: str = ""


Piece: TypeAlias = (
    Started
    | ChoiceStarted
    | TextDelta
    | CitationDelta
    | ThinkingDelta
    | RefusalDelta
    | ToolCallDelta
    | AudioDelta
    | Whole
    | LikelyDelta
    | ChoiceExtra
    | Finished
    | Counted
    | OnlyEvent
)
