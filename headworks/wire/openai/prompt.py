"""A body that names a prompt, in OpenAI's dialect: what is put into the prompt, and the body that results.

What is said about an output schema in words stands here too, beside the field that says it natively.

Always true: what the caller sends beside `prompt` is kept, byte for byte: a parameter of its own wins over the prompt's,
its messages follow the prompt's; only an output schema of the prompt is not for the caller to replace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headworks.core.dialect import Schema
from headworks.core.errors import CallError, Malformed
from headworks.wire.json_body import kind
from headworks.wire.members import members
from headworks.wire.prompt_variables import joined as joined
from headworks.wire.prompt_variables import variables as variables

FORMAT = "response_format"

_BLANK = b" \t\r\n"
MOST_NAME = 64
"""Characters of a schema's name that vendors take; of others than letters, digits, - and _ they take none."""

MOST_READ = 20_000
"""Lists and objects up to which messages are read for the one that the schema is added to; before more it gets one of its own."""

_BOUNDS = frozenset({"max_tokens", "max_completion_tokens"})
"""Two names of one thing: a caller who writes either has set it."""


def prompted(
    body: bytes,
    messages: Sequence[Mapping[str, str]],
    parameters: Mapping[str, msgspec.Raw],
    schema: Schema | None,
) -> bytes:
    """The body with the prompt's messages before the caller's own, and its parameters where the caller sets none.

    schema: what the answer must fit, in place of the caller's. Raises Malformed where the caller's messages are no list.
    """
    found = dict(members(body))
    found.pop("prompt", None)
    own = found.get("messages")
    rest = b""
    if own is not None and bytes(own) != b"null":
        if bytes(memoryview(own)[:1]) != b"[":
            raise Malformed(f"`messages` must be a list, not {kind(own)}.", param="messages")
        rest = bytes(own)[1:-1].strip(_BLANK)
    said = msgspec.json.encode(list(messages))[1:-1]
    found["messages"] = joined(said, rest)
    is_bounded = any(name in found for name in _BOUNDS)
    for name, value in parameters.items():
        if name not in found and not (is_bounded and name in _BOUNDS):
            found[name] = value
    if schema is not None:
        asked = {"name": schema.name.replace(".", "_")[:MOST_NAME], "strict": True, "schema": msgspec.Raw(schema.text)}
        found[FORMAT] = msgspec.Raw(msgspec.json.encode({"type": "json_schema", "json_schema": asked}))
    return msgspec.json.encode(found)


def says_no_format(error: CallError) -> bool:
    """Whether a vendor's error says that it does not know `response_format`, or this kind of it."""
    said = error.said
    if said is None or said.status not in (400, 404, 422):
        return False
    where = f"{said.param} {said.message}"
    return FORMAT in where or "json_schema" in where or "structured output" in where.lower()


def words_for(schema: bytes) -> str:
    """How a schema is asked for in words."""
    return (
        "Answer with JSON only: no other words before or after it, no code fence. "
        f"It must fit this JSON Schema: {schema.decode()}"
    )


def in_words(body: bytes, schema: bytes) -> bytes:
    """The body without `response_format`, its first system message asking for the schema; one is added where none is."""
    found = dict(members(body))
    found.pop(FORMAT, None)
    words = words_for(schema)
    messages = bytes(found["messages"])
    if messages.count(b"{") + messages.count(b"[") > MOST_READ:
        first_of_all = msgspec.json.encode({"role": "system", "content": words})
        found["messages"] = joined(first_of_all, messages[1:-1].strip(_BLANK))
        return msgspec.json.encode(found)
    said: list[dict[str, Any]] = msgspec.json.decode(messages)
    first = next((one for one in said if one.get("role") in ("system", "developer")), None)
    if first is not None and isinstance(first.get("content"), str):
        first["content"] = f"{first['content']}\n\n{words}"
    else:
        said.insert(0, {"role": "system", "content": words})
    found["messages"] = msgspec.Raw(msgspec.json.encode(said))
    return msgspec.json.encode(found)


def mended(body: bytes, text: str, why: str) -> bytes:
    """The body with the answer that did not fit, and a turn that says why and asks again."""
    found = dict(members(body))
    again = f"That does not fit the schema: {why}. Answer again, with the JSON only."
    more = [{"role": "assistant", "content": text}, {"role": "user", "content": again}]
    found["messages"] = joined(bytes(found["messages"])[1:-1].strip(_BLANK), msgspec.json.encode(more)[1:-1])
    return msgspec.json.encode(found)
