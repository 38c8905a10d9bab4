"""An answer in OpenAI's dialect, whole or a piece of a stream: the few fields that are looked at.

An event costs one decode into these; every other field is skipped by the decoder. Where a vendor uses a known field with
another type (text as a list of parts, a float for a count) the bytes are read again without types: an answer that is
good for the caller must not fail for a field that only we look at.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headworks.wire.openai_usage import InputDetails, OutputDetails, UsageSaid


class Delta(msgspec.Struct):
    """What a choice adds. `message` of a whole answer has the same fields."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None  # DeepSeek, vLLM, llama.cpp
    reasoning: str | None = None  # OpenRouter, Groq
    tool_calls: list[msgspec.Raw] | None = None
    function_call: dict[str, msgspec.Raw] | None = None
    audio: dict[str, msgspec.Raw] | None = None


class Choice(msgspec.Struct):
    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
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
    except msgspec.ValidationError:
        return _lenient(_ANY.decode(data))


def untyped(data: bytes) -> Any:
    """The JSON value, for the rare answers that are looked at more closely. Raises ValueError or RecursionError."""
    return _ANY.decode(data)


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
    finish = choice.get("finish_reason")
    return Choice(
        index=index if isinstance(index, int) else None,
        delta=_delta(choice.get("delta")),
        message=_delta(choice.get("message")),
        finish_reason=str(finish) if finish else None,
    )


def _delta(delta: Any) -> Delta | None:
    if not isinstance(delta, dict):
        return None
    content = delta.get("content")
    calls = delta.get("tool_calls")
    said = {name: delta[name] for name in ("refusal", "reasoning_content", "reasoning") if delta.get(name)}
    parts = [part for part in content if part] if isinstance(content, list) else []
    return Delta(
        content=_text(parts) if parts else content if isinstance(content, str) else None,
        reasoning="..." if said or (parts and not _text(parts)) else None,
        tool_calls=[msgspec.Raw(b"{}")] * len(calls) if isinstance(calls, list) else None,
        function_call={"": msgspec.Raw()} if delta.get("function_call") else None,
        audio={"": msgspec.Raw()} if delta.get("audio") else None,
    )


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
