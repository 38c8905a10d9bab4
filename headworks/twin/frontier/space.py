"""What may vary: the `choices:` of a file, or the file's own knobs, each with the values that it may have.

Always true: a value that the file has already is no change; the order is that of the file, so the same file has the same space.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from math import perm, prod
from typing import Final

import msgspec

from headworks.system.choices import items
from headworks.system.schema.choices import Choices, TargetChoice
from headworks.system.schema.system import Model, System
from headworks.system.syntax.changed_tree import content, expand_target, flow, node_at
from headworks.system.syntax.findings import KeyPath, Position, format_path
from headworks.system.syntax.nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode
from headworks.system.syntax.scalars import written_duration
from headworks.system.syntax.setting_path import setting_path

CACHED_FOR: Final = "1h"
"""How long a cache that is tried keeps answers, where the file has none."""

MOST_ORDERS: Final = 120
"""Orders of a file's own targets of one number: of five all, of ten every two."""

MORE_ATTEMPTS: Final = 2
"""Attempts that are tried beside those of the file."""

_HERE: Final = Position(1, 1)


class Value(msgspec.Struct, frozen=True):
    """One value of a knob. node: what the file has there then, None where it stays as it is; said: in words."""

    node: Node | None
    said: str


class Knob(msgspec.Struct, frozen=True):
    """A setting that varies, and its values."""

    path: KeyPath
    values: tuple[Value, ...]

    @property
    def name(self) -> str:
        return format_path(self.path)

    def words(self, value: Value) -> str:
        """A change as a person says it: `assistant asks groq/m, then openai/n`; a setting by its path."""
        if self.path[0] == "models" and self.path[2:] == ("targets",):
            return f"{self.path[1]} asks {value.said}"
        return f"{self.name}: {value.said}"


class Space(msgspec.Struct, frozen=True):
    """The knobs of a search. is_own: whether the file names none, so that they are its own."""

    knobs: tuple[Knob, ...]
    is_own: bool

    @property
    def size(self) -> int:
        """How many systems there are."""
        return prod(len(one.values) for one in self.knobs)

    def chosen(self, number: int) -> tuple[int, ...]:
        """The values of the system of a number, counted like an odometer: the first knob turns fastest."""
        found = []
        for knob in self.knobs:
            number, at = divmod(number, len(knob.values))
            found.append(at)
        return tuple(found)


def space_of(system: System, root: Node) -> Space:
    """The space of a file."""
    choices = system.choices
    if choices is not None and (choices.targets or choices.vary):
        return Space(tuple(_written(choices, root)), is_own=False)
    return Space(tuple(one for one in _own(system, root) if len(one.values) > 1), is_own=True)


def _written(choices: Choices, root: Node) -> Iterator[Knob]:
    """What the file says may vary."""
    for alias, one in choices.targets.items():
        where: KeyPath = ("choices", "targets", alias)
        node = node_at(root, where)
        if isinstance(node, MappingNode):
            node = node_at(root, (*where, "any_of"))
        yield _targets(alias, [_as_in_file(target, alias, root) for target in items(node)], one, root)
    for name in choices.vary:
        path = setting_path(name)
        yield _knob(path, items(node_at(root, ("choices", "vary", name))), root)


def _as_in_file(target: Node, alias: str, root: Node) -> Node:
    """A target that is named in short, as it stands under its alias with all that is said of it there."""
    if not isinstance(target, ScalarNode):
        return target
    for tier in items(node_at(root, ("models", alias, "targets"))):
        for one in items(tier):
            if _named(one) == _named(target):
                return one
    return target


def _named(target: Node) -> tuple[str, str]:
    """Provider and model."""
    table = expand_target(target)
    found = [node_at(table, (key,)) for key in ("provider", "model")]
    provider, model = (one.text if isinstance(one, ScalarNode) else "" for one in found)
    return provider, model


def _targets(alias: str, known: Sequence[Node], one: TargetChoice, root: Node) -> Knob:
    """An alias's targets: so many of them, in any order, and two of them as one tier."""
    tiers: list[tuple[Node, ...]] = []
    most = len(known) if one.at_most is None else one.at_most
    for count in range(one.at_least, most + 1):
        tiers += permutations(known, count)
    for first, second in permutations(range(len(known)), 2):
        if most < 2 or first > second:
            continue
        rest = [target for at, target in enumerate(known) if at not in (first, second)]
        for shares in dict.fromkeys((a, b) for a in one.weights for b in one.weights):
            tier = tuple(_weighed(known[at], weight) for at, weight in zip((first, second), shares, strict=True))
            for count in range(max(0, one.at_least - 2), most - 1):
                tiers += [(SequenceNode(tier, _HERE), *more) for more in permutations(rest, count)]
    path: KeyPath = ("models", alias, "targets")
    return _knob(path, [SequenceNode(found, _HERE) for found in tiers], root)


