"""Calls the system in this process, and gives scorers what they need of the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import (
    CallError,
    EvalError,
    Forbidden,
    Overloaded,
    Refused,
    Shed,
    Unauthenticated,
    UnknownModel,
)
from headworks.core.service import Service
from headworks.core.text import sound
from headworks.evals.scorers import Reply
from headworks.policy.charge import charge

RETRY_PAUSES = (0.2, 1.0, 5.0)
"""Seconds between retries of a call that the system shed: an evaluation can wait, and must not add load."""

FILTERED = "content_filter"


class Caller:
    """Calls a system. `key`: the secret of a caller, None where the system has no keys."""

    def __init__(self, front: Service, call: Any, key: str | None) -> None:
        self._front = front
        self._call = call
        self._key = key

    async def ask(self, body: bytes) -> CallResult:
        """Makes a call, and retries it where the system was overloaded. Raises EvalError where no call can succeed."""
        for pause in (*RETRY_PAUSES, None):
            # The model is asked, not what it said before: neither the cache nor a call in flight may answer for it.
            call: Call = msgspec.structs.replace(self._call(body, self._key), cache_control="no-store")
            try:
                return await self._once(call)
            except (Unauthenticated, Forbidden, UnknownModel) as error:
                raise EvalError(f"the system rejects the calls of this evaluation: {error.message}") from error
            except Shed as error:
                if pause is None or not isinstance(error, Overloaded):
                    return self._failed(call, error)
                await asyncio.sleep(pause)
            except CallError as error:
                return self._failed(call, error)
        raise AssertionError

    async def _once(self, call: Call) -> CallResult:
        async with self._front.open(call) as reply:
            [chunk] = await reply.read()
        usage = reply.usage
        text, refused, calls = _parse_answer(chunk.data, chunk.text)
        return CallResult(
            reply=Reply(
                text=text,
                tool_calls=calls,
                refused=refused or reply.finish == FILTERED,
                finish=reply.finish or "",
                seconds=now() - call.arrived_at,
                cost_nano=cost_of(call, len(chunk.text.encode("utf-8", "surrogatepass"))),
                input_tokens=usage.input_tokens if usage else 0,
                output_tokens=usage.output_tokens if usage else 0,
            ),
            request_id=call.id,
        )

    def _failed(self, call: Call, error: CallError) -> CallResult:
        said = error.said
        seconds, cost = now() - call.arrived_at, cost_of(call, 0)
        if said is not None and said.code == FILTERED:  # a vendor's filter that refuses the question is a refusal
            return CallResult(
                reply=Reply(refused=True, finish=FILTERED, seconds=seconds, cost_nano=cost), request_id=call.id
            )
        why = f"{type(error).__name__}: {error.message}" if not isinstance(error, Refused) else error.message
        return CallResult(reply=Reply(seconds=seconds, cost_nano=cost), request_id=call.id, error=why)


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one call. error: why there is no answer, or ""."""

    reply: Reply
    request_id: str
    error: str = ""


class _Function(msgspec.Struct):
    name: str = ""
    arguments: Any = ""


class _ToolCall(msgspec.Struct):
    function: _Function = msgspec.field(default_factory=_Function)


class _Message(msgspec.Struct):
    content: Any = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    message: _Message = msgspec.field(default_factory=_Message)


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []


_decode = msgspec.json.Decoder(_Answer).decode


def _parse_answer(data: bytes, text: str) -> tuple[str, bool, tuple[tuple[str, str], ...]]:
    """An answer's text, whether it is marked as a refusal, and its tool calls."""
    try:
        choices = _decode(data).choices
    except (ValueError, RecursionError):  # a vendor's own shape: the text that the dialect found is all there is
        return sound(text), False, ()
    message = choices[0].message if choices else _Message()
    calls = tuple((one.function.name, _arguments(one.function.arguments)) for one in message.tool_calls or ())
    return sound(text) or message.refusal or "", bool(message.refusal), calls


def _arguments(said: Any) -> str:
    return said if isinstance(said, str) else msgspec.json.encode(said).decode()


def cost_of(call: Call, received: int) -> int | None:
    """What all attempts of a call cost; None where a price is unknown. `received`: bytes of the last one's text."""
    total = 0
    attempts = call.trail.attempts
    for attempt in attempts:
        came = attempt.received or (received if attempt is attempts[-1] else 0)
        _, cost, _ = charge(attempt, attempt.sent or len(call.body), came)
        if cost is None:
            return None
        total += cost
    return total
