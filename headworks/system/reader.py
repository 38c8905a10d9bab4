"""A tree of nodes as the structs it is meant to be.

Always true: reading goes on after a mistake, so that all of them are told at once; what could not be read is left out
or stands at its default, and then `findings` has an error, so the result is only used for further checks. Every value
that was read has its place in `findings`. Nothing is read that the struct does not name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import inspect

from headworks.core.per import SessionBudget
from headworks.system.preset_words import dialect_remedy, expand_provider
from headworks.system.schema.choices import TargetChoice
from headworks.system.schema.notations import NOTATIONS
from headworks.system.schema.prompt_file import MOST_BYTES as MOST_PROMPT
from headworks.system.schema.prompt_file import Front, PromptFile, parts
from headworks.system.schema.secrets import PrivateUrl, Secret, Sources
from headworks.system.schema.system import PRESETS, TEXT_NOTATIONS, Model, SuiteFile, System, TargetOf, written_fields
from headworks.system.syntax.changed_tree import expand_model, expand_target
from headworks.system.syntax.findings import Findings, KeyPath, Position, closest, suggestion
from headworks.system.syntax.json_value import as_json_text
from headworks.system.syntax.nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode, compose
from headworks.system.syntax.scalars import Unreadable, boolean, integer, number, shown


class _Invalid:
    """A value that could not be read."""


INVALID: Final = _Invalid()


def expand_suite(node: Node) -> Node:
    """A path as the table it stands for."""
    return MappingNode({"file": Entry(node.place, node)}, node.place) if isinstance(node, ScalarNode) else node


def expand_choice(node: Node) -> Node:
    """A list of targets as the table it stands for."""
    return node if isinstance(node, MappingNode) else MappingNode({"any_of": Entry(node.place, node)}, node.place)


def expand_budget(node: Node) -> Node:
    """An amount as the budget it stands for."""
    return MappingNode({"amount": Entry(node.place, node)}, node.place) if isinstance(node, ScalarNode) else node


_SYSTEM: Final = inspect.type_info(System)
"""Looked at once: a search reads hundreds of files, and a look takes longer than all the rest of reading one."""

_PRESETS: Final = {
    word: kind for word, struct in PRESETS.items() if isinstance(kind := inspect.type_info(struct), inspect.StructType)
}


SHORT_FORMS: Final[Mapping[type, Callable[[Node], Node]]] = MappingProxyType(
    {
        TargetOf: expand_target,
        Model: expand_model,
        SuiteFile: expand_suite,
        TargetChoice: expand_choice,
        SessionBudget: expand_budget,
    }
)
"""Structs that have a short form beside the long one."""

_NO_VALUE: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Reader:
    """Reads one file's tree."""

    def __init__(self, findings: Findings, sources: Sources) -> None:
        self.findings = findings
        self.sources = sources

    def system(self, root: Node) -> System | None:
        """The system as far as it can be read."""
        read = self.read(root, _SYSTEM, ())
        return read if isinstance(read, System) else None

    def read(self, node: Node, kind: inspect.Type, where: KeyPath) -> object:
        """The value of a node, or INVALID."""
        unit = ""
        if isinstance(kind, inspect.Metadata):
            unit = str((kind.extra or {}).get("unit", ""))
            kind = kind.type
        if isinstance(kind, inspect.UnionType):
            return self.union(node, kind, where)
        self.findings.values[where] = node.place
        if isinstance(node, ScalarNode) and node.is_plain and node.text in _NO_VALUE:
            return self.wrong(where, "the value is missing", "write one, or remove the line")
        match kind:
            case inspect.RawType():
                return as_json_text(node)
            case inspect.StructType() if kind.cls is PromptFile:
                return self.prompt(node, where)
            case inspect.StructType() if kind.cls in TEXT_NOTATIONS:
                unit = TEXT_NOTATIONS[kind.cls]
            case inspect.StructType():
                return self.struct(node, kind, where)
            case inspect.DictType():
                return self.table(node, kind, where)
            case inspect.VarTupleType():
                return self.items(node, kind, where)
        if not isinstance(node, ScalarNode):
            return self.wrong(where, f"expected a single value, not {_kind_of(node)}", _example(unit))
        return self.scalar(node.text, kind, unit, where)

    def scalar(self, text: str, kind: inspect.Type, unit: str, where: KeyPath) -> object:
        try:
            if isinstance(kind, inspect.CustomType) and kind.cls is Secret:
                return self.sources.resolve(text)
            if isinstance(kind, inspect.CustomType) and kind.cls is PrivateUrl:
                url = self.sources.url(text)
                NOTATIONS[unit].read(url.reveal())
                return url
            if "${" in text:
                # What is resolved elsewhere would be printed, logged and hashed as the value it is.
                raise Unreadable(
                    "a reference (${...}) is not allowed here",
                    "${...} works in `api_key`, `key`, the values of `headers`, `proxy`, `state` and `log.store`; write this value in full",
                )
            if isinstance(kind, inspect.LiteralType):
                return self.literal(text, kind)
            if not text:
                raise Unreadable("the text is empty", "write a value, or remove the line")
            value = NOTATIONS[unit].read(text) if unit else _UNITLESS_READERS[type(kind)](text)
            _check_bounds(value, kind, text)
        except Unreadable as error:
            return self.wrong(where, error.problem, error.remedy)
        return value

    def literal(self, text: str, kind: inspect.LiteralType) -> object:
        for value in kind.values:
            if str(value) == text:
                return value
        raise Unreadable(f"{shown(text)} is not known", suggestion(text, map(str, kind.values), "known"))

    def struct(self, node: Node, kind: inspect.StructType, where: KeyPath) -> object:
        if kind.cls in SHORT_FORMS:
            node = SHORT_FORMS[kind.cls](node)
        fields = {field.encode_name: field for field in written_fields(kind)}
        names = [kind.tag_field, *fields] if kind.tag_field else list(fields)
        if not isinstance(node, MappingNode):
            return self.wrong(where, f"expected a map, not {_kind_of(node)}", f"its keys: {', '.join(names)}")
        meant: set[str | None] = set()
        for name, entry in node.entries.items():
            if name not in names:
                remedy = suggestion(name, names, "known keys")
                meant.add(closest(name, names))
                self.findings.error((*where, name), f"the key {shown(name)} is not known", remedy, entry.name_place)
        values: dict[str, object] = {}
        is_whole = True
        for name, field in fields.items():
            if (found := node.entries.get(name)) is not None:
                self.findings.names[(*where, name)] = found.name_place
                value = self.read(found.node, field.type, (*where, name))
                if value is not INVALID:
                    values[field.name] = value
                    continue
            elif field.required and name not in meant:
                self.findings.error((*where, name), f"`{name}` is missing", f"add it: {_sample(name)}", node.place)
            if field.required:
                values[field.name] = value = _placeholder(field.type)
                is_whole = is_whole and value is not INVALID
        return kind.cls(**values) if is_whole else INVALID

    def union(self, node: Node, kind: inspect.UnionType, where: KeyPath) -> object:
        """A value that may be left out, or one of several structs told apart by their tag."""
        members = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
        if len(members) == 1:
            return self.read(node, members[0], where)
        structs = {str(member.tag): member for member in members if isinstance(member, inspect.StructType)}
        tag_field = next(iter(structs.values())).tag_field or ""
        self.findings.values[where] = node.place
        if not isinstance(node, MappingNode):
            return self.wrong(where, f"expected a map, not {_kind_of(node)}", f"begin with `{tag_field}:`")
        entry = node.entries.get(tag_field)
        if entry is None:
            return self.wrong(
                (*where, tag_field), f"`{tag_field}` is missing", f"one of {', '.join(structs)}", node.place
            )
        self.findings.values[(*where, tag_field)] = entry.node.place
        if not isinstance(entry.node, ScalarNode):
            return self.wrong(
                (*where, tag_field),
                f"expected a single value, not {_kind_of(entry.node)}",
                f"one of {', '.join(structs)}",
            )
        tag = entry.node.text
        remedy = suggestion(tag, structs, "known")
        if tag_field == "dialect":
            remedy = dialect_remedy(tag, structs)
            structs |= _PRESETS
            node = expand_provider(node, tag, entry.node.place, self.sources.env)
        if tag not in structs:
            self.wrong((*where, tag_field), f"the {tag_field} {shown(tag)} is not known", remedy)
            meant = closest(tag, structs)
            return INVALID if meant is None else self.read(node, structs[meant], where)
        return self.read(node, structs[tag], where)

    def table(self, node: Node, kind: inspect.DictType, where: KeyPath) -> object:
        if not isinstance(node, MappingNode):
            return self.wrong(where, f"expected a map, not {_kind_of(node)}", "write a name, a colon and its value")
        values: dict[object, object] = {}
        for name, entry in node.entries.items():
            inner = (*where, name)
            self.findings.names[inner] = entry.name_place
            try:
                key = self.name(name, kind.key_type)
            except Unreadable as error:
                self.findings.error(inner, error.problem, error.remedy, entry.name_place)
                key = INVALID
            value = self.read(entry.node, kind.value_type, inner)
            if value is not INVALID and key is not INVALID:
                values[key] = value
        return values

    def name(self, text: str, kind: inspect.Type) -> object:
        if isinstance(kind, inspect.LiteralType):
            return self.literal(text, kind)
        assert isinstance(kind, inspect.Metadata), "a map's names have a unit"
        return NOTATIONS[(kind.extra or {})["unit"]].read(text)

    def items(self, node: Node, kind: inspect.VarTupleType, where: KeyPath) -> object:
        """A list; a list of one may be written without its brackets."""
        nodes: Sequence[Node] = node.items if isinstance(node, SequenceNode) else (node,)
        if not nodes and where[-1:] == ("targets",):
            return self.wrong(where, "there is no target", "name one: [provider/model]")
        read = [self.read(item, kind.item_type, (*where, index)) for index, item in enumerate(nodes)]
        self.findings.set_indexes(where, (index for index, value in enumerate(read) if value is not INVALID))
        return tuple(value for value in read if value is not INVALID)

    def prompt(self, node: Node, where: KeyPath) -> object:
        """The prompt in the file that a path names. What is wrong in that file is told with its own name and lines."""
        if not isinstance(node, ScalarNode):
            return self.wrong(where, f"expected a path, not {_kind_of(node)}", _example("path"))
        try:
            text = self.sources.text(node.text, MOST_PROMPT)
        except Unreadable as error:
            return self.wrong(where, error.problem, error.remedy)
        inside = Findings(self.sources.shown(node.text))
        taken = parts(text)
        front: object = Front()
        if not taken.is_closed:
            inside.error((), "the front matter is not closed", "close it with a line `---`", Position(1, 1))
        elif not taken.turns:
            inside.error((), "the prompt is empty", "write the prompt below the front matter", Position(1, 1))
        elif taken.front.strip():
            root = compose(taken.front.encode(), inside)
            if root is not None:
                front = Reader(inside, self.sources).read(root, inspect.type_info(Front), ())
        if inside.errors or not isinstance(front, Front):
            self.findings.add_problems(where, inside.errors)
            return INVALID
        return PromptFile(path=node.text, front=front, turns=taken.turns)

    def wrong(self, where: KeyPath, problem: str, remedy: str, place: Position | None = None) -> _Invalid:
        self.findings.error(where, problem, remedy, place)
        return INVALID


