"""The holes of a prompt: each gets the type that its place gives it, and an example that fits."""

from __future__ import annotations

from typing import Any

import pytest

from headworks.prompts.inferred_variables import example, variables_of


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("{{ x }}", {"type": "string"}),
        ("{% for one in x %}{{ one }}{% endfor %}", {"type": "array", "items": {"type": "string"}}),
        (
            "{% for one in x %}{{ one.a }}{{ one['b'] }}{% endfor %}",
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                    "required": ["a", "b"],
                },
            },
        ),
        ("{{ x.city }}", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
        ("{{ x | join(', ') }}", {"type": "array", "items": {"type": "string"}}),
        ("{% if x %}a{% endif %}", {"type": "boolean"}),
        ("{{ 'a' if not x else 'b' }}", {"type": "boolean"}),
        ("{% if x %}{{ x }}{% endif %}", {"type": "string"}),
        ("{% if x > 3 %}a{% endif %}", {"type": "integer"}),
        ("{{ x | float }}", {"type": "number"}),
        ("{{ x * 2 }}", {"type": "integer"}),
    ],
)
def test_a_variable_has_the_type_of_its_place(text: str, schema: dict[str, Any]) -> None:
    assert variables_of([text]) == {"x": schema}
    assert example("x", schema) is not None


def test_variables_stand_in_the_order_of_the_text_and_what_the_template_sets_is_none() -> None:
    assert list(variables_of(["{{ b }} {% set c = 1 %}{{ c }}", "{{ a }} {{ b }}"])) == ["b", "a"]


def test_a_name_that_counts_is_a_number() -> None:
    assert variables_of(["{{ max_words }}"]) == {"max_words": {"type": "integer"}}


def test_what_is_no_template_is_told() -> None:
    with pytest.raises(ValueError, match="line 2 of it: Encountered unknown tag 'x'"):
        variables_of(["a\n{% x %}"])


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "default": "one"}, "one"),
        ({"enum": [7, 8]}, 7),
        ({"type": "string", "minLength": 3, "maxLength": 4}, "some"),
        ({"type": "integer", "minimum": 20}, 20),
        ({"type": "integer", "maximum": 2}, 1),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"a": 3}),
        ({"type": "string", "pattern": "^[A-Z]{9}$"}, None),
        (True, "some x"),
    ],
)
def test_an_example_fits_its_schema_or_is_none(schema: Any, value: Any) -> None:
    assert example("x", schema) == value
