"""A body that names a prompt, in Responses: what is put into the prompt, and the body that results.

As for chat (`wire/openai/prompt.py`): the prompt's messages go before the caller's own items, its parameters where the caller
sets none, in this API's names; only an output schema of the prompt is not for the caller to replace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core.dialect import Schema
from headworks.core.errors import CallError, Malformed
from headworks.wire.members import members
from headworks.wire.openai.body import kind
from headworks.wire.openai.prompt import MOST_NAME, joined, words_for

_BLANK: Final = b" \t\r\n"
_INPUT: Final = "input"

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens", "reasoning_effort": "reasoning"}
)
"""Parameters of a prompt that have another name here."""

_UNKNOWN: Final = frozenset({"stop", "seed", "presence_penalty", "frequency_penalty", "n", "logit_bias"})
"""Parameters of a prompt that this API has no field for."""


def prompted(
    body: bytes,
    messages: Sequence[Mapping[str, str]],
    parameters: Mapping[str, msgspec.Raw],
    schema: Schema | None,
) -> bytes:
    """The body with the prompt's messages before the caller's own items. Raises Malformed where `input` is neither text nor a
    list, or where the prompt sets what this API has no field for."""
    found = dict(members(body))
    found.pop("prompt", None)
    found[_INPUT] = joined(msgspec.json.encode(list(messages))[1:-1], _items(found.get(_INPUT)))
    for name, value in parameters.items():
        if name in _UNKNOWN:
            raise Malformed(f"The prompt sets `{name}`, which Responses has no field for: ask by chat.", param="model")
        said = NAMES.get(name, name)
        if said not in found:
            found[said] = msgspec.Raw(b'{"effort":%b}' % bytes(value)) if said == "reasoning" else value
    if schema is not None:
        form = {"type": "json_schema", "name": schema.name.replace(".", "_")[:MOST_NAME], "strict": True}
        _put_format(found, {**form, "schema": msgspec.Raw(schema.text)})
    return msgspec.json.encode(found)


def _items(own: msgspec.Raw | None) -> bytes:
    """The caller's own items, without the brackets."""
    if own is None or bytes(own) == b"null":
        return b""
    first = bytes(memoryview(own)[:1])
    if first == b'"':
        return b'{"role":"user","content":%b}' % bytes(own)
    if first != b"[":
        raise Malformed(f"`input` must be a string or a list, not {kind(own)}.", param=_INPUT)
    return bytes(own)[1:-1].strip(_BLANK)


def _put_format(found: dict[str, msgspec.Raw], form: dict[str, Any] | None) -> None:
    """Sets `text.format`, or takes it out."""
    raw = found.get("text")
    is_object = raw is not None and bytes(memoryview(raw)[:1]) == b"{"
    inside: dict[str, Any] = dict(members(bytes(raw), "text")) if raw is not None and is_object else {}
    inside.pop("format", None)
    if form is not None:
        inside["format"] = form
    if inside:
        found["text"] = msgspec.Raw(msgspec.json.encode(inside))
    else:
        found.pop("text", None)


def says_no_format(error: CallError) -> bool:
    """Whether a vendor's error says that it does not know a schema for the answer, by the name here or by chat's."""
    said = error.said
    if said is None or said.status not in (400, 404, 422):
        return False
    where = f"{said.param} {said.message}"
    return any(name in where for name in ("text.format", "response_format", "json_schema")) or (
        "structured output" in where.lower()
    )


def in_words(body: bytes, schema: bytes) -> bytes:
    """The body without `text.format`, its `instructions` asking for the schema."""
    found = dict(members(body))
    _put_format(found, None)
    words = words_for(schema)
    raw = found.get("instructions")
    if raw is not None and bytes(memoryview(raw)[:1]) == b'"':
        words = f"{msgspec.json.decode(raw)}\n\n{words}"
    found["instructions"] = msgspec.Raw(msgspec.json.encode(words))
    return msgspec.json.encode(found)


def mended(body: bytes, text: str, why: str) -> bytes:
    """The body with the answer that did not fit, and a turn that says why and asks again."""
    found = dict(members(body))
    again = f"That does not fit the schema: {why}. Answer again, with the JSON only."
    more = [{"role": "assistant", "content": text}, {"role": "user", "content": again}]
    found[_INPUT] = joined(_items(found.get(_INPUT)), msgspec.json.encode(more)[1:-1])
    return msgspec.json.encode(found)
