"""Turns a caller's request into llama.cpp's. A field that the local model cannot support is rejected by name.

Always true: llama.cpp sees only fields that are written here, so a caller reaches none of its own (slots, samplers,
templates); and a request that passes here fails there only if it is too long or its schema cannot be held to.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from headworks.core.errors import Malformed
from headworks.providers.local.chat_template import ChatFormat, Turn, transcript
from headworks.providers.local.json_grammar import (
    ANY_OBJECT,
    JSON_MARKER_TOKENS,
    MAX_DEPTH,
    Schema,
    exceeds_depth,
    grammar,
)

MAX_STOPS = 4
MAX_TOKEN_BYTES = 64
"""No vocabulary has longer tokens by the thousand: a text of more bytes than that for each token cannot fit, and is
refused before llama.cpp spends seconds on cutting it up, for that cannot be cancelled."""

Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Whole = Annotated[float, Meta(multiple_of=1)]
"""A whole number as any JSON writes it: 2, 2.0, 20e-1."""

Tokens = Annotated[float, Meta(ge=1, multiple_of=1)]

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_FIELD = re.compile(r" - at `\$\.?([^`]*)`$")


class Part(msgspec.Struct):
    type: str
    text: str | None = None


class Message(msgspec.Struct):
    role: str
    content: str | list[Part] | None = None
    tool_calls: list[object] | None = None


class JsonSchema(msgspec.Struct):
    schema: Schema | None = None


class ResponseFormat(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class Body(msgspec.Struct):
    """OpenAI's fields that mean something here. Others are not looked at: `user`, `metadata`, `store` and such."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    model: str = ""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Share | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    response_format: ResponseFormat | None = None
    # What is known and cannot be done.
    tools: list[object] | None = None
    functions: list[object] | None = None
    tool_choice: object = None
    modalities: list[str] | None = None
    audio: object = None
    web_search_options: object = None
    logit_bias: dict[str, float] | None = None
    n: Whole | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Generation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What llama.cpp is asked: always a stream, with a sign of life after each batch, so that it can be stopped."""

    messages: list[Turn]
    max_tokens: int
    stream: bool
    return_progress: bool
    stream_options: StreamOptions
    stop: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    grammar: str | None = None


class ParsedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed request. generation: the body for llama.cpp. max_tokens: of the answer."""

    generation: bytes
    model: str
    max_tokens: int
    streamed: bool
    include_usage: bool
    in_json: bool


_body = msgspec.json.Decoder(Body)
_generation = msgspec.json.Encoder()


def parse_request(body: bytes, manner: ChatFormat, context: int) -> ParsedRequest:
    """Reads a chat completion request for a model with `context` tokens of context. Raises Malformed with the field."""
    try:
        asked = _body.decode(body)
    except msgspec.ValidationError as error:
        raise _validation_error(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"The body is not JSON that can be read: {error}.") from None
    _reject_unsupported(asked)
    turns = [_turn(message, index) for index, message in enumerate(asked.messages)]
    if sum(len(turn.content) for turn in turns) > context * MAX_TOKEN_BYTES:
        raise too_long(context)
    schema = _schema(asked.response_format)
    in_json = schema is not None
    if manner.is_base:
        turns = [Turn(role="user", content=transcript(turns, in_json=in_json))]
    penalty = asked.frequency_penalty
    if penalty is None and not in_json:  # JSON repeats itself by nature: quotes, commas, names of members
        penalty = manner.frequency_penalty
    max_tokens = _max_tokens(asked, manner.max_json_output if in_json else manner.max_output)
    generation = Generation(
        messages=turns,
        max_tokens=max_tokens + JSON_MARKER_TOKENS if in_json else max_tokens,
        stream=True,
        return_progress=True,
        stream_options=StreamOptions(include_usage=True),
        stop=[*manner.stop, *_stops(asked.stop)] or None,
        temperature=manner.temperature if asked.temperature is None else asked.temperature,
        top_p=asked.top_p,
        presence_penalty=asked.presence_penalty,
        frequency_penalty=penalty,
        # OpenAI's seeds are signed and have 64 bits; llama.cpp's have 32, and the highest of them means "any".
        seed=None if asked.seed is None else asked.seed % 0x7FFF_FFFF,
        grammar=None if schema is None else grammar(schema, bounds=manner.is_base),
    )
    return ParsedRequest(
        generation=_generation.encode(generation),
        model=asked.model,
        max_tokens=max_tokens,
        streamed=bool(asked.stream),
        include_usage=asked.stream_options is not None and bool(asked.stream_options.include_usage),
        in_json=in_json,
    )


