"""Schemas of other APIs as this one takes them.

A tool's schema is an object at its root, without a choice there. A schema of the answer closes every object, and says limits
that the grammar cannot keep in words (https://platform.claude.com/docs/en/build-with-claude/structured-outputs, and
`lib/_parse/_transform.py` of anthropic 2.14.0, read 2026-11-30). What is fit already stays unread.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.wire.hub.values import Raw
from headworks.wire.json_text import read_json, write_json

_TOP: Final = msgspec.json.Decoder(dict[str, Raw])
_CHOICES: Final = ("anyOf", "oneOf", "allOf")
_OBJECT: Final = b'"object"'

EMPTY: Final = Raw(b'{"type":"object","properties":{}}')

_WORDED: Final = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
    *("maxItems", "uniqueItems", "minProperties", "maxProperties"),
)
"""Limits that are told in words."""

_DROPPED: Final = ("$schema", "$id", "default")

MOST_DEEP: Final = 60
"""Levels of a schema: the API takes far fewer."""


def tool_schema(raw: Raw | None) -> Raw:
    if raw is None:
        return EMPTY
    try:
        top = _TOP.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return raw  # the vendor says what is wrong with it
    if top.get("type") is not None and bytes(top["type"]) == _OBJECT and not any(name in top for name in _CHOICES):
        return raw
    made: dict[str, Any] = {name: value for name, value in top.items() if name not in _CHOICES}
    made["type"] = "object"
    properties = read_json(top["properties"]) if "properties" in top else {}
    properties = dict(properties) if isinstance(properties, dict) else {}
    for name in _CHOICES:
        for one in _branches(top.get(name)):
            properties = {**_properties(one), **properties}
    made["properties"] = properties
    return Raw(write_json(made))


def _branches(raw: Raw | None) -> list[Any]:
    said = None if raw is None else read_json(raw)
    return said if isinstance(said, list) else []


def _properties(branch: Any) -> dict[str, Any]:
    said = branch.get("properties") if isinstance(branch, dict) else None
    return said if isinstance(said, dict) else {}


def answer_schema(raw: Raw | None) -> Any:
    """The schema of an answer."""
    return (
        {"type": "object", "properties": {}, "additionalProperties": False} if raw is None else _closed(read_json(raw))
    )


def _closed(schema: Any, depth: int = 0) -> Any:
    if isinstance(schema, list):
        return [_closed(one, depth + 1) for one in schema]
    if not isinstance(schema, dict) or depth > MOST_DEEP:
        return schema
    made: dict[str, Any] = {}
    worded = []
    for name, value in schema.items():
        if name in _DROPPED:
            continue
        if name in _WORDED or (name == "minItems" and value not in (0, 1)):
            worded.append(f"{name}: {write_json(value).decode('utf-8', 'surrogatepass')}")
        elif name in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, dict):
            made[name] = {key: _closed(one, depth + 1) for key, one in value.items()}
        elif name in ("items", "anyOf", "oneOf", "allOf", "not", "prefixItems"):
            made["anyOf" if name == "oneOf" else name] = _closed(value, depth + 1)
        else:
            made[name] = value
    if made.get("type") == "object" or "properties" in made:
        made["additionalProperties"] = False
    if worded:
        said = made.get("description")
        told = f"({', '.join(worded)})"
        made["description"] = f"{said} {told}" if isinstance(said, str) and said else told
    return made
