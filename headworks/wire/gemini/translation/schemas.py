"""JSON Schemas, to and from what Gemini takes.

Theory. Gemini has two places for a schema. `parametersJsonSchema` and `responseJsonSchema` take JSON Schema, of which the keywords
in `_KNOWN` are read and others ignored (ai.google.dev/gemini-api/docs/structured-output, read 2026-11-30); a few of those that it
lacks say something that it has another word for (`const`, `exclusiveMinimum`, `definitions`). `parameters` and `responseSchema`
take OpenAPI's `Schema`: types in capitals, `nullable`. We write the first and read both.

A schema without any of the rare keywords passes as it came, unread: agents send 40 kB of them with every call. Only `$schema`, which
most of them begin with, is cut out; in a text its quotes would be escaped, so what is found is a member.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from headworks.wire.hub.values import Raw
from headworks.wire.json_text import read_json, write_json

_DIALECT: Final = re.compile(rb'"\$schema"[ \t\r\n]*+:[ \t\r\n]*+"[^"\\]*+"(?:[ \t\r\n]*+,)?')
_RARE: Final = re.compile(
    rb'"(?:\$schema|\$id|\$comment|const|definitions|allOf|not|if|then|else|patternProperties|propertyNames|dependent[A-Za-z]*|'
    rb'dependencies|contains|unevaluated[A-Za-z]*|exclusiveM[a-z]*|uniqueItems|multipleOf|contentEncoding|examples|nullable)"'
    rb"[ \t\r\n]*+:"
)
"""A member with one of these names. A property of a tool may be called so, too: it is then read, and found to be one."""

_DROPPED: Final = frozenset(
    {
        *("$schema", "$id", "$comment", "not", "if", "then", "else", "patternProperties", "propertyNames", "contains"),
        *("dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems"),
        *("uniqueItems", "multipleOf", "contentEncoding", "contentMediaType", "examples", "minContains", "maxContains"),
        *("readOnly", "writeOnly", "deprecated"),
    }
)
"""Keywords that Gemini has nothing for. What they forbid is not forbidden there."""

_DEEPEST: Final = 100
"""Schemas within schemas that are rewritten; what is nested deeper is left out, which admits any value there."""

_TYPES: Final = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})


def for_gemini(raw: Raw) -> Raw:
    """A JSON Schema as Gemini takes it; the same bytes where it says nothing else."""
    text = bytes(raw)
    if _RARE.search(text) is None:
        return raw
    text = _without_dialect(text)
    if _RARE.search(text) is not None:
        return Raw(write_json(_subset(read_json(raw), 0)))
    return Raw(text)


def _without_dialect(text: bytes) -> bytes:
    """The text without its `$schema`, each with the comma behind it or, where it is the last member, the one before it."""
    left, at = [], 0
    for found in _DIALECT.finditer(text):
        before = text[at : found.start()]
        left.append(before if found.group().endswith(b",") else before.rstrip(b" \t\r\n").removesuffix(b","))
        at = found.end()
    return b"".join([*left, text[at:]])


def _subset(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict):
        return schema if isinstance(schema, bool) else {}
    if depth > _DEEPEST:
        return {}
    said: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _DROPPED:
            continue
        if name in ("properties", "$defs", "definitions") and isinstance(value, dict):
            said["$defs" if name == "definitions" else name] = {
                key: _subset(one, depth + 1) for key, one in value.items()
            }
        elif name in ("anyOf", "oneOf", "prefixItems") and isinstance(value, list):
            said[name] = [_subset(one, depth + 1) for one in value]
        elif name in ("items", "additionalProperties"):
            said[name] = _subset(value, depth + 1)
        elif name == "$ref" and isinstance(value, str):
            said[name] = value.replace("#/definitions/", "#/$defs/", 1)
        elif name not in ("const", "allOf", "exclusiveMinimum", "exclusiveMaximum", "nullable"):
            said[name] = value
    return _emulated(said, schema, depth)


def _emulated(said: dict[str, Any], schema: dict[str, Any], depth: int) -> dict[str, Any]:
    """The keywords that Gemini lacks and has another word for."""
    if "const" in schema:
        said.setdefault("enum", [schema["const"]])
    if isinstance(parts := schema.get("allOf"), list):
        for part in parts:
            _join(said, _subset(part, depth + 1))
    for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(limit := schema.get(name), (int, float)) and not isinstance(limit, bool):
            step = 1 if name == "exclusiveMinimum" else -1
            said.setdefault(bound, limit + step if said.get("type") == "integer" else limit)
    if schema.get("nullable") is True and isinstance(said.get("type"), str):
        said["type"] = [said["type"], "null"]
    return said


def _join(said: dict[str, Any], part: Any) -> None:
    """Adds what must hold, too."""
    for name, value in part.items() if isinstance(part, dict) else ():
        known = said.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            said[name] = {**known, **value}
        elif name == "required" and isinstance(known, list) and isinstance(value, list):
            said[name] = [*known, *[one for one in value if one not in known]]
        else:
            said.setdefault(name, value)


# From Gemini's own


def from_openapi(schema: Any, depth: int = 0) -> Any:
    """Gemini's `Schema` as JSON Schema: types in small letters, `nullable` as a type."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {}
    said: dict[str, Any] = {}
    for name, value in schema.items():
        if name in ("propertyOrdering", "property_ordering", "nullable"):
            continue
        if name == "type" and isinstance(value, str) and value.upper() in _TYPES:
            said[name] = value.lower()
        elif name in ("properties", "defs", "$defs") and isinstance(value, dict):
            said["$defs" if name == "defs" else name] = {
                key: from_openapi(one, depth + 1) for key, one in value.items()
            }
        elif name in ("anyOf", "any_of") and isinstance(value, list):
            said["anyOf"] = [from_openapi(one, depth + 1) for one in value]
        elif name == "items":
            said[name] = from_openapi(value, depth + 1)
        elif name in _NUMBERS:
            said[_NUMBERS[name]] = int(value) if isinstance(value, str) and value.isdecimal() else value
        else:
            said["$ref" if name == "ref" else name] = value
    if schema.get("nullable") is True:
        _nullable(said)
    return said


_NUMBERS: Final = {
    **{name: name for name in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")},
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
}
"""int64 in proto3, which JSON may write as a text."""


def _nullable(said: dict[str, Any]) -> None:
    if isinstance(kind := said.get("type"), str):
        said["type"] = [kind, "null"]
        if isinstance(values := said.get("enum"), list) and None not in values:
            said["enum"] = [*values, None]
    elif isinstance(options := said.get("anyOf"), list):
        said["anyOf"] = [*options, {"type": "null"}]


def as_raw(schema: Any) -> Raw:
    return msgspec.Raw(write_json(schema))
