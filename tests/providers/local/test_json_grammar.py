"""Schemas with bounds, as a grammar that tells whether it is held."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headworks.providers.local.json_grammar import (
    JSON_MARKER,
    MAX_CHARACTERS,
    MAX_ITEMS,
    MAX_NUMBER,
    MIN_NUMBER_STEP,
    grammar,
)


def held(schema: dict[str, object], *, bounds: bool = True) -> dict[str, Any]:
    """The schema inside the grammar."""
    text = grammar(schema, bounds=bounds)
    made: dict[str, Any] = msgspec.json.decode(text[text.index("%json ") + len("%json ") :])
    assert made.pop("x-guidance")["whitespace_flexible"] is False
    return made


@pytest.mark.parametrize(
    ("schema", "added"),
    [
        ({"type": "string"}, {"maxLength": MAX_CHARACTERS}),
        ({"type": "string", "maxLength": 5000}, {}),
        ({"type": "string", "minLength": 500}, {"maxLength": 500}),
        ({"type": "string", "enum": ["a"]}, {}),
        ({"type": "string", "pattern": "^a+$"}, {}),
        ({"type": ["string", "null"]}, {"maxLength": MAX_CHARACTERS}),
        ({"type": "array"}, {"maxItems": MAX_ITEMS}),
        ({"type": "array", "minItems": 20}, {"maxItems": 20}),
        ({"type": "integer"}, {"minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}),
        ({"type": "integer", "minimum": 2_000_000}, {"maximum": 3_000_000}),
        ({"type": "integer", "exclusiveMaximum": 0}, {"minimum": -MAX_NUMBER}),
        ({"type": "integer", "const": 3}, {}),
        ({"type": "number", "minimum": 0, "maximum": 1}, {"multipleOf": MIN_NUMBER_STEP}),
        ({"type": "object"}, {"maxProperties": 8}),
        ({"type": "object", "properties": {}, "additionalProperties": False}, {}),
        ({"type": "boolean"}, {}),
        ({"anyOf": [{"type": "null"}]}, {}),
    ],
)
def test_what_is_open_gets_a_bound(schema: dict[str, object], added: dict[str, object]) -> None:
    assert held(schema) == {**schema, **added}
    assert held(schema, bounds=False) == schema


def test_bounds_reach_every_depth_and_leave_data_alone() -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"type": {"type": "string"}, "kind": {"const": {"type": "string"}}},
        "$defs": {"step": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"enum": [{"type": "array"}]}]}},
        "additionalProperties": False,
    }
    made = held(schema)
    assert made["properties"] == {
        "type": {"type": "string", "maxLength": MAX_CHARACTERS},
        "kind": {"const": {"type": "string"}},
    }
    listed, chosen = made["$defs"]["step"]["anyOf"]
    assert listed["maxItems"] == MAX_ITEMS
    assert listed["items"]["maximum"] == MAX_NUMBER
    assert chosen == {"enum": [{"type": "array"}]}


def test_the_grammar_begins_with_the_sign() -> None:
    assert f'"{JSON_MARKER}" answer' in grammar({"type": "object"}, bounds=True)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
keywords = st.sampled_from(["type", "properties", "items", "anyOf", "enum", "minimum", "minLength", "const", "$ref"])


@example({"type": "integer", "minimum": None})
@given(st.dictionaries(keywords, json | st.sampled_from(["string", "array", "number", "object"]), max_size=5))
def test_whatever_a_caller_sends_is_only_added_to(schema: dict[str, object]) -> None:
    made = held(schema)
    for key in {"type", "enum", "const", "minimum", "minLength", "$ref"} & schema.keys():
        if not isinstance(schema[key], dict | list):
            assert made[key] == schema[key]
    assert made.keys() >= schema.keys()
