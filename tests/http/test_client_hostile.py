"""Servers that mean no good: every end they can come to is an error that says what happened, in bounded time and memory."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable

import pytest

from headworks.core.errors import Expired, Garbled, Unreachable
from headworks.http.client import HEADER_LIMIT, Client
from headworks.http.client_connection import HIGH_WATER, ClientConnection
from headworks.http.connection import Broken, TimedOut
from headworks.http.dial import Origin
from tests.http.peers import CHUNKED, OK, Caller, Stopwatch, answering, ask, peer, run, until

pytestmark = pytest.mark.e2e

PHASES = {
    "nothing": b"",
    "status line": b"HTTP/1.1 20",
    "head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "interim": b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n",
    "before the body": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
    "body": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
    "chunk size": CHUNKED + b"1",
    "chunk": CHUNKED + b"a\r\nabc",
    "between chunks": CHUNKED + b"3\r\nabc\r\n",
    "last chunk": CHUNKED + b"3\r\nabc\r\n0\r\n",
    "trailers": CHUNKED + b"3\r\nabc\r\n0\r\nx-digest: 1",
}


def settled(client: Client) -> None:
    assert (client.busy, client.idle, client.lingering) == (0, 0, 0)


@pytest.mark.parametrize("end", ["eof", "reset"])
@pytest.mark.parametrize("said", PHASES.values(), ids=PHASES)
def test_an_answer_that_is_cut_is_broken(loop: str, said: bytes, end: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(said)
        if end == "reset":
            # What was said must be read first: the kernel drops what was not yet when a reset comes.
            await until(lambda: not said or bool(link._mute or link.size))
            caller.reset()

    link: ClientConnection

    async def main() -> None:
        nonlocal link
        async with peer(script) as here:
            client = here.client()
            with await client.send(b"POST", b"/", b"") as exchange:
                assert exchange._connection is not None
                link = exchange._connection
                with pytest.raises(Broken) as caught:
                    await exchange.whole()
            assert caught.value.sent
            assert caught.value.received == bool(said)
            settled(client)
            assert len(here.callers) == 1

    run(loop, main())


@pytest.mark.parametrize("said", PHASES.values(), ids=PHASES)
def test_silence_is_bounded_in_every_phase(loop: str, said: bytes) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(said)
        await caller.gone()

    async def main() -> None:
        running = asyncio.get_running_loop()
        async with peer(script) as here:
            client = here.client()
            for wait in ("whole", "head and read"):
                exchange = await client.send(b"POST", b"/", b"")
                begun = running.time()
                by = begun + 0.03
                async with Stopwatch() as taken:
                    with pytest.raises(TimedOut):
                        if wait == "whole":
                            await exchange.whole(by)
                        else:
                            await exchange.head(by)
                            while await exchange.read(by):
                                pass
                assert running.time() - begun > 0.02
                assert taken.seconds < 1
                exchange.release()
            settled(client)
            await here.over()

    run(loop, main())


@pytest.mark.parametrize("when", ["at once", "after the request"])
@pytest.mark.parametrize("end", ["eof", "reset"])
def test_a_server_that_hangs_up_without_a_word_is_not_asked_twice(loop: str, when: str, end: str) -> None:
    async def script(caller: Caller) -> None:
        if when == "after the request":
            await caller.request()
        if end == "reset":
            caller.reset()

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            with pytest.raises((Broken, Unreachable)):
                await ask(client)
            settled(client)
            assert len(here.callers) == 1

    run(loop, main())


def test_nobody_listening_is_unreachable(loop: str) -> None:
    async def main() -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))  # and kept: a port that was given back may be another's by now
            client = Client(Origin(host="127.0.0.1", port=silent.getsockname()[1]))
            with pytest.raises(Unreachable, match="refused"):
                await ask(client)
            settled(client)

    run(loop, main())


def test_a_connection_reset_before_it_is_accepted(loop: str) -> None:
    async def main() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        client = Client(Origin(host="127.0.0.1", port=listener.getsockname()[1]))
        exchange = await client.send(b"POST", b"/", b"")
        listener.close()  # the kernel resets what it holds for us to accept
        with pytest.raises(Broken):
            await exchange.whole()
        exchange.release()
        settled(client)

    run(loop, main())


def test_a_listener_that_accepts_nothing_is_bounded_by_connect(loop: str) -> None:
    async def main() -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        for _ in range(8):  # a full queue drops what comes: as a firewall does
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            waiting.append(one)
        client = Client(Origin(host="127.0.0.1", port=address[1]))
        async with Stopwatch() as taken:
            with pytest.raises(Expired) as caught:
                await ask(client, by=0.1)
        assert caught.value.phase == "connect"
        assert taken.seconds < 1
        settled(client)
        for one in (listener, *waiting):
            one.close()

    run(loop, main())


GARBAGE = {
    "other protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "html": b"<html><body>hello</body></html>",
    "zeros": b"\0" * 100,
    "tls alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "bare lf": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    "length and chunked": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
    "negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
    "huge length": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nok",
    "no chunk size": CHUNKED + b"zz\r\nok\r\n",
    "huge chunk size": CHUNKED + b"f" * 20 + b"\r\nok\r\n",
    "long chunk": CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
    "folded header": b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 2\r\n\r\nok",
    "nul in a header": b"HTTP/1.1 200 OK\r\na: b\0c\r\ncontent-length: 2\r\n\r\nok",
    "header without colon": b"HTTP/1.1 200 OK\r\nabc\r\ncontent-length: 2\r\n\r\nok",
    "status 0": b"HTTP/1.1 000 OK\r\ncontent-length: 2\r\n\r\nok",
    "status 99": b"HTTP/1.1 099 OK\r\ncontent-length: 2\r\n\r\nok",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n\0\0\0",
    "switching to nothing": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_broken_and_costs_the_connection(loop: str, garbage: bytes) -> None:
    async def main() -> None:
        async with peer(answering(garbage)) as here:
            client = here.client()
            with pytest.raises(Broken) as caught:
                await ask(client)
            assert caught.value.received
            settled(client)
            await here.over()

    run(loop, main())


ENDLESS = {
    "one header": (b"HTTP/1.1 200 OK\r\nx: ", b"a" * 10_000),
    "many headers": (b"HTTP/1.1 200 OK\r\n", b"x-y: z\r\n" * 1000),
    "reason": (b"HTTP/1.1 200 ", b"O" * 10_000),
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\n", b"x-y: z\r\n" * 1000),
    "one trailer": (CHUNKED + b"2\r\nok\r\n0\r\nx: ", b"a" * 10_000),
    "chunk extension": (CHUNKED + b"2;x=", b"a" * 10_000),
}


@pytest.mark.parametrize(("start", "again"), ENDLESS.values(), ids=ENDLESS)
def test_what_never_ends_is_cut_off(loop: str, start: bytes, again: bytes) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(start)
        while True:
            await caller.say(again)
            await asyncio.sleep(0)

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            with pytest.raises(Broken, match=r"too large|endless"):
                await ask(client)
            settled(client)
            await here.over()

    run(loop, main())


@pytest.mark.parametrize(("excess", "is_good"), [(0, True), (1, False)])
def test_the_bound_on_headers_is_exact_however_much_comes_at_once(loop: str, excess: int, is_good: bool) -> None:
    start, end = b"HTTP/1.1 200 OK\r\nx: ", b"\r\ncontent-length: 50000\r\n\r\n"
    head = start + b"a" * (HEADER_LIMIT + excess - len(start) - len(end)) + end

    async def main() -> None:
        async with peer(answering(head + b"b" * 50_000)) as here:
            client = here.client()
            if is_good:
                assert await ask(client) == (200, b"b" * 50_000)
            else:
                with pytest.raises(Broken, match="too large"):
                    await ask(client)
            assert client.busy == 0
            await client.close()

    run(loop, main())


@pytest.mark.parametrize("framing", ["chunked", "length", "eof"])
def test_a_body_over_the_limit_is_refused_while_it_comes(loop: str, framing: str) -> None:
    start = {
        "chunked": CHUNKED + b"7fffffff\r\n",
        "length": b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n",
        "eof": b"HTTP/1.1 200 OK\r\n\r\n",
    }[framing]

    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(start)
        while True:
            await caller.say(b"x" * 65_536)

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            with pytest.raises(Garbled, match="1000000 bytes"):
                await ask(client)
            settled(client)
            await here.over()

    run(loop, main())


def test_the_limit_of_a_body_is_exact(loop: str) -> None:
    async def main() -> None:
        async with peer(answering(OK, OK)) as here:
            client = here.client()
            assert await ask(client, limit=2) == (200, b"ok")
            with pytest.raises(Garbled):
                await ask(client, limit=1)
            await client.close()
            assert client.busy == 0

    run(loop, main())


def test_a_slow_drip_is_bounded_as_silence_is(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000:
            await caller.say(bytes([byte]))
            await asyncio.sleep(0.001)

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            async with Stopwatch() as taken:
                with pytest.raises(TimedOut):
                    await ask(client, by=0.2)
            assert taken.seconds < 1
            settled(client)
            await here.over()

    run(loop, main())


def test_one_byte_at_a_time_is_still_an_answer(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        for byte in CHUNKED + b"2;x=1\r\nok\r\n0\r\nx-trailer: 1\r\n\r\n":
            await caller.say(bytes([byte]))
            await asyncio.sleep(0)
        await caller.gone()

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            assert await ask(client) == (200, b"ok")
            assert client.idle == 1
            await client.close()

    run(loop, main())


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n\r\n", PHASES["interim"], PHASES["interim"] * 3])
@pytest.mark.parametrize("pause", [False, True])
def test_interim_responses_are_passed_over(loop: str, interim: bytes, pause: bool) -> None:
    async def script(caller: Caller) -> None:
        for _ in range(2):
            await caller.request()
            await caller.say(interim)
            if pause:
                await asyncio.sleep(0.005)
            await caller.say(OK)
        await caller.gone()

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            for _ in range(2):
                exchange = await client.send(b"POST", b"/", b"")
                assert await exchange.head() == (200, [(b"content-length", b"2")])
                assert await exchange.body() == b"ok"
                exchange.release()
            assert len(here.callers) == 1
            await client.close()

    run(loop, main())


@pytest.mark.parametrize("read", [0, 65_536])
def test_an_answer_that_comes_before_the_request_is_written_counts(loop: str, read: int) -> None:
    """A 413 to a body of 60 MB that the server does not read: the answer is taken, the connection is not kept."""
    refusal = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig"

    async def script(caller: Caller) -> None:
        await caller.reader.readuntil(b"\r\n\r\n")
        await caller.reader.read(read)
        await caller.say(refusal)
        await until(lambda: client.busy == 0)

    client: Client

    async def main() -> None:
        nonlocal client
        async with peer(script) as here:
            client = here.client()
            assert await ask(client, b"x" * 60_000_000) == (413, b"big")
            settled(client)
            await here.over()

    run(loop, main())


def test_an_early_answer_and_a_close_while_the_body_is_written(loop: str) -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig"

    async def script(caller: Caller) -> None:
        await caller.reader.readuntil(b"\r\n\r\n")
        await caller.say(refusal)

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            try:
                assert await ask(client, b"x" * 30_000_000) == (413, b"big")
            except Broken:
                pass  # the reset that unread bytes cause may overtake the answer: the kernel's choice, not ours
            settled(client)

    run(loop, main())


def test_a_reader_that_stops_stops_the_server(loop: str) -> None:
    written = 0

    async def script(caller: Caller) -> None:
        nonlocal written
        await caller.request()
        caller.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        await caller.say(CHUNKED)
        for _ in range(1000):
            await caller.say(b"4000\r\n" + b"x" * 16_384 + b"\r\n")
            written += 16_384
        await caller.say(b"0\r\n\r\n")
        await caller.gone()

    async def main() -> None:
        nonlocal written
        async with peer(script) as here:
            client = here.client()
            exchange = await client.send(b"POST", b"/", b"")
            await exchange.head()
            link = exchange._connection
            assert link is not None
            await until(lambda: link.is_reading_paused)
            before = -1
            while before != written:
                before = written
                await asyncio.sleep(0.05)
            assert before < 1000 * 16_384  # the server waits for us
            assert link.is_reading_paused
            assert link.size < 2 * HIGH_WATER + 65_536
            size = 0
            while data := await exchange.read():
                size += len(data)
            assert size == 1000 * 16_384
            exchange.release()
            assert (client.busy, client.idle) == (0, 1)
            await client.close()

    run(loop, main())


def test_what_arrived_before_the_end_is_read_before_the_error(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(CHUNKED + b"5\r\nfirst\r\n")
        await caller.say(b"6\r\nsecond\r\n")

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            exchange = await client.send(b"POST", b"/", b"")
            await exchange.head()
            await here.over()
            await asyncio.sleep(0.01)
            read = await exchange.read()
            with pytest.raises(Broken):
                while data := await exchange.read():
                    read += data
            assert read == b"firstsecond"
            exchange.release()
            settled(client)

    run(loop, main())


def test_a_body_until_the_end_of_the_connection_is_whole(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nfirst ")
        await asyncio.sleep(0.005)
        await caller.say(b"second")

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            assert await ask(client) == (200, b"first second")
            exchange = await client.send(b"POST", b"/", b"")
            read = b""
            while data := await exchange.read():
                read += data
            assert read == b"first second"
            exchange.release()
            settled(client)

    run(loop, main())


def test_a_body_until_the_end_that_ends_in_a_reset_is_broken(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(b"HTTP/1.1 200 OK\r\n\r\nfirst")
        await asyncio.sleep(0.005)
        caller.reset()

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            with pytest.raises(Broken):
                await ask(client)
            settled(client)

    run(loop, main())


def test_a_wait_that_timed_out_can_be_waited_for_again(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await asyncio.sleep(0.1)
        await caller.say(OK)
        await caller.gone()

    async def main() -> None:
        running = asyncio.get_running_loop()
        async with peer(script) as here:
            client = here.client()
            exchange = await client.send(b"POST", b"/", b"")
            with pytest.raises(TimedOut):
                await exchange.head(running.time() + 0.02)
            assert (await exchange.whole(running.time() + 30))[2] == b"ok"
            exchange.release()
            assert (client.busy, client.idle) == (0, 1)
            await client.close()

    run(loop, main())


@pytest.mark.parametrize("wait", ["whole", "head", "read"])
def test_a_cancelled_wait_closes_the_connection_at_once(loop: str, wait: str) -> None:
    """The promise is 100 ms until the vendor stops; a turn of the loop is what it should take."""

    async def script(caller: Caller) -> None:
        await caller.request()
        if wait == "read":
            await caller.say(CHUNKED + b"5\r\nfirst\r\n")
        await caller.gone()

    async def visit(client: Client) -> None:
        exchange = await client.send(b"POST", b"/", b"")
        if wait == "whole":
            await exchange.whole()
        await exchange.head()
        await exchange.read()
        await exchange.read()
        # Deliberately no release: the wait itself has closed the connection.

    async def main() -> None:
        running = asyncio.get_running_loop()
        async with peer(script) as here:
            client = here.client()
            visiting = running.create_task(visit(client))
            await until(lambda: len(here.callers) == 1)
            await asyncio.sleep(0.02)
            async with Stopwatch() as taken:
                visiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await visiting
                await here.over()
            assert taken.seconds < 0.1

    run(loop, main())


def test_a_release_before_the_end_closes_the_connection_at_once(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(CHUNKED + b"5\r\nfirst\r\n")
        await caller.gone()

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            exchange = await client.send(b"POST", b"/", b"")
            assert await exchange.read() == b"first"
            exchange.release()
            settled(client)
            await here.over(within=0.5)

    run(loop, main())


def test_a_cancelled_connect_leaves_nothing(loop: str) -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        async with peer(answering(OK)) as here:
            client = here.client()
            for turns in range(12):
                asking = running.create_task(ask(client))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                try:
                    await asking
                except asyncio.CancelledError:
                    pass
                assert client.busy == 0
            await client.close()
            await here.over()

    run(loop, main())


def test_a_broken_connection_is_freed_without_the_garbage_collector(loop: str) -> None:
    """A circle of references would hold its buffers until a collection, which a gateway postpones as long as it can."""

    def links() -> int:
        return sum(isinstance(one, ClientConnection) for one in gc.get_objects())

    async def break_one(client: Client, caller: Callable[[], Caller], by: float) -> None:
        with await client.send(b"POST", b"/", b"") as exchange:
            assert await exchange.read() == b"ab"
            if by == 0:
                caller().reset()
            with pytest.raises(TimedOut if by else Broken):
                await exchange.whole(by and asyncio.get_running_loop().time() + by)

    async def main() -> None:
        gc.collect()
        gc.freeze()  # what there was is not looked through, each time
        gc.disable()
        try:
            async with peer(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", OK)) as here:
                client = here.client()
                for by in (0.01, 0.0) * 5:
                    await break_one(client, lambda: here.callers[-1], by)
                assert client.busy == 0
                await until(lambda: links() == 0)
        finally:
            gc.unfreeze()
            gc.enable()

    run(loop, main())
