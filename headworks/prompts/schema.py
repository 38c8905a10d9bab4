"""JSON Schema (draft 2020-12) as prompts use it: for what goes in, and for what comes out.

Always true: no schema makes this process fetch anything (a `$ref` to another document does not resolve); a message names
the path and the rule, never the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

MOST_SHOWN = 120


class Schema:
    """One schema, compiled once."""

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        """The schema must be sound: ask `trouble` first."""
        self._validator = Draft202012Validator(schema, registry=Registry())

    def wrong(self, value: object) -> tuple[str, str] | None:
        """Where a value does not fit (`.items[2].name`, "" for all of it) and which rule it breaks; None where it fits."""
        try:
            error = best_match(self._validator.iter_errors(value))
        except (Unresolvable, RecursionError):
            return "", "cannot be checked: the schema refers to something that is not in it"
        return None if error is None else (_path(error), _rule(error))


def trouble(schema: object) -> str | None:
    """Why something is no JSON Schema; None where it is one."""
    if not isinstance(schema, (dict, bool)):
        return "a JSON Schema is a map"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{_path(error).lstrip('.') or 'it'}: {_clipped(error.message)}"
    return None


def _path(error: ValidationError | SchemaError) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)


def _rule(error: ValidationError) -> str:
    """The rule that is broken, in words where there are some: jsonschema's own message quotes the value."""
    rule = error.validator
    said: Any = error.validator_value
    match rule:
        case "type":
            return f"must be of type {said if isinstance(said, str) else ' or '.join(said)}"
        case "enum":
            return f"must be one of {_clipped(', '.join(map(str, said)))}"
        case "required":
            held: Any = error.instance
            missing = [name for name in said if name not in held]
            return f"lacks `{missing[0]}`"
        case "additionalProperties":
            return "has a member that the schema does not name"
        case "minLength" | "minItems" | "minProperties":
            return f"is too short: at least {said}"
        case "maxLength" | "maxItems" | "maxProperties":
            return f"is too long: at most {said}"
        case "minimum" | "exclusiveMinimum":
            return f"is too small ({rule}: {said})"
        case "maximum" | "exclusiveMaximum":
            return f"is too large ({rule}: {said})"
    return f"does not satisfy `{rule}: {_clipped(str(said))}`"


def _clipped(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
