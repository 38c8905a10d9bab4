"""Tools, the choice among them, and the form of the answer, to and from the hub's.

A namespace is a group. Of a group's tool everybody else sees one name (`hub.flat_name`); here it is said in two fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.wire import hub
from headworks.wire.hub.values import RESPONSES, Raw, merged, only, own
from headworks.wire.json_text import read_json, write_json

_NONE: Final = Raw(b"null")


class _Function(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="function"):
    name: str
    description: str | None = None
    parameters: Raw = _NONE
    strict: bool | None = None


_ONE: Final = msgspec.json.Decoder(_Function)
_EACH: Final = msgspec.json.Decoder(list[Raw])

HOSTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "web_search": "web_search",
        "web_search_2025_08_26": "web_search",
        "web_search_preview": "web_search",
        "web_search_preview_2025_03_11": "web_search",
        "code_interpreter": "code_execution",
        "file_search": "file_search",
        "computer": "computer",
        "computer_use": "computer",
        "computer_use_preview": "computer",
        "local_shell": "shell",
        "shell": "shell",
        "apply_patch": "text_editor",
        "image_generation": "image_generation",
        "mcp": "mcp",
    }
)
"""The tools that OpenAI runs, or knows how to use, by their types, and the hub's word (https://platform.openai.com/docs/guides/tools)."""


# Tools to the hub


def tools_of(raw: Raw) -> tuple[hub.AnyTool, ...] | None:
    """`tools`; None where it is no list. The schema of a function without further members stays unread."""
    try:
        return tuple([_tool(one) for one in _EACH.decode(raw)])
    except msgspec.ValidationError:
        return None


def _tool(raw: Raw) -> hub.AnyTool:
    try:
        said = _ONE.decode(raw)
    except msgspec.DecodeError:
        return _other(read_json(raw))
    return hub.Tool(
        name=said.name,
        description=said.description or "",
        parameters=None if bytes(said.parameters) == b"null" else said.parameters,
        strict=said.strict,
    )


def _other(said: Any) -> hub.AnyTool:
    kind = said.get("type") if isinstance(said, dict) else None
    if not isinstance(kind, str) or not isinstance(said.get("name"), str):
        word = kind if isinstance(kind, str) else ""
        return hub.HostedTool(kind=HOSTED.get(word, word), dialect=RESPONSES, value=said)
    rest = {name: value for name, value in said.items() if name not in ("type", "name") and value is not None}
    if kind == "namespace":
        return _group(said, rest)
    if kind not in ("function", "custom"):
        return hub.HostedTool(kind=HOSTED.get(kind, kind), dialect=RESPONSES, value=said)
    description = rest.pop("description") if isinstance(rest.get("description"), str) else ""
    if kind == "custom":
        format = rest.pop("format", None)
        return hub.CustomTool(name=said["name"], description=description, format=format, extra=only(RESPONSES, rest))
    parameters = rest.pop("parameters", None)
    strict = rest.pop("strict") if isinstance(rest.get("strict"), bool) else None
    return hub.Tool(
        name=said["name"],
        description=description,
        parameters=None if parameters is None else Raw(write_json(parameters)),
        strict=strict,
        extra=only(RESPONSES, rest),
    )


def _group(said: dict[str, Any], rest: dict[str, Any]) -> hub.ToolGroup | hub.HostedTool:
    inside = rest.pop("tools", None)
    read = [_tool(Raw(write_json(one))) for one in inside] if isinstance(inside, list) else []
    tools = [one for one in read if isinstance(one, (hub.Tool, hub.CustomTool))]
    if not isinstance(inside, list) or len(tools) != len(inside):  # a kind of tool that no group has
        return hub.HostedTool(kind="namespace", dialect=RESPONSES, value=said)
    description = rest.pop("description") if isinstance(rest.get("description"), str) else ""
    return hub.ToolGroup(name=said["name"], description=description, tools=tuple(tools), extra=only(RESPONSES, rest))


# Tools from the hub


def written_tools(tools: Sequence[hub.AnyTool]) -> list[Any]:
    said: list[Any] = []
    for tool in tools:
        if isinstance(tool, hub.HostedTool):
            if tool.dialect == RESPONSES:
                said.append(tool.value)
        elif isinstance(tool, hub.ToolGroup):
            group: dict[str, Any] = {"type": "namespace", "name": tool.name, "description": tool.description}
            group["tools"] = [_written(one) for one in tool.tools]
            said.append(merged(group, own(tool.extra, RESPONSES)))
        else:
            said.append(_written(tool))
    return said


def _written(tool: hub.Tool | hub.CustomTool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name, "description": tool.description or None}
    if isinstance(tool, hub.CustomTool):
        said = {"type": "custom", **said, "format": tool.format}
    else:
        said = {"type": "function", **said, "parameters": tool.parameters, "strict": tool.strict}
    return merged(_said(said), own(tool.extra, RESPONSES))


