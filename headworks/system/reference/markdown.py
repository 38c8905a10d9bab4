"""The reference of the system file, key by key, as `docs/system-file.md` shows it (`python tools/reference.py` writes it)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import inspect

from headworks.system.reference.descriptions import DIALECT, WORDS, written_default
from headworks.system.schema.notations import NOTATIONS
from headworks.system.schema.system import ONE_TEXT, System

BEGIN = "<!-- reference: written by tools/reference.py -->"
END = "<!-- end of reference -->"


def placed(page: str) -> str:
    """The page with the reference between its two marks as it is today. Raises ValueError where a mark is missing."""
    before, after = page.index(BEGIN) + len(BEGIN), page.index(END)
    return f"{page[:before]}\n\n{markdown()}\n{page[after:]}"


def markdown() -> str:
    """The reference of every key, one table a map of the file."""
    return "\n".join(_tables(inspect.type_info(System), "", set()))


def _tables(kind: inspect.Type, path: str, seen: set[type]) -> Iterator[str]:
    for struct in _structs(kind):
        if struct.cls in seen or struct.cls in ONE_TEXT:
            continue
        seen.add(struct.cls)
        title = f"`{path}`" if path else "The top"
        yield f"### {title}" + (f", `{struct.tag_field}: {struct.tag}`" if struct.tag_field else "")
        yield ""
        yield "| key | value | default | |"
        yield "|---|---|---|---|"
        if struct.tag_field:
            yield f"| `{struct.tag_field}` | `{struct.tag}` | required | {DIALECT} |"
        for field in struct.fields:
            default = written_default(field)
            shown = "required" if field.required else "" if default is None else f"`{default}`"
            words = WORDS[struct.cls][field.encode_name]
            yield f"| `{field.encode_name}` | {_noun(field.type)} | {shown} | {words} |"
        yield ""
        for field in struct.fields:
            if isinstance(field.type, inspect.DictType) and isinstance(field.type.key_type, inspect.LiteralType):
                yield f"`{field.encode_name}`: {', '.join(f'`{name}`' for name in field.type.key_type.values)}."
                yield ""
            inner = f"{path}.{field.encode_name}" if path else field.encode_name
            yield from _tables(field.type, inner + _step(field.type), seen)


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
        case inspect.StructType() if kind.cls in ONE_TEXT:
            return NOTATIONS[ONE_TEXT[kind.cls]].noun.partition(" ")[2]
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
    return "text"