def too_long(context: int, tokens: int | None = None) -> Malformed:
    """The error for a conversation that does not fit."""
    found = f"your messages have {tokens}" if tokens is not None else "your messages have many more"
    error = Malformed(f"This model reads at most {context} tokens; {found}. Please shorten them.", param="messages")
    error.code = "context_length_exceeded"
    return error


def unsupported(param: str, what: str) -> Malformed:
    """The error for what a local model cannot do."""
    error = Malformed(f"A local model does not support {what}.", param=param)
    error.code = "unsupported_parameter"
    return error


def _reject_unsupported(asked: Body) -> None:
    missing = (
        ("tools", asked.tools, "tools"),
        ("functions", asked.functions, "functions"),
        ("tool_choice", asked.tool_choice not in (None, "none", "auto"), "tools"),
        ("modalities", [kind for kind in asked.modalities or () if kind != "text"], "anything but text"),
        ("audio", asked.audio is not None, "audio"),
        ("web_search_options", asked.web_search_options is not None, "web search"),
        ("logit_bias", asked.logit_bias, "`logit_bias`: its tokens are not OpenAI's"),
        ("n", asked.n not in (None, 1), "more or fewer than one answer to a request"),
        ("logprobs", asked.logprobs, "`logprobs`"),
        ("top_logprobs", asked.top_logprobs, "`top_logprobs`"),
    )
    for param, is_asked, what in missing:
        if is_asked:
            raise unsupported(param, what)


def _turn(message: Message, index: int) -> Turn:
    where = f"messages[{index}]"
    role = _ROLES.get(message.role)
    if role is None:
        raise unsupported(f"{where}.role", f"messages of the role `{message.role[:32]}`")
    if message.tool_calls:
        raise unsupported(f"{where}.tool_calls", "tool calls")
    if message.content is None:
        raise Malformed("A message needs text.", param=f"{where}.content")
    if isinstance(message.content, str):
        return Turn(role=role, content=message.content)
    texts: list[str] = []
    for position, part in enumerate(message.content):
        if part.type != "text" or part.text is None:
            raise unsupported(
                f"{where}.content[{position}]", f"parts of the type `{part.type[:32]}`: it reads text only"
            )
        texts.append(part.text)
    return Turn(role=role, content="\n".join(texts))


def _schema(asked: ResponseFormat | None) -> Schema | None:
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return ANY_OBJECT
    if asked.json_schema is None or not asked.json_schema.schema:
        raise Malformed("`json_schema` needs a schema.", param="response_format.json_schema.schema")
    if exceeds_depth(asked.json_schema.schema, MAX_DEPTH):
        said = f"The schema is nested too deep: this model takes at most {MAX_DEPTH} levels."
        raise Malformed(said, param="response_format.json_schema.schema")
    return asked.json_schema.schema


def _max_tokens(asked: Body, by_default: int) -> int:
    if asked.max_completion_tokens is not None:
        return int(asked.max_completion_tokens)
    return by_default if asked.max_tokens is None else int(asked.max_tokens)


def _stops(stop: str | list[str] | None) -> list[str]:
    stops = [stop] if isinstance(stop, str) else stop or []
    if len(stops) > MAX_STOPS:
        raise Malformed(f"`stop` has at most {MAX_STOPS} texts.", param="stop")
    if "" in stops:
        raise Malformed("An empty text stops nothing.", param="stop")
    return stops


def _validation_error(said: str) -> Malformed:
    """msgspec's words hold a path, such as `$.messages[...].role`: its first word is OpenAI's `param`."""
    found = _FIELD.search(said)
    if found is None:
        missing = re.search(r"missing required field `(\w+)`", said)
        return Malformed(f"{said}.", param=missing[1] if missing else None)
    path = found[1]
    return Malformed(f"`{path or 'body'}`: {said[: found.start()]}.", param=re.split(r"[.\[]", path)[0] or None)
