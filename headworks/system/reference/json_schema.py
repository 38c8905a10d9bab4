"""The system file as editors know it: completion, descriptions and red lines while it is written.

Always true: what the reader takes, this takes (`tests/system/reference/test_json_schema.py`); it takes a little more, since a
schema cannot tell what must hold between keys. Descriptions come from `descriptions.py`, patterns from `schema/notations.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import inspect

from headworks.core.per import SessionBudget
from headworks.system.reference.descriptions import DESCRIPTIONS, DIALECT, TAGS, written_default
from headworks.system.schema.choices import TargetChoice
from headworks.system.schema.notations import NOTATIONS, Notation
from headworks.system.schema.secrets import PrivateUrl, Secret
from headworks.system.schema.system import (
    PRESETS,
    TEXT_NOTATIONS,
    Model,
    OpenAI,
    SuiteFile,
    System,
    TargetOf,
    written_fields,
)

_SHORT: Final[Mapping[type, tuple[Mapping[str, Any], ...]]] = MappingProxyType(
    {
        TargetOf: ({"type": "string", "minLength": 1},),
        Model: ({"type": "string", "minLength": 1}, {"type": "array", "minItems": 1}),
        SuiteFile: ({"type": "string", "minLength": 1},),
        SessionBudget: ({"type": "string", "pattern": f"^{NOTATIONS['money'].pattern}$"},),
        TargetChoice: ({"type": "string", "minLength": 1}, {"type": "array", "minItems": 1}),
    }
)
"""Short forms that may replace a struct's map."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the system file, as editors read it."""
    kinds: dict[str, Any] = {}
    root = _schema(inspect.type_info(System), kinds)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Headworks system file",
        **root,
        "$defs": kinds,
    }


def _schema(kind: inspect.Type, kinds: dict[str, Any]) -> dict[str, Any]:
    match kind:
        case inspect.Metadata():
            if unit := (kind.extra or {}).get("unit"):
                return _text(NOTATIONS[unit], kind.type)
            return _schema(kind.type, kinds)
        case inspect.StructType():
            if kind.cls in TEXT_NOTATIONS:
                return _text(NOTATIONS[TEXT_NOTATIONS[kind.cls]], None)
            if kind.cls.__name__ not in kinds:
                kinds[kind.cls.__name__] = {}  # so that a struct inside itself would not be endless
                kinds[kind.cls.__name__] = _struct(kind, kinds)
            return {"$ref": f"#/$defs/{kind.cls.__name__}"}
        case inspect.UnionType():
            members = [_schema(one, kinds) for one in kind.types if not isinstance(one, inspect.NoneType)]
            if any(isinstance(one, inspect.StructType) and one.cls is OpenAI for one in kind.types):
                kinds["Preset"] = _preset(kinds["OpenAI"])
                members.append({"$ref": "#/$defs/Preset"})
            return members[0] if len(members) == 1 else {"oneOf": members}
        case inspect.DictType():
            names = _schema(kind.key_type, kinds)
            return {"type": "object", "propertyNames": names, "additionalProperties": _schema(kind.value_type, kinds)}
        case inspect.VarTupleType():
            item = _schema(kind.item_type, kinds)
            return {"anyOf": [{"type": "array", "items": item}, item]}
        case inspect.RawType():
            return {}
        case inspect.LiteralType():
            return {"enum": list(kind.values)}
        case inspect.BoolType():
            return {"enum": [True, False]}
        case inspect.IntType() | inspect.FloatType():
            return _number(kind)
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.CustomType() if kind.cls in (Secret, PrivateUrl):
            return {"type": "string", "minLength": 1}
        case inspect.StrType():
            return {"type": ["string", "number"]}  # an editor sees `4.1` as a number; we see the text
    raise TypeError(f"no notation for {kind}")


def _struct(kind: inspect.StructType, kinds: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    if kind.tag_field:
        properties[kind.tag_field] = {"const": kind.tag, "description": TAGS[kind.tag_field]}
        required.append(kind.tag_field)
    for field in written_fields(kind):
        made = dict(_schema(field.type, kinds))
        made["description"] = DESCRIPTIONS[kind.cls][field.encode_name]
        if (default := written_default(field)) is not None:
            made["default"] = float(default) if isinstance(field.type, inspect.FloatType) else default
        if isinstance(field.type, inspect.BoolType):
            made["default"] = field.default
        properties[field.encode_name] = made
        if field.required:
            required.append(field.encode_name)
    table = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if kind.cls not in _SHORT:
        return table
    shorts = [dict(short) for short in _SHORT[kind.cls]]
    for short in shorts:
        if short["type"] == "array":  # a list of tiers
            short["items"] = properties["targets" if kind.cls is Model else "any_of"]["anyOf"][1]
    return {"anyOf": [table, *shorts]}


def _preset(openai: Mapping[str, Any]) -> dict[str, Any]:
    """A vendor by its word: the keys of `openai`, of which none has to be written."""
    dialect = {"enum": list(PRESETS), "description": DIALECT}
    return {**openai, "properties": {**openai["properties"], "dialect": dialect}, "required": ["dialect"]}


def _text(notation: Notation, kind: inspect.Type | None) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string", "pattern": f"^(?:{notation.pattern})$"}
    if notation.is_number and isinstance(kind, inspect.IntType):
        made = {**_number(kind), **made, "type": ["integer", "string"]}
    return made


def _number(kind: inspect.IntType | inspect.FloatType) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "integer" if isinstance(kind, inspect.IntType) else "number"}
    bounds = {"exclusiveMinimum": kind.gt, "minimum": kind.ge, "maximum": kind.le}
    made.update({name: bound for name, bound in bounds.items() if bound is not None})
    return made
