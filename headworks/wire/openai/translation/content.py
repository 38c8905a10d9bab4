"""The content of a chat message, a string or a list of parts, to and from the hub's parts.

Always true: a part that is not understood is kept whole (`Only`), members that are not known stay in the part's `extra`, and
both are written back as they came. A list of one plain text is written as a string: that is what every server takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeGuard

from headworks.wire import hub
from headworks.wire.hub.values import CHAT, NO_EXTRA, merged, only, own
from headworks.wire.json_text import write_json

Member: TypeAlias = dict[str, Any]

MARKS: Final = ("prompt_cache_breakpoint", "cache_control")
"""Where a part says that the prompt is worth keeping up to here: OpenAI's name since gpt-5.6, and Anthropic's, which
OpenRouter, DashScope and proxies take."""

_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}
)
"""Media types whose format has another name."""


_SENT: Final = (hub.Inline, hub.Located)
"""Sources that have a URL."""

# To the hub


def parts_of(content: str | list[Any]) -> tuple[hub.Part, ...]:
    if isinstance(content, str):
        return (hub.Text(text=content),)
    return tuple([_part(one) for one in content])


def _part(said: Any) -> hub.Part:
    if isinstance(said, dict) and isinstance(kind := said.get("type"), str) and kind in _READERS:
        rest = {name: value for name, value in said.items() if name != "type"}
        if (part := _READERS[kind](rest)) is not None:
            return part
    return hub.Only(dialect=CHAT, value=said)


def mark_of(rest: Member) -> hub.CacheMark | None:
    """The mark of the prompt cache, taken out of the members."""
    said = {name: rest.pop(name) for name in MARKS if isinstance(rest.get(name), dict)} if rest else None
    if not said:
        return None
    ttl = next(iter(said.values())).get("ttl")
    return hub.CacheMark(ttl=ttl if isinstance(ttl, str) else "", extra={CHAT: said})


def source_of(url: str) -> hub.Inline | hub.Located:
    """What a URL names. One that holds base64 is taken apart; any other way of holding data stays one URL."""
    if url[:5] == "data:":
        comma = url.find(",", 0, 256)
        kind = url[5:comma]
        if comma > 0 and kind.endswith(";base64") and kind.count(";") == 1:
            return hub.Inline(url[comma + 1 :], kind[:-7])
    return hub.Located(url)


def _text(rest: Member) -> hub.Part | None:
    if not isinstance(rest.get("text"), str):
        return None
    text = rest.pop("text")
    return hub.Text(text=text, cache=mark_of(rest), extra=only(CHAT, rest))


def _refusal(rest: Member) -> hub.Part | None:
    """An `extra` without members: it stands among the parts, not beside them."""
    if not isinstance(rest.get("refusal"), str):
        return None
    return hub.Refusal(text=rest.pop("refusal"), extra={CHAT: rest})


def _image(rest: Member) -> hub.Part | None:
    said = rest.get("image_url")
    if isinstance(said, str):  # some servers take the URL alone
        rest["image_url"] = said = {"url": said}
    if not isinstance(said, dict) or not isinstance(said.get("url"), str):
        return None
    inside = dict(rest.pop("image_url"))
    source = source_of(inside.pop("url"))
    detail = inside.pop("detail") if isinstance(inside.get("detail"), str) else ""
    cache = mark_of(rest)
    if inside:
        rest["image_url"] = inside
    return hub.Image(source=source, detail=detail, cache=cache, extra=only(CHAT, rest))


def _audio(rest: Member) -> hub.Part | None:
    said = rest.get("input_audio")
    if not isinstance(said, dict) or not (isinstance(said.get("data"), str) and isinstance(said.get("format"), str)):
        return None
    inside = dict(rest.pop("input_audio"))
    data, format = inside.pop("data"), inside["format"]
    media_type = f"audio/{format}"
    if format_of(media_type) == format:
        inside.pop("format")
    cache = mark_of(rest)
    if inside:
        rest["input_audio"] = inside
    return hub.Audio(source=hub.Inline(data, media_type), cache=cache, extra=only(CHAT, rest))


def _video(rest: Member) -> hub.Part | None:
    """OpenRouter's and vLLM's. An `extra` without members: it was said in this dialect, though OpenAI has none."""
    said = rest.get("video_url")
    if not isinstance(said, dict) or not isinstance(said.get("url"), str):
        return None
    inside = dict(rest.pop("video_url"))
    source = source_of(inside.pop("url"))
    cache = mark_of(rest)
    if inside:
        rest["video_url"] = inside
    return hub.Video(source=source, cache=cache, extra={CHAT: rest})


def _file(rest: Member) -> hub.Part | None:
    said = rest.get("file")
    if not isinstance(said, dict):
        return None
    inside = dict(said)
    data, id = inside.pop("file_data", None), inside.pop("file_id", None)
    source: hub.Source
    if isinstance(data, str) and id is None and ("://" in data[:32] or data[:5] == "data:"):
        source = source_of(data)
    elif isinstance(id, str) and data is None:
        source = hub.Stored(id, CHAT)
    else:
        return None
    rest.pop("file")
    name = inside.pop("filename") if isinstance(inside.get("filename"), str) else ""
    cache = mark_of(rest)
    if inside:
        rest["file"] = inside
    is_usual = not rest and not isinstance(source, hub.Located)  # an address is taken by some servers only
    return hub.Document(source=source, name=name, cache=cache, extra=NO_EXTRA if is_usual else {CHAT: rest})


def _thinking(rest: Member) -> hub.Part | None:
    """Mistral's: a list of texts among the parts of the content. extra: the part as it stands there."""
    said = rest.get("thinking")
    texts = [one.get("text") for one in said if isinstance(one, dict)] if isinstance(said, list) else [said]
    text = "".join([one for one in texts if isinstance(one, str)])
    return hub.Thinking(origin=CHAT, text=text, extra={CHAT: {"content": [{"type": "thinking", **rest}]}})


