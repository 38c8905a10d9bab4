"""A Question to a body of Converse.

Always true: what `table.py` calls refused raises before a byte is written. Turns alternate between user and assistant: what one
side says in a row is one message, and a tool's results stand in the user's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.bedrock.translation.content import Block, blocks_of, cache_point, distinct_names
from headworks.wire.bedrock.translation.table import TABLE
from headworks.wire.bedrock.translation.thinking import put_thinking
from headworks.wire.bedrock.translation.tools import config_of
from headworks.wire.hub.values import CONVERSE, merged, own
from headworks.wire.json_text import write_json

_JSON_ONLY: Final = "Answer with one JSON object and nothing else."

_TIERS: Final = ("priority", "default", "flex", "reserved")
_LABEL: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
MOST_LABELS: Final = 16


def body_of(
    question: hub.Question, model: str, guardrail: Mapping[str, str], left_out: list[str] | None = None
) -> bytes:
    """The body for a vendor. Raises Unsupported for a field that this dialect cannot carry, before anything is sent.
    left_out: gets the names of the fields that are not carried."""
    question = msgspec.structs.replace(question, sampling=_said(question.sampling))
    hub.carried(question, TABLE, left_out)
    try:
        return write_json(_body(question, model, guardrail))
    except RecursionError:
        raise Malformed("The body is nested too deep.") from None


def _said(sampling: hub.Sampling) -> hub.Sampling:
    """What is asked for, without what asks for nothing: one answer, and no likelihoods."""
    return msgspec.structs.replace(
        sampling,
        choices=None if sampling.choices == 1 else sampling.choices,
        logprobs=sampling.logprobs or None,
        top_logprobs=sampling.top_logprobs or None,
    )


def _body(question: hub.Question, model: str, guardrail: Mapping[str, str]) -> Block:
    body: Block = {"messages": _messages(question)}
    if system := _system(question):
        body["system"] = system
    if config := _inference(question):
        body["inferenceConfig"] = config
    if (tools := config_of(question)) is not None:
        body["toolConfig"] = tools
    if question.sampling.top_k is not None:
        _put_top_k(body, question.sampling.top_k, model)
    if question.reasoning is not None:
        put_thinking(body, question.reasoning, model)
    if question.output is not None and question.output.form == "schema":
        body["outputConfig"] = {"textFormat": _format(question.output)}
    if question.service_tier in _TIERS:
        body["serviceTier"] = {"type": question.service_tier}
    if labels := _labels(question.metadata):
        body["requestMetadata"] = labels
    if guardrail:
        body["guardrailConfig"] = dict(guardrail)
    return merged({name: value for name, value in body.items() if value}, own(question.extra, CONVERSE))


def _system(question: hub.Question) -> list[Block]:
    said = [block for turn in question.system for part in turn.parts for block in blocks_of(part)]
    if question.output is not None and question.output.form == "json":
        said.append({"text": _JSON_ONLY})
    return said


def _messages(question: hub.Question) -> list[Block]:
    messages: list[Block] = []
    for turn in question.turns:
        role = "assistant" if turn.role == "assistant" else "user"
        sole = hub.sole_text(turn)
        blocks = [{"text": sole}] if sole.strip() else [block for part in turn.parts for block in blocks_of(part)]
        if not blocks:
            continue
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"].extend(blocks)
        else:
            messages.append({"role": role, "content": blocks})
    for message in messages:
        if len(message["content"]) > 1:
            message["content"] = _results_first(message["content"])
    distinct_names(messages)
    if question.cache is not None and messages and "cachePoint" not in messages[-1]["content"][-1]:
        messages[-1]["content"].append(cache_point(question.cache))  # one mark for all of it stands at its end
    return messages


def _results_first(blocks: list[Block]) -> list[Block]:
    """Results of tools before what else the user says, each with its mark: Claude refuses them anywhere else."""
    results: list[Block] = []
    others: list[Block] = []
    place = others
    for block in blocks:
        if "cachePoint" not in block:
            place = results if "toolResult" in block else others
        place.append(block)
    return results + others


def _inference(question: hub.Question) -> Block:
    config: Block = {}
    if question.max_output is not None:
        config["maxTokens"] = question.max_output
    if question.sampling.temperature is not None:
        config["temperature"] = min(question.sampling.temperature, 1)
    if question.sampling.top_p is not None:
        config["topP"] = question.sampling.top_p
    if stop := [text for text in question.stop if text]:
        config["stopSequences"] = stop
    return config


def _put_top_k(body: Block, top_k: float, model: str) -> None:
    more: dict[str, Any] = body.setdefault("additionalModelRequestFields", {})
    if "anthropic.claude" in model:
        more["top_k"] = top_k
    elif "amazon.nova" in model:
        more["inferenceConfig"] = {"topK": top_k}


def _format(output: hub.Output) -> Block:
    schema = b"{}" if output.schema is None else bytes(output.schema)
    said = {"schema": schema.decode("utf-8", "replace"), "name": output.name, "description": output.description}
    inside = {name: value for name, value in said.items() if value}
    return {"type": "json_schema", "structure": {"jsonSchema": inside}}


def _labels(metadata: Any) -> dict[str, str]:
    """Labels that the API takes as they are."""
    if not isinstance(metadata, dict):
        return {}
    fitting = {
        name: value
        for name, value in metadata.items()
        if isinstance(value, str) and _LABEL.fullmatch(name) and _LABEL.fullmatch(value)
    }
    return dict(list(fitting.items())[:MOST_LABELS])
