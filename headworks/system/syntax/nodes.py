"""YAML text as a tree of texts, lists and tables that know their place.

Always true: a scalar is the text that was written, whatever YAML would make of it; no table has a name twice; the tree
is at most `MOST_DEPTH` deep and, with every anchor written out, `MOST_NODES` large, so that no file of a few lines can
keep the machine busy for hours ("billion laughs"). What the text means is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import yaml

from headworks.system.syntax.findings import Findings, KeyPath, Position
from headworks.system.syntax.scalars import shown

MOST_BYTES = 1024 * 1024
"""A system file is at most this long: about 10,000 aliases."""

MOST_NODES = 50_000
MOST_DEPTH = 32
"""The deepest value that means something is at 7."""

LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it (5 times faster), else the same in Python."""

_MERGE = "tag:yaml.org,2002:merge"
_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
)
"""The tags that PyYAML assigns to untagged nodes. Any other tag was written in the file, and is refused."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    text: str
    place: Position
    is_plain: bool
    """Written without quotes."""


@dataclass(frozen=True, slots=True)
class SequenceNode:
    items: tuple[Node, ...]
    place: Position


@dataclass(frozen=True, slots=True)
class Entry:
    name_place: Position
    node: Node


@dataclass(frozen=True, slots=True)
class MappingNode:
    entries: dict[str, Entry]
    place: Position


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def text_at(root: Node, *names: str) -> str | None:
    """The text at this place of the file; None where there is none."""
    node: Node = root
    for name in names:
        entry = node.entries.get(name) if isinstance(node, MappingNode) else None
        if entry is None:
            return None
        node = entry.node
    return node.text if isinstance(node, ScalarNode) else None


def compose(content: bytes, findings: Findings) -> Node | None:
    """The tree of a file. What is wrong goes to `findings`; None when there is nothing to go on with."""
    text = _decoded(content, findings)
    if text is None:
        return None
    try:
        if not _is_bounded(text, findings):
            return None
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        _not_yaml(error, text, findings)
        return None
    if root is None:
        findings.error((), "the file is empty", "it needs `providers` and `models`", Position(1, 1))
        return None
    try:
        return _TreeBuilder(findings).build(root, ())
    except _TooLarge:
        return None


def _is_bounded(text: str, findings: Findings) -> bool:
    """Whether the text may be composed. Looked for first: composing recurses, and libyaml's runs off the C stack."""
    depth = count = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            depth += isinstance(event, yaml.CollectionStartEvent)
            count += 1
            if depth > MOST_DEPTH or count > MOST_NODES:
                too = (
                    f"is nested more than {MOST_DEPTH} levels deep"
                    if depth > MOST_DEPTH
                    else f"has more than {MOST_NODES} values"
                )
                mark = event.start_mark
                place = Position(mark.line + 1, mark.column + 1) if mark else None
                findings.error(
                    (), f"the file {too}", "a system file has some hundred values: is this the right file?", place
                )
                return False
    return True


def _decoded(content: bytes, findings: Findings) -> str | None:
    if len(content) > MOST_BYTES:
        findings.error(
            (), "the file is longer than 1 MiB", "a system file has some hundred lines: is this the right file?"
        )
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(errors="replace")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        findings.error((), "the file is not UTF-8 text", "save it as UTF-8", Position(line, column))
        return None


def _not_yaml(error: yaml.YAMLError, text: str, findings: Findings) -> None:
    problem, place, remedy = "it cannot be parsed", None, "see the line and the one above it"
    if isinstance(error, yaml.MarkedYAMLError):
        problem = error.problem or error.context or problem
        if mark := error.problem_mark or error.context_mark:
            place = Position(mark.line + 1, mark.column + 1)
    elif isinstance(error, yaml.reader.ReaderError):
        problem = "it contains a control character"
        remedy = "remove the character, or write it as an escape in double quotes"
        place = _control_character(text)
    line = text.split("\n")[place.line - 1] if place and place.line <= text.count("\n") + 1 else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        remedy = "YAML is indented with spaces, never with tabs"
    elif "${" in line and "{" in line.replace("${", ""):
        remedy = 'inside { } a reference needs quotes: "${env:NAME}"'
    elif "single document" in problem or "single document" in str(error):
        problem, remedy = "a second document begins", "a system file is one document: remove the `---`"
    findings.error((), f"this is not YAML: {problem}", remedy, place)


def _control_character(text: str) -> Position | None:
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if character not in "\t\r\x85\xa0" and not character.isprintable() and not character.isspace():
                return Position(number, column)
    return None


class _TooLarge(Exception):
    """The tree is beyond its bounds; what is wrong was noted."""


class _TreeBuilder:
    """Turns PyYAML's nodes, a graph where anchors are used, into a tree."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.count = 0

    def build(self, node: yaml.Node, where: KeyPath) -> Node:
        place = _place(node)
        self.count += 1
        if self.count > MOST_NODES:
            problem = f"with its anchors written out the file has more than {MOST_NODES} values"
            self.findings.error(where[:1], problem, "use fewer aliases", place)
            raise _TooLarge
        if len(where) > MOST_DEPTH:
            problem = f"the file is nested more than {MOST_DEPTH} levels deep, or an anchor contains itself"
            self.findings.error(where[:1], problem, "nest less", place)
            raise _TooLarge
        if node.tag not in _TAGS:
            self.findings.error(
                where, f"the tag {shown(node.tag)} is not allowed", "remove it: tags are not used here", place
            )
        if isinstance(node, yaml.ScalarNode):
            return ScalarNode(node.value, place, not node.style)
        if isinstance(node, yaml.SequenceNode):
            return SequenceNode(tuple(self.build(item, (*where, i)) for i, item in enumerate(node.value)), place)
        assert isinstance(node, yaml.MappingNode)
        return self.table(node, where)

    def table(self, node: yaml.MappingNode, where: KeyPath) -> MappingNode:
        entries: dict[str, Entry] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            place = _place(key)
            if not isinstance(key, yaml.ScalarNode):
                self.findings.error(where, "a key is a list or a map", "write a name, a colon and a value", place)
            elif key.tag == _MERGE and not key.style:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif key.value in entries:
                first = entries[key.value].name_place
                self.findings.error(
                    (*where, key.value),
                    f"{shown(key.value)} is written twice",
                    f"the first is at line {first.line}, column {first.column}: keep one",
                    place,
                )
            else:
                entries[key.value] = Entry(place, self.build(value, (*where, key.value)))
        for source in merged:  # `<<: *anchor`: what the table has itself wins, then what comes first
            built = self.build(source, (*where, "<<"))
            if isinstance(built, MappingNode):
                entries = {**built.entries, **entries}
            else:
                self.findings.error(where, "`<<` takes a map or a list of maps", "write `<<: *anchor`", built.place)
        return MappingNode(entries, _place(node))


def _place(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)
