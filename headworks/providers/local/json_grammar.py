"""Turns a JSON Schema into the grammar that constrains a model to it.

Theory. xllamacpp brings llama.cpp with LLGuidance, which takes a JSON Schema as it is and keeps every keyword that it
knows. Two things it does not do. A schema that it cannot read, it drops without a word, and the model writes what it
likes: so each grammar begins with a sign that no model writes by itself, and an answer without the sign was not held.
And it allows what a small model never ends: so for a base model each string, list and number that the schema leaves
open is given a bound. What fits the bounded schema fits the caller's.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

JSON_MARKER = "JSON: "
"""Written first under a grammar. Words, not control characters: a base model takes them as a hint of what comes."""

JSON_MARKER_TOKENS = 3
"""Tokens that the marker takes in the vocabularies at hand; the caller's bound does not pay for them."""

MAX_CHARACTERS = 120
MAX_ITEMS = 8
MAX_MEMBERS = 8
MAX_NUMBER = 1_000_000
"""A number's distance from zero, or from the one bound that it has."""
MIN_NUMBER_STEP = 0.001
"""The step between numbers that are not integers: 1/3 has no end."""

MAX_DEPTH = 100
"""Levels of objects and lists in a schema: ten times what OpenAI's API takes, and far from the interpreter's own bound."""

Schema: TypeAlias = dict[str, object]

ANY_OBJECT: Schema = {"type": "object", "minProperties": 1}
"""What `json_object` asks for. Not the empty object: a small model that may stop at once does."""

_VALUES = frozenset({"const", "enum", "default", "examples"})
"""Keywords whose content is data, whatever it looks like."""

_LAYOUT: Schema = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""Between two tokens of JSON any space is allowed, and a small model can write it until its tokens are used up."""


def grammar(schema: Schema, *, bounds: bool) -> str:
    """LLGuidance's words for: the sign, then one JSON value that fits the schema."""
    held = _bounded(schema) if bounds else schema
    text = msgspec.json.encode({**held, "x-guidance": _LAYOUT}).decode()
    # A model that begins with a space (its tokens for words do) and one that does not are both at ease.
    return f'%llguidance {{}}\nstart: / ?/ "{JSON_MARKER}" answer\nanswer: %json {text}\n'


def exceeds_depth(schema: Schema, most: int) -> bool:
    """Whether it has more than `most` levels. Not by recursion, which has a bound of its own."""
    level: list[object] = [schema]
    for _ in range(most):
        inside: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inside.extend(one.values())
            elif isinstance(one, list):
                inside.extend(one)
        level = [one for one in inside if isinstance(one, (dict, list))]
        if not level:
            return False
    return True


def _bounded(schema: Schema) -> Schema:
    made: Schema = {key: value if key in _VALUES else _within(value) for key, value in schema.items()}
    kinds = made.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        match kind:
            case "string" if not made.keys() & {"enum", "const", "pattern", "format"}:
                made.setdefault("maxLength", max(MAX_CHARACTERS, _number(made.get("minLength"))))
            case "array":
                made.setdefault("maxItems", max(MAX_ITEMS, _number(made.get("minItems"))))
            case "object" if made.get("additionalProperties", True) is not False and "properties" not in made:
                made.setdefault("maxProperties", max(MAX_MEMBERS, _number(made.get("minProperties"))))
            case "integer":
                _bound_number(made)
            case "number":
                _bound_number(made)
                made.setdefault("multipleOf", MIN_NUMBER_STEP)
            case _:
                pass
    return made


def _within(value: object) -> object:
    if isinstance(value, dict):
        return _bounded(value)
    if isinstance(value, list):
        return [_within(item) for item in value]
    return value


def _bound_number(made: Schema) -> None:
    if made.keys() & {"enum", "const"}:
        return
    lower = made.get("minimum", made.get("exclusiveMinimum"))
    upper = made.get("maximum", made.get("exclusiveMaximum"))
    if upper is None:
        made.setdefault("maximum", _number(lower) + MAX_NUMBER)  # a null that the caller wrote stays the caller's
    if lower is None:
        made.setdefault("minimum", _number(upper) - MAX_NUMBER)


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
