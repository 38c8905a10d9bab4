"""Tools, the choice among them, and the form of the answer, to and from the hub's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

import msgspec

from headworks.wire import hub
from headworks.wire.anthropic.translation.block_writer import mark
from headworks.wire.anthropic.translation.blocks import CACHE, mark_of
from headworks.wire.anthropic.translation.schemas import tool_schema
from headworks.wire.custom_calls import free_text
from headworks.wire.hub.values import MESSAGES, Raw, merged, only, own
from headworks.wire.json_text import read_json, write_json

_NONE: Final = Raw(b"null")

_KINDS: Final = (
    ("web_search_", "web_search"),
    ("web_fetch_", "url_context"),
    ("code_execution_", "code_execution"),
    ("bash_", "shell"),
    ("text_editor_", "text_editor"),
    ("computer_", "computer"),
    ("mcp_toolset", "mcp"),
)
"""How types of tools begin that Anthropic defines, and the hub's word for them."""

_MODES: Final[Mapping[str, str]] = MappingProxyType({"auto": "auto", "any": "required", "none": "none"})
_TYPES: Final[Mapping[str, str]] = MappingProxyType({mode: word for word, mode in _MODES.items()})


class _Custom(msgspec.Struct, forbid_unknown_fields=True):
    """A function as nearly all are: its schema stays unread."""

    name: str
    description: str | None = None
    input_schema: Raw = _NONE
    type: str | None = None
    strict: bool | None = None


_USUAL: Final = msgspec.json.Decoder(list[_Custom])
_EACH: Final = msgspec.json.Decoder(list[Raw])
_ONE: Final = msgspec.json.Decoder(_Custom)


# To the hub


def tools_of(raw: Raw) -> tuple[hub.AnyTool, ...] | None:
    """`tools`; None where it is no list. Null is none."""
    try:
        said = _USUAL.decode(raw)
        if all(one.type in (None, "custom") for one in said):
            return tuple([_function(one) for one in said])
    except msgspec.DecodeError:
        pass
    try:
        return tuple([_tool(one) for one in _EACH.decode(raw)])
    except msgspec.ValidationError:
        return () if bytes(raw) == b"null" else None


def _function(said: _Custom) -> hub.Tool:
    return hub.Tool(
        name=said.name,
        description=said.description or "",
        parameters=None if bytes(said.input_schema) == b"null" else said.input_schema,
        strict=said.strict,
        extra=only(MESSAGES, {} if said.type is None else {"type": said.type}),
    )


def _tool(raw: Raw) -> hub.AnyTool:
    try:
        if (usual := _ONE.decode(raw)).type in (None, "custom"):
            return _function(usual)
    except msgspec.DecodeError:
        pass
    said = read_json(raw)
    kind = said.get("type") if isinstance(said, dict) else ""
    if isinstance(said, dict) and kind in (None, "custom") and isinstance(said.get("name"), str):
        return _unusual(dict(said))
    word = kind if isinstance(kind, str) else ""
    known = next((name for begins, name in _KINDS if word.startswith(begins)), word)
    cache = mark_of(dict(said)) if isinstance(said, dict) else None
    return hub.HostedTool(kind=known, dialect=MESSAGES, value=said, cache=cache)


def _unusual(rest: dict[str, Any]) -> hub.Tool:
    """A function with further members: a mark of the cache, above all."""
    name = rest.pop("name")
    description = rest.pop("description") if isinstance(rest.get("description"), str) else ""
    schema = rest.pop("input_schema", None)
    strict = rest.pop("strict") if isinstance(rest.get("strict"), bool) else None
    if rest.get("type", "") is None:
        del rest["type"]
    return hub.Tool(
        name=name,
        description=description,
        parameters=None if schema is None else Raw(write_json(schema)),
        strict=strict,
        cache=mark_of(rest),
        extra=only(MESSAGES, rest),
    )


def choice_of(said: dict[str, Any]) -> tuple[hub.ToolChoice, bool | None] | None:
    """`tool_choice`, and whether several tools may be called at once; None where it is nothing that is known here."""
    rest = dict(said)
    kind, alone = rest.pop("type", None), rest.pop("disable_parallel_tool_use", None)
    if not isinstance(alone, (bool, type(None))):
        return None
    parallel = None if alone is None else not alone
    name = rest.pop("name", None)
    if rest:
        return None
    if kind == "tool" and isinstance(name, str):
        return hub.ToolChoice(mode="required", name=name), parallel
    if not isinstance(kind, str) or kind not in _MODES or name is not None:
        return None
    return hub.ToolChoice(mode=cast(Any, _MODES[kind])), parallel


def output_of(said: Any) -> hub.Output | None:
    """The form of an answer; None where it is nothing that is known here."""
    if not isinstance(said, dict) or said.get("type") != "json_schema" or said.keys() != {"type", "schema"}:
        return None
    return hub.Output(form="schema", schema=Raw(write_json(said["schema"])))


# From the hub


def written_tools(tools: Sequence[hub.AnyTool], allowed: Sequence[str] = ()) -> list[Any]:
    """allowed: the names of those that may be used, where not all may."""
    said: list[Any] = []
    for tool in tools:
        if isinstance(tool, hub.HostedTool):
            if tool.dialect == MESSAGES:
                said.append(tool.value)
        elif isinstance(tool, hub.ToolGroup):
            inside = [(one, hub.flat_name(tool.name, one.name)) for one in tool.tools]
            said += [_written(one, name) for one, name in inside if not allowed or name in allowed]
        elif not allowed or tool.name in allowed:
            said.append(_written(tool, tool.name))
    return said


def _written(tool: hub.Tool | hub.CustomTool, name: str) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name}
    if tool.description:
        said["description"] = tool.description
    if isinstance(tool, hub.CustomTool):
        if tool.format is not None:
            told = write_json(tool.format).decode("utf-8", "surrogatepass")
            said["description"] = f"{tool.description}\n\nIts `input` has this form: {told}".strip()
        return {**said, "input_schema": free_text()}
    said["input_schema"] = tool_schema(tool.parameters)
    if tool.strict is not None:
        said["strict"] = tool.strict
    if tool.cache is not None:
        said[CACHE] = mark(tool.cache)
    return merged(said, own(tool.extra, MESSAGES)) if tool.extra else said


def written_choice(choice: hub.ToolChoice | None, parallel: bool | None) -> dict[str, Any] | None:
    """`tool_choice`; None where there is nothing to say."""
    if choice is None and parallel is None:
        return None
    said: dict[str, Any] = {"type": "auto" if choice is None else _TYPES[choice.mode]}
    if choice is not None and choice.name:
        said = {"type": "tool", "name": choice.name}
    if parallel is not None and said["type"] != "none":
        said["disable_parallel_tool_use"] = not parallel
    return said
