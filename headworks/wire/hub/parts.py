"""Parts: what a turn of a question and a choice of an answer are made of.

Always true: a part says one thing. What stands between two parts (a mark of the prompt cache) is a member of the part
before it. A part's order in its turn is the order in which it was said; a dialect that has no order among kinds (OpenAI's
chat has text and tool calls in two fields) writes them by kind.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from headworks.wire.hub.values import NO_EXTRA, Extra, Json


class CacheMark(msgspec.Struct, frozen=True, kw_only=True):
    """Up to here the prompt is worth keeping in the vendor's cache. ttl: `5m`, `30m`, `1h`, `12h`, or "" for the default.

    Anthropic `cache_control` (5m, 1h), Bedrock `cachePoint` (5m, 1h), OpenAI `prompt_cache_breakpoint` (30m, 12h; gpt-5.6 and
    later). OpenAI and Gemini keep prompts without being told, too.
    """

    ttl: str = ""
    extra: Extra = NO_EXTRA


# Where a picture, sound or document is


class Inline(msgspec.Struct, frozen=True):
    """In the question itself, as base64. media_type: `image/png`; "" where it is not said."""

    data: str
    media_type: str = ""


class Located(msgspec.Struct, frozen=True):
    """Behind an address: a URL, or Bedrock's `s3://` and Gemini's `gs://`. media_type as far as it is said."""

    url: str
    media_type: str = ""


class Stored(msgspec.Struct, frozen=True):
    """At a vendor, under an id that only this vendor knows. origin: the dialect that it is known in."""

    id: str
    origin: str
    media_type: str = ""


class Plain(msgspec.Struct, frozen=True):
    """As text: a document that needs no decoding."""

    text: str
    media_type: str = "text/plain"


class Composed(msgspec.Struct, frozen=True):
    """As parts of its own: a document in chunks that citations point at (Anthropic, Bedrock)."""

    parts: tuple[Text | Image, ...]


Source: TypeAlias = Inline | Located | Stored | Plain | Composed


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a text has something from. start, end: of the cited range, in `unit`; -1 where unknown.

    unit: `answer` (characters of the answer itself: OpenAI, Gemini), else of the source: `char`, `page`, `block` (Anthropic,
    Bedrock). document: index of the cited document among the question's; -1 where it is none of them.
    """

    url: str = ""
    title: str = ""
    text: str = ""
    start: int = -1
    end: int = -1
    unit: str = "answer"
    document: int = -1
    extra: Extra = NO_EXTRA


# Parts


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """signature: what Gemini wants back with this part (`thoughtSignature`), of the dialect `origin`."""

    text: str
    citations: tuple[Citation, ...] = ()
    signature: str = ""
    origin: str = ""
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """detail: `low`, `high`, `auto` (OpenAI); "" where it is not said."""

    source: Source
    detail: str = ""
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Audio(msgspec.Struct, frozen=True, kw_only=True):
    """Sound, of a caller or of a model. id, transcript, expires_at (seconds since 1970): of sound that a model made."""

    source: Source | None = None
    id: str = ""
    transcript: str = ""
    expires_at: int | None = None
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Video(msgspec.Struct, frozen=True, kw_only=True):
    source: Source
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is read. name: a file's name or title. context: words about it that are no part of it. cites: whether
    the answer is to cite it."""

    source: Source
    name: str = ""
    context: str = ""
    cites: bool | None = None
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A search result that the caller brings (Anthropic `search_result`, Bedrock `searchResult`)."""

    url: str
    title: str
    parts: tuple[Text, ...]
    cites: bool | None = None
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """What a model thought before it answered, and what its vendor wants back unchanged.

    origin: the dialect whose vendor thought it: it means something there only. signature: proof that the text is that vendor's
    (Anthropic, Bedrock, Gemini). redacted: thinking that only that vendor can read (Anthropic `redacted_thinking`, Responses
    `encrypted_content`). is_summary: the text is a summary of it.
    """

    origin: str
    text: str = ""
    signature: str = ""
    redacted: str = ""
    id: str = ""
    is_summary: bool = False
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The model's own words that it will not answer."""

    text: str
    extra: Extra = NO_EXTRA


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """arguments: JSON text as the model wrote it, which may be no JSON; of a custom tool, its free text.

    id: "" where the dialect has none (OpenAI's `function_call`, older Gemini). signature: see Text.
    """

    id: str
    name: str
    arguments: str
    is_custom: bool = False
    signature: str = ""
    origin: str = ""
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Value(msgspec.Struct, frozen=True):
    """A JSON value in a tool's result (Bedrock `json`, Gemini `response`); elsewhere its text."""

    value: Json


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """call_id: of the call that it answers. name: of the tool, where it is said. is_error: the tool failed."""

    call_id: str
    parts: tuple[Part, ...]
    name: str = ""
    is_custom: bool = False
    is_error: bool = False
    cache: CacheMark | None = None
    extra: Extra = NO_EXTRA


class Only(msgspec.Struct, frozen=True, kw_only=True):
    """A part that only one dialect has, as it stands there: a hosted tool's call and its result, a container's upload."""

    dialect: str
    value: Json


MEDIA: Final = (Image, Audio, Video, Document)
"""Parts with a source."""

Part: TypeAlias = (
    Text | Image | Audio | Video | Document | Found | Thinking | Refusal | ToolCall | ToolResult | Value | Only
)
