"""The parts of a content in Gemini's API, to and from the hub's.

Always true: a part that is not understood is kept whole (`Only`), members that are not known stay in the part's `extra`, and both are
written back as they came. Names are known in both spellings and written in the first.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from headworks.wire import hub
from headworks.wire.gemini.names import cameled
from headworks.wire.gemini.translation import calls
from headworks.wire.gemini.translation.sealed import opened
from headworks.wire.gemini.translation.table import TABLE
from headworks.wire.hub.values import GENERATE, Extra, merged, only, own
from headworks.wire.json_text import write_json

Member: TypeAlias = dict[str, Any]

_FILES: Final = "https://generativelanguage.googleapis.com/"
"""Where files are that Google itself keeps: nobody else can fetch them."""

_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "webp": "image/webp",
        "gif": "image/gif",
        "heic": "image/heic",
        "pdf": "application/pdf",
        "txt": "text/plain",
        "html": "text/html",
        "csv": "text/csv",
        "mp3": "audio/mp3",
        "wav": "audio/wav",
        "ogg": "audio/ogg",
        "flac": "audio/flac",
        "mp4": "video/mp4",
        "mov": "video/mov",
        "webm": "video/webm",
    }
)
"""What a file is by the end of its address, for Google wants to be told."""


# To the hub


def parts_of(said: Iterable[Any], named: calls.Named) -> tuple[hub.Part, ...]:
    """named: the calls of the conversation so far, which results are matched to."""
    parts = [
        hub.Text(text=text)  # as most are
        if type(one) is dict and len(one) == 1 and type(text := one.get("text")) is str
        else _part(one, named)
        for one in said
    ]
    if named.thoughts:
        parts = [each for part in parts for each in (*_before(part, named), part)]
    return tuple(parts)


def _before(part: hub.Part, named: calls.Named) -> tuple[hub.Thinking, ...]:
    """What another vendor's model thought before this call."""
    return named.thoughts.pop(part.id, ()) if isinstance(part, hub.ToolCall) else ()


def _part(said: Any, named: calls.Named) -> hub.Part:
    if not isinstance(said, dict):
        return hub.Only(dialect=GENERATE, value=said)
    rest = dict(cameled(said))
    signature = rest.pop("thoughtSignature", None)
    if signature is not None and not isinstance(signature, str):
        return hub.Only(dialect=GENERATE, value=said)
    if isinstance(rest.get("text"), str):
        return _text(rest, signature or "")
    if isinstance(rest.get("functionCall"), dict):
        thoughts = opened(signature) if signature else None
        call = named.called(rest, "" if thoughts is not None else signature or "")
        if call is not None and thoughts:
            named.thoughts[call.id] = thoughts
        return call or hub.Only(dialect=GENERATE, value=said)
    if signature is not None:
        rest["thoughtSignature"] = signature  # on a picture that a model drew: it stays in the part's `extra`
    part: hub.Part | None
    if isinstance(rest.get("functionResponse"), dict):
        part = named.answered(rest, lambda parts: parts_of(parts, named))
    else:
        part = _media(rest)
    return part or hub.Only(dialect=GENERATE, value=said)


def _text(rest: Member, signature: str) -> hub.Part:
    text = rest.pop("text")
    origin = GENERATE if signature else ""
    if rest.get("thought") is True:
        del rest["thought"]
        return hub.Thinking(origin=GENERATE, text=text, signature=signature, extra=only(GENERATE, rest))
    if rest.get("thought") is False:
        del rest["thought"]
    return hub.Text(text=text, signature=signature, origin=origin, extra=only(GENERATE, rest))


def _media(rest: Member) -> hub.Part | None:
    """A part with a source; its `extra` has what is said beside (`videoMetadata`, `mediaResolution`)."""
    if rest.get("thought") is False:
        del rest["thought"]
    for name in ("inlineData", "fileData"):
        inside = rest.get(name)
        if isinstance(inside, dict):
            inside = dict(cameled(inside))
            source = _inline(inside) if name == "inlineData" else _file(inside)
            if source is None:
                return None
            title = inside.pop("displayName", None)
            shown = title if isinstance(title, str) else ""
            del rest[name]
            if inside:
                rest[name] = inside
            return _placed(source, shown, rest)
    return None


def _inline(inside: Member) -> hub.Source | None:
    data, kind = inside.pop("data", None), inside.pop("mimeType", "")
    if not isinstance(data, str) or not isinstance(kind, str):
        return None
    if kind.startswith("text/"):
        try:
            return hub.Plain(base64.b64decode(data, validate=True).decode(), kind)
        except (binascii.Error, ValueError):
            pass  # in another alphabet, or in another encoding than UTF-8: it stays as it is
    return hub.Inline(data, kind)


def _file(inside: Member) -> hub.Source | None:
    url, kind = inside.pop("fileUri", None), inside.pop("mimeType", "")
    if not isinstance(url, str) or not isinstance(kind, str):
        return None
    return hub.Stored(url, GENERATE, kind) if url.startswith(_FILES) else hub.Located(url, kind)


