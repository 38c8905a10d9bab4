"""What a chat body, an answer or a stream means, told without the code under test.

Two texts mean the same where these functions give equal values. What they hold equal, and nothing else:

- a member that is null, and one that is missing; in answers also an empty text, list or object;
- a text, and a list with this one text and no more members; an empty content, and none;
- `stop` as a text, and as a list of it; a picture's URL as a text, and as an object; `stream: false`, and none;
- a schema for the output without a name, and one named `answer`, which OpenAI asks for;
- a call or tool without a `type`, and a function; a time of 0, and none; a choice, delta or streamed call that is no object, and none;
- a refusal among the parts of an answer's content, and one beside it;
- of a stream: in which events its pieces come, as long as their order is the same (the fields of one event have none);
  `obfuscation`, `object`.
"""

from __future__ import annotations

import json
from typing import Any

from headworks.wire.sse import events_in


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(inside) for name, inside in value.items() if inside is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def saying(value: Any) -> Any:
    """The value without members that say nothing."""
    if isinstance(value, dict):
        kept = {name: saying(inside) for name, inside in value.items()}
        return {name: inside for name, inside in kept.items() if inside not in (None, "", [], {})}
    return [saying(one) for one in value] if isinstance(value, list) else value


# Questions


def question(body: bytes) -> Any:
    said = without_nulls(json.loads(body))
    for message in said.get("messages", ()):
        _message(message)
    if isinstance(said.get("stop"), str):
        said["stop"] = [said["stop"]]
    if said.get("stream") is False:
        del said["stream"]
    for tool in said.get("tools", ()):
        if isinstance(tool, dict) and "function" in tool:
            tool.setdefault("type", "function")
    for name in ("tools", "stop", "modalities"):
        if said.get(name) == []:
            del said[name]
    for name in ("user", "verbosity", "service_tier", "reasoning_effort", "prompt_cache_key"):
        if said.get(name) == "":
            del said[name]
    form = said.get("response_format")
    if isinstance(form, dict) and isinstance(form.get("json_schema"), dict):
        form["json_schema"].setdefault("name", "answer")
    return said


def _message(message: dict[str, Any]) -> None:
    content = message.get("content")
    if content in (None, [], ""):
        message.pop("content", None)
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and isinstance(part.get("image_url"), str):
                part["image_url"] = {"url": part["image_url"]}
        if len(content) == 1 and isinstance(one := content[0], dict) and one.keys() == {"type", "text"}:
            message["content"] = one["text"] if one["type"] == "text" else content
    if message.get("tool_calls") == []:
        del message["tool_calls"]
    for call in message.get("tool_calls", ()):
        if isinstance(call, dict):
            call.setdefault("type", "function")


# Answers


def answer(body: bytes) -> Any:
    said = saying(json.loads(body))
    said.pop("object", None)
    if said.get("created") == 0:
        del said["created"]
    said["choices"] = [choice for choice in said.get("choices", ()) if isinstance(choice, dict)]
    for at, choice in enumerate(said.get("choices", ())):
        choice.setdefault("index", at)
        message = choice.setdefault("message", {})
        message.pop("role", None)
        content = message.get("content")
        if isinstance(content, list) and all(
            isinstance(one, dict) and one.keys() == {"type", "text"} for one in content
        ):
            message["content"] = "".join(one["text"] for one in content)
        for call in message.get("tool_calls", ()):
            call.setdefault("type", "function")
    return said


# Streams


def stream(events: bytes) -> Any:
    """What was said, field by field, and in which order: of each choice, and of the answer as a whole."""
    whole: dict[str, Any] = {"choices": {}, "members": {}, "beside": []}
    for event in events_in(events):
        if event.data[:6] == b"[DONE]":
            whole["is_done"] = True
            continue
        said = json.loads(event.data)
        if not {"choices", "usage", "id"} & said.keys():
            whole["beside"].append(said)
            continue
        for choice in said.get("choices") or ():
            if isinstance(choice, dict):
                _add(whole["choices"].setdefault(choice.pop("index", None) or 0, _nothing()), choice, whole)
        if said.get("usage"):
            whole["usage"] = said["usage"]
        elif isinstance(said.get("x_groq"), dict) and said["x_groq"].get("usage"):
            whole["usage"] = said["x_groq"]["usage"]
        for name, value in said.items():
            if name not in ("choices", "usage", "object", "obfuscation") and saying(value) not in (None, "", [], {}):
                _member(whole["members"], name, value)
    for choice in whole["choices"].values():
        choice["calls"] = [call for _, call in sorted(choice["calls"].items(), key=lambda one: one[0])]
    return whole