def is_content(part: hub.Thinking) -> bool:
    """Whether thinking stands among the parts of the content."""
    return "content" in own(part.extra, CHAT)


_READERS: Final[Mapping[str, Callable[[Member], hub.Part | None]]] = MappingProxyType(
    {
        "text": _text,
        "refusal": _refusal,
        "image_url": _image,
        "input_audio": _audio,
        "video_url": _video,
        "file": _file,
        "thinking": _thinking,
    }
)


# From the hub


def content_of(parts: Sequence[hub.Part]) -> str | list[Any] | None:
    """The content that these parts are; None where there are none."""
    if len(parts) == 1 and is_plain(part := parts[0]):
        return part.text
    if not parts:
        return None
    content: list[Any] = []
    for part in parts:
        content.extend(_written(part))
    return content


def is_plain(part: hub.Part) -> TypeGuard[hub.Text]:
    """Whether a part is a text and nothing else."""
    if type(part) is not hub.Text or part.extra:
        return False
    return part.cache is None or CHAT not in part.cache.extra


def _written(part: hub.Part) -> list[Any]:
    """A part as the dialect's own: one, or several where it has no such kind. The table tells which have none."""
    if isinstance(part, hub.Text):
        return [_marked({"type": "text", "text": part.text}, part)]
    if isinstance(part, hub.Image):
        return [_marked({"type": "image_url", "image_url": image_url(part)}, part)]
    if isinstance(part, hub.Audio) and isinstance(part.source, hub.Inline):
        said = {"data": part.source.data, "format": format_of(part.source.media_type)}
        return [_marked({"type": "input_audio", "input_audio": said}, part)]
    if isinstance(part, hub.Video) and isinstance(part.source, _SENT):
        return [_marked({"type": "video_url", "video_url": {"url": url_of(part.source)}}, part)]
    if isinstance(part, hub.Document):
        return _document(part)
    if isinstance(part, hub.Found):
        return [_said(f"{part.title}\n{part.url}\n" + "\n".join([one.text for one in part.parts]))]
    if isinstance(part, hub.Refusal):
        return [_marked({"type": "refusal", "refusal": part.text}, part)]
    if isinstance(part, hub.Value):
        return [_said(write_json(part.value).decode())]
    if isinstance(part, hub.Only) and part.dialect == CHAT:
        return [part.value]
    if isinstance(part, hub.Thinking):
        return list(own(part.extra, CHAT).get("content", ()))
    return []  # the table has told what becomes of it


def _document(part: hub.Document) -> list[Any]:
    source = part.source
    if isinstance(source, hub.Plain):
        return [_said("\n".join([text for text in (part.name, part.context, source.text) if text]))]
    written: list[Any] = [_said(part.context)] if part.context else []
    if isinstance(source, hub.Composed):
        head = [_said(part.name)] if part.name else []
        return [*head, *written, *[said for one in source.parts for said in _written(one)]]
    inside = {"file_id": source.id} if isinstance(source, hub.Stored) else {"file_data": url_of(source)}
    if part.name:
        inside["filename"] = part.name
    return [*written, _marked({"type": "file", "file": inside}, part)]


def image_url(part: hub.Image) -> Member:
    said = {"url": url_of(part.source)}
    if part.detail:
        said["detail"] = part.detail
    return said


def url_of(source: hub.Source) -> str:
    """A URL of what is inline or behind an address already; of what is neither there is none."""
    if isinstance(source, hub.Inline):
        return f"data:{source.media_type};base64,{source.data}"
    return source.url if isinstance(source, hub.Located) else ""


def format_of(media_type: str) -> str:
    """OpenAI's word for a kind of sound: `wav`, `mp3`."""
    return _FORMATS.get(media_type) or media_type.removeprefix("audio/")


def _said(text: str) -> Member:
    return {"type": "text", "text": text}


def _marked(said: Member, part: hub.Text | hub.Image | hub.Audio | hub.Video | hub.Document | hub.Refusal) -> Member:
    """With what only this dialect says of the part, and its own mark of the cache."""
    cache = None if isinstance(part, hub.Refusal) else part.cache
    if cache is not None:
        merged(said, own(cache.extra, CHAT))
    return merged(said, own(part.extra, CHAT)) if part.extra is not NO_EXTRA else said
