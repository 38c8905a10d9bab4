"""An answer in OpenAI's dialect, whole or a piece of a stream: the few fields that are looked at.

An event costs one decode into these. What says nothing is no value: an empty text, null, a list or object with nothing
in it, a finish reason that is empty or the word "null". Everything else in a `delta` is content, whatever it is called,
for a vendor that thinks aloud is talking. So a delta with a member that is not known here, and any known field of another
type (text as a list of parts, a float for a count), is read again without types: an answer that is good for the caller
must not fail for a field that only we look at. Half of a surrogate pair, which JSON's grammar allows and the fast decoder
does not, is read by the slow one.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import msgspec

from headworks.wire.openai_usage import InputDetails, OutputDetails, UsageSaid

UNSAID: Final = frozenset({"", "null", "none", "None"})
"""Finish reasons that give none: servers send them with every chunk that is not the last."""


class Message(msgspec.Struct):
    """What a choice of a whole answer says."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    function_call: dict[str, msgspec.Raw] | None = None


class Delta(Message, forbid_unknown_fields=True):
    """What an event adds to a choice. is_other: a member that stands nowhere here says something."""

    role: str | None = None
    reasoning_content: str | None = None  # DeepSeek, vLLM, llama.cpp
    reasoning: str | None = None  # OpenRouter, Groq
    reasoning_details: list[msgspec.Raw] | None = None  # OpenRouter, MiniMax
    images: list[msgspec.Raw] | None = None  # OpenRouter
    annotations: list[msgspec.Raw] | None = None
    audio: dict[str, msgspec.Raw] | None = None
    is_other: bool = False


class Choice(msgspec.Struct):
    index: int | None = None
    delta: Delta | None = None
    message: Message | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct):
    """An answer or a piece of one."""

    choices: list[Choice] | None = None
    usage: UsageSaid | None = None
    error: Any = None  # an object, or a string; some vendors send an empty one with every answer


_COMPLETION = msgspec.json.Decoder(Completion)
_ANY = msgspec.json.Decoder()


def decoded(data: bytes) -> Completion:
    """Raises ValueError where the bytes are no JSON object, RecursionError where they are nested too deep."""
    try:
        return _COMPLETION.decode(data)
    except msgspec.DecodeError:
        return _lenient(untyped(data))


def untyped(data: bytes) -> Any:
    """The JSON value, for the rare answers that are looked at more closely. Raises ValueError or RecursionError."""
    try:
        return _ANY.decode(data)
    except msgspec.DecodeError:
        if b"\\ud" not in data and b"\\uD" not in data:
            raise
    return json.loads(data.decode(), parse_constant=_refuse)


def encoded(value: Any) -> bytes:
    """A JSON value as bytes, halves of surrogate pairs too."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def reason_in(finish: Any) -> str | None:
    """Why a choice ended, or None where that is not said."""
    said = finish if isinstance(finish, str) else str(finish or "")
    return None if said in UNSAID else said


def says(value: Any) -> bool:
    """Whether there is anything in a JSON value."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif one is not None and one != "":
            return True
    return False


def calls_in(said: dict[str, msgspec.Raw] | None) -> bool:
    """Whether a `function_call` calls something: some servers send an empty one with every chunk."""
    return said is not None and any(bytes(raw) not in (b'""', b"null") for raw in said.values())


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# Without types


def _lenient(content: Any) -> Completion:
    """What can be understood of an answer whose known fields have other types. Raises ValueError for no object."""
    if not isinstance(content, dict):
        raise ValueError("not an object")
    choices = content.get("choices")
    usage = content.get("usage")
    error = content.get("error")
    return Completion(
        choices=[_choice(choice) for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else None,
        usage=_usage(usage) if isinstance(usage, dict) else None,
        error=error,
    )


def _choice(choice: dict[str, Any]) -> Choice:
    index = choice.get("index")
    return Choice(
        index=index if isinstance(index, int) else None,
        delta=_delta(choice.get("delta")),
        message=_delta(choice.get("message")),
        finish_reason=reason_in(choice.get("finish_reason")),
    )


_TEXTS: Final = ("content", "refusal", "reasoning_content", "reasoning")
_SILENT: Final = frozenset({"role", "tool_calls", "function_call"})
"""Members that are no content of their own: who speaks, and what is looked at by itself."""


def _delta(delta: Any) -> Delta | None:
    if not isinstance(delta, dict):
        return None
    texts = {name: delta[name] for name in _TEXTS if isinstance(delta.get(name), str)}
    rest = {name: value for name, value in delta.items() if name not in texts and name not in _SILENT}
    if isinstance(parts := rest.get("content"), list):
        texts["content"] = _text(parts)
        rest["content"] = [part for part in parts if not _is_text(part)]
    calls = delta.get("tool_calls")
    return Delta(
        **texts,
        tool_calls=[msgspec.Raw(b"{}")] * len(calls) if isinstance(calls, list) else None,
        function_call={"": msgspec.Raw(b"{}")} if says(delta.get("function_call")) else None,
        is_other=says(rest),
    )


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type", "text") == "text" and isinstance(part.get("text"), str)


def _text(parts: list[Any]) -> str:
    """The text of content that is a list of parts, as Mistral streams it beside its thinking."""
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _usage(usage: dict[str, Any]) -> UsageSaid:
    def count(place: Any, name: str) -> int | None:
        number = place.get(name) if isinstance(place, dict) else None
        return int(number) if isinstance(number, (int, float)) else None

    inside, outside = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return UsageSaid(
        prompt_tokens=count(usage, "prompt_tokens"),
        completion_tokens=count(usage, "completion_tokens"),
        total_tokens=count(usage, "total_tokens"),
        prompt_cache_hit_tokens=count(usage, "prompt_cache_hit_tokens"),
        prompt_tokens_details=InputDetails(
            cached_tokens=count(inside, "cached_tokens"),
            cache_write_tokens=count(inside, "cache_write_tokens"),
            audio_tokens=count(inside, "audio_tokens"),
        ),
        completion_tokens_details=OutputDetails(
            reasoning_tokens=count(outside, "reasoning_tokens"),
            audio_tokens=count(outside, "audio_tokens"),
        ),
    )
