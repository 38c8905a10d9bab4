"""A caller's chat body to a Question.

Always true: what is not understood is kept. A field that is known but says something unknown stays in `extra` beside those
that are not known at all, so a vendor of this dialect is sent it as it came, and for every other it is left out by name.
Null is what is missing. The body was checked by `read_chat`; what would break this reader is refused all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, NoneType
from typing import Any, Final, TypeAlias, cast

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.hub.values import CHAT, only
from headworks.wire.json_text import read_json
from headworks.wire.members import Members, members
from headworks.wire.openai.translation import calls, reasoning, tools
from headworks.wire.openai.translation.content import parts_of
from headworks.wire.openai.translation.taking import read_member, taken, taken_whole, texts_of

_Fields: TypeAlias = dict[str, Any]

_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})
_PLAIN: Final = (hub.Text, hub.Only)
_NUMBERS: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "top_k")
_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "verbosity": "verbosity",
        "prompt_cache_key": "cache_key",
        "prompt_cache_retention": "cache_retention",
        "service_tier": "service_tier",
    }
)
_REQUIRED: Final = frozenset(
    {
        *(
            "tools",
            "functions",
            "tool_choice",
            "function_call",
            "response_format",
        ),  # said in a way that is not understood
        *("structured_outputs", "guided_json", "guided_regex", "guided_choice", "guided_grammar"),  # vLLM
        *("grammar", "json_schema", "regex", "ebnf"),  # llama.cpp, SGLang
    }
)
"""What decides the form of the answer: a vendor of another API that is not told would answer something else."""

_FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {"parallel_tool_calls": "parallel", "store": "store", "stream": "streamed"}
)
"""A field's name here, and in the Question."""


def question_of(body: bytes) -> hub.Question:
    """Raises Malformed, with `param` where one field is the reason."""
    try:
        return _question(members(body))
    except RecursionError:
        raise Malformed("The body is nested too deep.") from None
    except ValueError:
        raise Malformed("The body cannot be read: something in it is no JSON, or a number is too long.") from None


def _question(found: Members) -> hub.Question:
    fields: _Fields = {}
    spelled: list[str] = []
    said = read_member(found, "messages")
    if not isinstance(said, (list, NoneType)):
        raise Malformed("`messages` must be a list.", param="messages")
    turns = [_turn(at, message) for at, message in enumerate(said or ())]
    ahead = next((at for at, turn in enumerate(turns) if turn.role not in ("system", "developer")), len(turns))
    found.pop("messages", None)
    fields["model"] = taken(found, "model", str) or ""
    found.pop("model", None)
    _tools(found, fields, spelled)
    _sampling(found, fields, spelled)
    _bound(found, fields, spelled)
    _rest(found, fields, spelled)
    extra = {name: read_json(raw) for name, raw in found.items()}
    return hub.Question(
        system=tuple(turns[:ahead]),
        turns=tuple(turns[ahead:]),
        origin=CHAT,
        spelled=tuple(spelled),
        required=tuple([name for name in extra if name in _REQUIRED]),
        extra=only(CHAT, extra),
        **fields,
    )


# Fields


def _tools(found: Members, fields: _Fields, spelled: list[str]) -> None:
    said: tuple[hub.AnyTool, ...] = ()
    if "tools" in found and (read := tools.tools_of(found["tools"])) is not None:
        said = read
        del found["tools"]
    elif "functions" in found and (functions := tools.functions_of(found["functions"])) is not None:
        said = functions
        spelled.append("functions")
        del found["functions"]
    if (options := taken(found, tools.WEB_SEARCH, dict)) is not None:
        said = (*said, tools.searched(options))
    if said:
        fields["tools"] = said
    taken(found, "tool_choice", ())  # null is none
    if "tool_choice" in found:
        if (choice := tools.choice_of(read_json(found["tool_choice"]))) is not None:
            fields["tool_choice"] = choice
            del found["tool_choice"]
    elif (legacy := _function_call(read_member(found, "function_call"))) is not None:
        fields["tool_choice"] = legacy
        spelled.append("function_call")
        del found["function_call"]
    if "response_format" in found and (output := tools.output_of(found["response_format"])) is not None:
        fields["output"] = output
        del found["response_format"]


def _function_call(said: Any) -> hub.ToolChoice | None:
    """The deprecated choice among `functions`."""
    if said in ("auto", "none"):
        return hub.ToolChoice(mode=said)
    if isinstance(said, dict) and said.keys() == {"name"} and isinstance(said["name"], str):
        return hub.ToolChoice(mode="required", name=said["name"])
    return None


