"""A vendor over real sockets on loopback, scripted byte by byte: every way in which one can fail."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.dialect import Dialect
from headworks.core.errors import (
    CallError,
    Cut,
    Denied,
    Expired,
    Failed,
    Garbled,
    Rejected,
    Throttled,
    Unreachable,
    Unsuited,
)
from headworks.core.reply import Chunk, Reply, Usage
from headworks.core.trail import Attempt
from headworks.http.client import Client, Exchange
from headworks.http.client_connection import ClientConnection
from headworks.http.dial import Origin
from headworks.providers.remote import MOST_BEFORE_HEAD, Account, Remote, account_headers
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.openai.errors import event, problem
from headworks.wire.openai.passed.caller import PASSED
from tests.skipping import run_skipping, skip

SHORT = 0.08
"""Seconds of a bound that is meant to run out."""

LONG = 60.0
"""Seconds of a bound that is not: it only keeps a broken test from hanging."""

ANSWER = b'{"id":"1","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'
EMBEDDED = b'{"data":[{"embedding":[0.5]}],"usage":{"prompt_tokens":2,"total_tokens":2}}'
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"overloaded","type":"server_error","code":null}}\n\n'
OPEN = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nx-request-id: req_v\r\n\r\n"
)
END = b"0\r\n\r\n"


def framed(*events: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events)


def answer(body: bytes, status: int = 200, *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in ("x-request-id: req_v", *headers))
    return f"HTTP/1.1 {status} Some\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


class Asked:
    """A request as it came."""

    def __init__(self, head: bytes, body: bytes) -> None:
        line, *lines = head.decode().split("\r\n")
        self.method, self.path, _ = line.split(" ")
        self.headers = dict(line.split(": ", 1) for line in lines if line)
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HangUp(Exception):
    """A step of a script: the vendor closes the connection here."""


def hang_up() -> Awaitable[None]:
    raise HangUp


Step = bytes | Callable[[], Awaitable[object]]


class Noting(Client):
    """Keeps the connections that were given back to it."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin)
        self.given_back: list[ClientConnection] = []

    def take_back(self, link: ClientConnection) -> None:
        self.given_back.append(link)
        super().take_back(link)


class Late(Client):
    """Finds nobody in time."""

    async def send(
        self, method: bytes, target: bytes, headers: bytes, body: bytes = b"", connect_by: float = 0.0
    ) -> Exchange:
        raise Expired("no connection in time", phase="connect")


class Vendor:
    """Answers each request with the next script: bytes are written, coroutines awaited. Then it waits for the next."""

    def __init__(self, *scripts: list[Step]) -> None:
        self.scripts = list(scripts)
        self.asked: list[Asked] = []
        self.connections = 0
        self.gone = asyncio.Event()  # a caller hung up

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        self.client = Noting(Origin.parse(f"http://127.0.0.1:{self.port}/v1"))
        self.remote = Remote(self.client, OPENAI, "gpt-5", account_headers("sk-1", {}))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.client.busy == 0, "every exchange was given back"
        assert self.client.lingering or self.client.buffered.size == 0, "and so was every byte of an answer"
        await self.client.close()
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.reader = reader
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                self.asked.append(Asked(head, await reader.readexactly(length)))
                for step in self.scripts.pop(0):
                    if isinstance(step, bytes):
                        writer.write(step)
                        await writer.drain()
                    else:
                        await step()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        except HangUp:
            pass
        finally:
            writer.transport.abort() if self.gone.is_set() else writer.close()

    async def silence(self) -> None:
        """Says nothing more until the caller hangs up."""
        await self.reader.readexactly(1)


def call(*, streamed: bool = False, attempt: Attempt | None = None, dialect: Dialect = CHAT, **fields: Any) -> Call:
    body = {"model": "assistant", "messages": [1], "input": "x", "stream": streamed}
    return Call(
        id="r",
        alias="assistant",
        body=json.dumps(body).encode(),
        streamed=streamed,
        attempt=attempt or bounded(),
        dialect=dialect,
        **fields,
    )


def bounded(*, head: float = LONG, gap: float = LONG) -> Attempt:
    at = now()
    attempt = Attempt("openai/gpt-5", "first", at)
    attempt.connect_by = at + LONG
    attempt.head_by = at + head
    attempt.gap = gap
    return attempt


