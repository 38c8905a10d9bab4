"""A JSON value that a JSON Schema allows: for the arguments of tools and for structured output.

Always true: the value is finite, and the same for the same key. Optional properties and longer arrays are made near the
top only; below `DEEP` the simplest branch is taken, so that recursive schemas end. `pattern`, `not`, `if` and
`uniqueItems` are not looked at: who needs them sees a value that does not match, as from a real model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec

REQUIRED_ONLY_FROM = 4
"""From this depth on, only required members are made."""
MAX_DEPTH = 32
"""A schema that asks for more levels than this has no finite value, or none worth waiting for."""

_WORDS = ("river", "gate", "weir", "canal", "keeper", "current", "spring", "basin", "mill", "sluice")

_FORMATS = {
    "date-time": "2026-0{a}-1{b}T0{c}:30:00Z",
    "date": "2026-0{a}-1{b}",
    "time": "0{c}:30:00Z",
    "duration": "P{a}D",
    "email": "keeper{b}@example.com",
    "hostname": "host{b}.example.com",
    "ipv4": "192.0.2.{b}",
    "ipv6": "2001:db8::{b}",
    "uri": "https://example.com/{b}",
    "uuid": "0000000{b}-0000-4000-8000-00000000000{c}",
}


MAX_SIZE = 20_000
"""Values, and characters of text, that one answer has at most: a schema is a stranger's, and may ask for a billion."""


class Unsatisfiable(ValueError):
    """No value can be made: a false schema, a reference to nothing, an endless requirement, an unknown type."""


def value(schema: object, key: bytes) -> Any:
    """A value that the schema allows. Raises Unsatisfiable."""
    try:
        return _ValueGenerator(schema, Random(int.from_bytes(key, "big"))).make(schema, 0)
    except Unsatisfiable:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        # A word of the wrong type (`properties` a list): to ask for each type beforehand would be a second schema.
        raise Unsatisfiable("it is not a JSON Schema") from error


def text(schema: object, key: bytes) -> str:
    """The value as JSON. Raises Unsatisfiable."""
    try:
        return msgspec.json.encode(value(schema, key)).decode()
    except RecursionError:  # a `const` is given back as it is
        raise Unsatisfiable("it is nested too deep") from None


