"""Whether a JSON Schema is recursive. A recursive schema may try each of its alternatives again on every level of a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

DYNAMIC: Final = ("$dynamicRef", "$recursiveRef")


def is_recursive(schema: Mapping[str, Any] | bool) -> bool:
    """True also where that cannot be told: a reference by a name instead of a path."""
    nodes = list(nodes_of(schema))
    if any(name in node for node in nodes for name in DYNAMIC):
        return True
    references = {node["$ref"] for node in nodes if isinstance(node.get("$ref"), str)}
    leads_to: dict[str, set[str]] = {}
    for reference in references:
        target = found(schema, reference)
        if target is None:
            return True
        leads_to[reference] = {one["$ref"] for one in nodes_of(target) if isinstance(one.get("$ref"), str)}
    while ended := [one for one, next_ones in leads_to.items() if not next_ones & leads_to.keys()]:
        for one in ended:
            del leads_to[one]
    return bool(leads_to)


def nodes_of(schema: object) -> Iterator[Mapping[str, Any]]:
    """Every map in it. What is no schema, such as an `enum` of maps, is looked into too: at worst it is taken for one."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def found(schema: object, reference: str) -> object | None:
    """The schema that a reference such as `#/$defs/node` points to; None where there is none."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    for step in unquote(reference).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, Mapping):
            schema = schema.get(name)
        elif isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        else:
            return None
    return schema
