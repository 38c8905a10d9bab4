"""Whether a regular expression is linear: read from its parsed form, not by trying.

A pattern is refused where
- a repetition stands in another one (`(a+)*`): its ways to match grow without end;
- two repetitions can share the same characters, with nothing between them that ends the first (`\\s*.*\\s*`): each byte is read
  once for each byte;
- it is searched for, and a repetition that may fail behind its end can begin anywhere within itself (`\\s+x`): likewise.

Possessive repetitions do not give back, but begin anywhere all the same. What repeats at most `FEW` times is a constant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

FEW: Final = 64
"""Repetitions up to which a count is a constant, where it does not stand in another repetition."""

SEVERAL: Final = 6
"""Alternatives that are looked at one by one."""

CHARS: Final = (*map(chr, range(128)), "\xa0", "\xe9", "\u0130", "\u0661", "\u20ac", "\u4e2d", "\U0001f600")
"""What is tried against a set: enough to tell any two sets of this package apart."""

EVERYTHING: Final = frozenset(CHARS)


class Item(NamedTuple):
    """One step of a way through a pattern. takes: the characters. is_long: a repetition without a small bound."""

    takes: frozenset[str]
    is_long: bool
    must: bool  # at least one character
    gives_back: bool = True
    is_edge: bool = False  # a lookbehind or \b: no character, and it stops a search from beginning anywhere
    looks: bool = False  # ahead: no character, and it may fail


class Nested(Exception):
    """A repetition within a repetition."""


def fault(pattern: str | bytes, flags: int = 0, *, is_searched: bool = True) -> str:
    """Why the pattern may take more than linear time; "" where it cannot."""
    parsed = _parser.parse(pattern, flags)
    folded = parsed.state.flags & re.IGNORECASE
    try:
        ways = list(_ways(parsed, bool(folded)))
    except Nested as error:
        return f"a repetition in a repetition: {error}"
    for way in ways:
        if why := _overlap(way) or (_restart(way, ways) if is_searched else ""):
            return why
    return ""


def _overlap(way: list[Item]) -> str:
    for at, first in enumerate(way):
        if not first.is_long or not first.gives_back:
            continue
        for other in way[at + 1 :]:
            if other.is_edge:
                continue
            if other.is_long and first.takes & other.takes:
                return f"two repetitions share {_some(first.takes & other.takes)}"
            if other.must and not first.takes & other.takes:
                break
    return ""


def _restart(way: list[Item], ways: list[list[Item]]) -> str:
    for at, item in enumerate(way):
        if item.is_edge or (item.must and not item.is_long and not _later(way, at)):
            return ""
        if item.is_long:
            beside = [other[at + 1 :] for other in ways if other[: at + 1] == way[: at + 1]]
            may_fail = all(any(rest.must or rest.is_edge or rest.looks for rest in other) for other in beside)
            return f"it is searched for, and may begin anywhere in {_some(item.takes)}" if may_fail else ""
    return ""


def _later(way: list[Item], at: int) -> bool:
    """Whether a repetition behind this one can take it: then a search can begin within that repetition."""
    return any(item.is_long and item.takes & way[at].takes for item in way[at + 1 :])


def _some(takes: frozenset[str]) -> str:
    return repr("".join(sorted(takes))[:8])


def _ways(parsed: Any, folded: bool) -> Iterator[list[Item]]:
    """Every way through a sequence, with its alternatives taken apart."""
    ways: list[list[Item]] = [[]]
    for kind, value in parsed:
        steps = list(_steps(kind, value, folded))
        ways = [[*way, *step] for way in ways for step in steps]
        assert len(ways) < 60_000, "too many alternatives to look at"
    yield from _merged(ways)


def _merged(ways: list[list[Item]]) -> list[list[Item]]:
    """Equal ways once; many that have no long repetition as one step that takes what any of them begins with: the less a step
    takes, the less is refused, and each of these ways has at least that one character."""
    ways = list({tuple(way): way for way in ways}.values())
    short = [way for way in ways if not any(item.is_long or item.is_edge for item in way)]
    if len(short) <= SEVERAL:
        return ways
    rest = [way for way in ways if way not in short]
    if not all(way and way[0].must for way in short):
        return [[], *rest]
    return [[Item(frozenset().union(*(way[0].takes for way in short)), False, True)], *rest]


def _steps(kind: Any, value: Any, folded: bool) -> Iterator[list[Item]]:
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, most, inner = value
        gives_back = kind is not sre.POSSESSIVE_REPEAT
        is_long = most is sre.MAXREPEAT or most > FEW
        ways = list(_ways(inner, folded))
        if is_long or most > 1:
            for way in ways:
                for item in way:
                    if (item.is_long or (not item.must and not item.is_edge and is_long)) and gives_back:
                        raise Nested(_some(item.takes))
            flat = [item for way in ways for item in way if not item.is_edge]
            takes = frozenset().union(*(item.takes for item in flat)) if flat else frozenset()
            firsts = [way[0].takes for way in ways if way]
            for at, one in enumerate(firsts):
                if is_long and gives_back and any(one & other for other in firsts[at + 1 :]):
                    raise Nested(f"two alternatives begin with {_some(one)}")
            yield [Item(takes, is_long, least > 0, gives_back)]
            return
        if least == 0:
            yield []
        yield from ways
    elif kind is sre.SUBPATTERN:
        yield from _ways(value[3], folded or bool(value[1] & re.IGNORECASE))
    elif kind is sre.ATOMIC_GROUP:
        for way in _ways(value, folded):
            yield [item._replace(gives_back=False) for item in way]
    elif kind is sre.BRANCH:
        yield from _merged([way for branch in value[1] for way in _ways(branch, folded)])
    elif kind in (sre.ASSERT, sre.ASSERT_NOT):
        direction, inner = value
        ways = list(_ways(inner, folded))
        if any(item.is_long for way in ways for item in way):
            yield [Item(EVERYTHING, True, True)]
        elif direction < 0:
            yield [Item(frozenset(), False, False, is_edge=True)]
        else:
            yield [Item(frozenset(), False, False, looks=True)]
    elif kind is sre.AT:
        edge = value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING, sre.AT_BOUNDARY)
        is_end = value in (sre.AT_END, sre.AT_END_STRING)
        yield [Item(frozenset(), False, is_end, is_edge=edge)] if edge or is_end else []
    elif kind is sre.GROUPREF:
        yield [Item(EVERYTHING, True, False)]
    else:
        yield [Item(_set(kind, value, folded), False, True)]


def _set(kind: Any, value: Any, folded: bool) -> frozenset[str]:
    """The characters that a step takes: tried one by one with the engine itself."""
    parsed = _parser.SubPattern(_parser.State(), [(kind, value)])
    parsed.state.str = ""
    code = re._compiler.compile(parsed, re.IGNORECASE if folded else 0)  # type: ignore[attr-defined]
    return frozenset(char for char in CHARS if code.fullmatch(char))
