"""A tree with one value changed, and values as YAML on one line.

Always true: the tree that comes in stays as it is; short forms on the way to the value are written out, and nothing else changes.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from headworks.system.syntax.findings import KeyPath, Position
from headworks.system.syntax.nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode

_PLAIN: Final = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9_$%./+~-]*")
"""What needs no quotes on one line, whatever stands beside it."""


class NoSuchPlace(Exception):
    """There is no place in the tree for a value at this path: `where` leads to what is in its way."""

    def __init__(self, where: KeyPath) -> None:
        super().__init__(where)
        self.where = where


def expand_target(node: Node) -> Node:
    """`provider/model`, or only `provider`, as the table it stands for."""
    if not isinstance(node, ScalarNode):
        return node
    provider, slash, model = node.text.partition("/")
    entries = {"provider": Entry(node.place, ScalarNode(provider, node.place, False))}
    if slash:
        entries["model"] = Entry(node.place, ScalarNode(model, node.place, False))
    return MappingNode(entries, node.place)


def expand_model(node: Node) -> Node:
    """A target, or a list of tiers, as the table it stands for."""
    return node if isinstance(node, MappingNode) else MappingNode({"targets": Entry(node.place, node)}, node.place)


def expanded(node: Node, where: KeyPath) -> Node:
    """A short form that stands at a path, as the table it stands for; anything else as it is."""
    if len(where) == 2 and where[0] == "models":
        return expand_model(node)
    is_target = len(where) in (4, 5) and where[0] == "models" and where[2] == "targets"
    return expand_target(node) if is_target else node


def with_value(root: Node, path: KeyPath, value: Node, place: Position) -> Node:
    """The same tree with this value at a path. place: of what asks for it, for tables that are new. Raises NoSuchPlace."""
    return _with_value(root, path, 0, value, place)


def _with_value(node: Node, path: KeyPath, at: int, value: Node, place: Position) -> Node:
    if at == len(path):
        return value
    step = path[at]
    if isinstance(step, int):
        if not isinstance(node, SequenceNode):  # a list of one may stand without its brackets
            if step:
                raise NoSuchPlace(path[: at + 1])
            return _with_value(node, path, at + 1, value, place)
        if step >= len(node.items):
            raise NoSuchPlace(path[: at + 1])
        items = list(node.items)
        items[step] = _with_value(items[step], path, at + 1, value, place)
        return SequenceNode(tuple(items), node.place)
    node = expanded(node, path[:at])
    if not isinstance(node, MappingNode):
        raise NoSuchPlace(path[:at])
    known = node.entries.get(step)
    below: Node = MappingNode({}, place) if known is None else known.node
    name_place = place if known is None else known.name_place
    made = _with_value(below, path, at + 1, value, place)
    return MappingNode({**node.entries, step: Entry(name_place, made)}, node.place)


def node_at(root: Node, path: KeyPath) -> Node | None:
    """What stands at a path, with short forms written out; None where nothing does."""
    node: Node = root
    for at, step in enumerate(path):
        if isinstance(step, int):
            items = node.items if isinstance(node, SequenceNode) else (node,)
            if step >= len(items):
                return None
            node = items[step]
            continue
        node = expanded(node, path[:at])
        if not isinstance(node, MappingNode) or step not in node.entries:
            return None
        node = node.entries[step].node
    return node


def flow(node: Node) -> str:
    """A value on one line."""
    if isinstance(node, ScalarNode):
        is_bare = _PLAIN.fullmatch(node.text) and (node.is_plain or node.text not in ("true", "false", "null"))
        return node.text if is_bare else msgspec.json.encode(node.text).decode()
    if isinstance(node, SequenceNode):
        return f"[{', '.join(map(flow, node.items))}]"
    return f"{{{', '.join(f'{name(key)}: {flow(entry.node)}' for key, entry in node.entries.items())}}}"


def name(key: str) -> str:
    """A key, in quotes where it needs them."""
    return key if _PLAIN.fullmatch(key) else msgspec.json.encode(key).decode()


def content(node: Node) -> object:
    """What a tree says, without its places: two trees that say the same have the same content."""
    if isinstance(node, ScalarNode):
        return node.text
    if isinstance(node, SequenceNode):
        return [content(item) for item in node.items]
    return {key: content(entry.node) for key, entry in node.entries.items()}
