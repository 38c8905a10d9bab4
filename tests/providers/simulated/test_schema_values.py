"""A value made from a schema is one that the schema allows."""

import datetime
import ipaddress
import uuid
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headworks.providers.simulated.schema_values import Unsatisfiable, text, value

KEYS = [bytes([number]) * 16 for number in range(40)]


class Leaf(pydantic.BaseModel):
    kind: Literal["leaf"]
    weight: float = pydantic.Field(gt=0, lt=1)


class Branch(pydantic.BaseModel):
    kind: Literal["branch"]
    children: "list[Branch | Leaf]"


class Everything(pydantic.BaseModel):
    at: datetime.datetime
    day: datetime.date
    clock: datetime.time
    id: uuid.UUID
    v4: ipaddress.IPv4Address
    v6: ipaddress.IPv6Address
    url: pydantic.AnyUrl
    wait: datetime.timedelta
    name: Annotated[str, pydantic.Field(min_length=25, max_length=30)]
    short: Annotated[str, pydantic.Field(max_length=2)]
    count: Annotated[int, pydantic.Field(ge=-7, le=-7)]
    even: Annotated[int, pydantic.Field(multiple_of=4, gt=4, lt=12)]
    below: Annotated[int, pydantic.Field(lt=-1000)]
    above: Annotated[float, pydantic.Field(ge=1e6)]
    some: Annotated[list[int], pydantic.Field(min_length=3, max_length=3)]
    pair: tuple[int, str]
    maybe: str | None
    flag: bool
    nothing: None
    table: dict[str, int]
    optional: int = 3


@pytest.mark.parametrize("model", [Branch, Leaf, Everything])
def test_what_pydantic_describes_it_accepts(model: type[pydantic.BaseModel]) -> None:
    schema = model.model_json_schema()
    for key in KEYS:
        made = value(schema, key)
        model.model_validate_json(msgspec.json.encode(made))
        assert value(schema, key) == made


def test_optional_properties_are_there_sometimes_and_in_the_schemas_order() -> None:
    schema = {"type": "object", "properties": {"b": {"type": "null"}, "a": {"type": "null"}}, "required": ["a"]}
    assert {tuple(value(schema, key)) for key in KEYS} == {("b", "a"), ("a",)}


@pytest.mark.parametrize(
    ("schema", "allowed"),
    [
        (True, [None]),
        ({}, None),
        ({"const": {"x": 1}}, [{"x": 1}]),
        ({"enum": [1, "a", None]}, [1, "a", None]),
        ({"type": ["null", "boolean"]}, [True, False]),
        ({"type": ["null"]}, [None]),
        ({"minimum": 3, "maximum": 3}, [3]),
        ({"type": "number", "minimum": 0.1, "maximum": 0.2}, [pytest.approx(0.15)]),
        ({"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6}, [5]),
        ({"type": "integer", "minimum": 1.5, "maximum": 2.5}, [2]),
        ({"type": "integer", "minimum": 2**53 + 1, "maximum": 2**53 + 1}, [2**53 + 1]),
        ({"items": {"const": 1}, "minItems": 2, "maxItems": 2}, [[1, 1]]),
        ({"prefixItems": [{"const": 1}, {"const": 2}], "items": False, "minItems": 2}, [[1, 2]]),
        ({"required": ["a"], "properties": {"a": {"const": 1}}}, [{"a": 1}]),
        ({"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"required": ["a"]}]}, [{"a": 1}]),
        ({"allOf": [True, {"const": 1}]}, [1]),
        ({"oneOf": [{"const": 1}, {"const": 2}]}, [1, 2]),
        ({"anyOf": [False, {"const": 2}]}, [2]),
        ({"type": "integer", "multipleOf": 0.5, "minimum": 1, "maximum": 1}, [1]),
        ({"type": "object", "anyOf": [{"required": ["a"]}], "properties": {"a": {"const": 1}}}, [{"a": 1}]),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 7}}}, [7]),
        ({"allOf": [{"$ref": "#/$defs/one"}], "$defs": {"one": {"const": 1}}}, [1]),
    ],
)
def test_each_word_is_obeyed(schema: object, allowed: list[Any] | None) -> None:
    made = [value(schema, key) for key in KEYS]
    if allowed is None:
        assert all(isinstance(one, str) for one in made)
        return
    assert all(one in allowed for one in made)
    assert all(one in made for one in allowed)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        None,
        "text",
        {"type": "blob"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema"},
        {"$ref": 3},
        {"allOf": [False]},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"$ref": "#"},
        {"type": "object", "properties": [1]},
        {"type": "array", "minItems": "many"},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"type": "number", "minimum": "low"},
        {"type": "array", "minItems": 999, "items": {"type": "array", "minItems": 999}},
        {"anyOf": [False]},
        {"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]},
    ],
)
def test_a_schema_without_a_value_is_said_to_have_none(schema: object) -> None:
    with pytest.raises(Unsatisfiable):
        value(schema, KEYS[0])


