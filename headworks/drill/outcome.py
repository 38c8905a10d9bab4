"""What one caller got, judged by what a caller can see: status and bytes, and whether the connection ended in order.

Theory. A caller's SDK takes an answer for whole when the stream ends without an error event, or when a body is JSON
with a message in it. So that is what counts here: a stream that simply ends is *truncated* for us, because it looks
whole to its reader, with or without `[DONE]`. An answer whose finish reason says that it is short (`length`,
`content_filter`) does not look whole. This file trusts nothing that the gateway says about itself.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["whole", "error", "unserved", "broken", "hung", "truncated", "wrong"]
"""whole: exact to the letter. error: said as one, status or event. unserved: nobody listened, nothing was begun.
broken: the connection ended out of order, so an SDK raises. hung: no end within the drill's patience.
truncated: looks whole and is not. wrong: looks whole and is something else."""

SHORT = ("length", "content_filter")
"""Finish reasons of an answer that is not all there is to say."""

UNTRUE: tuple[Kind, ...] = ("truncated", "wrong")


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. status: 0 where nothing did. ended: how the reading ended."""

    status: int = 0
    body: bytes = b""
    ended: Literal["whole", "broken", "hung", "unserved"] = "whole"
    request_id: str = ""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """How a caller fared. code: of the error that was shown. after_head: content had come before the error."""

    kind: Kind
    status: int = 0
    code: str = ""
    after_head: bool = False


def judged(heard: Heard, exact: str, *, streamed: bool) -> Judged:
    """What a caller who would have had `exact` makes of it."""
    if heard.ended in ("hung", "unserved"):
        return Judged(kind="hung" if heard.ended == "hung" else "unserved")
    if heard.ended == "broken":
        return Judged(kind="broken", status=heard.status)
    if heard.status != 200:
        return _error(heard.status, _object(heard.body))
    return _stream(heard, exact) if streamed else _body(heard, exact)


def _body(heard: Heard, exact: str) -> Judged:
    content = _object(heard.body)
    try:
        choice = content["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return Judged(kind="wrong", status=200)
    return _told(str(text), choice.get("finish_reason"), exact)


def _stream(heard: Heard, exact: str) -> Judged:
    text, finish = "", None
    for line in heard.body.split(b"\n"):
        if not line.startswith(b"data: ") or line == b"data: [DONE]":
            continue
        event = _object(line[6:])
        if event.get("error"):
            return msgspec.structs.replace(_error(heard.status, event), after_head=bool(text))
        for choice in event.get("choices") or ():
            text += (choice.get("delta") or {}).get("content") or ""
            finish = choice.get("finish_reason") or finish
    return _told(text, finish, exact)


def _told(text: str, finish: str | None, exact: str) -> Judged:
    if text == exact:
        return Judged(kind="whole", status=200)
    if finish in SHORT and exact.startswith(text):
        return Judged(kind="error", status=200, code=finish, after_head=True)
    return Judged(kind="truncated" if exact.startswith(text) else "wrong", status=200)


def _error(status: int, content: dict[str, Any]) -> Judged:
    error = content.get("error")
    if not isinstance(error, dict) or not error.get("message"):
        return Judged(kind="broken", status=status)  # an error that no SDK can read
    return Judged(kind="error", status=status, code=str(error.get("code") or error.get("type") or ""))


def _object(data: bytes) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