class _ValueGenerator:
    __slots__ = ("_left", "_random", "_root")

    def __init__(self, root: object, random: Random) -> None:
        self._root = root
        self._random = random
        self._left = MAX_SIZE

    def make(self, schema: object, depth: int) -> Any:
        self._spend(1)
        if depth > MAX_DEPTH:
            raise Unsatisfiable("it asks for values without end")
        if schema is True:
            return None
        if not isinstance(schema, Mapping):
            raise Unsatisfiable("a schema is an object" if schema is not False else "it allows nothing")
        if "const" in schema:
            return schema["const"]
        if isinstance(choices := schema.get("enum"), list) and choices:
            return self._random.choice(choices)
        if "$ref" in schema:
            return self.make({**self._resolve(schema["$ref"]), **_without(schema, "$ref")}, depth + 1)
        if isinstance(parts := schema.get("allOf"), list):
            return self.make(self._merged([*parts, _without(schema, "allOf")]), depth + 1)
        for word in ("anyOf", "oneOf"):
            if isinstance(branches := schema.get(word), list) and branches:
                branches = [branch for branch in branches if branch is not False] or branches
                rest = _without(schema, word)
                return self.make(self._merged([self._branch(branches, depth), rest]), depth + 1)
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        match _type(schema, simplest=depth > REQUIRED_ONLY_FROM):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer":
                return int(self._number(schema, step=1))
            case "number":
                return self._number(schema, step=0.5)
            case "boolean":
                return self._random.random() < 0.5
            case "null":
                return None
            case other:
                raise Unsatisfiable(f"{other!r} is no type")

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = set(schema.get("required") or ())
        made = {}
        for name, inner in properties.items():
            if name in required or (depth < REQUIRED_ONLY_FROM and self._random.random() < 0.5):
                made[name] = self.make(inner, depth + 1)
        for name in schema.get("required") or ():
            if not isinstance(name, str):
                raise Unsatisfiable("`required` lists names, and names are strings")
            if name not in made:
                made[name] = self._word()
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = int(schema.get("minItems") or 0)
        most = schema.get("maxItems")
        count = least if depth >= REQUIRED_ONLY_FROM else max(least, 1 + self._random.randrange(2))
        count = count if most is None else min(count, int(most))
        self._spend(count)
        first = schema.get("prefixItems") or []
        items = schema.get("items", True)
        if items is False:
            count = min(count, len(first))
        return [self.make(first[at] if at < len(first) else items, depth + 1) for at in range(count)]

    def _string(self, schema: Mapping[str, Any]) -> str:
        if shape := _FORMATS.get(str(schema.get("format"))):
            a, b, c = (self._random.randrange(1, 10) for _ in range(3))
            return shape.format(a=a, b=b, c=c)
        made = self._word()
        self._spend(int(schema.get("minLength") or 0))
        while len(made) < int(schema.get("minLength") or 0):
            made += f" {self._word()}"
        most = schema.get("maxLength")
        return made if most is None else made[: int(most)]

    def _number(self, schema: Mapping[str, Any], *, step: float) -> float:
        every = schema.get("multipleOf") or step
        if step == 1 and every < 1:
            every = 1
        low, high = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        # Floor division, for integers past 2**53: they are exact only where no float comes in between.
        first = -math.inf if low is None else -(-low // every)
        last = math.inf if high is None else high // every
        if above is not None:
            first = max(first, above // every + 1)
        if below is not None:
            last = min(last, -(-below // every) - 1)
        if first > last:
            if low is not None and high is not None and low <= high and step != 1:
                return float(low + (high - low) / 2)
            raise Unsatisfiable("no number is between its bounds")
        # A hundred numbers are enough to choose from: near zero where the bounds allow it, else at one of them.
        start = max(first, 0) if last >= 0 else max(first, last - 100)
        stop = min(last, start + 100)
        return self._random.randint(int(start), int(stop)) * every

    def _branch(self, branches: list[Any], depth: int) -> Any:
        if depth <= REQUIRED_ONLY_FROM:
            return self._random.choice(branches)
        return min(branches, key=_weight)

    def _merged(self, parts: list[Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in parts:
            if part is True:
                continue
            if not isinstance(part, Mapping):
                raise Unsatisfiable("it allows nothing")
            known = {**self._resolve(part["$ref"]), **_without(part, "$ref")} if "$ref" in part else part
            for word, meant in known.items():
                if word == "properties" and word in merged:
                    merged[word] = {**merged[word], **meant}
                elif word == "required" and word in merged:
                    merged[word] = [*merged[word], *(name for name in meant if name not in merged[word])]
                else:
                    merged[word] = meant
        return merged

    def _resolve(self, reference: object) -> Mapping[str, Any]:
        found: Any = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Unsatisfiable(f"$ref {reference!r} is not in this schema")
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            raise Unsatisfiable(f"$ref {reference!r} is not in this schema")
        return found

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise Unsatisfiable(f"it asks for more than {MAX_SIZE} values")

    def _word(self) -> str:
        return self._random.choice(_WORDS)


def _without(schema: Mapping[str, Any], word: str) -> dict[str, Any]:
    return {name: meant for name, meant in schema.items() if name != word}


def _type(schema: Mapping[str, Any], *, simplest: bool) -> object:
    named = schema.get("type")
    if isinstance(named, list):
        if simplest and "null" in named:
            return "null"
        named = next((name for name in named if name != "null"), "null")
    if named is not None:
        return named
    for word, meant in (("properties", "object"), ("required", "object"), ("items", "array"), ("prefixItems", "array")):
        if word in schema:
            return meant
    if any(word in schema for word in ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")):
        return "number"
    return "string"


def _weight(schema: Any) -> int:
    """How far a branch is likely to reach down: null, then plain values, then arrays, objects and references."""
    if not isinstance(schema, Mapping):
        return 0
    if "const" in schema or "enum" in schema or schema.get("type") == "null":
        return 0
    if "$ref" in schema or "properties" in schema:
        return 3
    return 2 if schema.get("type") in ("array", "object") else 1