def _said(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


# The choice among them


def choice_of(said: Any) -> hub.ToolChoice | None:
    """`tool_choice`; None where it is nothing that is known here."""
    if said in ("auto", "none", "required"):
        return hub.ToolChoice(mode=said)
    kind = said.get("type") if isinstance(said, dict) else None
    if not isinstance(kind, str):
        return None
    if kind == "allowed_tools":
        return _allowed(said)
    if kind not in ("function", "custom"):
        hosted = HOSTED.get(kind, kind)
        return hub.ToolChoice(mode="required", hosted=hosted, extra={RESPONSES: {"tool_choice": said}})
    if (name := name_in(said)) is None:
        return None
    choice = hub.ToolChoice(mode="required", name=name, is_custom=kind == "custom")
    return choice if written_choice(choice) == said else _kept(choice, said)


def name_in(said: Any) -> str | None:
    """The name of a function or custom tool as everybody else has it, or None."""
    if not isinstance(said, dict) or not isinstance(name := said.get("name"), str):
        return None
    group = said.get("namespace")
    return hub.flat_name(group, name) if isinstance(group, str) and group else name


def _allowed(said: dict[str, Any]) -> hub.ToolChoice | None:
    mode, tools = said.get("mode"), said.get("tools")
    if mode not in ("auto", "required") or not isinstance(tools, list):
        return None
    own_tools = [one for one in tools if isinstance(one, dict) and one.get("type") in ("function", "custom")]
    names = tuple([name for one in own_tools if (name := name_in(one))])
    choice = hub.ToolChoice(mode=mode, allowed=names)
    return choice if names and written_choice(choice) == said else _kept(choice, said)


def _kept(choice: hub.ToolChoice, said: dict[str, Any]) -> hub.ToolChoice:
    """The choice with the words in which it was said."""
    return msgspec.structs.replace(choice, extra={RESPONSES: {"tool_choice": said}})


def written_choice(choice: hub.ToolChoice) -> Any:
    if (said := own(choice.extra, RESPONSES).get("tool_choice")) is not None:
        return said
    if choice.name:
        return {"type": "custom" if choice.is_custom else "function", "name": choice.name}
    if choice.allowed:
        tools = [{"type": "function", "name": name} for name in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}
    return choice.mode


# Names there and back


class ToolNames(msgspec.Struct, frozen=True):
    """What a caller's tools are called here, by the names that a vendor of another API knows. custom: those that take free
    text, for a vendor that knows functions only."""

    groups: Mapping[str, tuple[str, str]] = MappingProxyType({})
    custom: frozenset[str] = frozenset()


NO_NAMES: Final = ToolNames()


def names_of(raw: Raw | None) -> ToolNames:
    """The names of a body's tools. Most bodies have none that is called otherwise elsewhere: they are not read."""
    if raw is None or (b'"namespace"' not in (text := bytes(raw)) and b'"custom"' not in text):
        return NO_NAMES
    groups: dict[str, tuple[str, str]] = {}
    custom: set[str] = set()
    try:
        tools = tools_of(raw) or ()
    except (ValueError, RecursionError):
        return NO_NAMES
    for tool in tools:
        if isinstance(tool, hub.CustomTool):
            custom.add(tool.name)
        elif isinstance(tool, hub.ToolGroup):
            for one in tool.tools:
                name = hub.flat_name(tool.name, one.name)
                groups[name] = (tool.name, one.name)
                if isinstance(one, hub.CustomTool):
                    custom.add(name)
    return ToolNames(groups, frozenset(custom))


# The form of the answer


class _Format(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    name: str = ""
    description: str | None = None
    schema: Raw = _NONE
    strict: bool | None = None


_FORMAT: Final = msgspec.json.Decoder(_Format)


def output_of(raw: Raw) -> hub.Output | None:
    """`text.format`; None where it is nothing that is known here."""
    try:
        said = _FORMAT.decode(raw)
    except msgspec.DecodeError:
        return None
    if said.type == "json_schema":
        return hub.Output(
            form="schema",
            name=said.name,
            description=said.description or "",
            schema=None if bytes(said.schema) == b"null" else said.schema,
            strict=said.strict,
        )
    if said != _Format(said.type):
        return None
    if said.type == "text":
        return hub.Output(form="text")
    return hub.Output(form="json") if said.type == "json_object" else None


def written_output(output: hub.Output) -> dict[str, Any]:
    if output.form != "schema":
        return {"type": "json_object" if output.form == "json" else "text"}
    said = {
        "type": "json_schema",
        "name": output.name or "answer",  # OpenAI asks for one
        "description": output.description or None,
        "schema": output.schema,
        "strict": output.strict,
    }
    return _said(said)