async def chunks_of(reply: Reply) -> list[Chunk]:
    every: list[Chunk] = []
    while chunks := await reply.read():
        every += chunks
    return every


async def ask(remote: Remote, asked: Call) -> bytes:
    async with remote.open(asked) as reply:
        chunks = await chunks_of(reply)
    assert chunks[-1].last
    return b"".join(chunk.data for chunk in chunks)


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        await asyncio.wait_for(main(), 60 * LONG)

    run_skipping(within())


# Whole answers


def test_a_whole_answer_passes_byte_for_byte_and_keeps_its_connection() -> None:
    async def main() -> None:
        first = answer(ANSWER, 200, "openai-processing-ms: 7", "set-cookie: a=b")
        async with Vendor([first], [answer(ANSWER)]) as vendor:
            asked = call(forwarded=((b"openai-beta", b"x"), (b"authorization", b"Bearer caller")))
            async with vendor.remote.open(asked) as reply:
                assert reply.headers == ((b"openai-processing-ms", b"7"),)
                assert not reply.streamed
                (chunk,) = await reply.read()
                assert await reply.read() == []
            assert chunk.data == ANSWER
            assert chunk.text == "Hi"
            attempt = asked.attempt
            assert attempt is not None
            assert attempt.usage == reply.usage == Usage(input=3, output=1)
            assert (attempt.vendor_status, attempt.vendor_request_id) == (200, "req_v")
            assert attempt.started_at < attempt.head_at <= now()
            assert await ask(vendor.remote, call()) == ANSWER
            assert vendor.connections == 1
            seen = vendor.asked[0]
            assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
            assert seen.json["model"] == "gpt-5"
            assert seen.headers["authorization"] == "Bearer sk-1"
            assert seen.headers["accept-encoding"] == "identity"
            assert seen.headers["openai-beta"] == "x"
            assert seen.headers["user-agent"].startswith("headworks/")

    run(main)


def test_embeddings_go_their_own_way() -> None:
    async def main() -> None:
        async with Vendor([answer(EMBEDDED)]) as vendor:
            assert await ask(vendor.remote, call(dialect=EMBEDDINGS, streamed=True)) == EMBEDDED
            assert vendor.asked[0].path == "/v1/embeddings"

    run(main)


def test_without_an_attempt_it_just_works() -> None:
    async def main() -> None:
        more = asyncio.Event()
        script: list[Step] = [OPEN, framed(TEXT), more.wait, framed(STOP, USAGE, DONE), END]
        async with Vendor([answer(ANSWER)], script) as vendor:
            body = b'{"model":"a","messages":[1],"stream":true}'
            assert await ask(vendor.remote, Call(id="r", alias="a", body=body, dialect=CHAT)) == ANSWER
            asked = Call(id="r", alias="a", body=body, dialect=CHAT, streamed=True)
            async with vendor.remote.open(asked) as reply:
                chunks = await reply.read()
                more.set()
                chunks += await chunks_of(reply)
            assert b"".join(chunk.data for chunk in chunks) == TEXT + STOP + DONE
            assert reply.usage == Usage(input=3, output=1)

    run(main)


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        ([answer(b"<html>hi</html>")], Garbled, 502),
        ([answer(b"")], Garbled, 502),
        ([answer(ANSWER[:50])], Garbled, 502),
        ([answer(b'{"error":{"message":"slow","code":429}}')], Throttled, 429),
        ([answer(b'{"error":{"message":"bad","param":"n"}}', 400)], Rejected, 400),
        ([answer(b'{"error":{"message":"key"}}', 401)], Denied, 502),
        ([answer(b"<html></html>", 502)], Failed, 502),
        ([answer(b"", 302, "location: /elsewhere")], Denied, 502),
        ([answer(ANSWER)[:-20], hang_up], Failed, 502),
        ([b"HTTP/1.1 200 OK\r\ncontent-le", hang_up], Failed, 502),
        ([hang_up], Failed, 502),
        ([b"SSH-2.0-OpenSSH_9\r\n", hang_up], Failed, 502),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_no_answer_is_an_error_before_the_head(
    script: list[Step], kind: type[CallError], status: int, streamed: bool
) -> None:
    async def main() -> None:
        async with Vendor(script) as vendor:
            asked = call(streamed=streamed)
            with pytest.raises(CallError) as caught:
                await ask(vendor.remote, asked)
            assert (type(caught.value), caught.value.shown_status) == (kind, status)

    run(main)


