"""The hub's parts to the blocks of a message, of a question or an answer."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from headworks.wire import hub
from headworks.wire.anthropic.translation.blocks import CACHE, Member
from headworks.wire.anthropic.translation.citations import written_citation
from headworks.wire.anthropic.translation.sealed import Sealed, sealed
from headworks.wire.hub.values import MESSAGES, merged, own
from headworks.wire.json_text import read_json, write_json

_Marked: TypeAlias = (
    hub.Text | hub.Image | hub.Document | hub.Found | hub.Thinking | hub.ToolCall | hub.ToolResult | hub.Tool
)

LIVES: Final = ("5m", "1h")
"""How long a prompt may be kept."""

PDF: Final = "application/pdf"


def blocks_of(parts: Sequence[hub.Part], *, is_answer: bool = False) -> list[Any]:
    """is_answer: written for a caller, who may be shown and keep what another vendor wants back."""
    blocks: list[Any] = []
    for part in parts:
        blocks += written(part, is_answer=is_answer)
    return blocks


def written(part: hub.Part, *, is_answer: bool = False) -> list[Any]:
    """A part as the dialect's own: one, or several where it has no such kind. The table tells which have none."""
    if isinstance(part, hub.Text):
        return _text(part, is_answer=is_answer)
    if isinstance(part, hub.ToolCall):
        return _call(part, is_answer=is_answer)
    if isinstance(part, hub.Thinking):
        return _thinking(part, is_answer=is_answer)
    if isinstance(part, hub.ToolResult):
        return [_result(part)]
    if isinstance(part, hub.Image):
        return [] if is_answer else [_marked({"type": "image", "source": source(part.source)}, part)]
    if isinstance(part, hub.Document):
        return [_document(part)]
    if isinstance(part, hub.Found):
        return [_found(part)]
    if isinstance(part, hub.Refusal):
        return [{"type": "text", "text": part.text}] if part.text else []
    if isinstance(part, hub.Value):
        return [{"type": "text", "text": write_json(part.value).decode("utf-8", "surrogatepass")}]
    if isinstance(part, hub.Only) and part.dialect == MESSAGES:
        return [part.value]
    return []  # the table has told what becomes of it


def _text(part: hub.Text, *, is_answer: bool) -> list[Any]:
    if not part.text and not part.extra and part.cache is None and not part.citations and not part.signature:
        return []  # the API refuses empty texts
    said: Member = {"type": "text", "text": part.text}
    cited = [one for citation in part.citations if (one := written_citation(citation)) is not None]
    if cited and (is_answer or all(MESSAGES in citation.extra for citation in part.citations)):
        said["citations"] = cited
    blocks = [_marked(said, part)]
    if is_answer and part.signature and part.origin != MESSAGES:
        blocks.append(carrier(Sealed(part.origin, "text", part.signature)))
    return blocks


def carrier(said: Sealed) -> Member:
    """A block that only carries what another vendor wants back."""
    return {"type": "thinking", "thinking": "", "signature": sealed(said)}


def _call(part: hub.ToolCall, *, is_answer: bool) -> list[Any]:
    given = {"input": part.arguments} if part.is_custom else input_of(part.arguments)
    said = {"type": "tool_use", "id": part.id, "name": part.name, "input": given}
    block = _marked(said, part)
    if is_answer and part.signature and part.origin != MESSAGES:
        return [carrier(Sealed(part.origin, "call", part.signature)), block]
    return [block]


def input_of(arguments: str) -> Any:
    """Arguments as the object that the API wants; what is none is its member `arguments`."""
    if not arguments:
        return {}
    try:
        value = read_json(arguments.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return {"arguments": arguments}
    return value if isinstance(value, dict) else {"arguments": value}


def _thinking(part: hub.Thinking, *, is_answer: bool) -> list[Any]:
    if part.origin == MESSAGES:
        said = {"type": "redacted_thinking", "data": part.redacted}
        if not part.redacted:
            said = {"type": "thinking", "thinking": part.text, "signature": part.signature}
        return [_marked(said, part)]
    if not is_answer:
        return []
    return [foreign_thinking(part)]


def foreign_thinking(part: hub.Thinking) -> Member:
    """Thinking of another vendor, for a caller: shown, and kept for the way back."""
    seal = Sealed(part.origin, "thinking", part.signature, part.redacted, part.id, part.is_summary)
    if part.redacted:
        return {"type": "redacted_thinking", "data": sealed(seal)}
    return {"type": "thinking", "thinking": part.text, "signature": sealed(seal)}


def plain_text(blocks: Sequence[Any]) -> str | None:
    """The text that these blocks are, where they are one text and nothing else."""
    if len(blocks) != 1 or not isinstance(one := blocks[0], dict) or one.keys() != {"type", "text"}:
        return None
    return one["text"] if isinstance(one["text"], str) and one["type"] == "text" else None


def _result(part: hub.ToolResult) -> Member:
    said: Member = {"type": "tool_result", "tool_use_id": part.call_id}
    content = blocks_of(part.parts)
    if (text := plain_text(content)) is not None:
        said["content"] = text
    elif content:
        said["content"] = content
    elif part.parts:
        said["content"] = ""
    if part.is_error:
        said["is_error"] = True
    return _marked(said, part)


def _document(part: hub.Document) -> Any:
    said: Member = {"type": "document", "source": source(part.source)}
    if part.name:
        said["title"] = part.name
    if part.context:
        said["context"] = part.context
    if part.cites is not None:
        said["citations"] = {"enabled": part.cites}
    return _marked(said, part)


def _found(part: hub.Found) -> Member:
    said: Member = {"type": "search_result", "source": part.url, "title": part.title, "content": blocks_of(part.parts)}
    if part.cites is not None:
        said["citations"] = {"enabled": part.cites}
    return _marked(said, part)


def source(where: hub.Source | None) -> Member:
    if isinstance(where, hub.Located):
        return {"type": "url", "url": where.url}
    if isinstance(where, hub.Stored):
        return {"type": "file", "file_id": where.id}
    if isinstance(where, hub.Plain):
        return {"type": "text", "media_type": where.media_type, "data": where.text}
    if isinstance(where, hub.Composed):
        return {"type": "content", "content": blocks_of(where.parts)}
    assert isinstance(where, hub.Inline)
    if where.media_type.startswith("text/") and (text := _decoded(where.data)) is not None:
        return {"type": "text", "media_type": "text/plain", "data": text}
    return {"type": "base64", "media_type": where.media_type or PDF, "data": where.data}


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except ValueError:  # no base64, or no UTF-8
        return None


def mark(cache: hub.CacheMark) -> Member:
    """`cache_control` for a mark of any dialect."""
    said = own(cache.extra, MESSAGES).get(CACHE)
    if isinstance(said, dict):
        return said
    return {"type": "ephemeral", "ttl": cache.ttl} if cache.ttl in LIVES else {"type": "ephemeral"}


def _marked(said: Member, part: _Marked) -> Member:
    """With the mark of the cache, and what only this dialect says of the part."""
    if part.cache is not None:
        said[CACHE] = mark(part.cache)
    return merged(said, own(part.extra, MESSAGES)) if part.extra else said
