"""A body that names a prompt, in Anthropic's dialect: what is put into the prompt, and the body that results.

Always true: what the caller sends beside `prompt` is kept: a parameter of its own wins over the prompt's, its messages follow
the prompt's; only an output schema of the prompt is not for the caller to replace. Instructions of the prompt go before the
caller's own in `system`. A prompt's parameters have the names of OpenAI's API: those that this one has go by its own names, and
the rest is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core.dialect import Schema
from headworks.core.errors import CallError, Malformed
from headworks.wire.json_body import kind
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import members
from headworks.wire.prompt_variables import joined
from headworks.wire.prompt_variables import variables as variables

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "max_tokens": "max_tokens",
        "max_completion_tokens": "max_tokens",
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "stop": "stop_sequences",
        "stop_sequences": "stop_sequences",
        "thinking": "thinking",
        "output_config": "output_config",
    }
)
"""A parameter's name in a prompt, and in this API."""

CONFIG: Final = "output_config"
_OLDER: Final = "output_format"
_BLANK: Final = b" \t\r\n"
_SYSTEM: Final = ("system", "developer")
_REFUSED: Final = ("output_config", "output_format", "json_schema", "structured output")

DEFAULT_BOUND: Final = msgspec.Raw(b"4096")
"""Tokens: the API wants a bound, and a prompt need not have one."""


def prompted(
    body: bytes,
    messages: Sequence[Mapping[str, str]],
    parameters: Mapping[str, msgspec.Raw],
    schema: Schema | None,
    /,
) -> bytes:
    """The body with the prompt's messages before the caller's own, and its parameters where the caller sets none.

    schema: what the answer must fit, in place of the caller's. Raises Malformed where the caller's messages are no list.
    """
    found = dict(members(body))
    found.pop("prompt", None)
    rest = b""
    if (own := found.get("messages")) is not None and bytes(own) != b"null":
        if bytes(memoryview(own)[:1]) != b"[":
            raise Malformed(f"`messages` must be a list, not {kind(own)}.", param="messages")
        rest = bytes(own)[1:-1].strip(_BLANK)
    rules = [one["content"] for one in messages if one["role"] in _SYSTEM]
    turns = [dict(one) for one in messages if one["role"] not in _SYSTEM]
    if not turns and not rest:  # the API wants a turn of the user's
        turns, rules = [{"role": "user", "content": "\n\n".join(rules)}], []
    found["messages"] = joined(msgspec.json.encode(turns)[1:-1], rest)
    if rules:
        found["system"] = _instructed(found.get("system"), rules, is_first=True)
    for name, value in parameters.items():
        known = _NAMES.get(name)
        if known is not None and known not in found:
            is_text = known == "stop_sequences" and bytes(value)[:1] == b'"'
            found[known] = msgspec.Raw(b"[%b]" % bytes(value)) if is_text else value
    found.setdefault("max_tokens", DEFAULT_BOUND)
    if schema is not None:
        found.pop(_OLDER, None)
        config = _config(found)
        config["format"] = {"type": "json_schema", "schema": msgspec.Raw(schema.text)}
        found[CONFIG] = msgspec.Raw(write_json(config))
    return msgspec.json.encode(found)


def _config(found: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    said = read_json(found[CONFIG]) if CONFIG in found else None
    return dict(said) if isinstance(said, dict) else {}


def _instructed(system: msgspec.Raw | None, texts: Sequence[str], *, is_first: bool) -> msgspec.Raw:
    """`system` with these texts before or behind what it says."""
    said = None if system is None else read_json(system)
    own = [{"type": "text", "text": said}] if isinstance(said, str) and said else said if isinstance(said, list) else []
    more = [{"type": "text", "text": text} for text in texts]
    blocks = [*more, *own] if is_first else [*own, *more]
    return msgspec.Raw(write_json(blocks[0]["text"] if len(blocks) == 1 and blocks == more else blocks))


def says_no_format(error: CallError, /) -> bool:
    """Whether a vendor's error says that it does not know `output_config.format`, or this schema."""
    said = error.said
    if said is None or said.status not in (400, 404, 422):
        return False
    return any(word in said.message.lower() for word in _REFUSED)


def in_words(body: bytes, schema: bytes, /) -> bytes:
    """The body without a schema, its instructions asking for it in words."""
    found = dict(members(body))
    found.pop(_OLDER, None)
    config = _config(found)
    config.pop("format", None)
    found.pop(CONFIG, None)
    if config:
        found[CONFIG] = msgspec.Raw(write_json(config))
    words = (
        "Answer with JSON only: no other words before or after it, no code fence. "
        f"It must fit this JSON Schema: {schema.decode()}"
    )
    found["system"] = _instructed(found.get("system"), [words], is_first=False)
    return msgspec.json.encode(found)


def mended(body: bytes, text: str, why: str, /) -> bytes:
    """The body with the answer that did not fit, and a turn that says why and asks again."""
    found = dict(members(body))
    again = f"That does not fit the schema: {why}. Answer again, with the JSON only."
    more = [{"role": "assistant", "content": text or "(nothing)"}, {"role": "user", "content": again}]
    found["messages"] = joined(bytes(found["messages"])[1:-1].strip(_BLANK), msgspec.json.encode(more)[1:-1])
    return msgspec.json.encode(found)
