"""Tools and the choice among them as Converse has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from headworks.wire import hub
from headworks.wire.bedrock.translation.content import INPUT, Block, cache_point
from headworks.wire.hub.values import CONVERSE, merged, own
from headworks.wire.json_text import read_json

_NOTHING: Final[Block] = {"type": "object", "properties": {}}


def config_of(question: hub.Question) -> Block | None:
    """`toolConfig`; None where no tools are sent. A question whose turns have used some must send them, whatever is chosen."""
    choice = question.tool_choice or hub.ToolChoice()
    has_used = any(isinstance(part, (hub.ToolCall, hub.ToolResult)) for turn in question.turns for part in turn.parts)
    is_none = choice.mode == "none" and not choice.name
    if is_none and not has_used:
        return None
    tools = list(_written(question, set(choice.allowed)))
    if not any("toolSpec" in tool for tool in tools):
        return None
    said: Block = {"tools": tools}
    if choice.name:
        said["toolChoice"] = {"tool": {"name": choice.name}}
    elif choice.mode == "required":
        said["toolChoice"] = {"any": {}}
    elif question.tool_choice is not None and not is_none:
        said["toolChoice"] = {"auto": {}}
    return said


def _written(question: hub.Question, allowed: set[str]) -> Iterator[Block]:
    for tool in question.tools:
        if isinstance(tool, hub.HostedTool):
            if tool.dialect == CONVERSE and isinstance(tool.value, dict):
                yield tool.value
            continue
        inside = tool.tools if isinstance(tool, hub.ToolGroup) else (tool,)
        for one in inside:
            name = f"{tool.name}__{one.name}" if isinstance(tool, hub.ToolGroup) else one.name
            if not allowed or name in allowed:
                yield {"toolSpec": _spec(one, name)}
                if isinstance(one, hub.Tool) and one.cache is not None:
                    yield cache_point(one.cache)


def _spec(tool: hub.Tool | hub.CustomTool, name: str) -> Block:
    said: Block = {"name": name}
    if tool.description:
        said["description"] = tool.description
    if isinstance(tool, hub.CustomTool):
        said["inputSchema"] = {
            "json": {"type": "object", "properties": {INPUT: {"type": "string"}}, "required": [INPUT]}
        }
    else:
        said["inputSchema"] = {"json": _NOTHING if tool.parameters is None else _schema(tool.parameters)}
        if tool.strict:
            said["strict"] = True
    return merged(said, own(tool.extra, CONVERSE))


def _schema(raw: hub.Raw) -> Any:
    """A schema as it came; `$schema`, which some models refuse, is left out."""
    if b'"$schema"' not in bytes(raw):
        return raw
    said = read_json(raw)
    return {name: value for name, value in said.items() if name != "$schema"} if isinstance(said, dict) else said
