"""A Question to a chat body.

Always true: what `table.py` calls refused raises before a byte is written, and what it calls left out is not written. What
this dialect alone says (`extra`) is put back last, and wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from headworks.core.digest import digest
from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.hub.values import CHAT, merged, own
from headworks.wire.json_text import write_json
from headworks.wire.openai.translation import calls, reasoning, tools
from headworks.wire.openai.translation.content import content_of, is_content, is_plain
from headworks.wire.openai.translation.question_reader import role_of
from headworks.wire.openai.translation.table import TABLE

_Body: TypeAlias = dict[str, Any]

_EFFORTS: Final = ((1024, "low"), (8192, "medium"))
"""Tokens of thinking up to which an effort is meant: Google's equivalents of the three words are 1,024, 8,192 and 24,576
(https://ai.google.dev/gemini-api/docs/openai)."""

_MOST_USER: Final = 64
"""Characters of `user`: with more the whole call is refused."""

_FAILED: Final = "Error: "
"""How the result of a tool that failed begins: there is no field for it."""

_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "parallel": "parallel_tool_calls",
        "verbosity": "verbosity",
        "cache_key": "prompt_cache_key",
        "cache_retention": "prompt_cache_retention",
        "metadata": "metadata",
        "service_tier": "service_tier",
        "store": "store",
    }
)
_SAMPLING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "temperature": "temperature",
        "top_p": "top_p",
        "logit_bias": "logit_bias",
        "seed": "seed",
        "presence_penalty": "presence_penalty",
        "frequency_penalty": "frequency_penalty",
        "choices": "n",
        "logprobs": "logprobs",
        "top_logprobs": "top_logprobs",
    }
)
"""A field's name in the hub, and here."""


def body_of(
    question: hub.Question,
    model: str,
    left_out: list[str] | None = None,
    written: Callable[[_Body], _Body] | None = None,
) -> bytes:
    """The body for a vendor. Raises Unsupported for a field that this dialect cannot carry, before anything is sent.
    left_out: gets the names of the fields that are not carried. written: changes the body where the vendor has its own words."""
    if written is None:
        hub.carried(question, TABLE, left_out)
    try:
        body = _body(question, model)
        return write_json(body if written is None else written(body))
    except RecursionError:
        raise Malformed("The body is nested too deep.") from None


def _body(question: hub.Question, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "messages": list(_messages(question))}
    spelled = _spelled(question)
    for field, name in _FIELDS.items():
        if (value := getattr(question, field)) not in (None, ""):
            body[name] = value
    for field, name in _SAMPLING.items():
        if (value := getattr(question.sampling, field)) is not None:
            body[name] = value
    if question.sampling.top_k is not None and "top_k" in spelled:
        body["top_k"] = question.sampling.top_k
    if question.max_output is not None:
        body["max_tokens" if "max_tokens" in spelled else "max_completion_tokens"] = question.max_output
    if question.stop:
        body["stop"] = list(question.stop)
    if question.modalities:
        body["modalities"] = list(question.modalities)
    if question.user:
        body["safety_identifier" if "safety_identifier" in spelled else "user"] = _user(question)
    if question.streamed:
        body["stream"] = True
    if question.output is not None:
        body["response_format"] = tools.written_output(question.output)
    if question.speech is not None:
        body["audio"] = _speech(question.speech)
    if question.reasoning is not None and (effort := effort_of(question.reasoning)):
        body["reasoning_effort"] = effort
    _tools(body, question, spelled)
    return merged(body, own(question.extra, CHAT))


def _user(question: hub.Question) -> str:
    """Whose call it is. What another API's caller says may be longer than OpenAI takes (Claude Code says 190 characters)."""
    user = question.user
    if question.origin == CHAT or len(user) <= _MOST_USER:
        return user
    return digest(user.encode("utf-8", "surrogatepass"))


def _spelled(question: hub.Question) -> Sequence[str]:
    return question.spelled if question.origin == CHAT else ()


def _speech(speech: hub.Speech) -> dict[str, Any]:
    said = {"voice": speech.voice, "format": speech.format or None}
    return merged({name: value for name, value in said.items() if value is not None}, own(speech.extra, CHAT))


def effort_of(asked: hub.Reasoning) -> str:
    """How much to think, in OpenAI's words; "" where the model decides."""
    if asked.effort or asked.mode == "off":
        return asked.effort or "none"
    if asked.budget is None:
        return ""
    if asked.budget <= 0:
        return "none" if asked.budget == 0 else ""
    return next((effort for most, effort in _EFFORTS if asked.budget <= most), "high")


