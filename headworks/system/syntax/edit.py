"""Changes a value in the text of a file, and leaves everything else as its author wrote it: order, layout and comments.

Always true: the changed text says what the tree says after the same change (`changed_tree.py`), or the change is refused.
A comment that stands inside a list or a map that is replaced whole goes with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from headworks.system.syntax.changed_tree import content, flow, name, node_at, with_value
from headworks.system.syntax.findings import Findings, KeyPath
from headworks.system.syntax.nodes import LOADER, MappingNode, Node, ScalarNode, SequenceNode, compose


class CannotEdit(Exception):
    """The text cannot be changed in this place alone: an anchor or a merge (`<<`) writes it in several."""


def with_edit(text: str, path: KeyPath, value: Node) -> str:
    """The text with this value at a path. Raises CannotEdit, NoSuchPlace."""
    wanted = with_value(_tree(text), path, value, value.place)
    made = _edited(text, wanted, path, value)
    if content(_tree(made)) != content(wanted):
        raise CannotEdit
    return made


def _tree(text: str) -> Node:
    findings = Findings("")
    root = compose(text.encode(), findings)
    if root is None or findings.errors:
        raise CannotEdit
    return root


def _edited(text: str, wanted: Node, path: KeyPath, value: Node) -> str:
    """Walks down to the value, or to what is nearest to it and has to be changed."""
    node: yaml.Node | None = yaml.compose(text, Loader=LOADER)
    assert node is not None, "it was composed before"
    for at, step in enumerate(path):
        if isinstance(step, int):
            node = node.value[step] if isinstance(node, yaml.SequenceNode) else node
            continue
        if not isinstance(node, yaml.MappingNode):  # a short form: it is written out
            whole = node_at(wanted, path[:at])
            assert whole is not None
            return _replaced(text, node, whole)
        found = next((below for key, below in node.value if key.value == step), None)
        if found is None:
            return _inserted(text, node, path[at:], value)
        node = found
    return _replaced(text, node, value)


def _end(node: yaml.Node) -> int:
    """Where the last character of a value is: a block's own mark is beyond the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _replaced(text: str, node: yaml.Node, value: Node) -> str:
    begin, end = node.start_mark.index, _end(node)
    end = begin + len(text[begin:end].rstrip())
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        kept = {}
        if isinstance(node, yaml.SequenceNode) and isinstance(value, SequenceNode):
            kept = {repr(_said(item)): text[item.start_mark.index : _line_end(text, _end(item))] for item in node.value}
            end = _line_end(text, end)
        return f"{text[:begin]}{_block(value, node.start_mark.column, kept)}{text[end:]}"
    gap = " " if begin == end and text[begin - 1 : begin] == ":" else ""
    return f"{text[:begin]}{gap}{flow(value)}{text[end:]}"


def _line_end(text: str, at: int) -> int:
    """Where the line ends that a place is in."""
    found = text.find("\n", at)
    end = len(text) if found < 0 else found
    return end - 1 if text[at:end].endswith("\r") else end


def _said(node: yaml.Node) -> object:
    """What a node says, as `content` has it."""
    if isinstance(node, yaml.SequenceNode):
        return [_said(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {key.value: _said(below) for key, below in node.value}
    return node.value


def _block(value: Node, column: int, kept: Mapping[str, str]) -> str:
    """A value in the place of a block: a line an item. kept: items as they stood there, with the comments beside them."""
    if isinstance(value, ScalarNode) or not (value.items if isinstance(value, SequenceNode) else value.entries):
        return f"  {flow(value)}"
    if isinstance(value, SequenceNode):
        lines = [f"- {kept.get(repr(content(item))) or flow(item)}" for item in value.items]
    else:
        lines = [f"{name(key)}: {flow(entry.node)}" for key, entry in value.entries.items()]
    return f"\n{' ' * column}".join(lines)


def _inserted(text: str, node: yaml.MappingNode, rest: KeyPath, value: Node) -> str:
    """A key that is not there yet, after the last one of its map."""
    for step in reversed(rest[1:]):
        if isinstance(step, int):
            raise CannotEdit
        value = with_value(MappingNode({}, value.place), (step,), value, value.place)
    line = f"{name(str(rest[0]))}: {flow(value)}"
    end = _end(node)
    if node.flow_style:
        if not node.value:
            return f"{text[: end - 1]}{line}{text[end - 1 :]}"
        end = _end(node.value[-1][1])
        return f"{text[:end]}, {line}{text[end:]}"
    at = _line_end(text, node.start_mark.index + len(text[node.start_mark.index : end].rstrip()))
    ending = "\r\n" if text[at : at + 1] == "\r" else "\n"
    return f"{text[:at]}{ending}{' ' * node.start_mark.column}{line}{text[at:]}"
