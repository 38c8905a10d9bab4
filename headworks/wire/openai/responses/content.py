"""The content of a message or of a tool's result to and from the hub's parts.

Always true: a part that is not understood is kept whole (`Only`), members that are not known stay in the part's `extra`, and
both are written back as they came. A list of one plain text is written as a string.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from headworks.wire import hub
from headworks.wire.hub.values import NO_EXTRA, RESPONSES, merged, only, own
from headworks.wire.json_text import write_json
from headworks.wire.openai.translation.content import format_of, source_of, url_of

Member: TypeAlias = dict[str, Any]

_MARK: Final = "prompt_cache_breakpoint"


# To the hub


def parts_of(content: Any) -> tuple[hub.Part, ...]:
    if isinstance(content, str):
        return (hub.Text(text=content),)
    if isinstance(content, list):
        return tuple([_part(one) for one in content])
    return () if content is None else (hub.Only(dialect=RESPONSES, value=content),)


def _part(said: Any) -> hub.Part:
    if isinstance(said, dict) and isinstance(kind := said.get("type"), str) and kind in _READERS:
        if len(said) == 2 and kind[-5:] == "_text" and isinstance(text := said.get("text"), str):
            return hub.Text(text=text)  # as most are
        rest = {name: value for name, value in said.items() if name != "type" and value is not None}
        if (part := _READERS[kind](rest)) is not None:
            return part
    return hub.Only(dialect=RESPONSES, value=said)


def _mark_of(rest: Member) -> hub.CacheMark | None:
    if not isinstance(rest.get(_MARK), dict):
        return None
    said = rest.pop(_MARK)
    ttl = said.get("ttl")
    return hub.CacheMark(ttl=ttl if isinstance(ttl, str) else "", extra={RESPONSES: {_MARK: said}})


def _text(rest: Member) -> hub.Part | None:
    if not isinstance(rest.get("text"), str):
        return None
    text = rest.pop("text")
    if not rest:
        return hub.Text(text=text)
    citations: tuple[hub.Citation, ...] = ()
    if isinstance(rest.get("annotations"), list):
        citations = tuple([citation_of(one) for one in rest.pop("annotations")])
    if not rest.get("logprobs", True):
        del rest["logprobs"]
    return hub.Text(text=text, citations=citations, cache=_mark_of(rest), extra=only(RESPONSES, rest))


def citation_of(said: Any) -> hub.Citation:
    """An annotation; it keeps what it was read from."""
    inside = said if isinstance(said, dict) else {}
    return hub.Citation(
        url=_string(inside, "url"),
        title=_string(inside, "title") or _string(inside, "filename"),
        start=_place(inside, "start_index"),
        end=_place(inside, "end_index"),
        extra={RESPONSES: {"annotation": said}},
    )


def _refusal(rest: Member) -> hub.Part | None:
    if not isinstance(rest.get("refusal"), str):
        return None
    return hub.Refusal(text=rest.pop("refusal"), extra=only(RESPONSES, rest))


def _image(rest: Member) -> hub.Part | None:
    url, id = rest.pop("image_url", None), rest.pop("file_id", None)
    source: hub.Source
    if isinstance(url, str) and id is None:
        source = source_of(url)
    elif isinstance(id, str) and url is None:
        source = hub.Stored(id, RESPONSES)
    else:
        return None
    detail = rest.pop("detail") if isinstance(rest.get("detail"), str) else ""
    return hub.Image(source=source, detail=detail, cache=_mark_of(rest), extra=only(RESPONSES, rest))


def _file(rest: Member) -> hub.Part | None:
    said = [rest.pop(name, None) for name in ("file_data", "file_url", "file_id")]
    if [isinstance(one, str) for one in said].count(True) != 1:
        return None
    data, url, id = said
    source: hub.Source
    if isinstance(data, str):
        source = source_of(data)
        if isinstance(source, hub.Located):  # base64 without a media type
            source = hub.Inline(data)
    else:
        source = hub.Located(url) if isinstance(url, str) else hub.Stored(str(id), RESPONSES)
    name = rest.pop("filename") if isinstance(rest.get("filename"), str) else ""
    return hub.Document(source=source, name=name, cache=_mark_of(rest), extra=only(RESPONSES, rest))


def _audio(rest: Member) -> hub.Part | None:
    said = rest.get("input_audio")
    if not isinstance(said, dict) or said.keys() != {"data", "format"}:
        return None
    if not isinstance(said["data"], str) or not isinstance(said["format"], str):
        return None
    del rest["input_audio"]
    media_type = f"audio/{said['format']}"
    return hub.Audio(source=hub.Inline(said["data"], media_type), cache=_mark_of(rest), extra=only(RESPONSES, rest))


_READERS: Final[Mapping[str, Callable[[Member], hub.Part | None]]] = MappingProxyType(
    {
        "input_text": _text,
        "output_text": _text,
        "text": _text,
        "refusal": _refusal,
        "input_image": _image,
        "input_file": _file,
        "input_audio": _audio,
    }
)


# From the hub


def content_of(parts: Sequence[hub.Part]) -> str | list[Any]:
    """The content of a message that is asked, or of a tool's result."""
    if len(parts) == 1 and type(part := parts[0]) is hub.Text and _is_plain(part):
        return part.text
    content: list[Any] = []
    for part in parts:
        content.extend(_written(part))
    return content


