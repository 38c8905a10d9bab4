"""A Question to a body of Responses.

Always true: what `table.py` calls refused raises before a byte is written, and what it calls left out is not written. What
this dialect alone says (`extra`) is put back last, and wins. Nothing is kept at the vendor's: `store` is false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.hub.values import RESPONSES, merged, own
from headworks.wire.json_text import write_json
from headworks.wire.openai.responses import tools
from headworks.wire.openai.responses.items import items_of
from headworks.wire.openai.responses.table import TABLE
from headworks.wire.openai.translation.question_writer import effort_of

_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "parallel": "parallel_tool_calls",
        "cache_key": "prompt_cache_key",
        "cache_retention": "prompt_cache_retention",
        "metadata": "metadata",
        "service_tier": "service_tier",
        "max_output": "max_output_tokens",
    }
)
_SAMPLING: Final = ("temperature", "top_p", "top_logprobs")
_SHOWN: Final = frozenset({"auto", "concise", "detailed"})
_LOGPROBS: Final = "message.output_text.logprobs"


def body_of(question: hub.Question, model: str, left_out: list[str] | None = None) -> bytes:
    """The body for a vendor. Raises Unsupported for a field that this dialect cannot carry, before anything is sent.
    left_out: gets the names of the fields that are not carried."""
    question = hub.usual(question)
    hub.carried(question, TABLE, left_out)
    try:
        return write_json(_body(question, model))
    except RecursionError:
        raise Malformed("The body is nested too deep.") from None


def _body(question: hub.Question, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model}
    spelled = question.spelled if question.origin == RESPONSES else ()
    _input(body, question, spelled)
    for field, name in _FIELDS.items():
        if (value := getattr(question, field)) not in (None, ""):
            body[name] = value
    for name in _SAMPLING:
        if (value := getattr(question.sampling, name)) is not None:
            body[name] = value
    if (question.sampling.logprobs or question.sampling.top_logprobs) and "logprobs" not in spelled:
        body["include"] = [_LOGPROBS]
    if question.user:
        body["safety_identifier" if "safety_identifier" in spelled else "user"] = question.user
    if question.streamed:
        body["stream"] = True
    body["store"] = False
    text: dict[str, Any] = {}
    if question.output is not None:
        text["format"] = tools.written_output(question.output)
    if question.verbosity:
        text["verbosity"] = question.verbosity
    if text:
        body["text"] = text
    if question.reasoning is not None and (said := _reasoning(question.reasoning, question.origin)):
        body["reasoning"] = said
    if said_tools := tools.written_tools(question.tools):
        body["tools"] = said_tools
    if question.tool_choice is not None:
        body["tool_choice"] = tools.written_choice(question.tool_choice)
    return merged(body, own(question.extra, RESPONSES))


def _reasoning(asked: hub.Reasoning, origin: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if effort := effort_of(asked):
        said["effort"] = effort
    if asked.shown and (asked.shown != "none" or origin == RESPONSES):
        said["summary"] = asked.shown if asked.shown in _SHOWN or origin == RESPONSES else "detailed"
    return merged(said, own(asked.extra, RESPONSES))


def _input(body: dict[str, Any], question: hub.Question, spelled: Sequence[str]) -> None:
    """The turns as items; what stands before them as `instructions`, where it is nothing but text."""
    system = list(question.system)
    if question.origin != RESPONSES:
        parts = [part for turn in system for part in turn.parts]
        if parts and all(isinstance(part, hub.Text) for part in parts):
            body["instructions"] = "\n\n".join([part.text for part in parts if isinstance(part, hub.Text)])
            system = []
    elif "instructions" in spelled:
        first = system.pop(0).parts[0]
        assert isinstance(first, hub.Text), "it was read from a text"
        body["instructions"] = first.text
    items = [item for turn in (*system, *question.turns) for item in items_of(turn)]
    is_text = len(items) == 1 and items[0].keys() == {"role", "content"} and items[0]["role"] == "user"
    body["input"] = items[0]["content"] if is_text and isinstance(items[0]["content"], str) else items
