"""The outcome of one call, by what a caller can see: status, bytes, and whether the connection ended in order.

Theory. A caller's SDK takes an answer for whole when the stream ends without an error event, or when a body is JSON
with a message in it. So that is what counts here: a stream that simply ends is *truncated* for us, because it looks
whole to its reader, with or without `[DONE]`. An answer whose finish reason says that it is short (`length`,
`content_filter`) does not look whole. This file trusts nothing that the gateway says about itself. Each API's answers are
read by `answer_reading.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from headworks.core.errors import CallError, Filtered, InsufficientQuota, QuotaExceeded, TooLong
from headworks.drill.answer_reading import READINGS, AnswerReading, Piece, json_object
from headworks.wire.client_apis import CLIENT_APIS

Kind: TypeAlias = Literal["whole", "error", "unserved", "broken", "hung", "truncated", "wrong"]
"""whole: exact to the letter. error: a clean error, as a status or an event. unserved: no connection.
broken: the connection ended out of order, so an SDK raises. hung: no end within the drill's patience.
truncated: looks whole and is not. wrong: looks whole and is something else."""

INCOMPLETE_FINISH_REASONS = ("length", "content_filter")
"""Finish reasons of an answer that is not all there is to say."""

CORRUPT_KINDS: tuple[Kind, ...] = ("truncated", "wrong")


NAMED_ERRORS: Final[Mapping[str, type[CallError]]] = MappingProxyType(
    {one.code: one for one in (TooLong, Filtered, QuotaExceeded, InsufficientQuota)}
)
"""Errors that a hypothesis names."""


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


def classify(response: CallerResponse, exact: str, *, streamed: bool, dialect: str = "chat") -> CallOutcome:
    """Classifies a response by comparing it with `exact`, the answer that was expected. dialect: the API in which was asked."""
    if response.ended in ("hung", "unserved"):
        return CallOutcome(kind="hung" if response.ended == "hung" else "unserved")
    if response.ended == "broken":
        return CallOutcome(kind="broken", status=response.status)
    reading = READINGS[dialect]
    if response.status != 200:
        return _classify_error(response, reading)
    if streamed:
        said = reading.stream(response.body)
        if said.error is not None:
            return _told(response.status, said.error, reading.code(said.error), after_head=bool(said.text))
        return _classify_text(said, exact)
    answer = reading.body(json_object(response.body))
    return CallOutcome(kind="wrong", status=200) if answer is None else _classify_text(answer, exact)


def code_in(dialect: str, code: str) -> str:
    """What an API calls an error that OpenAI's calls `code`: some have one word for everything that is wrong with a call."""
    kind = NAMED_ERRORS.get(code)
    if kind is None:
        return code
    error = json_object(CLIENT_APIS[dialect].caller.problem(kind("It is refused."))).get("error")
    return READINGS[dialect].code(error) if isinstance(error, dict) else code


def _classify_text(said: Piece, exact: str) -> CallOutcome:
    if said.text == exact:
        return CallOutcome(kind="whole", status=200)
    if said.finish in INCOMPLETE_FINISH_REASONS and exact.startswith(said.text):
        return CallOutcome(kind="error", status=200, code=said.finish, after_head=True)
    return CallOutcome(kind="truncated" if exact.startswith(said.text) else "wrong", status=200)


def _classify_error(response: CallerResponse, reading: AnswerReading) -> CallOutcome:
    error = json_object(response.body).get("error")
    if not isinstance(error, dict):
        return CallOutcome(kind="broken", status=response.status)  # an error that no SDK can read
    return _told(response.status, error, reading.code(error))


def _told(status: int, error: dict[str, Any], code: str, *, after_head: bool = False) -> CallOutcome:
    if not error.get("message"):
        return CallOutcome(kind="broken", status=status)
    return CallOutcome(kind="error", status=status, code=code, after_head=after_head)
