"""A body that names a prompt, in Gemini's dialect: what is put into the prompt, and the body that results.

What is said about an output schema in words stands here too, beside the field that says it natively. A prompt's parameters are written in the
words of OpenAI's API, as its file has them; those that Gemini has no word for are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core.dialect import Schema
from headworks.core.errors import CallError, Malformed
from headworks.wire.gemini.body import CONFIG, named
from headworks.wire.gemini.names import camel
from headworks.wire.json_body import kind
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import Members, members
from headworks.wire.openai.prompt import joined, variables

__all__ = ["in_words", "mended", "prompted", "says_no_format", "variables"]

PARAMETERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "temperature": "temperature",
        "top_p": "topP",
        "top_k": "topK",
        "max_tokens": "maxOutputTokens",
        "max_completion_tokens": "maxOutputTokens",
        "stop": "stopSequences",
        "seed": "seed",
        "presence_penalty": "presencePenalty",
        "frequency_penalty": "frequencyPenalty",
        "n": "candidateCount",
    }
)
"""A prompt's parameter, and the member of `generationConfig` that it is."""

SYSTEM: Final = ("systemInstruction", "system_instruction")
_BLANK: Final = b" \t\r\n"


def prompted(
    body: bytes,
    messages: Sequence[Mapping[str, str]],
    parameters: Mapping[str, msgspec.Raw],
    schema: Schema | None,
    /,
) -> bytes:
    """The body with the prompt's messages before the caller's own, its parameters where the caller sets none, and its schema.

    Raises Malformed where the caller's contents are no list.
    """
    found = dict(members(body))
    found.pop("prompt", None)
    own = found.get("contents")
    rest = b""
    if own is not None and bytes(own) != b"null":
        if bytes(memoryview(own)[:1]) != b"[":
            raise Malformed(f"`contents` must be a list, not {kind(own)}.", param="contents")
        rest = bytes(own)[1:-1].strip(_BLANK)
    said = [_content(one["role"], one["content"]) for one in messages if one["role"] not in ("system", "developer")]
    found["contents"] = joined(msgspec.json.encode(said)[1:-1], rest)
    if instructions := [one["content"] for one in messages if one["role"] in ("system", "developer")]:
        _instruct(found, instructions, before=True)
    config = _taken_config(found)
    for name, value in parameters.items():
        if (word := PARAMETERS.get(name)) is not None and word not in config:
            given = read_json(value)
            config[word] = [given] if word == "stopSequences" and isinstance(given, str) else given
    if schema is not None:
        for name in ("responseSchema", "responseJsonSchema"):
            config.pop(name, None)
        config |= {"responseMimeType": "application/json", "responseJsonSchema": msgspec.Raw(schema.text)}
    if config:
        found["generationConfig"] = msgspec.Raw(write_json(config))
    return msgspec.json.encode(found)


def _content(role: str, text: str) -> dict[str, Any]:
    return {"role": "model" if role == "assistant" else "user", "parts": [{"text": text}]}


def _taken_config(found: Members) -> dict[str, Any]:
    """The caller's `generationConfig` in proto3's first spelling, taken out."""
    name = named(found, CONFIG)
    config = read_json(found.pop(name)) if name is not None else None
    return {camel(one): value for one, value in config.items()} if isinstance(config, dict) else {}


def _instruct(found: Members, texts: Sequence[str], *, before: bool) -> None:
    """Adds texts to the instructions, before or behind the caller's own."""
    name = named(found, SYSTEM)
    said = read_json(found.pop(name)) if name is not None else None
    parts = said.get("parts") if isinstance(said, dict) else None
    listed = parts if isinstance(parts, list) else []
    more = [{"text": text} for text in texts]
    found["systemInstruction"] = msgspec.Raw(write_json({"parts": [*more, *listed] if before else [*listed, *more]}))


def says_no_format(error: CallError, /) -> bool:
    """Whether a vendor's error says that it does not know a schema of the answer, or this one."""
    said = error.said
    if said is None or said.status not in (400, 404, 422):
        return False
    words = said.message.lower().replace("_", "")
    return any(word in words for word in ("responseschema", "responsejsonschema", "responsemimetype", "json mode"))


def in_words(body: bytes, schema: bytes, /) -> bytes:
    """The body without a schema of the answer, which is asked for in the instructions instead."""
    found = dict(members(body))
    config = _taken_config(found)
    for name in ("responseSchema", "responseJsonSchema", "responseMimeType"):
        config.pop(name, None)
    if config:
        found["generationConfig"] = msgspec.Raw(write_json(config))
    words = "Answer with JSON only: no other words before or after it, no code fence. "
    _instruct(found, [f"{words}It must fit this JSON Schema: {schema.decode()}"], before=False)
    return msgspec.json.encode(found)


def mended(body: bytes, text: str, why: str, /) -> bytes:
    """The body with the answer that did not fit, and a turn that says why and asks again."""
    found = dict(members(body))
    again = f"That does not fit the schema: {why}. Answer again, with the JSON only."
    more = [_content("assistant", text), _content("user", again)]
    found["contents"] = joined(bytes(found["contents"])[1:-1].strip(_BLANK), msgspec.json.encode(more)[1:-1])
    return msgspec.json.encode(found)
