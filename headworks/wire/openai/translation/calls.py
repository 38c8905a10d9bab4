"""Tool calls of a message to and from the hub's.

The deprecated `function_call` is a call whose `extra` has this dialect without any member. `extra_content.google.thought_signature` is where
Gemini's compatible API has the signature of a call (https://ai.google.dev/gemini-api/docs/thought-signatures).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from headworks.wire import hub
from headworks.wire.hub.values import CHAT, GENERATE, Extra, merged, only, own
from headworks.wire.json_text import write_json

LEGACY: Final[Extra] = MappingProxyType({CHAT: MappingProxyType({})})
"""The `extra` of a call that was written as `function_call`."""


def taken(message: dict[str, Any]) -> list[hub.ToolCall]:
    """The calls of a message, taken out of its members. Where one of them is none, all of them stay."""
    calls: list[hub.ToolCall] = []
    said = message.get("tool_calls")
    if isinstance(said, list):
        read = [_call(one) for one in said]
        calls = [one for one in read if one is not None]
        if len(calls) == len(said):
            message.pop("tool_calls")
        else:
            calls = []
    legacy = message.get("function_call")
    if isinstance(legacy, dict) and legacy.keys() == {"name", "arguments"} and _are_texts(legacy):
        message.pop("function_call")
        calls.append(hub.ToolCall(id="", name=legacy["name"], arguments=legacy["arguments"], extra=LEGACY))
    return calls


def _are_texts(said: Mapping[str, Any]) -> bool:
    return all(isinstance(value, str) for value in said.values())


def _call(said: Any) -> hub.ToolCall | None:
    if not isinstance(said, dict):
        return None
    rest = dict(said)
    kind = rest.pop("type", "function")
    is_custom = kind == "custom"
    inside = rest.pop(kind, None) if kind in ("function", "custom") else None
    id = rest.pop("id", "")
    if not isinstance(inside, dict) or not isinstance(id, str) or not isinstance(inside.get("name"), str):
        return None
    inside = dict(inside)
    name, arguments = inside.pop("name"), inside.pop("input" if is_custom else "arguments", "")
    if not isinstance(arguments, str):  # an object: some servers' form
        inside["arguments"] = arguments
        arguments = write_json(arguments).decode()
    signature = signature_in(rest)
    if inside:
        rest[kind] = inside
    return hub.ToolCall(
        id=id,
        name=name,
        arguments=arguments,
        is_custom=is_custom,
        signature=signature,
        origin=GENERATE if signature else "",
        extra=only(CHAT, rest),
    )


def signature_in(said: Mapping[str, Any]) -> str:
    """Gemini's signature of a call, or ""."""
    content = said.get("extra_content")
    google = content.get("google") if isinstance(content, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else ""


def put(message: dict[str, Any], calls: list[hub.ToolCall], *, is_signed: bool) -> None:
    """Writes calls into a message. is_signed: with the signatures of vendors of other dialects."""
    said = []
    for call in calls:
        if is_legacy(call.extra):
            message["function_call"] = {"name": call.name, "arguments": call.arguments}
        else:
            said.append(written(call, is_signed=is_signed))
    if said:
        message["tool_calls"] = said


def is_legacy(extra: Extra) -> bool:
    return CHAT in extra and not extra[CHAT]


def written(call: hub.ToolCall, *, is_signed: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"id": call.id} if call.id else {}
    said["type"] = "custom" if call.is_custom else "function"
    if call.is_custom:
        said["custom"] = {"name": call.name, "input": call.arguments}
    else:
        said["function"] = {"name": call.name, "arguments": call.arguments}
    if is_signed and call.signature and call.origin == GENERATE:
        said["extra_content"] = {"google": {"thought_signature": call.signature}}
    return merged(said, own(call.extra, CHAT))
