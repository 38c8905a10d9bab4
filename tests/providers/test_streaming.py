"""What a stream waits for, and for how long, on virtual time: the vendor is a script of instants and bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Crowded, Cut, Expired, Garbled
from headworks.core.reply import Usage
from headworks.core.trail import Attempt
from headworks.http.buffered import Buffered
from headworks.http.client import Client, Exchange
from headworks.http.client_connection import Headers
from headworks.http.connection import TimedOut
from headworks.http.dial import Origin
from headworks.providers.remote import ENDING, Remote, account_headers
from headworks.testing import virtual
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.chat import MOST_SILENT
from headworks.wire.openai.dialect import OPENAI

TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
EMPTY = b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":""}]}\n\n'
THOUGHT = b'data: {"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"t","text":"hm"}]}}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n\n'
DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
BODY = b'{"model":"a","messages":[1]}'

Step = tuple[float, bytes]
"""Seconds after the one before, and what comes then; b"" is the end. Where the seconds are negative the bytes were there
already, and that much of our own time goes by while they are read."""


class Speaking(Exchange):
    """An exchange over no socket."""

    __slots__ = ("_due_at", "_steps", "charges")

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._due_at: tuple[float, bytes] | None = None
        self.charges: list[int] = []

    async def head(self, by: float = 0.0) -> tuple[int, Headers]:
        return 200, []

    async def read(self, by: float = 0.0) -> bytes:
        if self._due_at is None:
            after, data = next(self._steps, (NEVER, b""))
            if after < 0:
                await asyncio.sleep(-after)
                return data
            self._due_at = (now() + after, data)
        due_at, data = self._due_at
        if due_at > by:
            await asyncio.sleep(by - now())
            raise TimedOut
        await asyncio.sleep(due_at - now())
        self._due_at = None
        return data

    def charge(self, size: int) -> None:
        self.charges.append(size)

    def release(self) -> None:
        pass

    def finish(self) -> None:
        pass


class Vendor(Client):
    """Answers every call with the same script."""

    def __init__(self, steps: Iterable[Step], most: int = 1 << 62) -> None:
        super().__init__(Origin.parse("http://vendor/v1"), buffered=Buffered(most))
        self.exchange = Speaking(iter(steps))

    def resume(self, method: bytes, target: bytes, headers: bytes, body: bytes = b"") -> Exchange:
        return self.exchange


async def heard(steps: Iterable[Step], *, pause: float = 0.0, **fields: Any) -> tuple[list[Step], CallError | None]:
    """What the caller had, each with its instant, and the error. pause: seconds that the caller takes to each read."""
    attempt = Attempt("vendor/m", "first", now())
    attempt.head_by, attempt.gap = now() + 5.0, fields.pop("gap", 8.0)
    remote = Remote(Vendor(steps), OPENAI, "m", account_headers(None, {}))
    asked = Call(id="r", alias="a", body=BODY, dialect=CHAT, streamed=True, attempt=attempt, **fields)
    had: list[Step] = []
    try:
        async with remote.open(asked) as reply:
            while chunks := await reply.read():
                had += [(now(), chunk.data) for chunk in chunks if chunk.data]
                await asyncio.sleep(pause)
            assert attempt.usage == reply.usage
            if had[-1][1] == DONE and USAGE in [data for _, data in had]:
                assert reply.usage == Usage(input=3, output=1)
    except CallError as error:
        return had, error
    return had, None


# Behind the finish reason


@virtual
async def test_a_caller_who_asked_for_the_tokens_has_the_last_words_at_once_and_the_tokens_when_they_come() -> None:
    steps = [(0, TEXT), (1, STOP), (1.6, USAGE), (0.5, DONE)]
    had, error = await heard(steps, include_usage=True)
    assert error is None
    assert had == [(0, TEXT), (1, STOP), (2.6, USAGE), (3.1, DONE)]


@virtual
async def test_the_tokens_are_waited_for_as_long_as_between_tokens_allows() -> None:
    had, error = await heard([(0, TEXT), (1, STOP), (8.1, USAGE)], include_usage=True)
    assert error is None
    assert had == [(0, TEXT), (1, STOP), (9, DONE)]


@virtual
async def test_never_past_the_callers_deadline() -> None:
    had, error = await heard([(0, TEXT), (1, STOP), (1.6, USAGE)], include_usage=True, deadline_at=2.0)
    assert error is None
    assert had == [(0, TEXT), (1, STOP), (2, DONE)]


@pytest.mark.parametrize("more", [[], [(0.5, PING)] * 9, [(0.5, EMPTY)] * 9])
@virtual
async def test_who_did_not_ask_waits_a_second_for_the_end_whatever_comes_instead(more: list[Step]) -> None:
    had, error = await heard([(0, TEXT), (1, STOP), *more])
    assert error is None
    assert (had[-1], had[1]) == ((1 + ENDING, DONE), (1, STOP))


@virtual
async def test_once_the_tokens_are_there_only_the_end_mark_is_missing_and_nobody_waits_long_for_that() -> None:
    had, error = await heard([(0, TEXT), (1, STOP), (3, USAGE)], include_usage=True)
    assert error is None
    assert had[-1] == (4 + ENDING, DONE)


@virtual
async def test_tokens_that_came_before_the_last_words_are_not_those_of_the_answer() -> None:
    had, error = await heard([(0, USAGE), (0, TEXT), (1, STOP), (1.6, USAGE), (0, DONE)], include_usage=True)
    assert error is None
    assert had[-2:] == [(2.6, USAGE), (2.6, DONE)]


@virtual
async def test_where_between_tokens_has_no_bound_a_second_is_waited_for_the_tokens() -> None:
    had, error = await heard([(0, TEXT), (1, STOP), (1.6, USAGE)], include_usage=True, gap=0.0)
    assert error is None
    assert had[-1] == (1 + ENDING, DONE)


@virtual
async def test_a_finish_reason_that_says_nothing_ends_no_healthy_stream() -> None:
    said = TEXT.replace(b"null", b'""')
    had, error = await heard([(0, said), (1.4, said), (1.4, said), (1.4, STOP), (0, DONE)])
    assert error is None
    assert [data for _, data in had] == [said] * 3 + [STOP, DONE]
    had, error = await heard([(0, said), (1.4, said), (0, b"")])
    assert isinstance(error, Cut)


# Whatever arrives


@virtual
async def test_a_vendor_that_thinks_aloud_is_talking() -> None:
    had, error = await heard([(0.5, THOUGHT)] * 8 + [(0, STOP), (0, DONE)], gap=1.0)
    assert error is None
    assert had[0] == (0.5, THOUGHT)


@pytest.mark.parametrize("noise", [PING, EMPTY, b":"])
@virtual
async def test_the_first_token_is_due_though_bytes_are_always_there(noise: bytes) -> None:
    _, error = await heard(repeat((-0.25, noise)))
    assert isinstance(error, Expired)
    assert (error.phase, now()) == ("first_token", 5.0)


@pytest.mark.parametrize(("deadline_at", "phase"), [(NEVER, "first_token"), (3.0, "total")])
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@virtual
async def test_a_long_comment_and_then_a_byte_each_two_milliseconds_is_no_first_token(
    end: bytes, deadline_at: float, phase: str
) -> None:
    comment = (b": " + b"x" * 98 + end) * 9_000
    _, error = await heard(chain([(0, comment)], repeat((0.002, b":"))), deadline_at=deadline_at)
    assert isinstance(error, Expired)
    assert (error.phase, now()) == (phase, pytest.approx(min(5.0, deadline_at)))


@pytest.mark.parametrize("noise", [PING, EMPTY, b":"])
@pytest.mark.parametrize("sign", [1, -1])
@virtual
async def test_between_two_contents_only_content_counts_though_bytes_are_always_there(noise: bytes, sign: int) -> None:
    _, error = await heard([(0, TEXT), *[(sign * 0.25, noise)] * 100], gap=2.0)
    assert isinstance(error, Expired)
    assert (error.phase, now()) == ("between_tokens", 2.0)


@pytest.mark.parametrize("noise", [PING, EMPTY, TEXT])
@virtual
async def test_the_calls_deadline_fires_though_bytes_are_always_there(noise: bytes) -> None:
    _, error = await heard([(0, TEXT), *[(-0.25, noise)] * 100], gap=0.0, deadline_at=12.0)
    assert isinstance(error, Expired)
    assert (error.phase, now()) == ("total", 12.0)


@virtual
async def test_events_without_content_are_handed_out_and_do_not_stop_the_clock() -> None:
    had, error = await heard(
        [(0, TEXT), (1.5, EMPTY), (1.5, TEXT), (1.5, EMPTY), (0.1, TEXT), (0, STOP), (0, DONE)], gap=2.0
    )
    assert had[:2] == [(0, TEXT), (1.5, EMPTY)]
    assert isinstance(error, Expired), "two seconds after the first word there was no second one"
    assert now() == 2.0


@virtual
async def test_what_the_caller_takes_is_nobodys_silence() -> None:
    steps = [(0, TEXT), (0.5, EMPTY), (0.5, TEXT), (0.5, EMPTY), (0.5, STOP), (0, DONE)]
    had, error = await heard(steps, gap=1.2, pause=60.0, deadline_at=4.0)
    assert error is None
    assert had[-1][1] == DONE


@virtual
async def test_a_flood_of_comments_ends_after_a_megabyte() -> None:
    flood = PING * 8000
    _, error = await heard(repeat((0.01, flood)))
    assert isinstance(error, Garbled)
    assert now() < 0.01 * (MOST_SILENT / len(flood) + 2)


# What waits in the process


@virtual
async def test_the_event_under_way_is_counted_until_it_is_whole() -> None:
    vendor = Vendor([(0, TEXT[:30]), (1, TEXT[30:] + TEXT[:9]), (1, TEXT[9:]), (0, STOP), (0, DONE)])
    async with Remote(vendor, OPENAI, "m", account_headers(None, {})).open(
        Call(id="r", alias="a", body=BODY, dialect=CHAT, streamed=True)
    ) as reply:
        while await reply.read():
            pass
    assert vendor.exchange.charges == [30, 9, 0]


@virtual
async def test_beyond_the_bound_no_vendor_is_asked() -> None:
    vendor = Vendor([(0, TEXT)], most=100)
    vendor.buffered.size = 101
    with pytest.raises(Crowded) as caught:
        async with Remote(vendor, OPENAI, "m", account_headers(None, {})).open(
            Call(id="r", alias="a", body=BODY, dialect=CHAT, streamed=True)
        ):
            pass
    assert (caught.value.status, caught.value.retry_after, caught.value.was_sent) == (503, 1.0, False)