def _weighed(target: Node, weight: float) -> Node:
    """A target with a weight."""
    table = expand_target(target)
    assert isinstance(table, MappingNode)
    written = Entry(_HERE, ScalarNode(f"{weight:g}", _HERE, True))
    return MappingNode({**table.entries, "weight": written}, table.place)


def _knob(path: KeyPath, nodes: Sequence[Node], root: Node) -> Knob:
    """A knob whose values are these, each once."""
    found: dict[str, Value] = {}
    now = node_at(root, path)
    for node in nodes:
        said = _tiers_said(node) if path[0] == "models" and path[2:] == ("targets",) else flow(node)
        is_now = now is not None and _meaning(node, path) == _meaning(now, path)
        found.setdefault(repr(_meaning(node, path)), Value(None if is_now else node, said))
    return Knob(path, tuple(found.values()))


def _meaning(node: Node, path: KeyPath) -> object:
    """What a value says, however it is written."""
    if path[0] == "models" and path[2:] == ("targets",):
        return [[content(expand_target(one)) for one in items(tier)] for tier in items(node)]
    return content(node)


def _tiers_said(node: Node) -> str:
    """Targets in words: `a/x, then b/y`; of a shared tier the weights too."""
    said = []
    for tier in items(node):
        names = []
        for one in items(tier):
            provider, model = _named(one)
            weight = node_at(expand_target(one), ("weight",))
            share = f" ({weight.text})" if isinstance(weight, ScalarNode) and len(items(tier)) > 1 else ""
            names.append(f"{provider}/{model}{share}" if model else f"{provider}{share}")
        said.append(" and ".join(names) + (" together" if len(names) > 1 else ""))
    return ", then ".join(said)


# The file's own knobs: what its owner may change without anybody's consent.


def _own(system: System, root: Node) -> Iterator[Knob]:
    for alias, model in system.models.items():
        where: KeyPath = ("models", alias)
        known = [one for tier in items(node_at(root, (*where, "targets"))) for one in items(tier)]
        if len(known) > 1:
            yield _targets(alias, known, TargetChoice(any_of=(), at_most=_most_tiers(len(known))), root)
        yield _settings(where, root, "mid_stream", ("error", "restart"), model.mid_stream)
        attempts = model.retry.attempts
        tried = dict.fromkeys((1, attempts, attempts + MORE_ATTEMPTS))
        yield _settings(where, root, "retry.attempts", tuple(map(str, tried)), str(attempts))
        first = model.timeouts.first_token
        spans = (written_duration(first), written_duration(first / 2))
        yield _settings(where, root, "timeouts.first_token", spans, spans[0])
        if _repeats(system, alias) and model.cache.exact is None:
            yield _cache(where)


def _most_tiers(known: int) -> int:
    """How many of a file's own targets are put in a row: of many only few, else there are too many orders."""
    return max(count for count in range(1, known + 1) if count <= 2 or perm(known, count) <= MOST_ORDERS)


def _settings(where: KeyPath, root: Node, name: str, texts: Sequence[str], now: str) -> Knob:
    """A setting with these values; `now` is the one that the file has, written or not."""
    path = (*where, *name.split("."))
    values = [Value(None if text == now else ScalarNode(text, _HERE, True), text) for text in texts]
    return Knob(path, tuple(values))


def _cache(where: KeyPath) -> Knob:
    node = ScalarNode(CACHED_FOR, _HERE, True)
    return Knob((*where, "cache", "exact"), (Value(None, "off"), Value(node, CACHED_FOR)))


def _repeats(system: System, alias: str) -> bool:
    """Whether calls are repeated, so that a cache has something to answer."""
    traffic = system.requirements.traffic
    own = traffic.aliases.get(alias)
    return bool(traffic.repeated if own is None or own.repeated is None else own.repeated)


def first_tier(model: Model) -> list[str]:
    """The targets that are asked first, by name."""
    return [str(one) for one in model.targets[0]]
