"""A vendor's whole answer of Responses: what policies need of it, and what it says of its own failure."""

from __future__ import annotations

from typing import Any, Final

from headworks.core.errors import Garbled
from headworks.core.reply import Chunk
from headworks.wire.openai.answer import untyped
from headworks.wire.openai.errors import error_in, garbled
from headworks.wire.openai.responses.words import usage_in, word_of
from headworks.wire.openai.size import ONE_TOKEN, bytes_of
from headworks.wire.openai.translation.message import text_in

_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_FAILED: Final = frozenset({"failed", "cancelled"})


def whole_answer(body: bytes) -> Chunk:
    """The answer as its one chunk. Raises Garbled, or the vendor's error where a 200 carries one."""
    try:
        answer = untyped(body)
    except (ValueError, RecursionError):
        raise garbled(body) from None
    if not isinstance(answer, dict) or (answer.get("error") and not isinstance(answer.get("output"), list)):
        raise error_in(answer, is_headed=False)
    output = answer.get("output")
    if text_in(answer, "status") in _FAILED or (answer.get("error") and not output):
        error = answer.get("error")
        raise error_in({"error": error or {"message": "The answer failed."}}, is_headed=False)
    if not isinstance(output, list):
        raise Garbled("The vendor's answer has no output.")
    found = [item for item in output if isinstance(item, dict)]
    texts = [text for item in found for text in _texts(item, "output_text", "text")]
    refusals = [text for item in found for text in _texts(item, "refusal", "refusal")]
    text = "".join(texts)
    return Chunk(
        data=body,
        has_content=True,
        text=text,
        begins_tool_call=any(text_in(item, "type") in _CALLS for item in found),
        is_refusal=any(refusals),
        finish=word_of(answer),
        usage=usage_in(answer.get("usage")),
        last=True,
        size=sum([size_of(item) for item in found]),
    )


def size_of(item: dict[str, Any]) -> int:
    """Bytes of content in an item; of one that is no text, about a token's."""
    kind = text_in(item, "type")
    if kind == "message":
        return sum(
            [bytes_of(text) for text in (*_texts(item, "output_text", "text"), *_texts(item, "refusal", "refusal"))]
        )
    if kind == "reasoning":
        return sum([bytes_of(text) for name in ("summary", "content") for text in _all_texts(item.get(name))])
    if kind in _CALLS:
        said = (item.get("name"), item.get("arguments"), item.get("input"))
        return sum([bytes_of(one) for one in said if isinstance(one, str)])
    return ONE_TOKEN


def _texts(item: dict[str, Any], kind: str, field: str) -> list[str]:
    content = item.get("content") if item.get("type") == "message" else None
    parts = content if isinstance(content, list) else ()
    return [
        one[field]
        for one in parts
        if isinstance(one, dict) and one.get("type") == kind and isinstance(one.get(field), str)
    ]


def _all_texts(said: Any) -> list[str]:
    parts = said if isinstance(said, list) else ()
    return [one["text"] for one in parts if isinstance(one, dict) and isinstance(one.get("text"), str)]
