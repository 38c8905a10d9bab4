"""What a caller of each API reads out of bytes: the text, why it ended, and the error. As an SDK does it, and no more.

Not the package's own decoders: those are what a drill judges. So what is read here is read leniently, and a stream that simply
ends has no error in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

Json: TypeAlias = "dict[str, Any]"


class Piece(NamedTuple):
    """What one event, or a whole answer, says. error: None where it is none."""

    text: str = ""
    finish: str = ""
    error: Json | None = None


@dataclass(frozen=True)
class AnswerReading:
    """body: reads a whole answer; None where that is no answer. event: reads one event of a stream. code: of an error object.
    is_bare: an error that ends a stream stands alone on its line, as Google's SDKs read it."""

    body: Callable[[Json], Piece | None]
    event: Callable[[Json], Piece]
    code: Callable[[Json], str]
    is_bare: bool = False

    def stream(self, data: bytes) -> Piece:
        """The whole text of a stream, its last finish reason, and its first error."""
        text: list[str] = []
        finish = ""
        for content in events(data, is_bare=self.is_bare):
            piece = self.event(content)
            if piece.error is not None:
                return Piece("".join(text), finish, piece.error)
            text.append(piece.text)
            finish = piece.finish or finish
        return Piece("".join(text), finish)


def json_object(data: bytes) -> Json:
    try:
        content = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def events(data: bytes, *, is_bare: bool) -> Iterator[Json]:
    for line in data.split(b"\n"):
        if line.startswith(b"data: ") and line.rstrip() != b"data: [DONE]":
            yield json_object(line[6:])
        elif is_bare and line.startswith(b"{"):
            yield json_object(line)


def inner(content: Json, *names: str) -> Any:
    """What stands at these names, {} where something on the way is missing."""
    found: Any = content
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found or {}


def listed(found: Any) -> list[Json]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


# OpenAI's chat and completions


def _chat_body(content: Json) -> Piece | None:
    choices = listed(content.get("choices"))
    if not choices or "content" not in inner(choices[0], "message"):
        return None
    return Piece(str(choices[0]["message"]["content"]), choices[0].get("finish_reason") or "")


def _chat_event(content: Json) -> Piece:
    if content.get("error"):
        return Piece(error=content["error"])
    choices = listed(content.get("choices"))
    text = "".join([inner(one, "delta").get("content") or "" for one in choices])
    return Piece(text, next((one["finish_reason"] for one in choices if one.get("finish_reason")), ""))


def _completion_body(content: Json) -> Piece | None:
    choices = listed(content.get("choices"))
    return _completion_event(content) if choices and "text" in choices[0] else None


def _completion_event(content: Json) -> Piece:
    if content.get("error"):
        return Piece(error=content["error"])
    choices = listed(content.get("choices"))
    text = "".join([one.get("text") or "" for one in choices])
    return Piece(text, next((one["finish_reason"] for one in choices if one.get("finish_reason")), ""))


def _openai_code(error: Json) -> str:
    return str(error.get("code") or error.get("type") or "")


# Anthropic's Messages

_STOPS: Final = MappingProxyType({"max_tokens": "length", "refusal": "content_filter"})


def _message_body(content: Json) -> Piece | None:
    if content.get("type") != "message":
        return None
    text = "".join([one.get("text") or "" for one in listed(content.get("content"))])
    return Piece(text, _stop(content))


def _message_event(content: Json) -> Piece:
    if content.get("type") == "error":
        return Piece(error=inner(content, "error"))
    return Piece(inner(content, "delta").get("text") or "", _stop(inner(content, "delta")))


def _stop(content: Json) -> str:
    said = content.get("stop_reason") or ""
    return _STOPS.get(said, said)


def _type(error: Json) -> str:
    return str(error.get("type") or "")


# OpenAI's Responses


def _response_body(content: Json) -> Piece | None:
    if content.get("object") != "response":
        return None
    parts = [part for item in listed(content.get("output")) for part in listed(item.get("content"))]
    return Piece("".join([part.get("text") or "" for part in parts]), _why_incomplete(content))


def _response_event(content: Json) -> Piece:
    kind = content.get("type")
    if kind == "error":
        return Piece(error=content.get("error") or content)
    if kind == "response.failed":
        return Piece(error=inner(content, "response", "error") or {"message": "failed"})
    text = content.get("delta") if kind == "response.output_text.delta" else ""
    return Piece(text or "", _why_incomplete(inner(content, "response")))


def _why_incomplete(response: Json) -> str:
    why = inner(response, "incomplete_details").get("reason") or ""
    return "length" if why == "max_output_tokens" else str(why)


# Gemini's generateContent

_REASONS: Final = MappingProxyType(
    {"STOP": "stop", "MAX_TOKENS": "length", **dict.fromkeys(("SAFETY", "PROHIBITED_CONTENT"), "content_filter")}
)


def _generated(content: Json) -> Piece:
    if content.get("error"):
        return Piece(error=content["error"])
    if inner(content, "promptFeedback").get("blockReason"):
        return Piece(finish="content_filter")
    text, finish = "", ""
    for one in listed(content.get("candidates")):
        parts = listed(inner(one, "content").get("parts"))
        text += "".join([part.get("text") or "" for part in parts if not part.get("thought")])
        said = one.get("finishReason") or ""
        finish = _REASONS.get(said, said)
    return Piece(text, finish)


def _generated_body(content: Json) -> Piece | None:
    return _generated(content) if "candidates" in content or "promptFeedback" in content else None


def _status(error: Json) -> str:
    return str(error.get("status") or error.get("code") or "")


READINGS: Final[Mapping[str, AnswerReading]] = MappingProxyType(
    {
        "chat": AnswerReading(_chat_body, _chat_event, _openai_code),
        "completions": AnswerReading(_completion_body, _completion_event, _openai_code),
        "messages": AnswerReading(_message_body, _message_event, _type),
        "responses": AnswerReading(_response_body, _response_event, _openai_code),
        "gemini": AnswerReading(_generated_body, _generated, _status, is_bare=True),
    }
)
"""By the word of the API."""
