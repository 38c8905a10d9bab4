"""Parts of the hub as blocks of Converse.

Always true: a block has one member. Blank text is no block: the API refuses it. What has no words here raises Unsupported, or the
table has told what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from headworks.core.digest import digest
from headworks.wire import hub
from headworks.wire.bedrock.translation.table import TABLE
from headworks.wire.hub.values import CONVERSE
from headworks.wire.json_text import read_json, write_json

Block: TypeAlias = dict[str, Any]

INPUT: Final = "input"
"""The one argument of a function that stands for a tool of free text."""

_IMAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
)
_SOUNDS: Final[Mapping[str, str]] = MappingProxyType(
    {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}
)
_SOUND_FORMATS: Final = frozenset(
    ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm")
)
_FILMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "video/quicktime": "mov",
        "video/x-matroska": "mkv",
        "video/3gpp": "three_gp",
        "video/x-ms-wmv": "wmv",
        "video/x-flv": "flv",
    }
)
_FILM_FORMATS: Final = frozenset(("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"))
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_DOCUMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        f"{_OFFICE}wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        f"{_OFFICE}spreadsheetml.sheet": "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    }
)
_DOCUMENT_FORMATS: Final = frozenset(_DOCUMENTS.values())

_NAMELESS: Final = "document"
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9\s\-()\[\]]+")
_SPACES: Final = re.compile(r"\s+")
MOST_NAME: Final = 200

_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9_.:-]")
MOST_ID: Final = 64


def blocks_of(part: hub.Part) -> Iterator[Block]:
    """A part of a message as blocks: one or none, and a mark of the cache behind it."""
    block = _block(part)
    if block is not None:
        yield block
        mark = None if isinstance(part, (hub.Refusal, hub.Only, hub.Value)) else part.cache
        if mark is not None:
            yield cache_point(mark)


def cache_point(mark: hub.CacheMark) -> Block:
    said = {"type": "default"}
    if mark.ttl in ("5m", "1h"):
        said["ttl"] = mark.ttl
    return {"cachePoint": said}


def text_block(text: str) -> Block | None:
    return {"text": text} if text.strip() else None


def _block(part: hub.Part) -> Block | None:
    if isinstance(part, (hub.Text, hub.Refusal)):
        return text_block(part.text)
    if isinstance(part, hub.Thinking):
        return _thinking(part)
    if isinstance(part, hub.ToolCall):
        return {"toolUse": _call(part)}
    if isinstance(part, hub.ToolResult):
        return {"toolResult": _result(part)}
    if isinstance(part, hub.Value):
        return text_block(write_json(part.value).decode())
    if isinstance(part, hub.Only):
        return part.value if part.dialect == CONVERSE and isinstance(part.value, dict) else None
    if isinstance(part, hub.Found):
        return {"searchResult": _found(part)}
    return _media(part)


def _thinking(part: hub.Thinking) -> Block | None:
    if part.origin != CONVERSE:
        return None
    if part.redacted:
        return {"reasoningContent": {"redactedContent": part.redacted}}
    said = {"text": part.text}
    if part.signature:
        said["signature"] = part.signature
    return {"reasoningContent": {"reasoningText": said}}


# Tools


def id_of(id: str, name: str = "") -> str:
    """A call's id in the alphabet that ids have here; the same for the call and its result."""
    made = _NOT_IN_IDS.sub("_", id or name) or "call"
    return made if len(made) <= MOST_ID else digest(made.encode())


def _call(part: hub.ToolCall) -> Block:
    said: Any = {INPUT: part.arguments}
    if not part.is_custom:
        try:
            said = read_json(part.arguments.encode("utf-8", "surrogatepass")) if part.arguments.strip() else {}
        except (ValueError, RecursionError):
            said = {INPUT: part.arguments}
    return {
        "toolUseId": id_of(part.id, part.name),
        "name": part.name,
        "input": said if isinstance(said, dict) else {INPUT: said},
    }


def _result(part: hub.ToolResult) -> Block:
    content: list[Block] = []
    for inside in part.parts:
        if isinstance(inside, hub.Value):
            content.append({"json": inside.value})
        else:
            content.extend(blocks_of(inside))
    said: Block = {
        "toolUseId": id_of(part.call_id, part.name),
        "content": [one for one in content if "cachePoint" not in one] or [{"text": "(no output)"}],
    }
    if part.is_error:
        said["status"] = "error"
    return said


