"""The blocks of a question's message to the hub's parts.

Always true: a block that is not understood is kept whole (`Only`), members that are not known stay in the part's `extra`, and
both are written back as they came (`block_writer.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from headworks.wire import hub
from headworks.wire.anthropic.translation.citations import citations_of
from headworks.wire.anthropic.translation.sealed import Sealed, opened
from headworks.wire.hub.values import MESSAGES, only
from headworks.wire.json_text import write_json

Member: TypeAlias = dict[str, Any]

CACHE: Final = "cache_control"


def parts_of(content: str | list[Any]) -> tuple[hub.Part, ...]:
    if isinstance(content, str):
        return (hub.Text(text=content),)
    parts: list[hub.Part] = []
    waiting: Sealed | None = None  # the signature of the call that comes
    for one in content:
        part = part_of(one)
        if isinstance(part, Sealed):
            waiting = part if part.kind == "call" else waiting
            if part.kind == "text" and parts and isinstance(last := parts[-1], hub.Text):
                parts[-1] = msgspec.structs.replace(last, signature=part.signature, origin=part.origin)
            continue
        if waiting is not None and isinstance(part, hub.ToolCall):
            part = msgspec.structs.replace(part, signature=waiting.signature, origin=waiting.origin)
            waiting = None
        parts.append(part)
    return tuple(parts)


def part_of(said: Any) -> hub.Part | Sealed:
    """A block as a part; what is sealed in one and belongs to another as it is."""
    if isinstance(said, dict) and isinstance(kind := said.get("type"), str) and kind in _READERS:
        rest = dict(said)
        del rest["type"]
        if (part := _READERS[kind](rest)) is not None:
            return part
    return hub.Only(dialect=MESSAGES, value=said)


def mark_of(rest: Member) -> hub.CacheMark | None:
    """The mark of the prompt cache, taken out of the members."""
    if not rest or not isinstance(said := rest.get(CACHE), dict):
        return None
    del rest[CACHE]
    ttl = said.get("ttl")
    return hub.CacheMark(ttl=ttl if isinstance(ttl, str) else "", extra={MESSAGES: {CACHE: said}})


def _taken(rest: Member, name: str) -> str:
    return rest.pop(name) if isinstance(rest.get(name), str) else ""


def _text(rest: Member) -> hub.Part | None:
    if not isinstance(rest.get("text"), str):
        return None
    text = rest.pop("text")
    if not rest:
        return hub.Text(text=text)
    said = rest.pop("citations") if isinstance(rest.get("citations"), list) else ()
    return hub.Text(text=text, citations=citations_of(said), cache=mark_of(rest), extra=only(MESSAGES, rest))


def source_of(said: Any) -> hub.Source | None:
    """Where something is; None where that is said in a way that is not known."""
    if not isinstance(said, dict):
        return None
    kind, data = said.get("type"), said.get("data")
    media_type = said.get("media_type")
    media_type = media_type if isinstance(media_type, str) else ""
    known: Mapping[Any, Any] = {"base64": "data", "text": "data", "url": "url", "file": "file_id", "content": "content"}
    if kind not in known or not said.keys() <= {"type", "media_type", known[kind]}:
        return None
    if kind == "content":
        return _composed(said.get("content"))
    value = said.get(known[kind])
    if not isinstance(value, str):
        return None
    if kind == "base64":
        return hub.Inline(value, media_type)
    if kind == "text":
        return hub.Plain(str(data), media_type or "text/plain")
    return hub.Located(value, media_type) if kind == "url" else hub.Stored(value, MESSAGES, media_type)


def _composed(said: Any) -> hub.Composed | None:
    if not isinstance(said, (str, list)):
        return None
    parts = parts_of(said)
    inside = [part for part in parts if isinstance(part, (hub.Text, hub.Image))]
    return hub.Composed(tuple(inside)) if len(inside) == len(parts) else None


def _image(rest: Member) -> hub.Part | None:
    source = source_of(rest.get("source"))
    if source is None or isinstance(source, (hub.Plain, hub.Composed)):
        return None
    del rest["source"]
    return hub.Image(source=source, cache=mark_of(rest), extra=only(MESSAGES, rest))


def cites_in(rest: Member) -> bool | None:
    """Whether the answer is to cite it, taken out of the members."""
    said = rest.get("citations")
    if not isinstance(said, dict) or said.keys() != {"enabled"} or not isinstance(said["enabled"], bool):
        return None
    enabled: bool = rest.pop("citations")["enabled"]
    return enabled


def _document(rest: Member) -> hub.Part | None:
    source = source_of(rest.get("source"))
    if source is None:
        return None
    del rest["source"]
    return hub.Document(
        source=source,
        name=_taken(rest, "title"),
        context=_taken(rest, "context"),
        cites=cites_in(rest),
        cache=mark_of(rest),
        extra=only(MESSAGES, rest),
    )


def _found(rest: Member) -> hub.Part | None:
    url, title, content = rest.get("source"), rest.get("title"), rest.get("content")
    if not (isinstance(url, str) and isinstance(title, str) and isinstance(content, list)):
        return None
    parts = [part for part in parts_of(content) if isinstance(part, hub.Text)]
    if len(parts) != len(content):
        return None
    for name in ("source", "title", "content"):
        del rest[name]
    return hub.Found(
        url=url,
        title=title,
        parts=tuple(parts),
        cites=cites_in(rest),
        cache=mark_of(rest),
        extra=only(MESSAGES, rest),
    )


def _thinking(rest: Member) -> hub.Part | Sealed | None:
    if not isinstance(rest.get("thinking"), str):
        return None
    text, signature = rest.pop("thinking"), _taken(rest, "signature")
    if (said := opened(signature)) is not None:
        if said.kind != "thinking":
            return said
        return hub.Thinking(
            origin=said.origin, text=text, signature=said.signature, id=said.id, is_summary=said.is_summary
        )
    return hub.Thinking(
        origin=MESSAGES, text=text, signature=signature, cache=mark_of(rest), extra=only(MESSAGES, rest)
    )


def _redacted(rest: Member) -> hub.Part | Sealed | None:
    if not isinstance(rest.get("data"), str):
        return None
    data = rest.pop("data")
    if (said := opened(data)) is not None:
        return hub.Thinking(
            origin=said.origin, redacted=said.redacted, id=said.id, signature=said.signature, is_summary=said.is_summary
        )
    return hub.Thinking(origin=MESSAGES, redacted=data, cache=mark_of(rest), extra=only(MESSAGES, rest))


def _call(rest: Member) -> hub.Part | None:
    if not (isinstance(rest.get("id"), str) and isinstance(rest.get("name"), str)) or "input" not in rest:
        return None
    id, name = rest.pop("id"), rest.pop("name")
    arguments = write_json(rest.pop("input")).decode("utf-8", "surrogatepass")
    if not rest:
        return hub.ToolCall(id=id, name=name, arguments=arguments)
    cache = mark_of(rest)
    return hub.ToolCall(id=id, name=name, arguments=arguments, cache=cache, extra=only(MESSAGES, rest))


def _result(rest: Member) -> hub.Part | None:
    content = rest.get("content")
    if not isinstance(rest.get("tool_use_id"), str) or not isinstance(content, (str, list, type(None))):
        return None
    rest.pop("content", None)
    is_error = rest.pop("is_error") if isinstance(rest.get("is_error"), bool) else False
    return hub.ToolResult(
        call_id=rest.pop("tool_use_id"),
        parts=() if content is None else parts_of(content),
        is_error=is_error,
        cache=mark_of(rest),
        extra=only(MESSAGES, rest),
    )


_READERS: Final[Mapping[str, Callable[[Member], hub.Part | Sealed | None]]] = MappingProxyType(
    {
        "text": _text,
        "image": _image,
        "document": _document,
        "search_result": _found,
        "thinking": _thinking,
        "redacted_thinking": _redacted,
        "tool_use": _call,
        "tool_result": _result,
    }
)
