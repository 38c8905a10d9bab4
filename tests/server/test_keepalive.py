"""Keepalives: what a caller is sent while its stream has no content yet, and what follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import Cut, Failed, Throttled
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Opening
from headworks.providers.scripted import Scripted, Stream
from headworks.server.asgi_adapter import AsgiExchange
from headworks.server.drain import draining_error
from headworks.server.keepalive import KeptAlive
from headworks.testing import call, settle, virtual
from headworks.wire.anthropic.caller import MESSAGES
from tests.server.test_app import OPEN, Answered, Facing, chat

PATIENT = OPEN.replace("attempts: 1}", "attempts: 1}, timeouts: {first_token: 10m, between_tokens: 10m, total: 20m}")
KEPT = PATIENT + "server: {keepalive: 15s}\n"
COMMENT = b": keepalive\n\n"

TURNS = [{"role": "user", "content": "hi"}]
STREAMED = {
    "/v1/chat/completions": ({"model": "assistant", "messages": TURNS, "stream": True}, COMMENT),
    "/v1/completions": ({"model": "assistant", "prompt": "hi", "stream": True}, COMMENT),
    "/v1/responses": ({"model": "assistant", "input": "hi", "stream": True}, COMMENT),
    "/v1/messages": (
        {"model": "assistant", "messages": TURNS, "max_tokens": 9, "stream": True},
        b'event: ping\ndata: {"type":"ping"}\n\n',
    ),
    "/v1beta/models/assistant:streamGenerateContent?alt=sse": ({"contents": [{"parts": [{"text": "hi"}]}]}, b"\n"),
}
"""How each API asks for a stream, and what it is kept alive with."""

ERRORS = {
    "/v1/chat/completions": b'data: {"error":',
    "/v1/completions": b'data: {"error":',
    "/v1/responses": b'event: error\ndata: {"type":"error","sequence_number":0,',
    "/v1/messages": b'event: error\ndata: {"type":"error",',
    "/v1beta/models/assistant:streamGenerateContent?alt=sse": b'{"error":{"code":429,',
}


class Timed(Answered):
    """An answer that knows when each piece was written; its caller reads only while `reads` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []
        self.reads = asyncio.Event()
        self.reads.set()

    def write(self, data: bytes) -> None:
        super().write(data)
        self.at.append(now())

    async def drain(self) -> None:
        await self.reads.wait()


def asking(facing: Facing, path: str, body: bytes, answered: Answered) -> asyncio.Task[None]:
    return asyncio.create_task(facing.put("POST", path, body, answered))


async def streamed(script: list[Any], text: str = KEPT) -> tuple[Facing, Timed, float]:
    """A streamed chat answered by this script, and when it was asked."""
    facing, answered, began = Facing(Scripted([Stream(pieces=script)]), text), Timed(), now()
    await facing.put("POST", "/v1/chat/completions", chat(stream=True), answered)
    return facing, answered, began


@virtual
async def test_a_stream_without_content_gets_a_sign_after_each_interval_and_then_its_answer() -> None:
    facing, answered, began = await streamed([40.0, "one ", 20.0, "two"])
    assert answered.status == 200
    assert answered.headers[b"content-type"].startswith(b"text/event-stream")
    assert answered.headers[b"x-request-id"].decode() == facing.journal.records[0].request_id
    assert answered.pieces[:2] == [COMMENT, COMMENT]
    assert [round(at - began) for at in answered.at[:3]] == [15, 30, 40]
    assert answered.body.count(COMMENT) == 2, "none once there is content, however long the next one takes"
    assert answered.body.endswith(b"data: [DONE]\n\n")


@virtual
async def test_the_record_has_the_time_of_the_real_first_content() -> None:
    facing, _, began = await streamed([40.0, "one"])
    (record,) = facing.journal.records
    assert round(record.head_at - began) == 40
    assert (record.outcome, record.status) == ("ok", 200)


@virtual
async def test_what_comes_within_the_first_interval_is_written_as_without_keepalives() -> None:
    _, kept, _ = await streamed([14.0, "one"])
    _, without, _ = await streamed([14.0, "one"], PATIENT)
    assert COMMENT not in kept.body
    assert (kept.status, set(kept.headers)) == (without.status, set(without.headers))
    assert kept.body.count(b"data: ") == without.body.count(b"data: ")


@virtual
async def test_without_the_key_nothing_is_sent_before_the_content() -> None:
    _, answered, began = await streamed([40.0, "one"], PATIENT)
    assert round(answered.at[0] - began) == 40


@virtual
async def test_a_whole_answer_has_none() -> None:
    answered = Timed()
    facing = Facing(Scripted([Stream(pieces=[40.0, "one"])]), KEPT)
    await facing.put("POST", "/v1/chat/completions", chat(), answered)
    assert answered.at == []
    assert answered.json["choices"][0]["message"]["content"] == "one"


@pytest.mark.parametrize("path", STREAMED)
@virtual
async def test_each_api_gets_what_its_sdks_pass_over_and_its_own_event_for_an_error(path: str) -> None:
    body, sign = STREAMED[path]
    facing = Facing(Scripted([Stream(pieces=[20.0, Throttled("slow down", retry_after=3.0)])]), KEPT)
    answered = Timed()
    await facing.put("POST", path, msgspec.json.encode(body), answered)
    assert answered.status == 200
    assert answered.pieces[0] == sign
    assert answered.pieces[1].startswith(ERRORS[path])
    assert answered.is_ended
    (record,) = facing.journal.records
    assert (record.outcome, record.status) == ("failed", 429)