def test_a_vendors_limit_says_how_long_to_wait() -> None:
    async def main() -> None:
        script: list[Step] = [answer(b'{"error":{"message":"slow"}}', 429, "retry-after: 3", "x-should-retry: false")]
        async with Vendor(script) as vendor:
            asked = call()
            with pytest.raises(Throttled, match="slow") as caught:
                await ask(vendor.remote, asked)
            assert (caught.value.retry_after, caught.value.retry) == (3.0, "elsewhere")
            assert asked.attempt is not None
            assert (asked.attempt.vendor_status, asked.attempt.vendor_request_id) == (429, "req_v")

    run(main)


def test_an_error_whose_body_does_not_come_is_known_by_its_status() -> None:
    async def main() -> None:
        script: list[Step] = [b"HTTP/1.1 503 No\r\ncontent-length: 50\r\n\r\n{", hang_up]
        async with Vendor(script) as vendor:
            with pytest.raises(Failed) as caught:
                await ask(vendor.remote, call(streamed=True))
            assert caught.value.shown_status == 503

    run(main)


def test_nobody_there_is_unreachable() -> None:
    async def main() -> None:
        async with Vendor() as vendor:
            vendor.server.close()
            await vendor.server.wait_closed()
            remote = Remote(vendor.client, OPENAI, "gpt-5", Account(b""), target="vendor/gpt-5")
            with pytest.raises(Unreachable) as caught:
                await ask(remote, call())
            assert caught.value.message == "vendor/gpt-5: no connection: Connection refused"
            assert caught.value.place == f"{vendor.client.origin}: Connection refused"
            remote.client = Late(vendor.client.origin)
            with pytest.raises(Expired) as expired:
                await ask(remote, call())
            assert (expired.value.message, expired.value.phase) == ("vendor/gpt-5: no connection in time", "connect")

    run(main)


def test_the_query_of_the_base_url_is_asked_for_each_time() -> None:
    async def main() -> None:
        async with Vendor([answer(ANSWER)], [answer(EMBEDDED)]) as vendor:
            vendor.client.origin = msgspec.structs.replace(vendor.client.origin, base=b"/v1", query=b"api-version=1")
            remote = Remote(vendor.client, OPENAI, "gpt-5", Account(b""))
            await ask(remote, call())
            await ask(remote, call(dialect=EMBEDDINGS))
            assert [asked.path for asked in vendor.asked] == [
                "/v1/chat/completions?api-version=1",
                "/v1/embeddings?api-version=1",
            ]

    run(main)


def test_an_operation_that_the_dialect_lacks_is_told_to_its_caller_and_tells_others_nothing_of_the_target() -> None:
    async def main() -> None:
        async with Vendor() as vendor:
            remote = Remote(vendor.client, {"openai.chat": OPENAI["openai.chat"]}, "m", Account(b""))
            with pytest.raises(Unsuited, match="no embeddings") as caught:
                await ask(remote, call(dialect=EMBEDDINGS))
            assert (caught.value.blame, caught.value.retry) == ("caller", "elsewhere")

    run(main)


# Streams


def test_a_stream_is_counted_for_us_and_not_for_the_caller() -> None:
    async def main() -> None:
        script: list[Step] = [OPEN, framed(ROLE, TEXT, STOP, USAGE, DONE), END]
        async with Vendor(script) as vendor:
            asked = call(streamed=True)
            async with vendor.remote.open(asked) as reply:
                assert reply.streamed
                chunks = await chunks_of(reply)
            assert b"".join(chunk.data for chunk in chunks) == ROLE + TEXT + STOP + DONE
            assert vendor.asked[0].json["stream_options"] == {"include_usage": True}
            assert asked.attempt is not None
            assert asked.attempt.usage == reply.usage == Usage(input=3, output=1)
            assert asked.attempt.vendor_request_id == "req_v"
            assert reply.finish == "stop"

    run(main)