def _placeholder(kind: inspect.Type) -> object:
    """A placeholder for a required value that is missing or wrong, so that the rest of its struct is checked too; INVALID where
    there is none. The error was reported already. Checks ask `is_valid` before they compare values."""
    if isinstance(kind, inspect.Metadata):
        return _placeholder(kind.type)
    match kind:
        case inspect.DictType():
            return {}
        case inspect.VarTupleType():
            return ()
        case inspect.StrType():
            return ""
        case inspect.FloatType() | inspect.IntType():
            return kind.ge or kind.gt or 0
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.CustomType() if kind.cls is Secret:
            return Secret("")
    return INVALID


def _check_bounds(value: object, kind: inspect.Type, text: str) -> None:
    """Raises Unreadable for a number that its field does not admit."""
    if not isinstance(kind, (inspect.FloatType, inspect.IntType)) or not isinstance(value, (int, float)):
        return
    if kind.gt is not None and value <= kind.gt:
        raise Unreadable(f"{shown(text)} is too small", f"it must be more than {kind.gt:g}")
    if kind.ge is not None and value < kind.ge:
        raise Unreadable(f"{shown(text)} is too small", f"it must be at least {kind.ge:g}")
    if kind.le is not None and value > kind.le:
        raise Unreadable(f"{shown(text)} is too large", f"it must be at most {kind.le:g}")


