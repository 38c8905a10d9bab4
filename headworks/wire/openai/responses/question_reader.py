"""A caller's body to a Question.

Always true: what is not understood is kept, in `extra` beside what only this API can say. Null is what is missing. The body
was checked by `read_responses`; what would break this reader is refused all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.hub.values import RESPONSES, only
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import Members, members
from headworks.wire.openai.responses import tools
from headworks.wire.openai.responses.items import turns_of
from headworks.wire.openai.translation.taking import read_member, taken, taken_whole

_Fields: TypeAlias = dict[str, Any]

_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "prompt_cache_key": "cache_key",
        "prompt_cache_retention": "cache_retention",
        "service_tier": "service_tier",
    }
)
_FLAGS: Final[Mapping[str, str]] = MappingProxyType({"parallel_tool_calls": "parallel", "stream": "streamed"})
"""A field's name here, and in the Question."""

_REQUIRED: Final = frozenset(
    {
        *("tools", "tool_choice", "text", "instructions", "input"),  # said in a way that is not understood
        *("prompt", "background", "previous_response_id", "conversation"),
    }
)
"""What decides the answer: a vendor of another API that is not told would answer something else."""

_LOGPROBS: Final = "message.output_text.logprobs"


def question_of(body: bytes) -> hub.Question:
    """Raises Malformed, with `param` where one field is the reason."""
    try:
        return _question(members(body))
    except (ValueError, RecursionError):
        raise Malformed("The body cannot be read: it is nested too deep, or a number in it is too long.") from None


def _question(found: Members) -> hub.Question:
    fields: _Fields = {}
    spelled: list[str] = []
    fields["model"] = taken(found, "model", str) or ""
    found.pop("model", None)
    turns, beside = _turns(found)
    ahead = next((at for at, turn in enumerate(turns) if turn.role not in ("system", "developer")), len(turns))
    system = turns[:ahead]
    if instructions := taken(found, "instructions", str):
        system.insert(0, hub.Turn(role="system", parts=(hub.Text(text=instructions),)))
        spelled.append("instructions")
    _tools(found, fields, beside)
    _text(found, fields)
    _sampling(found, fields, spelled)
    _rest(found, fields, spelled)
    extra = {name: read_json(raw) for name, raw in found.items()}
    return hub.Question(
        system=tuple(system),
        turns=tuple(turns[ahead:]),
        origin=RESPONSES,
        spelled=tuple(spelled),
        required=tuple([name for name, value in extra.items() if name in _REQUIRED and _decides(name, value)]),
        extra=only(RESPONSES, extra),
        **fields,
    )


def _decides(name: str, value: Any) -> bool:
    """Of `text` only the form of the answer does."""
    return name != "text" or not isinstance(value, dict) or "format" in value


def _turns(found: Members) -> tuple[list[hub.Turn], list[hub.AnyTool]]:
    said = read_member(found, "input")
    if isinstance(said, str):
        del found["input"]
        return [hub.Turn(role="user", parts=(hub.Text(text=said),))], []
    if isinstance(said, list) or said is None:
        found.pop("input", None)
        return turns_of(said or ())
    raise Malformed("`input` must be a string or a list.", param="input")


def _tools(found: Members, fields: _Fields, beside: list[hub.AnyTool]) -> None:
    said: tuple[hub.AnyTool, ...] = ()
    taken(found, "tools", ())  # null is none
    if "tools" in found and (read := tools.tools_of(found["tools"])) is not None:
        said = read
        del found["tools"]
    if said or beside:
        fields["tools"] = (*said, *beside)
    taken(found, "tool_choice", ())
    if "tool_choice" in found and (choice := tools.choice_of(read_json(found["tool_choice"]))) is not None:
        fields["tool_choice"] = choice
        del found["tool_choice"]


def _text(found: Members, fields: _Fields) -> None:
    """`text`: the form of the answer, and how long it is."""
    taken(found, "text", ())
    raw = found.get("text")
    if raw is None or bytes(memoryview(raw)[:1]) != b"{":
        return
    inside = members(bytes(raw), "text")
    taken(inside, "format", ())
    if "format" in inside and (output := tools.output_of(inside["format"])) is not None:
        fields["output"] = output
        del inside["format"]
    if verbosity := taken(inside, "verbosity", str):
        fields["verbosity"] = verbosity
    if inside:
        found["text"] = _joined(inside)
    else:
        del found["text"]


def _joined(inside: Members) -> hub.Raw:
    return hub.Raw(b"{%b}" % b",".join([write_json(name) + b":" + bytes(raw) for name, raw in inside.items()]))


def _sampling(found: Members, fields: _Fields, spelled: list[str]) -> None:
    said: _Fields = {}
    for name in ("temperature", "top_p"):
        if (value := taken(found, name, (int, float))) is not None:
            said[name] = value
    include = read_member(found, "include")
    if isinstance(include, list) and _LOGPROBS in include:
        said["logprobs"] = True
        spelled.append("logprobs")
        if (number := taken_whole(found, "top_logprobs")) is not None:
            said["top_logprobs"] = number
    if said:
        fields["sampling"] = hub.Sampling(**said)
    if (bound := taken_whole(found, "max_output_tokens")) is not None:
        fields["max_output"] = bound


def _rest(found: Members, fields: _Fields, spelled: list[str]) -> None:
    for name, field in _TEXTS.items():
        if value := taken(found, name, str):
            fields[field] = value
    for name, field in _FLAGS.items():
        if (flag := taken(found, name, bool)) is not None:
            fields[field] = flag
    if user := taken(found, "user", str):
        fields["user"] = user
    elif "user" not in found and (user := taken(found, "safety_identifier", str)):
        fields["user"] = user
        spelled.append("safety_identifier")
    if (labels := taken(found, "metadata", dict)) is not None:
        fields["metadata"] = labels
    if (thinking := taken(found, "reasoning", dict)) is not None:
        fields["reasoning"] = _reasoning(thinking)
    found.pop("store", None)  # it is ours to decide
    for name in ("background", "previous_response_id", "conversation", "prompt"):
        taken(found, name, ())
    if "background" in found and bytes(found["background"]) == b"false":
        del found["background"]


def _reasoning(said: _Fields) -> hub.Reasoning:
    rest = {name: value for name, value in said.items() if value is not None}
    effort = rest.pop("effort") if isinstance(rest.get("effort"), str) else ""
    shown = rest.pop("summary") if isinstance(rest.get("summary"), str) else ""
    return hub.Reasoning(effort=effort, shown=shown, extra=only(RESPONSES, rest))
