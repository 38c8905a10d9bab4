"""Tools, the choice among them, and the form of the answer, to and from the hub's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headworks.wire import hub
from headworks.wire.hub.values import CHAT, Raw, merged, only, own
from headworks.wire.json_text import read_json, write_json
from headworks.wire.openai.translation.content import mark_of

_NONE: Final = Raw(b"null")
WEB_SEARCH: Final = "web_search_options"


class _Function(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    description: str | None = None
    parameters: Raw = _NONE
    strict: bool | None = None


class _FunctionTool(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="function"):
    function: _Function


_USUAL: Final = msgspec.json.Decoder(list[_FunctionTool])
_ONE: Final = msgspec.json.Decoder(_FunctionTool)
_EACH: Final = msgspec.json.Decoder(list[Raw])
_LEGACY: Final = msgspec.json.Decoder(list[_Function])


# Tools to the hub


def tools_of(raw: Raw) -> tuple[hub.AnyTool, ...] | None:
    """`tools`; None where it is no list. The schema of a function without further members stays unread."""
    try:
        return tuple([_function(one.function) for one in _USUAL.decode(raw)])
    except msgspec.DecodeError:
        pass
    try:
        return tuple([_tool(one) for one in _EACH.decode(raw)])
    except msgspec.ValidationError:
        return None


def functions_of(raw: Raw) -> tuple[hub.Tool, ...] | None:
    """The deprecated `functions`; None where they are anything else than functions."""
    try:
        return tuple([_function(one) for one in _LEGACY.decode(raw)])
    except msgspec.DecodeError:
        return None


def _function(said: _Function) -> hub.Tool:
    return hub.Tool(
        name=said.name,
        description=said.description or "",
        parameters=None if bytes(said.parameters) == b"null" else said.parameters,
        strict=said.strict,
    )


def _tool(raw: Raw) -> hub.AnyTool:
    try:
        return _function(_ONE.decode(raw).function)
    except msgspec.DecodeError:
        said = read_json(raw)
    kind = said.get("type") if isinstance(said, dict) else None
    inside = said.get(kind) if kind in ("function", "custom") else None
    if isinstance(kind, str) and isinstance(inside, dict) and isinstance(inside.get("name"), str):
        return _own_tool(kind, dict(said), dict(inside))
    return hub.HostedTool(kind=kind if isinstance(kind, str) else "", dialect=CHAT, value=said)


def _own_tool(kind: str, rest: dict[str, Any], inside: dict[str, Any]) -> hub.Tool | hub.CustomTool:
    rest.pop("type")
    rest.pop(kind)
    name = inside.pop("name")
    description = inside.pop("description") if isinstance(inside.get("description"), str) else ""
    if kind == "custom":
        format = inside.pop("format", None)
        extra = only(CHAT, {**rest, "custom": inside} if inside else rest)
        return hub.CustomTool(name=name, description=description, format=format, extra=extra)
    parameters = inside.pop("parameters", None)
    strict = inside.pop("strict") if isinstance(inside.get("strict"), bool | None) and "strict" in inside else None
    cache = mark_of(rest)
    return hub.Tool(
        name=name,
        description=description,
        parameters=None if parameters is None else Raw(write_json(parameters)),
        strict=strict,
        cache=cache,
        extra=only(CHAT, {**rest, "function": inside} if inside else rest),
    )


def searched(options: Any) -> hub.HostedTool:
    """`web_search_options`: a tool of the vendor's that is asked for beside the others."""
    return hub.HostedTool(kind="web_search", dialect=CHAT, value={WEB_SEARCH: options})


# Tools from the hub


def written_tools(tools: Sequence[hub.AnyTool]) -> list[Any]:
    said: list[Any] = []
    for tool in tools:
        if isinstance(tool, hub.HostedTool):
            if tool.dialect == CHAT and search_in(tool) is None:
                said.append(tool.value)
        elif isinstance(tool, hub.ToolGroup):
            said.extend([_written(one, hub.flat_name(tool.name, one.name)) for one in tool.tools])
        else:
            said.append(_written(tool, tool.name))
    return said


def search_in(tool: hub.AnyTool) -> Any:
    """What stands beside the tools as `web_search_options`; None where the tool is another one."""
    if not isinstance(tool, hub.HostedTool) or tool.dialect != CHAT or not isinstance(tool.value, dict):
        return None
    return tool.value.get(WEB_SEARCH) if len(tool.value) == 1 else None