def _nothing() -> dict[str, Any]:
    return {"order": [], "texts": {}, "calls": {}, "lists": {}, "members": {}, "finish": None, "logprobs": {}}


def _member(members: dict[str, Any], name: str, value: Any) -> None:
    """What is said beside the choices: each value once, in order; of an id and a time the first."""
    if name == "created" and not value:
        return
    known = members.setdefault(name, [])
    if not known or (name not in ("id", "created") and (known[-1] != value or isinstance(value, list))):
        known.append(value)


def _add(choice: dict[str, Any], said: dict[str, Any], whole: dict[str, Any]) -> None:
    delta = said.pop("delta", None)
    for name, value in sorted(delta.items(), key=_rank) if isinstance(delta, dict) else ():
        if name != "role" and saying(value) not in (None, "", [], {}):
            _say(choice, name, value)
    if isinstance(finish := said.pop("finish_reason", None), str):
        choice["finish"] = finish if finish not in ("", "null", "none", "None") else choice["finish"]
    elif finish is not None:
        choice["finish"] = finish
    if said.get("usage"):
        whole["usage"] = said.pop("usage")
    logprobs = said.pop("logprobs", None)
    for name, value in (logprobs or {}).items() if isinstance(logprobs, dict) else ():
        choice["logprobs"].setdefault(name, []).extend(saying(value) or [])
    for name, value in said.items():
        if saying(value) not in (None, "", [], {}):
            choice["members"].setdefault(name, []).append(value)


def _rank(member: tuple[str, Any]) -> tuple[int, str]:
    """The fields of one event have no order among them that a reader could know: they are put in one."""
    fields = (
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "content",
        "refusal",
        "tool_calls",
        "function_call",
    )
    return (fields.index(member[0]) if member[0] in fields else len(fields), member[0])


def _say(choice: dict[str, Any], name: str, value: Any) -> None:
    if name == "content" and isinstance(value, list):
        for part in value:
            if part == {"type": "text", "text": ""}:
                continue
            is_text = isinstance(part, dict) and part.keys() == {"type", "text"}
            if isinstance(part, dict) and part.keys() == {"type", "refusal"}:
                _say(choice, "refusal", part["refusal"])
            elif is_text:
                _say(choice, "content", part["text"])
            else:
                _list(choice, "content parts", [part])
    elif isinstance(value, str):
        _order(choice, name)
        choice["texts"][name] = choice["texts"].get(name, "") + value
    elif name == "tool_calls":
        for call in value:
            if isinstance(call, dict):
                _call(choice, call)
    elif name == "function_call":
        _order(choice, name)
        texts = choice["texts"].setdefault(name, {"name": "", "arguments": ""})
        for field in texts:
            texts[field] += value.get(field) or ""
    elif name == "audio":
        _order(choice, name)
        audio = choice["texts"].setdefault(name, {})
        for field, inside in value.items():
            grows = field in ("data", "transcript") and inside is not None
            audio[field] = audio.get(field, "") + inside if grows else inside or audio.get(field)
    else:
        _list(choice, name, value if isinstance(value, list) else [value])


def _list(choice: dict[str, Any], name: str, values: list[Any]) -> None:
    _order(choice, name)
    choice["lists"].setdefault(name, []).extend(values)


def _order(choice: dict[str, Any], name: str) -> None:
    """Runs of one field are one."""
    if not choice["order"] or choice["order"][-1] != name:
        choice["order"].append(name)


def _call(choice: dict[str, Any], said: dict[str, Any]) -> None:
    index = said.get("index", 0)
    kind = "custom" if "custom" in said else "function"
    _order(choice, f"call {index}")
    call = choice["calls"].setdefault(index, {"id": "", "name": "", "arguments": "", "kind": kind, "members": {}})
    inside = said.get(kind) or {}
    call["id"] = call["id"] or said.get("id") or ""
    call["name"] = call["name"] or inside.get("name") or ""
    call["arguments"] += inside.get("input" if kind == "custom" else "arguments") or ""
    for name, value in said.items():
        if name not in ("index", "id", "type", "function", "custom") and saying(value) not in (None, "", [], {}):
            call["members"].setdefault(name, []).append(value)
