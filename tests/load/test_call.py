"""One call over a real socket: what its first token is, how it ended, and what was noted of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import pytest

from headworks.core.clock import now
from headworks.http.client import Client
from headworks.http.dial import Origin
from headworks.load.arrivals import Arrival, RequestBodies
from headworks.load.call import CallResult, HttpCaller
from tests.http.peers import CHUNKED, Caller, peer, until

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await main

    return asyncio.run(bounded())


def whole(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\nx-request-id: r1\r\n%bcontent-length: %d\r\n\r\n%b" % (status, more, len(body), body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(delta: bytes, finish: bytes = b"null") -> bytes:
    return chunk(b'data: {"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % (delta, finish))


ANSWER = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}'
ROLE = event(b'{"role":"assistant","content":""}')
STOP = event(b"{}", b'"stop"')
COUNTS = chunk(b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n')
DONE = chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


async def asked(
    script: Any,
    *,
    streamed: bool,
    patience: float = 30.0,
    key: str | None = None,
    noted: list[CallResult] | None = None,
) -> tuple[CallResult, HttpCaller]:
    """One call to a server that follows the script."""
    async with peer(script) as here:
        client = here.client()
        caller = HttpCaller(client, RequestBodies("run", 50), key=key, patience=patience)
        arrival = Arrival(0.0, "assistant", 20, 7, streamed, 1)
        fared = CallResult(arrival, now())
        if noted is not None:
            noted.append(fared)
        await caller.begin(arrival, fared)
        await client.close()
    return fared, caller


def says(*pieces: bytes) -> Any:
    async def script(caller: Caller) -> None:
        await caller.request()
        for piece in pieces:
            await caller.say(piece)

    return script


def test_a_whole_answer_is_noted_with_its_tokens_and_headers() -> None:
    requests: list[bytes] = []

    async def script(caller: Caller) -> None:
        requests.append(await caller.request())
        await caller.say(whole(ANSWER, more=b"x-headworks-cache: hit\r\n"))

    fared, _ = run(asked(script, streamed=False, key="secret-key"))
    assert (fared.ended, fared.status, fared.input, fared.output) == ("ok", 200, 3, 2)
    assert (fared.request_id, fared.cache_status) == ("r1", "hit")
    assert fared.due_at <= fared.sent_at <= fared.ended_at
    [request] = requests
    assert request.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"authorization: Bearer secret-key\r\n" in request
    assert b'"max_tokens":7}' in request
    assert b"stream" not in request


def test_the_first_token_is_the_first_content_not_the_first_byte() -> None:
    marks: dict[str, float] = {}
    noted: list[CallResult] = []

    async def script(caller: Caller) -> None:
        assert b'"stream":true' in await caller.request()
        await caller.say(CHUNKED + chunk(b": a comment\n\n") + ROLE)
        await asyncio.sleep(0.05)
        marks["content"] = now()
        await caller.say(event(b'{"content":"a"}'))
        await until(lambda: noted[0].first_at > 0)
        await asyncio.sleep(0.05)
        await caller.say(event(b'{"content":"b"}') + STOP + COUNTS + DONE)

    fared, caller = run(asked(script, streamed=True, noted=noted))
    assert (fared.ended, fared.pieces, fared.input, fared.output) == ("ok", 2, 3, 2)
    assert fared.first_at >= marks["content"]
    assert fared.first_at < fared.last_at <= fared.ended_at
    assert len(caller.gaps) == 1
    assert caller.gaps[0] > 0.04


@pytest.mark.parametrize(
    ("answer", "streamed", "ended", "code"),
    [
        (whole(b'{"error":{"message":"no","code":"invalid_api_key"}}', b"401 No"), False, "refused", "invalid_api_key"),
        (whole(b'{"error":{"message":"no","type":"x"}}', b"429 No"), True, "limited", "x"),
        (whole(b"<html>", b"502 Bad"), False, "failed", ""),
        (whole(b"<html>"), False, "failed", "garbled"),
        (whole(b'{"choices":[]}'), False, "failed", "garbled"),
        (
            CHUNKED + ROLE + chunk(b'data: {"error":{"message":"x"}}\n\n') + b"0\r\n\r\n",
            True,
            "failed",
            "upstream_garbled",
        ),
        (CHUNKED + event(b'{"content":"a"}') + b"0\r\n\r\n", True, "cut", "upstream_cut"),
        (CHUNKED + event(b'{"content":"a"}'), True, "cut", ""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", False, "failed", ""),
        (b"", False, "failed", ""),
    ],
)
def test_what_is_no_whole_answer_is_said(answer: bytes, streamed: bool, ended: str, code: str) -> None:
    fared, _ = run(asked(says(answer), streamed=streamed))
    assert (fared.ended, fared.code) == (ended, code)
    assert fared.has_ended


def test_silence_ends_with_the_patience() -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.gone()

    fared, _ = run(asked(script, streamed=True, patience=0.05))
    assert fared.ended == "hung"


def test_nobody_listening_is_said() -> None:
    async def main() -> CallResult:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))  # and kept: a port that was given back may be another's by now
            client = Client(Origin(host="127.0.0.1", port=silent.getsockname()[1]))
            caller = HttpCaller(client, RequestBodies("run", 50), key=None, patience=30.0)
            arrival = Arrival(0.0, "assistant", 20, 7, False, 1)
            fared = CallResult(arrival, now())
            await caller.begin(arrival, fared)
            return fared

    assert run(main()).ended == "unreachable"


def test_a_base_path_is_kept() -> None:
    client = Client(Origin.parse("http://127.0.0.1:1/gateway/v1"))
    caller = HttpCaller(client, RequestBodies("run", 50), key=None, patience=1.0)
    arrival = Arrival(0.0, "assistant", 20, 7, False, 1)
    assert caller.target(arrival) == b"/gateway/v1/chat/completions"
    asked = msgspec.structs.replace(arrival, alias="a/b", streamed=True, dialect="gemini")
    assert caller.target(asked) == b"/gateway/v1beta/models/a%2Fb:streamGenerateContent?alt=sse"