def _kind_of(node: Node) -> str:
    """The kind of a node, without its value: that may be a secret in the wrong place."""
    return {ScalarNode: "a single value", SequenceNode: "a list", MappingNode: "a map"}[type(node)]


def _example(unit: str) -> str:
    if unit in NOTATIONS:
        return f"write {NOTATIONS[unit].noun}, such as {NOTATIONS[unit].example}"
    return "write it on one line, after the colon"


def _sample(name: str) -> str:
    return {
        "providers": "providers: {sim: {dialect: simulated}}",
        "models": "models: {assistant: sim/simulated}",
        "base_url": "base_url: https://api.example.com/v1",
        "amount": "{amount: $50, every: 1d}",
        "every": "every: 1d",
        "key": 'key: "${env:NAME}"',
        "targets": "targets: [provider/model]",
        "provider": "provider: NAME",
        "shows": "shows: what it is about, in a sentence",
        "fault": "fault: cut",
        "what": "what: dns",
        "id": "id: first-token",
        "metric": "metric: time_to_first_token",
        "p95": "{p50: 900, p95: 3200}",
        "share": "share: 5%",
        "p50": "{p50: 300ms, p99: 2s}",
        "input": "input: $0.25/M",
        "p99": "{p50: 300ms, p99: 2s}",
    }.get(name, f"{name}: ...")


_UNITLESS_READERS: Final[Mapping[type, Callable[[str], object]]] = MappingProxyType(
    {
        inspect.StrType: str,
        inspect.IntType: integer,
        inspect.FloatType: number,
        inspect.BoolType: boolean,
    }
)
"""The readers of fields without a unit."""
