"""Infers the variables of a prompt without declarations: `{{ name }}` and its place give each one a type.

Always true: what is made here is a JSON Schema that a value of the kind the template uses fits; where the template says
nothing of the kind it is a text. Nothing is filled in, and nothing that the template names is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jinja2 import TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from headworks.prompts.schema import Schema
from headworks.prompts.template import environment

_NUMBERS: Final = frozenset({"int", "float", "round", "abs", "filesizeformat"})
_LISTS: Final = frozenset({"join", "sort", "first", "last", "unique", "sum", "map", "select", "reject", "batch"})
_COUNTED: Final = ("count", "number", "limit", "max_", "min_", "num_", "n_", "how_many")
"""Names that are numbers wherever people write prompts."""


def variables_of(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A JSON Schema for each variable of some templates, in the order in which they stand. Raises ValueError for a text
    that is no template, with what is wrong."""
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        made = environment()
        try:
            tree = made.parse(text)
        except TemplateSyntaxError as error:
            raise ValueError(f"line {error.lineno} of it: {error.message}") from None
        names = find_undeclared_variables(tree)
        for name in dict.fromkeys(one.name for one in tree.find_all(nodes.Name) if one.name in names):
            found.setdefault(name, _schema(name, tree))
    return found


def _schema(name: str, tree: nodes.Template) -> dict[str, Any]:
    for loop in tree.find_all(nodes.For):
        if _is(loop.iter, name):
            return {"type": "array", "items": _item(loop)}
    if members := dict.fromkeys(_members(name, tree)):
        return {
            "type": "object",
            "properties": {one: {"type": "string"} for one in members},
            "required": list(members),
        }
    filters = {one.name for one in tree.find_all(nodes.Filter) if one.node is not None and _is(one.node, name)}
    if filters & _LISTS:
        return {"type": "array", "items": {"type": "string"}}
    if filters & _NUMBERS or _is_compared(name, tree) or name.startswith(_COUNTED) or name.endswith("_count"):
        return {"type": "number"} if "float" in filters else {"type": "integer"}
    if _is_only_asked(name, tree):
        return {"type": "boolean"}
    return {"type": "string"}


def _is(node: nodes.Node, name: str) -> bool:
    return isinstance(node, nodes.Name) and node.name == name


def _item(loop: nodes.For) -> dict[str, Any]:
    """The schema of a list's items: texts, or objects where the loop uses members."""
    if not isinstance(loop.target, nodes.Name):
        return {}
    members = dict.fromkeys(one for part in loop.body for one in _members(str(loop.target.name), part))
    if not members:
        return {"type": "string"}
    return {"type": "object", "properties": {one: {"type": "string"} for one in members}, "required": list(members)}


def _members(name: str, tree: nodes.Node) -> Iterator[str]:
    for one in tree.find_all(nodes.Getattr):
        if _is(one.node, name):
            yield one.attr
    for other in tree.find_all(nodes.Getitem):
        if _is(other.node, name) and isinstance(other.arg, nodes.Const) and isinstance(other.arg.value, str):
            yield other.arg.value


def _is_compared(name: str, tree: nodes.Template) -> bool:
    """Whether it is held against a number, or reckoned with."""
    for one in tree.find_all(nodes.Compare):
        sides = [one.expr, *(operand.expr for operand in one.ops)]
        others = [side.value for side in sides if isinstance(side, nodes.Const)]
        if any(_is(side, name) for side in sides) and any(isinstance(value, int | float) for value in others):
            return True
    return any(
        _is(side, name) for one in tree.find_all((nodes.Sub, nodes.Mul, nodes.Div)) for side in (one.left, one.right)
    )


def _is_only_asked(name: str, tree: nodes.Template) -> bool:
    """Whether it only stands as the test of an `if`: it is never written."""
    everywhere = sum(_is(one, name) for one in tree.find_all(nodes.Name))
    tests = [one.test for one in tree.find_all(nodes.If)] + [one.test for one in tree.find_all(nodes.CondExpr)]
    asked = sum(_is(test, name) or (isinstance(test, nodes.Not) and _is(test.node, name)) for test in tests)
    return everywhere > 0 and everywhere == asked


def example(name: str, schema: Any) -> Any:
    """A value that fits a schema, to begin with; None where none was found."""
    for value in _examples(name, schema):
        if Schema(schema).wrong(value) is None:
            return value
    return None


def _examples(name: str, schema: Any) -> Iterator[Any]:
    said: Mapping[str, Any] = schema if isinstance(schema, dict) else {}
    if "default" in said:
        yield said["default"]
    for key in ("examples", "enum"):
        yield from said[key] if isinstance(said.get(key), list) else ()
    if "const" in said:
        yield said["const"]
    kinds = said.get("type", "string")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        yield from _of_kind(name, str(kind), said)


def _of_kind(name: str, kind: str, said: Mapping[str, Any]) -> Iterator[Any]:
    match kind:
        case "string":
            text = f"some {name.replace('_', ' ')}"
            yield text
            yield text[: said.get("maxLength", len(text))]
            yield (text * 200)[: max(1, said.get("minLength", 1))]
            yield from ("2026-01-01", "https://example.com/", "a@example.com", "1", "a")
        case "integer" | "number":
            yield from (3, said.get("minimum", 1), said.get("maximum", 1), said.get("multipleOf", 1), 0.5)
        case "boolean":
            yield True
        case "array":
            item = example(name, said.get("items", {"type": "string"}))
            yield [item] * max(1, said.get("minItems", 1))
        case "object":
            parts = said.get("properties", {})
            yield {one: example(one, parts.get(one, {"type": "string"})) for one in (said.get("required") or parts)}
        case "null":
            yield None