def test_a_streams_connection_is_used_again_though_its_body_ends_later() -> None:
    async def main() -> None:
        left = asyncio.Event()
        late: list[Step] = [OPEN, framed(TEXT, STOP, DONE), left.wait, END]
        async with Vendor(late, [answer(ANSWER)]) as vendor:
            assert await ask(vendor.remote, call(streamed=True)) == TEXT + STOP + DONE
            assert vendor.client.idle == 0
            left.set()
            while not vendor.client.idle:
                await asyncio.sleep(0.001)
            assert await ask(vendor.remote, call()) == ANSWER
            assert vendor.connections == 1

    run(main)


def test_chunks_come_as_the_vendor_sends_them() -> None:
    async def main() -> None:
        more = [asyncio.Event() for _ in range(3)]
        script: list[Step] = [OPEN, framed(ROLE), more[0].wait, framed(TEXT[:30])]
        script += [framed(TEXT[30:]), more[1].wait, framed(b": ping\n\n", STOP), more[2].wait, framed(DONE), END]
        async with Vendor(script) as vendor:
            more[0].set()
            async with vendor.remote.open(call(streamed=True)) as reply:
                assert [chunk.data for chunk in await reply.read()] == [ROLE, TEXT]
                more[1].set()
                assert [chunk.data for chunk in await reply.read()] == [STOP]
                more[2].set()
                assert [chunk.last for chunk in await reply.read()] == [True]
                assert await reply.read() == []

    run(main)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([OPEN, framed(ROLE), hang_up], Failed),
        ([OPEN, framed(ROLE), END], Garbled),
        ([OPEN, END], Garbled),
        ([OPEN, framed(DONE), END], Garbled),
        ([OPEN, framed(ERROR), END], Failed),
        ([OPEN, framed(ROLE, ERROR), END], Failed),
        ([OPEN, framed(b"data: {\n\n"), END], Garbled),
        ([answer(b"<html>")], Garbled),
        ([OPEN, framed(ROLE * (MOST_BEFORE_HEAD + 2)), END], Garbled),
    ],
)
def test_a_stream_that_breaks_before_its_head_is_an_ordinary_error(script: list[Step], kind: type[CallError]) -> None:
    async def main() -> None:
        async with Vendor(script) as vendor:
            with pytest.raises(CallError) as caught:
                async with vendor.remote.open(call(streamed=True)):
                    pass
            assert type(caught.value) is kind

    run(main)


