"""JSON Schema (draft 2020-12) as prompts and evaluations use it: for what goes in, and for what comes out.

Always true: checking is linear in the value and stops at the first error, whatever caller, model or schema say: the validator
hashes what `uniqueItems` compares, and its regular expressions are automata. Two kinds of schema are not linear, and say so
(`Schema.is_dear`): a pattern that no automaton can be made of (a look-around, a back-reference) may backtrack, up to
`MOST_BACKTRACKS` steps for each text; one that leads back to itself by several ways doubles the work with each level. No schema makes this process fetch
anything: a `$ref` to another document is an error. A message names the path and the rule, never the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from jsonschema_rs import Draft202012Validator, FancyRegexOptions, RegexOptions, ValidationError, ValidationErrorKind
from jsonschema_rs import meta as meta_schema

from headworks.prompts.recursion import is_recursive

MOST_SHOWN = 120

MOST_BACKTRACKS: Final = 100_000
"""Steps of a pattern that backtracks, a text: about a millisecond. A text that needs more does not fit."""

TYPES: Final = ("string", "number", "integer", "boolean", "array", "object", "null")

HIDDEN: Final = "the value"
"""What the validator's own messages write in place of a value. They are not shown, and so cost nothing to make."""


class Schema:
    """One schema, compiled once."""

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        """The schema must be sound: ask `trouble` first.

        is_dear: what a value costs to check may have nothing to do with its size, so a process of its own should check it.
        """
        self._validator, backtracks = compiled(schema)
        self.is_dear = backtracks or is_recursive(schema)

    def wrong(self, value: object) -> tuple[str, str] | None:
        """The path that violates the schema (`.items[2].name`, "" for the whole) and the rule; None where the value fits."""
        try:
            self._validator.validate(value)
        except ValidationError as error:
            return _path(error), _rule(error)
        except (ValueError, OverflowError):  # half a surrogate pair, or deeper than any model writes
            return "", "cannot be checked: it is nested too deeply, or its text is not Unicode"
        return None


def compiled(given: Mapping[str, Any] | bool) -> tuple[Draft202012Validator, bool]:
    """The validator, and whether a pattern of it may backtrack.

    Raises ValidationError where it is no sound schema, ValueError where it is nested too deeply.
    """
    schema = given if isinstance(given, bool) else dict(given)
    try:
        return Draft202012Validator(schema, pattern_options=RegexOptions(), retriever=_nothing, mask=HIDDEN), False
    except ValidationError:
        options = FancyRegexOptions(backtrack_limit=MOST_BACKTRACKS)
        return Draft202012Validator(schema, pattern_options=options, retriever=_nothing, mask=HIDDEN), True


def trouble(schema: object) -> str | None:
    """Why something is no JSON Schema; None where it is one."""
    if not isinstance(schema, (dict, bool)):
        return "a JSON Schema is a map"
    try:
        meta_schema.validate(schema)
        compiled(schema)
    except ValidationError as error:
        if "registry" in error.message or "base URI" in error.message:
            return "a `$ref` points outside of the schema, and nothing is fetched"
        where = _path(error).lstrip(".")
        if where.endswith("type") and isinstance(error.instance, str):
            return f"{where}: `{_clipped(error.instance)}` is not valid: a type is one of {', '.join(TYPES)}"
        return f"{where or 'it'}: {_clipped(error.message)}"
    except (ValueError, OverflowError) as error:
        return f"it cannot be read: {_clipped(str(error))}"
    return None


def _nothing(uri: str) -> NoReturn:
    raise ValueError(f"nothing is fetched: {uri} is not in the schema")


def _path(error: ValidationError) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)


def _rule(error: ValidationError) -> str:
    """The rule that is broken, in words where there are some."""
    kind: Any = error.kind
    match kind.name:
        case "type":
            return f"must be of type {' or '.join(kind.types)}"
        case "enum":
            return f"must be one of {_clipped(', '.join(map(str, kind.options)))}"
        case "const":
            return f"must be {_clipped(str(kind.expected_value))}"
        case "required":
            return f"lacks `{kind.property}`"
        case "falseSchema" | "additionalProperties" | "unevaluatedProperties":
            return "has a member that the schema does not name"
        case "minLength" | "minItems" | "minProperties":
            return f"is too short: at least {kind.limit}"
        case "maxLength" | "maxItems" | "maxProperties":
            return f"is too long: at most {kind.limit}"
        case "minimum" | "exclusiveMinimum":
            return f"is too small ({kind.name}: {kind.limit})"
        case "maximum" | "exclusiveMaximum":
            return f"is too large ({kind.name}: {kind.limit})"
        case "pattern" if isinstance(kind, ValidationErrorKind.Pattern):
            return f"does not satisfy `pattern: {_clipped(kind.pattern)}`"
        case "pattern":
            return "takes too many steps to be checked against its `pattern`"
        case "multipleOf":
            return f"does not satisfy `multipleOf: {kind.multiple_of}`"
    return f"does not satisfy `{kind.name}`"


def _clipped(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
