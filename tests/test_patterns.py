"""No regular expression of the package takes more than linear time, whatever it is held against."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

import headworks
from headworks.catalog.table import Catalog, ModelRow
from headworks.system.schema.notations import NOTATIONS
from headworks.wire.presets import PRESETS
from tests.patterns import fault

ROOT: Final = Path(headworks.__file__).parent
CALLS: Final = frozenset({"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"})
HELD_AT_ONE_PLACE: Final = frozenset({"match", "fullmatch"})


class Pattern(NamedTuple):
    place: str
    pattern: Any
    flags: int
    is_searched: bool


def patterns() -> Iterator[Pattern]:
    """Every pattern that the package gives to `re`, with the names of its module put in; a local value stands as `x`."""
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text()
        if not re.search(r"\bre\.\w+\(", text):
            continue
        tree = ast.parse(text)
        module: Any = None
        held = {
            node.value: target.id
            for node in ast.walk(tree)
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re"):
                continue
            if module is None:
                name = ".".join(("headworks", *path.relative_to(ROOT).with_suffix("").parts))
                module = importlib.import_module(name)
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            flags = 0
            for extra in (*node.args[1:], *(one.value for one in node.keywords)):
                value = valued(extra, vars(module))
                flags |= int(value) if isinstance(value, re.RegexFlag) else 0
            how = node.func.attr
            if how == "compile":
                how = "match" if node in held and used(held[node], text) <= HELD_AT_ONE_PLACE else "search"
            yield Pattern(place, valued(node.args[0], vars(module)), flags, how not in HELD_AT_ONE_PLACE)


def used(name: str, text: str) -> set[str]:
    """The methods of a compiled pattern that its module calls; it is searched for where that cannot be seen."""
    found = set(re.findall(rf"\b{name}\.([a-z]+)\(", text))
    return found & CALLS or {"search"}


def valued(node: ast.expr, names: dict[str, Any]) -> Any:
    """What an expression is; None where that is known at run time only."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(valued(part, names) or "x") for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return valued(node.value, names)
    try:
        return eval(compile(ast.Expression(node), "", "eval"), dict(names))
    except NameError:
        return None


@cache
def every() -> tuple[Pattern, ...]:
    """All of them: not on import, which every process of a run does."""
    return tuple(patterns())


FROM_DATA: Final = {
    "catalog/matching.py": "the conditions of the bundled table",
    "catalog/table.py": "the addresses of the bundled table",
    "core/masking.py": "the spellings of a secret: see its own tests",
    "system/schema/notations.py": "the patterns of the notations",
    "wire/prefill.py": "how the names of models begin",
}
"""Files that are given patterns as values, and which: `data` has them."""


def data() -> Iterator[tuple[str, str, bool]]:
    """Patterns that are values: where they stand, the pattern, and whether it is searched for."""
    for provider in Catalog().book.providers:
        yield provider.id, provider.url, False
        for row in msgspec.json.decode(provider.models, type=tuple[ModelRow, ...]):
            yield from ((row.id, text[1:], True) for texts in row.match for text in texts if text[0] == "~")
    for unit, notation in NOTATIONS.items():
        if notation.read.__qualname__.startswith("_matching"):  # the others are for editors only
            yield unit, notation.pattern, False
    yield from ((one.word, begins, False) for one in PRESETS for _, begins, _ in one.prefills)


def test_no_pattern_of_the_package_takes_more_than_linear_time() -> None:
    found = {
        f"{one.place} {one.pattern!r}": why
        for one in every()
        if one.pattern is not None and (why := fault(one.pattern, one.flags, is_searched=one.is_searched))
    }
    assert found == {}
    assert len(every()) > 90


def test_nor_does_one_that_is_data() -> None:
    assert {one.place.partition(":")[0] for one in every() if one.pattern is None} == set(FROM_DATA)
    patterns = list(data())
    assert {
        f"{at} {pattern}": why
        for at, pattern, is_searched in patterns
        if (why := fault(pattern, 0, is_searched=is_searched))
    } == {}
    assert len(patterns) > 100


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)*",
        r"(?:a|aa)+$",
        r"^(\w+\s?)*$",
        r"a*b?a*c",
        r"^\s*.*\s*x",
        r"(?is)<title[^>]*>\s*(.{1,200}?)\s*</title>",
        r"\s+$",
        r"[^}]*\}",
        r"\{([^}]*)\}",
        r"(?=[a-z*]*[0-9])[a-z0-9*]{20,}",
        r"[.!?]+(?=\s|$)",
        r"(?:(\d+)h)?(?:(\d+)m)?",
        r"(a)\1*\1*b",
        r"(?:\d+(?:ms|s))+",
    ],
)
def test_what_takes_more_is_found(pattern: str | bytes) -> None:
    assert fault(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"[^\W\d_]+",
        r"^\s+x",
        r"(?<!\w)\w+x",
        r"[a-z]{1,40} [a-z]{1,40}",
        r"\d+(?:\.\d+)?",
        r"(?:one|two|three|four|five|six|seven|eight) (?:a|b)",
    ],
)
def test_and_what_is_linear_is_not_refused(pattern: str | bytes) -> None:
    assert fault(pattern) == ""


def test_what_is_held_at_one_place_may_begin_with_a_repetition() -> None:
    pattern = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    assert fault(pattern, re.DOTALL, is_searched=False) == ""
    assert fault(pattern, re.DOTALL)