@virtual
async def test_an_error_within_the_first_interval_has_its_status() -> None:
    _, answered, _ = await streamed([14.0, Throttled("slow down", retry_after=3.0)])
    assert answered.status == 429
    assert b"retry-after" in answered.headers


@virtual
async def test_a_stream_that_breaks_later_ends_as_ever() -> None:
    facing, answered, _ = await streamed([20.0, "one ", Cut("the vendor went away")])
    assert answered.pieces[0] == COMMENT
    assert b'"code":"upstream_cut"' in answered.pieces[-1]
    assert [record.outcome for record in facing.journal.records] == ["cut"]


@virtual
async def test_tiers_below_are_tried_meanwhile() -> None:
    text = KEPT.replace("{targets: [vendor/m], retry", "{targets: [[vendor/m], [vendor/n]], retry")
    facing = Facing(Scripted([Stream(pieces=[20.0, Failed("down")]), Stream(pieces=[20.0, "from the second"])]), text)
    answered = Timed()
    await facing.put("POST", "/v1/chat/completions", chat(stream=True), answered)
    assert answered.pieces[:2] == [COMMENT, COMMENT]
    assert b"from the second" in answered.body
    assert [attempt.outcome for attempt in facing.journal.records[0].attempts] == ["failed", "ok"]


@virtual
async def test_the_deadline_ends_it_with_an_event() -> None:
    text = KEPT.replace("10m", "40s").replace("20m", "40s")
    facing, answered, began = await streamed([90.0, "too late"], text)
    assert round(now() - began) == 40
    assert answered.pieces[:2] == [COMMENT, COMMENT]
    assert answered.pieces[-1].startswith(b'data: {"error":')
    assert [record.outcome for record in facing.journal.records] == ["expired"]


@virtual
async def test_a_caller_who_hangs_up_ends_the_call_and_is_sent_nothing_more() -> None:
    facing, answered = Facing(Scripted([Stream(pieces=[90.0, "nobody reads this"])]), KEPT), Timed()
    task = asking(facing, "/v1/chat/completions", chat(stream=True), answered)
    await asyncio.sleep(20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(60)
    assert answered.pieces == [COMMENT]
    assert facing.world.left_behind() == {}
    assert [record.outcome for record in facing.journal.records] == ["cancelled"]


@virtual
async def test_a_drain_ends_it_with_an_event() -> None:
    facing, answered = Facing(Scripted([Stream(pieces=[90.0, "too late"])]), KEPT), Timed()
    task = asking(facing, "/v1/chat/completions", chat(stream=True), answered)
    await asyncio.sleep(20)
    facing.app.open_calls.end_all(draining_error())
    await task
    assert answered.pieces[0] == COMMENT
    assert b'"code":"draining"' in answered.pieces[1]
    assert answered.is_ended
    assert facing.world.left_behind() == {}


@virtual
async def test_a_caller_who_does_not_read_is_sent_one_sign_until_it_does() -> None:
    facing, answered = Facing(Scripted([Stream(pieces=[90.0, "at last"])]), KEPT), Timed()
    answered.reads.clear()
    task = asking(facing, "/v1/chat/completions", chat(stream=True), answered)
    await asyncio.sleep(100)
    assert answered.pieces == [COMMENT]
    answered.reads.set()
    await task
    assert answered.body.startswith(COMMENT + b"data: ")


class Waits:
    """A service whose head comes after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.has_left = False

    def open(self, call: Call) -> Opening:
        return self

    async def __aenter__(self) -> Reply:
        await asyncio.sleep(self.seconds)
        return CompleteReply([Chunk(data=b"data: x\n\n", has_content=True, last=True)], streamed=True)

    async def __aexit__(self, *error: object) -> None:
        self.has_left = True


@virtual
async def test_a_server_that_is_slow_to_take_a_sign_gets_every_message_whole_and_in_order() -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        await asyncio.sleep(4)
        sent.append(message)

    asked = msgspec.structs.replace(call(), dialect=MESSAGES)
    exchange = AsgiExchange(send)
    async with KeptAlive(Waits(16).open(asked), asked, exchange, [], 15.0):
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
        exchange.end(b"rest")
        await exchange.drain()
    assert [message.get("body") for message in sent] == [None, MESSAGES.keepalive, b"rest"]
    assert dict(sent[0]["headers"])[b"request-id"] == asked.id.encode()


@virtual
async def test_a_server_whose_caller_has_gone_does_not_break_the_opening() -> None:
    async def send(message: MutableMapping[str, Any]) -> None:
        raise OSError("gone")

    asked, inner = msgspec.structs.replace(call(), dialect=MESSAGES), Waits(40)
    async with KeptAlive(inner.open(asked), asked, AsgiExchange(send), [], 15.0) as reply:
        assert (await reply.read())[0].last
    assert inner.has_left


@virtual
async def test_a_cancellation_while_a_sign_is_being_sent_is_seen_at_once() -> None:
    async def send(message: MutableMapping[str, Any]) -> None:
        await asyncio.sleep(1000)

    asked, inner, began = msgspec.structs.replace(call(), dialect=MESSAGES), Waits(16), now()
    opening = KeptAlive(inner.open(asked), asked, AsgiExchange(send), [], 15.0)
    task = asyncio.ensure_future(opening.__aenter__())
    await asyncio.sleep(20)
    task.cancel()
    await settle()
    assert task.cancelled()
    assert now() - began == pytest.approx(20)
    assert inner.has_left, "the call below was entered: nothing of it may stay"
