"""Judges our vendor's answers by the types of each vendor's own SDK: nothing is missing, nothing is there that the type lacks.

A program for the environment of the clients: JSON lines of samples in, JSON lines of complaints out.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from typing import Any, get_args

import anthropic.types
import openai.types.chat
import openai.types.responses
import pydantic
from botocore.eventstream import EventStreamBuffer
from botocore.loaders import Loader
from botocore.model import ServiceModel

CONVERSE = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))


class Unfit(Exception):
    """A body that its type does not take."""


def judge(sample: dict[str, Any]) -> None:
    """Raises what is wrong with it."""
    body = b64decode(sample["body"])
    if sample["form"] == "error":
        _error(sample["dialect"], json.loads(body))
    elif sample["form"] == "whole":
        _whole(sample["dialect"], json.loads(body))
    elif sample["dialect"] == "bedrock":
        _frames(body)
    else:
        _events(sample["dialect"], body)


def _model(type_: Any, said: Any) -> None:
    """Fits, and has no member that the type does not know."""
    _no_extra(type_.model_validate(said), "")


def _variant(union: Any, kind: str) -> Any:
    """The one class of a union of events that has this `type`. To build the union's own validator would take seconds."""
    variants = get_args(get_args(union)[0])
    found = [one for one in variants if kind in get_args(one.model_fields["type"].annotation)]
    if len(found) != 1:
        raise Unfit(f"there is no event {kind}")
    return found[0]


def _no_extra(made: Any, where: str) -> None:
    if isinstance(made, pydantic.BaseModel):
        if made.model_extra:
            raise Unfit(f"{where or type(made).__name__} has no {', '.join(made.model_extra)}")
        for name in type(made).model_fields:
            _no_extra(getattr(made, name), f"{type(made).__name__}.{name}")
    elif isinstance(made, list):
        for one in made:
            _no_extra(one, where)


def _google() -> Any:
    try:
        from google.genai import types  # noqa: PLC0415 - the one SDK that our own environment does not have
    except ImportError:
        raise Unfit("google-genai is not installed here") from None
    return types.GenerateContentResponse


def _whole(dialect: str, said: Any) -> None:
    match dialect:
        case "chat":
            _model(openai.types.chat.ChatCompletion, said)
        case "responses":
            _model(openai.types.responses.Response, said)
        case "anthropic":
            _model(anthropic.types.Message, said)
        case "gemini":
            _google().model_validate(said)
        case "bedrock":
            _shape(CONVERSE.operation_model("Converse").output_shape, said)


def _events(dialect: str, body: bytes) -> None:
    for event in body.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in event.splitlines())
        if fields["data"] == "[DONE]":
            continue
        said = json.loads(fields["data"])
        if "event" in fields and fields["event"] != said["type"]:
            raise Unfit(f"the event {fields['event']} says {said['type']}")
        if dialect == "gemini":
            _google().model_validate(said)
        elif dialect == "chat":
            _model(openai.types.chat.ChatCompletionChunk, said)
        elif dialect == "responses":
            _model(_variant(openai.types.responses.ResponseStreamEvent, said["type"]), said)
        elif said["type"] != "ping":  # the SDK drops it before it looks at types
            _model(_variant(anthropic.types.RawMessageStreamEvent, said["type"]), said)


def _frames(body: bytes) -> None:
    events = CONVERSE.operation_model("ConverseStream").output_shape.members["stream"].members
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    count = 0
    for message in buffer:
        count += 1
        kind = message.headers[":event-type"]
        if kind not in events:
            raise Unfit(f"there is no event {kind}")
        _shape(events[kind], json.loads(message.payload))
    if not count:
        raise Unfit("no frame")


def _shape(shape: Any, said: Any, where: str = "") -> None:
    """Fits the service's own model."""
    kinds = {"string": str, "integer": int, "long": int, "boolean": bool, "structure": dict, "list": list}
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name in kinds and not isinstance(said, kinds[shape.type_name]):
        raise Unfit(f"{where} is no {shape.type_name}")
    if shape.type_name == "list":
        for one in said:
            _shape(shape.member, one, where)
    if shape.type_name == "string" and shape.enum and said not in shape.enum:
        raise Unfit(f"{where} is not {said}")
    if shape.type_name == "structure":
        for name, value in said.items():
            if name not in shape.members:
                raise Unfit(f"{where or shape.name} has no {name}")
            _shape(shape.members[name], value, f"{where}.{name}")
        if missing := [name for name in shape.required_members if name not in said]:
            raise Unfit(f"{where or shape.name} lacks {', '.join(missing)}")


def _error(dialect: str, said: Any) -> None:
    match dialect:
        case "anthropic":
            _model(anthropic.types.ErrorResponse, said)
        case "chat" | "responses":
            _model(openai.types.ErrorObject, said["error"])
        case "gemini":
            if {*said} != {"error"} or {*said["error"]} != {"code", "message", "status"}:
                raise Unfit("an error of Google's is code, message and status")
        case "bedrock":
            _shape(CONVERSE.shape_for("ThrottlingException"), said)


def main() -> None:
    for line in sys.stdin:
        sample = json.loads(line)
        try:
            judge(sample)
        except (Unfit, pydantic.ValidationError, KeyError, ValueError) as error:
            print(json.dumps({"dialect": sample["dialect"], "form": sample["form"], "problem": str(error)[:500]}))


if __name__ == "__main__":
    main()