def _placed(source: hub.Source, name: str, rest: Member) -> hub.Part:
    kind = getattr(source, "media_type", "")
    family = kind.partition("/")[0]
    if isinstance(source, hub.Plain) or family not in ("image", "audio", "video"):
        return hub.Document(source=source, name=name, extra=only(GENERATE, rest))
    if name:
        rest["displayName"] = name
    extra = only(GENERATE, rest)
    if family == "image":
        return hub.Image(source=source, extra=extra)
    return hub.Audio(source=source, extra=extra) if family == "audio" else hub.Video(source=source, extra=extra)


# From the hub


def written(parts: Sequence[hub.Part]) -> list[Member]:
    """Parts of a turn as Gemini's; results of tools are written elsewhere (`calls.py`)."""
    said: list[Member] = []
    for part in parts:
        if type(part) is hub.Text and not part.extra and not part.signature:  # as most are
            if part.text:
                said.append({"text": part.text})
        elif (writer := _WRITERS.get(type(part))) is not None:
            said.extend(writer(part))
    return said


def _written_text(part: hub.Text) -> list[Member]:
    said: Member = {"text": part.text}
    if part.signature and part.origin == GENERATE:
        said["thoughtSignature"] = part.signature
    elif not part.text and not part.extra.get(GENERATE):
        return []  # an empty text is refused
    return [with_extra(said, part.extra)]


def _written_thinking(part: hub.Thinking) -> list[Member]:
    if part.origin != GENERATE:
        return []
    said: Member = {"text": part.text, "thought": True}
    if part.signature:
        said["thoughtSignature"] = part.signature
    return [with_extra(said, part.extra)]


def _written_media(part: hub.Image | hub.Audio | hub.Video) -> list[Member]:
    if part.source is None:
        return []
    said = sourced(part.source, default=_DEFAULTS[type(part)])
    extra = dict(own(part.extra, GENERATE))
    if isinstance(name := extra.pop("displayName", None), str):
        next(iter(said.values()))["displayName"] = name
    return [merged(said, extra)]


_DEFAULTS: Final[Mapping[type, str]] = MappingProxyType(
    {hub.Image: "image/jpeg", hub.Audio: "audio/wav", hub.Video: "video/mp4", hub.Document: "application/pdf"}
)
"""What a part is taken for where nobody says it."""


def _written_document(part: hub.Document) -> list[Member]:
    said: list[Member] = [{"text": part.context}] if part.context else []
    if isinstance(part.source, hub.Composed):
        head = [{"text": part.name}] if part.name else []
        return [*head, *said, *written(part.source.parts)]
    one = sourced(part.source, default=_DEFAULTS[hub.Document])
    if part.name:
        next(iter(one.values()))["displayName"] = part.name
    return [*said, with_extra(one, part.extra)]


def _written_found(part: hub.Found) -> list[Member]:
    return [{"text": f"{part.title}\n{part.url}\n" + "\n".join([one.text for one in part.parts])}]


def _written_refusal(part: hub.Refusal) -> list[Member]:
    return [{"text": part.text}] if part.text else []


def _written_call(part: hub.ToolCall) -> list[Member]:
    return [calls.written(part)]


def _written_value(part: hub.Value) -> list[Member]:
    return [{"text": write_json(part.value).decode()}]


def _written_only(part: hub.Only) -> list[Member]:
    return [part.value] if part.dialect == GENERATE else []


_WRITERS: Final[Mapping[type, Callable[[Any], list[Member]]]] = MappingProxyType(
    {
        hub.Text: _written_text,
        hub.Thinking: _written_thinking,
        hub.Image: _written_media,
        hub.Audio: _written_media,
        hub.Video: _written_media,
        hub.Document: _written_document,
        hub.Found: _written_found,
        hub.Refusal: _written_refusal,
        hub.ToolCall: _written_call,
        hub.Value: _written_value,
        hub.Only: _written_only,
    }
)


def sourced(source: hub.Source, *, default: str) -> Member:
    """`inlineData` or `fileData`. default: the media type where none is said and none can be guessed."""
    if isinstance(source, hub.Plain):
        data = base64.b64encode(source.text.encode("utf-8", "surrogatepass")).decode()
        return {"inlineData": {"mimeType": source.media_type, "data": data}}
    if isinstance(source, hub.Inline):
        return {"inlineData": {"mimeType": source.media_type or default, "data": source.data}}
    assert isinstance(source, (hub.Stored, hub.Located)), "what is composed is written part by part"
    url = source.id if isinstance(source, hub.Stored) else source.url
    kind = source.media_type or ("" if is_film_site(url) else _guessed(url) or default)
    if url.startswith("s3://"):
        raise hub.Unsupported("image.bucket", TABLE.title, "Google reads its own buckets only, `gs://`")
    return {"fileData": {"fileUri": url, "mimeType": kind} if kind else {"fileUri": url}}


def is_film_site(url: str) -> bool:
    """Whether it is an address that Google knows by itself: a film on YouTube."""
    return url.startswith(("https://www.youtube.com/", "https://youtu.be/", "https://youtube.com/"))


def _guessed(url: str) -> str:
    path = url.partition("?")[0].partition("#")[0]
    return _KINDS.get(path.rpartition(".")[2].lower()[:8], "")


def with_extra(said: Member, extra: Extra) -> Member:
    return merged(said, own(extra, GENERATE)) if extra else said
