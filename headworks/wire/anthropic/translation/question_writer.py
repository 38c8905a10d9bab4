"""A Question to a body of Messages.

Always true: what `table.py` calls refused raises before a byte is written, and what it calls left out is not written. What
this dialect alone says (`extra`) is put back last, and wins. Results of tools stand in one message of the user, first, behind
the message that called them: the API takes them nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.anthropic.models import Abilities, abilities_of
from headworks.wire.anthropic.translation import tools
from headworks.wire.anthropic.translation.block_writer import blocks_of, mark, plain_text
from headworks.wire.anthropic.translation.blocks import CACHE
from headworks.wire.anthropic.translation.call_ids import with_ids
from headworks.wire.anthropic.translation.schemas import answer_schema
from headworks.wire.anthropic.translation.table import TABLE
from headworks.wire.anthropic.translation.thinking import put_thinking
from headworks.wire.hub.values import MESSAGES, merged, own
from headworks.wire.json_text import write_json

ANSWER: Final = "headworks_answer"
"""The tool by which a model without schemas of its own is made to fit one: its call is the answer (`decoder.py`)."""

_JSON: Final = "Answer with one JSON object only: no other words before or after it, no code fence."
_FITS: Final = " It must fit this JSON Schema: "

_HOTTEST: Final = 1.0
"""The highest temperature; OpenAI's is 2."""

_WRITTEN: Final[Mapping[str, str]] = MappingProxyType({"tool": "user", "developer": "system"})
"""Roles that are called otherwise here."""

_EMPTY: Final = "(nothing)"
"""What a message says that says nothing: the API takes no empty one."""


def body_of(question: hub.Question, model: str, left_out: list[str] | None = None) -> bytes:
    """The body for a vendor. Raises Unsupported for a field that this dialect cannot carry, before anything is sent.
    left_out: gets the names of the fields that are not carried."""
    question = hub.usual(question)
    hub.carried(question, TABLE, left_out)
    if any(not one.strip() for one in question.stop) and question.origin != MESSAGES:
        raise hub.Unsupported("stop", TABLE.title, "a text that ends the answer has to have more than blanks")
    try:
        return write_json(_body(question, model))
    except RecursionError:
        raise Malformed("The body is nested too deep.") from None


def _body(question: hub.Question, model: str) -> dict[str, Any]:
    abilities = abilities_of(model)
    is_own = question.origin == MESSAGES
    turns = question.turns if is_own else with_ids(question.turns)
    messages = list(_messages(turns))
    system = [block for turn in question.system for block in blocks_of(turn.parts)]
    if not messages and system and not is_own:
        messages, system = [{"role": "user", "content": system}], []
    body: dict[str, Any] = {"model": model, "messages": messages}
    body["max_tokens"] = abilities.most_output if question.max_output is None else question.max_output
    if question.stop:
        body["stop_sequences"] = list(question.stop)
    if question.user:
        body["metadata"] = {"user_id": question.user}
    if question.streamed:
        body["stream"] = True
    if question.cache is not None:
        body[CACHE] = mark(question.cache)
    _tools(body, question)
    if question.output is not None:
        _output(body, question, abilities, system)
    if question.reasoning is not None:
        put_thinking(body, question, abilities)
    _sampling(body, question, abilities)
    if system:
        text = plain_text(system)
        body["system"] = system if text is None else text
    return merged(body, own(question.extra, MESSAGES))


def _sampling(body: dict[str, Any], question: hub.Question, abilities: Abilities) -> None:
    said, is_own = question.sampling, question.origin == MESSAGES
    is_thinking = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    if not is_own and (is_thinking or not abilities.is_sampled):
        return  # the API would refuse the whole call
    if said.temperature is not None:
        body["temperature"] = said.temperature if is_own else min(said.temperature, _HOTTEST)
    for name in ("top_p", "top_k"):
        if (value := getattr(said, name)) is not None:
            body[name] = value


def _tools(body: dict[str, Any], question: hub.Question) -> None:
    choice = question.tool_choice
    said = tools.written_tools(question.tools, choice.allowed if choice is not None else ())
    if said:
        body["tools"] = said
    if said or question.origin == MESSAGES:
        written = tools.written_choice(choice, question.parallel)
        if written is not None:
            body["tool_choice"] = written


def _output(body: dict[str, Any], question: hub.Question, abilities: Abilities, system: list[Any]) -> None:
    output = question.output
    assert output is not None
    if output.form == "text":
        return
    if question.origin == MESSAGES:
        said = {"type": "json_schema", "schema": output.schema}
        if "output_format" in question.spelled:
            body["output_format"] = said
        else:
            body.setdefault("output_config", {})["format"] = said
    elif output.form == "json":
        system.append({"type": "text", "text": _JSON})
    elif abilities.has_schema:
        body.setdefault("output_config", {})["format"] = {
            "type": "json_schema",
            "schema": answer_schema(output.schema),
        }
    elif "tools" not in body:
        described = output.description or "Gives the answer."
        tool = hub.Tool(name=ANSWER, description=described, parameters=output.schema)
        body["tools"] = tools.written_tools([tool])
        body["tool_choice"] = {"type": "tool", "name": ANSWER}
    else:
        schema = bytes(output.schema or b"{}").decode("utf-8", "surrogatepass")
        system.append({"type": "text", "text": f"{_JSON}{_FITS}{schema}"})


# Messages


def _messages(turns: Sequence[hub.Turn]) -> Iterator[dict[str, Any]]:
    """The turns as messages; results of tools and what the user says behind them are one."""
    open_: dict[str, Any] | None = None
    for turn in turns:
        message = _message(turn)
        is_result = turn.role == "tool"
        if open_ is not None and not turn.extra and (is_result or turn.role == "user"):
            open_["content"] += _listed(message["content"])
            if not is_result:
                yield open_
                open_ = None
            continue
        if open_ is not None:
            yield open_
            open_ = None
        if is_result:
            open_ = {**message, "content": _listed(message["content"])}
        else:
            yield message
    if open_ is not None:
        yield open_


def _listed(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _message(turn: hub.Turn) -> dict[str, Any]:
    role = _WRITTEN.get(turn.role, turn.role)
    if sole := hub.sole_text(turn):
        return {"role": role, "content": sole}
    blocks = blocks_of(turn.parts)
    text = plain_text(blocks) if blocks else _EMPTY
    content: Any = blocks if text is None else text
    return merged({"role": role, "content": content}, own(turn.extra, MESSAGES))