def answered(part: hub.Text | hub.Refusal) -> Member:
    """A part of an assistant's message."""
    if isinstance(part, hub.Refusal):
        return merged({"type": "refusal", "refusal": part.text}, own(part.extra, RESPONSES))
    annotations = [said for one in part.citations if (said := annotation_of(one, len(part.text))) is not None]
    said = {"type": "output_text", "text": part.text, "annotations": annotations}
    return _marked(said, part)


def annotation_of(citation: hub.Citation, end: int) -> Any:
    """The annotation, or None where it cites no address. end: of the text that has it."""
    if (said := own(citation.extra, RESPONSES).get("annotation")) is not None:
        return said
    if not citation.url:
        return None
    start = 0
    if citation.unit == "answer" and citation.start >= 0:
        start, end = citation.start, citation.end
    title, url = citation.title, citation.url
    return {"type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": end}


def _is_plain(part: hub.Text) -> bool:
    return not part.extra and (part.cache is None or RESPONSES not in part.cache.extra)


def _written(part: hub.Part) -> list[Any]:
    if isinstance(part, hub.Text):
        return [_marked({"type": "input_text", "text": part.text}, part)]
    if isinstance(part, hub.Image):
        if isinstance(part.source, hub.Stored):
            place = {"file_id": part.source.id}
        else:
            place = {"image_url": url_of(part.source)}
        return [_marked({"type": "input_image", **place, **({"detail": part.detail} if part.detail else {})}, part)]
    if isinstance(part, hub.Audio) and isinstance(part.source, hub.Inline):
        said = {"data": part.source.data, "format": format_of(part.source.media_type)}
        return [_marked({"type": "input_audio", "input_audio": said}, part)]
    if isinstance(part, hub.Document):
        return _document(part)
    if isinstance(part, hub.Found):
        return [_said(f"{part.title}\n{part.url}\n" + "\n".join([one.text for one in part.parts]))]
    if isinstance(part, hub.Refusal):
        return [_said(part.text)]
    if isinstance(part, hub.Value):
        return [_said(write_json(part.value).decode())]
    if isinstance(part, hub.Only) and part.dialect == RESPONSES:
        return [part.value]
    return []  # the table has told what becomes of it


def _document(part: hub.Document) -> list[Any]:
    source = part.source
    if isinstance(source, hub.Plain):
        return [_said("\n".join([text for text in (part.name, part.context, source.text) if text]))]
    written: list[Any] = [_said(part.context)] if part.context else []
    if isinstance(source, hub.Composed):
        head = [_said(part.name)] if part.name else []
        return [*head, *written, *[said for one in source.parts for said in _written(one)]]
    inside: Member = {"filename": part.name} if part.name else {}
    if isinstance(source, hub.Stored):
        inside["file_id"] = source.id
    elif isinstance(source, hub.Located):
        inside["file_url"] = source.url
    else:
        inside["file_data"] = url_of(source) if source.media_type else source.data
    return [*written, _marked({"type": "input_file", **inside}, part)]


def _said(text: str) -> Member:
    return {"type": "input_text", "text": text}


def _marked(said: Member, part: hub.Text | hub.Image | hub.Audio | hub.Document) -> Member:
    """With what only this dialect says of the part, and its own mark of the cache."""
    if part.cache is not None:
        merged(said, own(part.cache.extra, RESPONSES))
    return merged(said, own(part.extra, RESPONSES)) if part.extra is not NO_EXTRA else said


def _string(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _place(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