def _sampling(found: Members, fields: _Fields, spelled: list[str]) -> None:
    said: _Fields = {}
    for name in _NUMBERS:
        if (value := taken(found, name, (int, float))) is not None:
            said[name] = value
    if "top_k" in said:
        spelled.append("top_k")
    if (seed := taken(found, "seed", int)) is not None:
        said["seed"] = seed
    if (biases := taken(found, "logit_bias", dict)) is not None:
        said["logit_bias"] = biases
    if (logprobs := taken(found, "logprobs", bool)) is not None:
        said["logprobs"] = logprobs
    for name, field in (("n", "choices"), ("top_logprobs", "top_logprobs")):
        if (number := taken_whole(found, name)) is not None:
            said[field] = number
    if said:
        fields["sampling"] = hub.Sampling(**said)


def _bound(found: Members, fields: _Fields, spelled: list[str]) -> None:
    """Where both names are used, the older one stays as it is."""
    if (bound := taken_whole(found, "max_completion_tokens")) is not None:
        fields["max_output"] = bound
    elif (bound := taken_whole(found, "max_tokens")) is not None:
        fields["max_output"] = bound
        spelled.append("max_tokens")


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
    if effort := taken(found, "reasoning_effort", str):
        fields["reasoning"] = hub.Reasoning(effort=effort)
    if (labels := taken(found, "metadata", dict)) is not None:
        fields["metadata"] = labels
    if (stop := texts_of(read_member(found, "stop"))) is not None:
        fields["stop"] = stop
        del found["stop"]
    if (kinds := texts_of(read_member(found, "modalities"))) is not None:
        fields["modalities"] = kinds
        del found["modalities"]
    if (speech := taken(found, "audio", dict)) is not None:
        voice = speech.pop("voice", None)
        format = speech.pop("format") if isinstance(speech.get("format"), str) else ""
        fields["speech"] = hub.Speech(voice=voice, format=format, extra=only(CHAT, speech))


# Turns


def _turn(at: int, message: Any) -> hub.Turn:
    if type(message) is dict and len(message) == 2 and type(text := message.get("content")) is str:
        role = message.get("role")
        if type(role) is str and role in _ROLES:  # as most are
            return hub.Turn(role=cast(hub.Role, role), parts=(hub.Text(text=text),))
    role = message.pop("role", None) if isinstance(message, dict) else None
    if not isinstance(role, str):
        path = f"messages[{at}]"
        raise Malformed(f"`{path}` must be an object with a `role`.", param=path)
    name = message.pop("name") if isinstance(message.get("name"), str) else ""
    if role in ("tool", "function"):
        return _result(role, name, message)
    parts: list[hub.Part] = [*reasoning.taken(message)] if role == "assistant" else []
    parts.extend(_content(message))
    if role == "assistant":
        parts.extend(_beside(message))
    if role not in _ROLES:
        message["role"], role = role, "user"
    return hub.Turn(role=cast(hub.Role, role), parts=tuple(parts), name=name, extra=only(CHAT, message))


def _content(message: _Fields) -> tuple[hub.Part, ...]:
    content = message.get("content")
    if content is not None and not isinstance(content, (str, list)):
        return ()
    message.pop("content", None)
    return parts_of(content) if content is not None else ()


def _beside(message: _Fields) -> list[hub.Part]:
    """What an assistant's message says beside its content."""
    parts: list[hub.Part] = []
    if not message:
        return parts
    for name in ("refusal", "tool_calls", "function_call", "audio"):
        if name in message and message[name] is None:
            del message[name]
    if isinstance(message.get("refusal"), str):
        parts.append(hub.Refusal(text=message.pop("refusal")))
    audio = message.get("audio")
    if isinstance(audio, dict) and audio.keys() == {"id"} and isinstance(audio["id"], str):
        parts.append(hub.Audio(id=message.pop("audio")["id"]))
    parts.extend(calls.taken(message))
    return parts


def _result(role: str, name: str, message: _Fields) -> hub.Turn:
    id = message.pop("tool_call_id") if isinstance(message.get("tool_call_id"), str) else ""
    parts = _content(message)
    if role != role_of(id) or not all(isinstance(part, _PLAIN) for part in parts):
        message["role"] = role  # a tool's result with a picture: it was said in this dialect, though OpenAI has none
    if name and role_of(id) == "tool":
        message["name"] = name
    result = hub.ToolResult(call_id=id, name=name, parts=parts, extra=only(CHAT, message))
    return hub.Turn(role="tool", parts=(result,))


def role_of(call_id: str) -> str:
    """Who answers a call: one without an id is a `function_call`."""
    return "tool" if call_id else "function"
