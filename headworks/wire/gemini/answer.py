"""An answer in Gemini's dialect, whole or an event of a stream: the few fields that are looked at.

Fields as `google-genai` 2.34.0 types them (github.com/googleapis/python-genai, google/genai/types.py, read 2026-11-30). A part
with a member that is not known here, and any known field of another type, is read again without types: an answer that is good
for the caller must not fail for a field that only we look at.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.wire.gemini.usage import UsageSaid, read_usage
from headworks.wire.json_text import read_json

UNSAID: Final = frozenset({"", "FINISH_REASON_UNSPECIFIED"})
"""Finish reasons that give none."""

ONE_TOKEN: Final = 4
"""Bytes that count as a token for what is written in no letters: a picture, sound."""


class FunctionCall(msgspec.Struct):
    name: str | None = None
    args: msgspec.Raw = msgspec.Raw()


class Part(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """other: something else than text, a thought or a call is in it."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    other: bool = False


class Content(msgspec.Struct):
    parts: list[Part] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    content: Content | None = None
    finish_reason: str | None = None
    index: int | None = None


class Feedback(msgspec.Struct, rename="camel"):
    """What is said of the prompt. blockReason: why nothing is answered."""

    block_reason: str | None = None


class Response(msgspec.Struct, rename="camel"):
    """An answer, or a piece of one."""

    candidates: list[Candidate] | None = None
    usage_metadata: UsageSaid | None = None
    prompt_feedback: Feedback | None = None
    error: Any = None

    @property
    def blocked(self) -> str:
        """Why the prompt is not answered; "" where it is."""
        return (self.prompt_feedback.block_reason or "") if self.prompt_feedback is not None else ""


_RESPONSE: Final = msgspec.json.Decoder(Response)


def decoded(data: bytes) -> Response:
    """Raises ValueError where the bytes are no JSON object, RecursionError where they are nested too deep."""
    try:
        return _RESPONSE.decode(data)
    except msgspec.DecodeError:
        return _lenient(read_json(data))


def reason_of(candidate: Candidate) -> str | None:
    """Why a candidate ended, or None where that is not said."""
    reason = candidate.finish_reason
    return None if reason is None or reason in UNSAID else reason


def size_of(part: Part) -> int:
    """Bytes of content in a part: of text, or of a call's name and arguments; a token's for what is neither."""
    size = ONE_TOKEN if part.other else 0
    if part.text:
        size += len(part.text) if part.text.isascii() else len(part.text.encode("utf-8", "surrogatepass"))
    if part.function_call is not None:
        size += len(part.function_call.name or "") + len(part.function_call.args) or ONE_TOKEN
    return size


def parts_of(candidate: Candidate) -> list[Part]:
    content = candidate.content
    return (content.parts or []) if content is not None else []


# Without types


def _lenient(content: Any) -> Response:
    """What can be understood of an answer whose known fields have other types. Raises ValueError for no object."""
    if not isinstance(content, dict):
        raise ValueError("not an object")
    candidates = content.get("candidates")
    feedback = content.get("promptFeedback")
    usage = content.get("usageMetadata")
    return Response(
        candidates=[_candidate(one) for one in candidates if isinstance(one, dict)]
        if isinstance(candidates, list)
        else None,
        usage_metadata=read_usage(usage) if isinstance(usage, dict) else None,
        prompt_feedback=Feedback(_text(feedback.get("blockReason"))) if isinstance(feedback, dict) else None,
        error=content.get("error"),
    )


def _candidate(said: dict[str, Any]) -> Candidate:
    content = said.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    index = said.get("index")
    return Candidate(
        content=Content([_part(one) for one in parts if isinstance(one, dict)] if isinstance(parts, list) else None),
        finish_reason=_text(said.get("finishReason")),
        index=index if isinstance(index, int) else None,
    )


_KNOWN: Final = frozenset({"text", "thought", "thoughtSignature", "functionCall"})


def _part(said: dict[str, Any]) -> Part:
    call = said.get("functionCall")
    args = call.get("args") if isinstance(call, dict) else None
    return Part(
        text=_text(said.get("text")),
        thought=said.get("thought") is True,
        thought_signature=_text(said.get("thoughtSignature")),
        function_call=FunctionCall(_text(call.get("name")), msgspec.Raw(str(args or "").encode("utf-8", "replace")))
        if isinstance(call, dict)
        else None,
        other=any(value is not None for name, value in said.items() if name not in _KNOWN),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
