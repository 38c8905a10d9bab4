"""The outcome of one call, by what a caller can see: status, bytes, and whether the connection ended in order.

Theory. A caller's SDK takes an answer for whole when the stream ends without an error event, or when a body is JSON
with a message in it. So that is what counts here: a stream that simply ends is *truncated* for us, because it looks
whole to its reader, with or without `[DONE]`. An answer whose finish reason says that it is short (`length`,
`content_filter`) does not look whole. This file trusts nothing that the gateway says about itself.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["whole", "error", "unserved", "broken", "hung", "truncated", "wrong"]
"""whole: exact to the letter. error: a clean error, as a status or an event. unserved: no connection.
broken: the connection ended out of order, so an SDK raises. hung: no end within the drill's patience.
truncated: looks whole and is not. wrong: looks whole and is something else."""

INCOMPLETE_FINISH_REASONS = ("length", "content_filter")
"""Finish reasons of an answer that is not all there is to say."""

CORRUPT_KINDS: tuple[Kind, ...] = ("truncated", "wrong")


class CallerResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The raw response. status: 0 where there was none. ended: how reading it ended."""

    status: int = 0
    body: bytes = b""
    ended: Literal["whole", "broken", "hung", "unserved"] = "whole"
    request_id: str = ""


class CallOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for the caller. code: of the error. after_head: content came before the error."""

    kind: Kind
    status: int = 0
    code: str = ""
    after_head: bool = False


def classify(response: CallerResponse, exact: str, *, streamed: bool) -> CallOutcome:
    """Classifies a response by comparing it with `exact`, the answer that was expected."""
    if response.ended in ("hung", "unserved"):
        return CallOutcome(kind="hung" if response.ended == "hung" else "unserved")
    if response.ended == "broken":
        return CallOutcome(kind="broken", status=response.status)
    if response.status != 200:
        return _classify_error(response.status, _json_object(response.body))
    return _classify_stream(response, exact) if streamed else _classify_body(response, exact)


def _classify_body(response: CallerResponse, exact: str) -> CallOutcome:
    content = _json_object(response.body)
    try:
        choice = content["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return CallOutcome(kind="wrong", status=200)
    return _classify_text(str(text), choice.get("finish_reason"), exact)


def _classify_stream(response: CallerResponse, exact: str) -> CallOutcome:
    text, finish = "", None
    for line in response.body.split(b"\n"):
        if not line.startswith(b"data: ") or line == b"data: [DONE]":
            continue
        event = _json_object(line[6:])
        if event.get("error"):
            return msgspec.structs.replace(_classify_error(response.status, event), after_head=bool(text))
        for choice in event.get("choices") or ():
            text += (choice.get("delta") or {}).get("content") or ""
            finish = choice.get("finish_reason") or finish
    return _classify_text(text, finish, exact)


def _classify_text(text: str, finish: str | None, exact: str) -> CallOutcome:
    if text == exact:
        return CallOutcome(kind="whole", status=200)
    if finish in INCOMPLETE_FINISH_REASONS and exact.startswith(text):
        return CallOutcome(kind="error", status=200, code=finish, after_head=True)
    return CallOutcome(kind="truncated" if exact.startswith(text) else "wrong", status=200)


def _classify_error(status: int, content: dict[str, Any]) -> CallOutcome:
    error = content.get("error")
    if not isinstance(error, dict) or not error.get("message"):
        return CallOutcome(kind="broken", status=status)  # an error that no SDK can read
    return CallOutcome(kind="error", status=status, code=str(error.get("code") or error.get("type") or ""))


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
