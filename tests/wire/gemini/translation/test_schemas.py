"""JSON Schemas on their way to Gemini, and Gemini's own on their way from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.wire.gemini.translation.schemas import for_gemini, from_openapi
from headworks.wire.hub.values import Raw


def written(schema: Any) -> Any:
    return json.loads(bytes(for_gemini(Raw(json.dumps(schema).encode()))))


PLAIN = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/x"}},
    "additionalProperties": False,
    "$defs": {"x": {}},
}


def test_a_schema_without_rare_words_passes_unread() -> None:
    raw = Raw(b'{ "type":"object",  "properties":{"a":{"anyOf":[{"type":"null"}]}} }')
    assert for_gemini(raw) is raw


@pytest.mark.parametrize(
    "text",
    [
        b'{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}',
        b'{"type":"object", "$schema": "https://json-schema.org/draft/2020-12/schema"}',
        b'{"$schema" : "x" , "type":"object"}',
    ],
)
def test_the_name_of_the_schemas_dialect_is_cut_out(text: bytes) -> None:
    assert json.loads(bytes(for_gemini(Raw(text)))) == {"type": "object"}


def test_alone_or_nested_it_is_cut_out_too_and_in_a_text_it_stays() -> None:
    assert written({"$schema": "x"}) == {}
    nested = {"properties": {"a": {"type": "object", "$schema": "x"}, "b": {"$schema": "x"}}}
    assert written(nested) == {"properties": {"a": {"type": "object"}, "b": {}}}
    told = {"description": 'write "$schema":"x", please', "$schema": "x"}
    assert written(told) == {"description": 'write "$schema":"x", please'}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"const": "a"}, {"enum": ["a"]}),
        ({"const": "a", "enum": ["a", "b"]}, {"enum": ["a", "b"]}),
        (
            {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9},
            {"type": "integer", "minimum": 1, "maximum": 8},
        ),
        ({"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": True}, {"type": "number", "minimum": 0.5}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"nullable": True}, {}),
        (
            {"definitions": {"x": {"const": 1}}, "$ref": "#/definitions/x"},
            {"$defs": {"x": {"enum": [1]}}, "$ref": "#/$defs/x"},
        ),
        (
            {
                "allOf": [
                    {"properties": {"a": {}}, "required": ["a"]},
                    {"properties": {"b": {}}, "required": ["a", "b"], "title": "t"},
                    True,
                ]
            },
            {"properties": {"a": {}, "b": {}}, "required": ["a", "b"], "title": "t"},
        ),
        (
            {"not": {}, "if": {}, "then": {}, "uniqueItems": True, "propertyNames": {}, "type": "array"},
            {"type": "array"},
        ),
        (
            {"const": 1, "anyOf": [{"const": 2}, True, 5], "items": {"const": 3}, "additionalProperties": {"const": 4}},
            {
                "enum": [1],
                "anyOf": [{"enum": [2]}, True, {}],
                "items": {"enum": [3]},
                "additionalProperties": {"enum": [4]},
            },
        ),
        (
            {"properties": {"const": {"type": "string"}, "not": {"const": "x"}}},
            {"properties": {"const": {"type": "string"}, "not": {"enum": ["x"]}}},
        ),
        (
            {"const": 1, "properties": 5, "anyOf": {}, "$ref": 5, "allOf": 5},
            {"enum": [1], "properties": 5, "anyOf": {}, "$ref": 5},
        ),
    ],
)
def test_rare_words_are_said_in_words_that_it_knows(schema: Any, said: Any) -> None:
    assert written(schema) == said


def test_what_is_nested_too_deep_admits_anything() -> None:
    schema: Any = {"const": 1}
    for _ in range(150):
        schema = {"items": schema}
    said = written(schema)
    for _ in range(101):
        said = said["items"]
    assert said == {}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "STRING", "format": "enum", "enum": ["a"]}, {"type": "string", "format": "enum", "enum": ["a"]}),
        ({"type": "STRING", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"type": "STRING", "nullable": True, "enum": ["a", None]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"any_of": [{"type": "NUMBER"}], "nullable": True}, {"anyOf": [{"type": "number"}, {"type": "null"}]}),
        ({"nullable": True}, {}),
        (
            {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "1", "maxItems": 2},
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
        ),
        (
            {"type": "OBJECT", "properties": {"type": {"type": "BOOLEAN"}}, "propertyOrdering": ["type"]},
            {"type": "object", "properties": {"type": {"type": "boolean"}}},
        ),
        (
            {"ref": "#/$defs/x", "defs": {"x": {"type": "NULL"}}},
            {"$ref": "#/$defs/x", "$defs": {"x": {"type": "null"}}},
        ),
        ({"type": "novel", "properties": 5}, {"type": "novel", "properties": 5}),
        ("odd", {}),
    ],
)
def test_geminis_own_schema_as_json_schema(schema: Any, said: Any) -> None:
    assert from_openapi(schema) == said


def test_geminis_own_schema_may_be_as_deep() -> None:
    schema: Any = {"type": "STRING"}
    for _ in range(150):
        schema = {"type": "ARRAY", "items": schema}
    assert json.dumps(from_openapi(schema)).count("array") == 101