@pytest.mark.parametrize(
    "ends",
    [{"type": "null"}, {"const": 0}, {"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/tree"}}, True],
)
def test_a_schema_that_could_go_on_for_ever_ends(ends: object) -> None:
    branches = [
        {"$ref": "#/$defs/tree"},
        {"properties": {"more": {"$ref": "#/$defs/tree"}}, "required": ["more"]},
        ends,
    ]
    tree = {"type": "object", "required": ["next"], "properties": {"next": {"anyOf": branches}}}
    for key in KEYS:
        assert len(msgspec.json.encode(value({"$ref": "#/$defs/tree", "$defs": {"tree": tree}}, key))) < 10_000


def test_the_value_is_written_as_json_numbers_past_64_bits_too() -> None:
    assert text({"const": {"a": 1}}, KEYS[0]) == '{"a":1}'
    assert int(text({"type": "integer", "minimum": 2**70}, KEYS[0])) >= 2**70


def test_what_is_required_is_there_though_nobody_says_what_it_is() -> None:
    assert set(value({"type": "object", "required": ["a", "b"]}, KEYS[0])) == {"a", "b"}


def test_below_the_top_a_value_that_may_be_null_is() -> None:
    schema: dict[str, Any] = {"type": ["string", "null"]}
    for _ in range(6):
        schema = {"type": "object", "properties": {"in": schema}, "required": ["in"]}
    made = value(schema, KEYS[0])
    for _ in range(6):
        made = made["in"]
    assert made is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["object", "array", "#", "string"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "required",
                    "enum",
                    "anyOf",
                    "allOf",
                    "$ref",
                    "minimum",
                    "multipleOf",
                    "minItems",
                    "maxItems",
                    "prefixItems",
                    "format",
                    "minLength",
                    "maxLength",
                    "exclusiveMaximum",
                    "const",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
@example({"required": [None]})
def test_whatever_a_stranger_sends_is_answered_or_refused(schema: object) -> None:
    try:
        text(schema, KEYS[0])
    except Unsatisfiable:
        pass


_PLAIN = st.one_of(
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more}, st.integers(), st.integers(0, 9)
    ),
    st.builds(lambda least: {"type": "string", "minLength": least, "maxLength": least}, st.integers(0, 40)),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers() | st.text(max_size=3), min_size=1, max_size=4)),
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
)
_SCHEMAS = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 2)),
        st.builds(
            lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)[::2]},
            st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
        ),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)


def allows(schema: dict[str, Any], made: Any) -> bool:
    """A second reading of the words that the generator above uses."""
    if "enum" in schema:
        return made in schema["enum"]
    if "anyOf" in schema:
        return any(allows(branch, made) for branch in schema["anyOf"])
    match schema["type"]:
        case "integer":
            return type(made) is int and schema["minimum"] <= made <= schema["maximum"]
        case "string":
            return isinstance(made, str) and len(made) == schema["minLength"]
        case "array":
            return (
                isinstance(made, list)
                and len(made) >= schema["minItems"]
                and all(allows(schema["items"], one) for one in made)
            )
        case "object":
            if not isinstance(made, dict):
                return False
            known = schema["properties"]
            return set(schema["required"]) <= set(made) <= set(known) and all(
                allows(known[n], v) for n, v in made.items()
            )
        case "boolean":
            return type(made) is bool
        case _:
            return made is None


@given(_SCHEMAS, st.binary(min_size=16, max_size=16))
def test_any_schema_allows_what_is_made_from_it(schema: dict[str, Any], key: bytes) -> None:
    assert allows(schema, value(schema, key))