def _tools(body: dict[str, Any], question: hub.Question, spelled: Sequence[str]) -> None:
    if "functions" in spelled:
        functions = [tool for tool in question.tools if isinstance(tool, hub.Tool)]
        body["functions"] = [tools.written_function(tool, tool.name) for tool in functions]
    elif said := tools.written_tools(question.tools):
        body["tools"] = said
    for tool in question.tools:
        if (options := tools.search_in(tool)) is not None:
            body[tools.WEB_SEARCH] = options
    choice = question.tool_choice
    if choice is None:
        return
    if "function_call" in spelled:
        body["function_call"] = {"name": choice.name} if choice.name else choice.mode
    else:
        body["tool_choice"] = tools.written_choice(choice)


# Messages


def _messages(question: hub.Question) -> Iterator[dict[str, Any]]:
    """What a tool's result has beside text follows the results as a user's message, for there is no other place for it."""
    moved: list[hub.Part] = []
    for turn in (*question.system, *question.turns):
        if not moved and len(turn.parts) == 1 and not (turn.name or turn.extra) and is_plain(part := turn.parts[0]):
            yield {"role": role_in(turn.role, question.origin), "content": part.text}  # as most are
            continue
        results = [part for part in turn.parts if isinstance(part, hub.ToolResult)]
        if moved and not results:
            yield {"role": "user", "content": content_of(moved)}
            moved = []
        for result in results:
            yield _result(result, moved)
        rest = [part for part in turn.parts if not isinstance(part, hub.ToolResult)] if results else turn.parts
        if results and rest:
            moved.extend(rest)
        elif not results:
            yield _message(turn, rest, question.origin)
    if moved:
        yield {"role": "user", "content": content_of(moved)}


def _result(result: hub.ToolResult, moved: list[hub.Part]) -> dict[str, Any]:
    kept = list(result.parts)
    if CHAT not in result.extra:
        kept = [part for part in result.parts if not isinstance(part, hub.MEDIA)]
        moved.extend([part for part in result.parts if isinstance(part, hub.MEDIA)])
    if result.is_error:
        first = kept[0] if kept else None
        if isinstance(first, hub.Text):
            kept[0] = msgspec.structs.replace(first, text=f"{_FAILED}{first.text}")
        else:
            kept = [hub.Text(text=_FAILED), *kept]
    content = content_of(kept)
    said: dict[str, Any] = {"role": role_of(result.call_id), "content": "" if content is None else content}
    if result.call_id:
        said["tool_call_id"] = result.call_id
    elif result.name:
        said["name"] = result.name
    return merged(said, own(result.extra, CHAT))


def role_in(role: hub.Role, origin: str) -> str:
    """A role as it is written. Who speaks another API is no less understood by `system`: many servers know no developer."""
    if role == "developer" and origin != CHAT:
        return "system"
    return "user" if role == "tool" else role


def _message(turn: hub.Turn, parts: Sequence[hub.Part], origin: str) -> dict[str, Any]:
    said: dict[str, Any] = {"role": role_in(turn.role, origin)}
    if turn.name:
        said["name"] = turn.name
    if turn.role == "assistant":
        _assistant(said, parts)
    else:
        content = content_of(parts)
        said["content"] = "" if content is None else content
    return merged(said, own(turn.extra, CHAT))


def _assistant(said: dict[str, Any], parts: Sequence[hub.Part]) -> None:
    content: list[hub.Part] = []
    thoughts: list[hub.Thinking] = []
    called: list[hub.ToolCall] = []
    refusals: list[str] = []
    for part in parts:
        if isinstance(part, hub.Text):
            content.append(part)
        elif isinstance(part, hub.Thinking) and not is_content(part):
            if part.origin == CHAT or CHAT in part.extra:
                thoughts.append(part)
        elif isinstance(part, hub.ToolCall):
            called.append(part)
        elif isinstance(part, hub.Refusal) and not part.extra:
            refusals.append(part.text)
        elif isinstance(part, hub.Audio) and part.source is None:
            said["audio"] = {"id": part.id}
        elif not isinstance(part, hub.Only) or part.dialect == CHAT:
            content.append(part)
    said["content"] = content_of(content)
    if refusals:
        said["refusal"] = "".join(refusals)
    reasoning.put(said, thoughts)
    calls.put(said, called, is_signed=False)
