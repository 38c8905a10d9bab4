"""A vendor's whole answer of generateContent to an Answer.

Always true: what is not understood is kept where it stands, in the `extra` of the answer, of its candidate (`content` has what stood
there) or of a part.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Final

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.gemini.translation.calls import MADE, Named
from headworks.wire.gemini.translation.citations import citations_of
from headworks.wire.gemini.translation.content import parts_of
from headworks.wire.gemini.translation.words import finish_of, taken_likely, usage_of
from headworks.wire.hub.values import GENERATE, only
from headworks.wire.json_text import read_json

_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")


class Answered(Named):
    """The calls of one answer. An id that a vendor does not give is made of the answer's own, so that no two calls of a
    conversation have the same; with 40 characters at most, as OpenAI wants it."""

    __slots__ = ("seed",)

    def __init__(self) -> None:
        super().__init__()
        self.seed = ""

    def made(self, arguments: str) -> str:
        seed = _ODD.sub("-", self.seed[:24]) or f"{zlib.crc32(arguments.encode('utf-8', 'surrogatepass')):08x}"
        return f"{MADE}{seed}_{self.count}"


def answer_of(body: bytes) -> hub.Answer:
    """Raises Garbled for what is no answer."""
    try:
        said = read_json(body.removeprefix(b"\xef\xbb\xbf"))
        if not isinstance(said, dict):
            raise Garbled("The vendor's answer is no object.")
        return _answer(said)
    except (ValueError, RecursionError):
        raise Garbled("The vendor's answer cannot be read: it is no JSON, or nested too deep.") from None


def _answer(said: dict[str, Any]) -> hub.Answer:
    named = Answered()
    head = head_of(said, named)
    listed = said.pop("candidates", None)
    objects = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    choices = [_choice(at, one, named) for at, one in enumerate(objects)]
    if not choices and (finish := blocked(said)) is not None:
        choices = [hub.Choice(finish=finish)]
    usage = usage_of(said.get("usageMetadata"))
    if usage is not None:
        del said["usageMetadata"]
    return hub.Answer(choices=tuple(choices), usage=usage, extra=only(GENERATE, said), **head)


def head_of(said: dict[str, Any], named: Answered) -> dict[str, Any]:
    """What an answer says of itself, and every event of a stream again; taken out."""
    head: dict[str, Any] = {}
    for name, field in (("responseId", "id"), ("modelVersion", "model")):
        if isinstance(said.get(name), str):
            head[field] = said.pop(name)
    named.seed = head.get("id") or named.seed
    return head


def blocked(said: dict[str, Any]) -> hub.Finish | None:
    """Why the prompt is not answered; None where it is. It is told in `extra`, too."""
    feedback = said.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if not isinstance(reason, str) or not reason:
        return None
    detail = feedback.get("blockReasonMessage") if isinstance(feedback, dict) else None
    return hub.Finish(reason="content_filter", detail=detail if isinstance(detail, str) else "")


def _choice(at: int, said: dict[str, Any], named: Answered) -> hub.Choice:
    index = said.pop("index") if type(said.get("index")) is int else at
    content = said.pop("content") if isinstance(said.get("content"), dict) else {}
    listed = content.pop("parts") if isinstance(content.get("parts"), list) else []
    if content.get("role") == "model":
        del content["role"]
    parts = parts_of(listed, named)
    if content:
        said["content"] = content
    likely = taken_likely(said)
    has_calls = any(isinstance(part, hub.ToolCall) for part in parts)
    finish = finish_of(said.get("finishReason"), said.get("finishMessage"), has_calls=has_calls)
    if finish is not None:
        del said["finishReason"]
        if finish.detail:
            del said["finishMessage"]
    return hub.Choice(index=index, parts=_cited(parts, said), finish=finish, likely=likely, extra=only(GENERATE, said))


def _cited(parts: tuple[hub.Part, ...], said: dict[str, Any]) -> tuple[hub.Part, ...]:
    """The parts with the citations on the texts that they are of. What they were read from stays in `extra`."""
    texts = [part.text for part in parts if isinstance(part, hub.Text)]
    found = citations_of(said, texts)
    if not found:
        return parts
    made: list[hub.Part] = []
    at = 0
    for part in parts:
        if isinstance(part, hub.Text):
            citations = tuple(found.get(at, ()))
            part = hub.Text(
                text=part.text, citations=citations, signature=part.signature, origin=part.origin, extra=part.extra
            )
            at += 1
        made.append(part)
    return tuple(made)