@pytest.mark.parametrize(
    "ending",
    [
        [hang_up],
        [END],
        [framed(ERROR), END],
        [framed(b"data: {\n\n"), END],
        [framed(TEXT[:20]), hang_up],
        [framed(ROLE), b"zz\r\n"],
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_stream_that_breaks_after_its_head_is_a_cut(ending: list[Step], together: bool) -> None:
    async def main() -> None:
        read = asyncio.Event()
        script: list[Step] = [OPEN, framed(TEXT), *ending] if together else [OPEN, framed(TEXT), read.wait, *ending]
        async with Vendor(script) as vendor:
            async with vendor.remote.open(call(streamed=True)) as reply:
                chunks = await reply.read()
                read.set()
                with pytest.raises(Cut) as caught:
                    while more := await reply.read():
                        chunks += more
                with pytest.raises(Cut):
                    await reply.read()
            assert chunks[0].data == TEXT
            assert not any(chunk.last for chunk in chunks)
            if ending[0] == framed(ERROR):
                assert caught.value.said is not None
                assert caught.value.said.message == "overloaded"

    run(main)


def test_a_sound_whose_connection_breaks_is_a_cut_and_one_that_ends_is_whole() -> None:
    speech = next(caller for caller in PASSED if caller.speaks)

    async def main() -> None:
        async with Vendor([OPEN, framed(b"\0\1"), END], [OPEN, framed(b"\0\1"), hang_up]) as vendor:
            asked = call(streamed=True, dialect=speech)
            assert await ask(vendor.remote, asked) == b"\0\1"
            async with vendor.remote.open(asked) as reply:
                chunks = await reply.read()
                with pytest.raises(Cut):
                    while more := await reply.read():
                        chunks += more
            assert [(chunk.data, chunk.last) for chunk in chunks] == [(b"\0\1", False)]

    run(main)


@pytest.mark.parametrize("ending", [[hang_up], [END], [framed(USAGE), hang_up]])
def test_a_connection_that_breaks_behind_the_answer_takes_nothing_away(ending: list[Step]) -> None:
    async def main() -> None:
        async with Vendor([OPEN, framed(TEXT, STOP), *ending]) as vendor:
            assert await ask(vendor.remote, call(streamed=True)) == TEXT + STOP + DONE

    run(main)


# Time


@pytest.mark.parametrize(
    ("streamed", "begin", "phase"),
    [
        (False, b"", "answer"),
        (False, answer(ANSWER)[:-5], "answer"),
        (True, b"", "first_token"),
        (True, OPEN, "first_token"),
        (True, OPEN + framed(ROLE), "first_token"),
    ],
)
@pytest.mark.parametrize("is_total", [False, True])
def test_silence_before_the_head_expires_and_stops_the_vendor(
    streamed: bool, begin: bytes, phase: str, is_total: bool
) -> None:
    async def main() -> None:
        async with Vendor([]) as vendor:
            vendor.scripts = [[begin, vendor.silence]]
            deadline_at = now() + (SHORT if is_total else LONG)
            asked = call(streamed=streamed, attempt=bounded(head=LONG if is_total else SHORT), deadline_at=deadline_at)
            with pytest.raises(Expired) as caught:
                await ask(vendor.remote, asked)
            assert caught.value.phase == ("total" if is_total else phase)
            await vendor.gone.wait()

    run(main)


@pytest.mark.parametrize("is_total", [False, True])
def test_silence_after_the_head_expires(is_total: bool) -> None:
    async def main() -> None:
        async with Vendor([]) as vendor:
            vendor.scripts = [[OPEN, framed(TEXT), vendor.silence]]
            deadline_at = now() + (SHORT if is_total else LONG)
            asked = call(streamed=True, attempt=bounded(gap=LONG if is_total else SHORT), deadline_at=deadline_at)
            with pytest.raises(Expired) as caught:
                await ask(vendor.remote, asked)
            assert caught.value.phase == ("total" if is_total else "between_tokens")
            await vendor.gone.wait()

    run(main)


def test_a_vendor_that_only_pings_is_silent() -> None:
    async def main() -> None:
        async with Vendor([]) as vendor:

            async def pause() -> None:
                await asyncio.sleep(SHORT / 4)

            pings: list[Step] = [pause, framed(b": ping\n\n")]
            vendor.scripts = [[OPEN, framed(TEXT), *(pings * 100)]]
            with pytest.raises(Expired, match="between tokens"):
                await ask(vendor.remote, call(streamed=True, attempt=bounded(gap=SHORT)))

    run(main)


def test_a_slow_reader_lets_nothing_expire() -> None:
    async def main() -> None:
        async with Vendor([OPEN, framed(TEXT, STOP, DONE), END]) as vendor:
            async with vendor.remote.open(call(streamed=True, attempt=bounded(gap=LONG))) as reply:
                await skip(2 * LONG)
                assert (await chunks_of(reply))[-1].last

    run(main)


def test_a_slow_reader_is_not_the_vendors_time_in_total_either() -> None:
    async def main() -> None:
        async with Vendor([]) as vendor:
            slept = asyncio.Event()
            vendor.scripts = [[OPEN, framed(TEXT), slept.wait, framed(TEXT, STOP, DONE), END]]
            asked = call(streamed=True, deadline_at=now() + LONG)
            async with vendor.remote.open(asked) as reply:
                chunks = await reply.read()
                await skip(2 * LONG)  # past the deadline, and nobody waited for the vendor
                slept.set()
                chunks += await chunks_of(reply)
            assert chunks[-1].last

    run(main)


def test_a_complete_answer_without_an_end_mark_ends_though_the_vendor_says_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headworks.providers.remote.ENDING", 0.1)

    async def ended(more: list[Step]) -> None:
        async with Vendor([]) as vendor:
            vendor.scripts = [[OPEN, framed(TEXT, STOP), *more, vendor.silence]]
            asked = call(streamed=True, attempt=bounded(gap=100.0))
            assert await ask(vendor.remote, asked) == TEXT + STOP + DONE
            await vendor.gone.wait()

    async def main() -> None:  # at once: each waits for what does not come
        await asyncio.gather(ended([]), ended([framed(USAGE)]), ended([framed(b": ping\n\n")]))

    run(main)


# Leaving


def assert_let_go(vendor: Vendor) -> None:
    """Whoever leaves waits for no timer: the connection is closed by then, so the promised 100 ms are the network's."""
    assert [link.closed for link in vendor.client.given_back] == [True]
    assert (vendor.client.busy, vendor.client.idle, vendor.client.lingering) == (0, 0, 0), repr(vendor.client)


def test_leaving_early_stops_the_vendor() -> None:
    async def main() -> None:
        async with Vendor([]) as vendor:
            vendor.scripts = [[OPEN, framed(TEXT), vendor.silence]]
            async with vendor.remote.open(call(streamed=True)) as reply:
                await reply.read()
            assert_let_go(vendor)
            await asyncio.wait_for(vendor.gone.wait(), 30)

    run(main)


@pytest.mark.parametrize("begin", [b"", OPEN, OPEN + framed(TEXT)])
def test_a_caller_who_hangs_up_stops_the_vendor(begin: bytes) -> None:
    async def main() -> None:
        async with Vendor([]) as vendor:
            vendor.scripts = [[begin, vendor.silence]]
            task = asyncio.create_task(ask(vendor.remote, call(streamed=True)))
            while not vendor.asked:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert_let_go(vendor)
            await asyncio.wait_for(vendor.gone.wait(), 30)

    run(main)


# Counting

REFUSED = answer(b'{"error":{"message":"Unrecognized request argument supplied: stream_options"}}', 400)
STREAM = OPEN + framed(TEXT, STOP, DONE) + END


def test_a_vendor_that_refuses_to_count_is_asked_again_and_remembered() -> None:
    async def main() -> None:
        async with Vendor([REFUSED], [STREAM], [STREAM]) as vendor:
            asked = call(streamed=True)
            assert await ask(vendor.remote, asked) == TEXT + STOP + DONE
            assert asked.attempt is not None
            assert asked.attempt.usage is None
            assert await ask(vendor.remote, call(streamed=True)) == TEXT + STOP + DONE
            assert ["stream_options" in seen.json for seen in vendor.asked] == [True, False, False]
            assert vendor.connections == 1

    run(main)


def test_a_vendor_that_refuses_both_ways_is_not_remembered() -> None:
    async def main() -> None:
        async with Vendor([REFUSED], [REFUSED], [STREAM]) as vendor:
            with pytest.raises(Rejected):
                await ask(vendor.remote, call(streamed=True))
            assert vendor.remote.counts_streams
            await ask(vendor.remote, call(streamed=True))
            assert ["stream_options" in seen.json for seen in vendor.asked] == [True, False, True]

    run(main)


def test_a_caller_who_asks_for_the_count_hears_the_refusal() -> None:
    async def main() -> None:
        async with Vendor([REFUSED]) as vendor:
            with pytest.raises(Rejected, match="stream_options"):
                await ask(vendor.remote, call(streamed=True, include_usage=True))
            assert len(vendor.asked) == 1

    run(main)


# Headers


def test_a_callers_headers_pass_by_the_dialects_list_and_the_providers() -> None:
    async def main() -> None:
        async with Vendor([answer(ANSWER)]) as vendor:
            forward = frozenset({b"x-tenant", b"authorization", b"content-length"})
            remote = Remote(vendor.client, OPENAI, "m", account_headers("sk-1", {}), forward=forward)
            names = [b"x-tenant", b"x-other", b"authorization", b"content-length", b"openai-beta", b"openai-project"]
            await ask(remote, call(forwarded=tuple((name, b"7") for name in names)))
            seen = vendor.asked[0].headers
            assert seen["x-tenant"] == seen["openai-beta"] == "7"
            assert not {"x-other", "openai-project"} & set(seen)
            assert seen["authorization"] == "Bearer sk-1"
            assert seen["content-length"] != "7"

    run(main)


def test_a_header_that_the_provider_sets_goes_out_once_whatever_a_caller_sends() -> None:
    async def main() -> None:
        async with Vendor([answer(ANSWER)]) as vendor:
            remote = Remote(vendor.client, OPENAI, "m", account_headers("sk-1", {"OpenAI-Beta": "ours"}))
            await ask(remote, call(forwarded=((b"openai-beta", b"his"),)))
            assert vendor.asked[0].headers["openai-beta"] == "ours"

    run(main)


def test_an_idempotency_key_is_each_callers_own_and_the_same_each_time() -> None:
    async def main() -> None:
        async with Vendor(*([answer(ANSWER)] for _ in range(6))) as vendor:
            for tenant, value in (("a", b"1"), ("a", b"1"), ("b", b"1"), ("a", b"2"), ("", b"1"), ("a1", b"")):
                await ask(vendor.remote, call(tenant=tenant, forwarded=((b"idempotency-key", value),)))
            sent = [asked.headers["idempotency-key"] for asked in vendor.asked]
            assert sent[0] == sent[1]
            assert len(set(sent)) == 5
            assert all(len(one) == 32 for one in sent)

    run(main)


def test_a_vendors_headers_come_back_by_the_dialects_list_and_the_providers() -> None:
    lines = {
        "openai-processing-ms": "12",
        "x-region": "eu",
        "x-other": "1",
        "traceparent": "00-1-2-01",
        "openai-organization": "acme",
        "openai-project": "p",
        "set-cookie": "a=b",
        "content-language": "de",
        "connection": "keep-alive",
        "access-control-allow-origin": "*",
        "x-headworks-cost": "0",
    }

    async def main() -> None:
        async with Vendor([answer(ANSWER, 200, *(f"{name}: {value}" for name, value in lines.items()))]) as vendor:
            forward = frozenset(name.encode() for name in lines if name != "x-other")
            remote = Remote(vendor.client, OPENAI, "m", account_headers("sk-1", {}), forward=forward)
            async with remote.open(call()) as reply:
                assert dict(reply.headers) == {
                    b"openai-processing-ms": b"12",
                    b"x-region": b"eu",
                    b"content-language": b"de",
                }

    run(main)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("status", [600, 999])
def test_a_status_that_http_does_not_know_is_a_failed_attempt(status: int, streamed: bool) -> None:
    async def main() -> None:
        async with Vendor([answer(b"", status)]) as vendor:
            asked = call(streamed=streamed)
            with pytest.raises(Failed) as caught:
                await ask(vendor.remote, asked)
            assert (caught.value.retry, caught.value.shown_status) == ("here", 502)
            assert asked.attempt is not None
            assert asked.attempt.vendor_status == status

    run(main)


def test_a_providers_own_headers_go_first() -> None:
    lines = account_headers("sk-1", {"Authorization": "Basic x", "Api-Key": "k"}).lines.decode().split("\r\n")
    assert "authorization: Basic x" in lines
    assert "api-key: k" in lines
    assert not any("sk-1" in line for line in lines)
    assert b"authorization" not in account_headers(None, {}).lines


@pytest.mark.parametrize(
    ("key", "extra"), [("sk\r\nhost: evil", {}), (None, {"a": "b\nc: d"}), (None, {"a\r\nb": "c"})]
)
def test_a_line_break_in_a_header_is_refused(key: str | None, extra: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="line break"):
        account_headers(key, extra)


def test_a_remote_does_not_show_its_key() -> None:
    async def main() -> None:
        async with Vendor() as vendor:
            assert "sk-1" not in repr(vendor.remote)
            assert "gpt-5" in repr(vendor.remote)

    run(main)


# A vendor that repeats what it was sent

SECRET = "Zx9+abc/def==ghiJKL"
WORD = "none"


class Echo(Vendor):
    """A vendor that is asked with a secret, and with a short one."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        account = account_headers(
            SECRET, {"X-Signature": "0123456789abcdef", "X-Word": WORD}, ["0123456789abcdef", WORD]
        )
        self.remote = Remote(self.client, OPENAI, "gpt-5", account, forward=frozenset({b"x-echo"}))
        return self


def hides(data: bytes) -> bool:
    return b"***" in data and b"abc" not in data and b"456789" not in data


ECHOED = tuple(
    spelling.encode()
    for spelling in (
        SECRET,
        quote(SECRET, safe=""),
        SECRET.replace("/", "\\/").replace("+", "\\u002b"),
        b64encode(f"Bearer {SECRET}".encode()).decode(),
        "0123456789abcdef",
    )
)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 422, 429, 500, 600])
@pytest.mark.parametrize(
    "body", [b'{"error":{"message":"%b is bad","code":"%b"}}', b"<html><title>%b %b</title>", b"%b %b"]
)
def test_a_key_in_an_error_reaches_nobody(body: bytes, status: int, streamed: bool) -> None:
    async def main() -> None:
        async with Echo(*([answer(body % (one, one), status, f"x-request-id: {SECRET}")] for one in ECHOED)) as vendor:
            for _ in ECHOED:
                asked = call(streamed=streamed)
                with pytest.raises(CallError) as caught:
                    await ask(vendor.remote, asked)
                error = caught.value
                shown = f"{error.message} {error.said} {error.param} {error.place} {problem(error)!r} {event(error)!r}"
                assert "abc" not in shown
                assert "456789" not in shown
                assert asked.attempt is not None
                assert "abc" not in asked.attempt.vendor_request_id

    run(main)


def test_a_key_in_a_whole_answer_or_its_headers_reaches_nobody() -> None:
    whole = b'{"id":"%b","choices":[{"index":0,"message":{"content":"%b"},"finish_reason":"stop"}]}'

    async def main() -> None:
        lines = ("openai-model: m-" + SECRET, "x-echo: " + SECRET)
        async with Echo(*([answer(whole % (one, one), 200, *lines)] for one in ECHOED)) as vendor:
            for _ in ECHOED:
                async with vendor.remote.open(call()) as reply:
                    [chunk] = await reply.read()
                    assert hides(chunk.data)
                    assert "abc" not in chunk.text
                    assert "***" in chunk.text
                    assert dict(reply.headers) == {b"openai-model": b"m-***", b"x-echo": b"***"}
                    assert json.loads(chunk.data)["choices"][0]["finish_reason"] == "stop"

    run(main)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("echoed", ECHOED)
def test_a_key_in_a_stream_reaches_nobody_however_the_socket_cuts_it(echoed: bytes, size: int) -> None:
    with_key = b'data: {"choices":[{"index":0,"delta":{"content":"so %b"},"finish_reason":null}]}\n\n' % echoed
    usage = USAGE.replace(b'"choices":[]', b'"choices":[],"key":"%b"' % echoed)
    sent = ROLE + with_key + TEXT + with_key + STOP + usage + DONE

    async def main() -> None:
        pieces = [framed(sent[at : at + size]) for at in range(0, len(sent), size)]
        async with Echo([OPEN, *pieces, END], [OPEN, *pieces, END]) as vendor:
            for is_counted in (True, False):
                async with vendor.remote.open(call(streamed=True, include_usage=is_counted)) as reply:
                    chunks = await chunks_of(reply)
                data = b"".join(chunk.data + chunk.unasked for chunk in chunks)
                assert hides(data)
                text = "".join(chunk.text for chunk in chunks)
                assert hides(text.encode())
                assert text.startswith("so ")
                assert "***Hiso " in text

    run(main)


@pytest.mark.parametrize("begun", [b"", TEXT])
def test_a_key_in_the_error_that_ends_a_stream_reaches_nobody(begun: bytes) -> None:
    error = ERROR.replace(b"overloaded", b"no such key: " + ECHOED[2])

    async def main() -> None:
        async with Echo([OPEN, framed(ROLE + begun + error), END]) as vendor:
            with pytest.raises(CallError) as caught:
                await ask(vendor.remote, call(streamed=True))
            assert hides(problem(caught.value))
            assert "abc" not in str(caught.value)

    run(main)


def test_a_short_secret_is_a_word_in_an_answer_and_hidden_in_an_error() -> None:
    told = ANSWER.replace(b"Hi", b"none of it")

    async def main() -> None:
        refused = answer(b'{"error":{"message":"none is no key"}}', 400, "x-request-id: none")
        async with Echo([answer(told)], [refused]) as vendor:
            assert await ask(vendor.remote, call()) == told
            asked = call()
            with pytest.raises(Rejected, match=r"^\*\*\* is no key$"):
                await ask(vendor.remote, asked)
            assert asked.attempt is not None
            assert asked.attempt.vendor_request_id == "***"

    run(main)