def _found(part: hub.Found) -> Block:
    said: Block = {
        "source": part.url,
        "title": part.title,
        "content": [{"text": one.text} for one in part.parts],
    }
    if part.cites is not None:
        said["citations"] = {"enabled": part.cites}
    return said


# What has a source


def _media(part: hub.Image | hub.Audio | hub.Video | hub.Document) -> Block:
    if isinstance(part, hub.Document):
        return {"document": _document(part)}
    kind = type(part).__name__.lower()
    source = part.source
    assert source is not None, "the table refuses sound of an earlier answer"
    if isinstance(part, hub.Image):
        format = _IMAGES.get(_type_of(source), "")
    elif isinstance(part, hub.Audio):
        format = _format(source, _SOUNDS, _SOUND_FORMATS)
    else:
        format = _format(source, _FILMS, _FILM_FORMATS)
    where = _where(source, kind)
    if not format:
        raise hub.Unsupported(
            kind, TABLE.title, f"its kind ({_type_of(source)[:80] or 'not said'}) is none that is taken"
        )
    return {kind: {"format": format, "source": where}}


def _type_of(source: hub.Source) -> str:
    """The media type, of an address by its ending where it is not said."""
    said = source.media_type if isinstance(source, (hub.Inline, hub.Located)) else ""
    if not said and isinstance(source, hub.Located):
        ending = source.url.rpartition(".")[2].lower()
        return next((one for one, format in _IMAGES.items() if format == ending), f"x/{ending}")
    return said.lower().partition(";")[0]


def _format(source: hub.Source, known: Mapping[str, str], formats: frozenset[str]) -> str:
    said = _type_of(source)
    format = known.get(said) or said.partition("/")[2]
    return format if format in formats else ""


def _where(source: hub.Source, field: str) -> Block:
    if isinstance(source, hub.Inline):
        return {"bytes": source.data}
    if isinstance(source, hub.Located) and source.url.startswith("s3://"):
        return {"s3Location": {"uri": source.url}}
    raise hub.Unsupported(field, TABLE.title, "web addresses are not fetched: send it as base64")


def _document(part: hub.Document) -> Block:
    source = part.source
    said: Block = {"name": _name(part.name)}
    if isinstance(source, hub.Plain):
        said |= {"format": _DOCUMENTS.get(source.media_type, "txt"), "source": {"text": source.text}}
    elif isinstance(source, hub.Composed):
        texts = [{"text": one.text} for one in source.parts if isinstance(one, hub.Text)]
        if len(texts) < len(source.parts):
            raise hub.Unsupported("document.parts", TABLE.title, "a document in parts has texts only")
        said |= {"format": "txt", "source": {"content": texts}}
    else:
        format = _document_format(part.name, source)
        where = _where(source, "document")
        if not format:
            raise hub.Unsupported("document", TABLE.title, "its kind is none that is taken")
        said |= {"format": format, "source": where}
    if part.context:
        said["context"] = part.context
    if part.cites is not None:
        said["citations"] = {"enabled": part.cites}
    return said


def _document_format(name: str, source: hub.Source) -> str:
    said = source.media_type if isinstance(source, (hub.Inline, hub.Located)) else ""
    address = source.url if isinstance(source, hub.Located) else ""
    for written in (name, address):
        ending = written.rpartition(".")[2].lower()
        if not said and ending in _DOCUMENT_FORMATS:
            return ending
    return _DOCUMENTS.get(said.lower().partition(";")[0], "")


def _name(name: str) -> str:
    """A name in the alphabet that names have here."""
    return _SPACES.sub(" ", _NOT_IN_NAMES.sub("-", name)).strip()[:MOST_NAME] or _NAMELESS


def distinct_names(messages: Sequence[Mapping[str, Any]]) -> None:
    """Gives documents of one question names of their own: two of one name are refused. Changes them."""
    seen: dict[str, int] = {}
    for message in messages:
        for block in message["content"]:
            if (document := block.get("document")) is not None:
                name = document["name"]
                seen[name] = seen.get(name, 0) + 1
                if seen[name] > 1:
                    document["name"] = f"{name[: MOST_NAME - 8]} ({seen[name]})"
