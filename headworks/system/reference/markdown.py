"""The reference of the system file, key by key, as `docs/system-file.md` and its pages show it.

`python tools/reference.py` writes it. The first page has the keys of the top, each with a link to its page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from msgspec import inspect

from headworks.system.reference.descriptions import DESCRIPTIONS, TAGS, written_default
from headworks.system.schema.notations import NOTATIONS
from headworks.system.schema.system import TEXT_NOTATIONS, OpenAI, System, written_fields

BEGIN = "<!-- reference: written by tools/reference.py -->"
END = "<!-- end of reference -->"

FIRST: Final = "system-file.md"
"""The page of the top, under `docs/`."""

PAGES: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "system-file/providers.md": ("providers",),
        "system-file/models.md": ("models",),
        "system-file/callers-and-server.md": ("keys", "groups", "prompts", "server", "log", "responses"),
        "system-file/requirements-and-drills.md": ("requirements", "suites", "drills", "choices"),
    }
)
"""The other pages, under `docs/`, each with the keys of the top that it is about. A page stays under 200 lines."""


def with_reference(page: str, name: str) -> str:
    """The page of that name, with what stands between its two marks as it is today. Raises ValueError where a mark is missing."""
    before, after = page.index(BEGIN) + len(BEGIN), page.index(END)
    lines = _top() if name == FIRST else _written(PAGES[name])
    return "\n".join([page[:before], "", *lines, page[after:]])


def _top() -> Iterator[str]:
    """The keys of the top, each with a link to its page."""
    links: dict[str, str] = {}
    for name, keys in PAGES.items():
        anchors = {section.path.partition(".")[0]: section.anchor for section in reversed(_sections(keys))}
        links |= {key: f"{name}#{anchors[key]}" for key in keys}
    [struct] = _structs(inspect.type_info(System))
    yield from _table(struct, links)


def _written(keys: Sequence[str]) -> Iterator[str]:
    """A heading and a table for each map below these keys. A map that stands in several places is shown once."""
    sections = _sections(keys)
    anchors = {section.struct.cls: section.anchor for section in reversed(sections)}
    for section in sections:
        yield f"## {section.title}"
        yield ""
        links: dict[str, str] = {}
        for field in written_fields(section.struct):
            if below := [anchors[struct.cls] for struct in _structs(field.type) if struct.cls in anchors]:
                links[field.encode_name] = f"#{below[0]}"
        own = _own(section.struct)
        yield from _table(own, links)
        if len(own.fields) < len(section.struct.fields):
            yield "Its other keys are those of `dialect: openai`."
            yield ""
        for field in written_fields(own):
            if isinstance(field.type, inspect.DictType) and isinstance(field.type.key_type, inspect.LiteralType):
                names = ", ".join(f"`{name}`" for name in field.type.key_type.values)
                yield from wrap(f"`{field.encode_name}`: {names}.", 140)
                yield ""


def _own(struct: inspect.StructType) -> inspect.StructType:
    """A vendor over HTTP with those keys only that it does not have as `dialect: openai` has them."""
    if struct.cls is OpenAI or not issubclass(struct.cls, OpenAI):
        return struct
    [usual] = _structs(inspect.type_info(OpenAI))
    known = {field.encode_name: field for field in usual.fields}
    said, before = DESCRIPTIONS[struct.cls], DESCRIPTIONS[OpenAI]
    own = [
        field
        for field in written_fields(struct)
        if (name := field.encode_name) not in known
        or said[name] != before[name]
        or written_default(field) != written_default(known[name])
    ]
    return msgspec.structs.replace(struct, fields=tuple(own))


class Section(NamedTuple):
    """A map of the file, and where in the file it stands first."""

    struct: inspect.StructType
    path: str

    @property
    def title(self) -> str:
        """Its heading. Maps of one place that differ by a key have it in theirs."""
        kind = f", `{self.struct.tag_field}: {self.struct.tag}`" if self.struct.tag_field else ""
        return f"`{self.path}`{kind}"

    @property
    def anchor(self) -> str:
        """What GitHub makes of the heading."""
        return re.sub(r"[^\w -]", "", self.title.lower()).replace(" ", "-")


def _sections(keys: Sequence[str]) -> list[Section]:
    """The maps below these keys, in the order of the file, each once."""
    [top] = _structs(inspect.type_info(System))
    fields = {field.encode_name: field for field in written_fields(top)}
    seen: set[type] = set()
    return [section for key in keys for section in _below(fields[key].type, key + _step(fields[key].type), seen)]


def _below(kind: inspect.Type, path: str, seen: set[type]) -> Iterator[Section]:
    for struct in _structs(kind):
        if struct.cls in seen or struct.cls in TEXT_NOTATIONS:
            continue
        seen.add(struct.cls)
        yield Section(struct, path)
        for field in written_fields(struct):
            yield from _below(field.type, f"{path}.{field.encode_name}{_step(field.type)}", seen)


def _table(struct: inspect.StructType, links: Mapping[str, str]) -> Iterator[str]:
    """A row a key. `links` has, by the key's name, where the keys below it stand."""
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    if struct.tag_field:
        yield f"| `{struct.tag_field}` | `{struct.tag}` | required | {TAGS[struct.tag_field]} |"
    for field in written_fields(struct):
        default = written_default(field)
        shown = "required" if field.required else "" if default is None else f"`{default}`"
        noun, link = _noun(field.type), links.get(field.encode_name)
        value = f"[{noun}]({link})" if link else noun
        yield f"| `{field.encode_name}` | {value} | {shown} | {DESCRIPTIONS[struct.cls][field.encode_name]} |"
    yield ""


def _structs(kind: inspect.Type) -> list[inspect.StructType]:
    match kind:
        case inspect.StructType():
            return [kind]
        case inspect.UnionType():
            return [struct for one in kind.types for struct in _structs(one)]
        case inspect.DictType():
            return _structs(kind.value_type)
        case inspect.VarTupleType():
            return _structs(kind.item_type)
    return []


def _step(kind: inspect.Type) -> str:
    match kind:
        case inspect.DictType():
            return ".NAME"
        case inspect.VarTupleType():
            return "[]" + _step(kind.item_type)
    return ""


def _noun(kind: inspect.Type) -> str:
    """What a value is, in few words."""
    match kind:
        case inspect.Metadata() if unit := (kind.extra or {}).get("unit"):
            return NOTATIONS[unit].noun.partition(" ")[2]
        case inspect.Metadata():
            return _noun(kind.type)
        case inspect.UnionType():
            return _noun(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
        case inspect.VarTupleType():
            if isinstance(kind.item_type, inspect.VarTupleType):
                return "list of tiers"
            noun = _noun(kind.item_type)
            if noun.endswith("`"):  # the values themselves, which have no plural
                return f"list of {noun}"
            return f"list of {noun}es" if noun.endswith("s") else f"list of {noun}s"
        case inspect.DictType():
            return "map"
        case inspect.LiteralType():
            few = len(kind.values) <= 4
            return " or ".join(f"`{value}`" for value in kind.values) if few else "name"
        case inspect.StructType() if kind.cls in TEXT_NOTATIONS:
            return NOTATIONS[TEXT_NOTATIONS[kind.cls]].noun.partition(" ")[2]
        case inspect.StructType():
            return "map"
        case inspect.BoolType():
            return "`true` or `false`"
        case inspect.IntType():
            return "whole number"
        case inspect.FloatType():
            return "number"
        case inspect.BoolType():
            return "`true` or `false`"
        case inspect.CustomType():
            return "secret"
        case inspect.RawType():
            return "value"
    return "text"