def _written(tool: hub.Tool | hub.CustomTool, name: str) -> dict[str, Any]:
    if isinstance(tool, hub.CustomTool):
        inside = {"name": name, "description": tool.description or None, "format": tool.format}
        return merged({"type": "custom", "custom": _said(inside)}, own(tool.extra, CHAT))
    written = {"type": "function", "function": written_function(tool, name)}
    if tool.cache is not None:
        merged(written, own(tool.cache.extra, CHAT))
    return merged(written, own(tool.extra, CHAT))


def written_function(tool: hub.Tool, name: str) -> dict[str, Any]:
    said = {"name": name, "description": tool.description or None, "parameters": tool.parameters, "strict": tool.strict}
    return _said(said)


def _said(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


# The choice among them


def choice_of(said: Any) -> hub.ToolChoice | None:
    """`tool_choice`; None where it is nothing that is known here."""
    if said in ("auto", "none", "required"):
        return hub.ToolChoice(mode=said)
    if said == "any":  # Mistral's word
        return hub.ToolChoice(mode="required", extra={CHAT: {"tool_choice": said}})
    if not isinstance(said, dict):
        return None
    kind = said.get("type")
    if kind in ("function", "custom") and said == {"type": kind, kind: {"name": _name_in(said, kind)}}:
        return hub.ToolChoice(mode="required", name=said[kind]["name"], is_custom=kind == "custom")
    if kind == "allowed_tools" and isinstance(inside := said.get(kind), dict):
        return _allowed(said, inside)
    if isinstance(kind, str) and kind not in ("function", "custom"):
        return hub.ToolChoice(mode="required", hosted=kind, extra={CHAT: {"tool_choice": said}})
    return None


def _name_in(said: Any, kind: str) -> str | None:
    """The name of a function or custom tool that an object names, or None."""
    inside = said.get(kind) if isinstance(said, dict) else None
    name = inside.get("name") if isinstance(inside, dict) else None
    return name if isinstance(name, str) else None


def _allowed(said: dict[str, Any], inside: dict[str, Any]) -> hub.ToolChoice | None:
    mode, tools = inside.get("mode"), inside.get("tools")
    if mode not in ("auto", "required") or not isinstance(tools, list):
        return None
    names = [name for one in tools if (name := _name_in(one, "function") or _name_in(one, "custom"))]
    choice = hub.ToolChoice(mode=mode, allowed=tuple(names))
    if written_choice(choice) == said:
        return choice
    return hub.ToolChoice(mode=mode, allowed=tuple(names), extra={CHAT: {"tool_choice": said}})


def written_choice(choice: hub.ToolChoice) -> Any:
    if (said := own(choice.extra, CHAT).get("tool_choice")) is not None:
        return said
    if choice.name:
        kind = "custom" if choice.is_custom else "function"
        return {"type": kind, kind: {"name": choice.name}}
    if choice.allowed:
        tools = [{"type": "function", "function": {"name": name}} for name in choice.allowed]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}
    return choice.mode


# The form of the answer


class _Schema(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    name: str = ""
    description: str | None = None
    schema: Raw = _NONE
    strict: bool | None = None


class _Format(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    json_schema: _Schema | None = None


_FORMAT: Final = msgspec.json.Decoder(_Format)
_FORMS: Final = {"text": "text", "json_object": "json"}


def output_of(raw: Raw) -> hub.Output | None:
    """`response_format`; None where it is nothing that is known here."""
    try:
        said = _FORMAT.decode(raw)
    except msgspec.DecodeError:
        return None
    if said.type == "json_schema" and said.json_schema is not None:
        inside = said.json_schema
        return hub.Output(
            form="schema",
            name=inside.name,
            description=inside.description or "",
            schema=None if bytes(inside.schema) == b"null" else inside.schema,
            strict=inside.strict,
        )
    if said.json_schema is not None:
        return None
    if said.type == "text":
        return hub.Output(form="text")
    return hub.Output(form="json") if said.type == "json_object" else None


def written_output(output: hub.Output) -> dict[str, Any]:
    if output.form != "schema":
        return {"type": "json_object" if output.form == "json" else "text"}
    inside = {
        "name": output.name or "answer",  # OpenAI asks for one
        "description": output.description or None,
        "schema": output.schema,
        "strict": output.strict,
    }
    return {"type": "json_schema", "json_schema": _said(inside)}
