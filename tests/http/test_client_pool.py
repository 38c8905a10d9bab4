"""What the pool keeps, what it lets go of, and what it never sends twice."""

from __future__ import annotations

import asyncio
import socket
import struct
from math import inf

import pytest

from headworks.core.errors import CallError
from headworks.http.buffered import Buffered
from headworks.http.client import Client
from headworks.http.client_connection import PROBED_AFTER, ClientConnection
from headworks.http.connection import Broken, TimedOut
from headworks.http.dial import Origin, dial
from tests.http.peers import CHUNKED, OK, Caller, Peer, answering, ask, peer, run, until

pytestmark = pytest.mark.e2e

CLOSE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
OLD = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"
OLD_KEPT = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok"


def test_a_connection_is_used_again(loop: str) -> None:
    async def main() -> None:
        async with peer(answering(OK, OK, OK)) as here:
            client = here.client()
            for _ in range(3):
                assert await ask(client) == (200, b"ok")
                assert (client.busy, client.idle) == (0, 1)
            assert len(here.callers) == 1
            await client.close()

    run(loop, main())


def test_a_request_is_written_as_it_was_asked(loop: str) -> None:
    seen: list[bytes] = []

    async def script(caller: Caller) -> None:
        for _ in range(3):
            seen.append(await caller.request())
            await caller.say(OK)

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            for body in (b"{}", b"", b"x" * 100_000):
                exchange = await client.send(b"POST", b"/v1/chat", b"authorization: Bearer k\r\n", body)
                assert (await exchange.whole())[0] == 200
                exchange.release()
            await client.close()
            for request, body in zip(seen, (b"{}", b"", b"x" * 100_000), strict=True):
                head, _, rest = request.partition(b"\r\n\r\n")
                assert rest == body
                assert head.split(b"\r\n") == [
                    b"POST /v1/chat HTTP/1.1",
                    b"host: 127.0.0.1:%d" % here.port,
                    b"accept-encoding: identity",
                    b"authorization: Bearer k",
                    b"content-length: %d" % len(body),
                ]

    run(loop, main())


def test_the_last_to_come_back_goes_out_first(loop: str) -> None:
    order: list[int] = []

    async def script(caller: Caller) -> None:
        while True:
            await caller.request()
            order.append(caller.number)
            await caller.say(OK)

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            first = await client.send(b"POST", b"/", b"")
            await until(lambda: len(order) == 1)  # connections are accepted in any order
            second = await client.send(b"POST", b"/", b"")
            assert client.busy == 2
            for exchange in (second, first):
                await exchange.whole()
                exchange.release()
            assert client.idle == 2
            await until(
                lambda: not any(link.is_fresh for link in client._idle)
            )  # one may be lent a moment before the other
            await ask(client)
            assert order[-1] == order[0]
            await client.close()

    run(loop, main())


@pytest.mark.parametrize(("answer", "kept"), [(OK, 1), (CLOSE, 0), (OLD, 0), (OLD_KEPT, 1)])
def test_the_server_says_whether_a_connection_is_kept(loop: str, answer: bytes, kept: int) -> None:
    async def main() -> None:
        async with peer(answering(answer, answer)) as here:
            client = here.client()
            assert await ask(client) == (200, b"ok")
            assert client.idle == kept
            assert await ask(client) == (200, b"ok")
            assert len(here.callers) == 2 - kept
            await client.close()

    run(loop, main())


def test_a_connection_closed_at_rest_leaves_the_pool_unasked(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(OK)

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            assert await ask(client) == (200, b"ok")
            await until(lambda: client.idle == 0)
            assert await ask(client) == (200, b"ok")
            assert len(here.callers) == 2
            await client.close()

    run(loop, main())


class Accepted:
    """A server whose every move is a system call of the test, so that the client's loop gets no turn in between."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.client = Client(Origin(host="127.0.0.1", port=self.listener.getsockname()[1]))

    async def answered(self) -> socket.socket:
        """One exchange on a new connection, which now rests; the server's end of it."""
        loop = asyncio.get_running_loop()
        asking = loop.create_task(ask(self.client))
        end, _ = await loop.sock_accept(self.listener)
        await loop.sock_recv(end, 65_536)
        await loop.sock_sendall(end, OK)
        assert await asking == (200, b"ok")
        await until(lambda: not any(link.is_fresh for link in self.client._idle))  # from now on it may be lent
        return end

    def rests_since(self, at: float) -> None:
        """Says when the connection came to rest: how long it did decides whether it is probed, and no pause of the machine may."""
        [link] = self.client._idle
        link.idle_since = at

    async def close(self) -> None:
        await self.client.close()
        self.listener.close()


def test_what_was_sent_on_a_connection_that_closed_is_broken_and_not_sent_again(loop: str) -> None:
    async def main() -> None:
        here = Accepted()
        end = await here.answered()
        here.rests_since(inf)
        end.close()  # FIN: the kernel takes the request all the same
        with pytest.raises(Broken) as caught:
            await ask(here.client)
        assert caught.value.sent
        assert not caught.value.received
        with pytest.raises(BlockingIOError):
            here.listener.accept()  # nobody has tried again
        assert (here.client.busy, here.client.idle) == (0, 0)
        await here.close()

    run(loop, main())


def test_what_could_not_be_sent_on_a_reset_connection_goes_to_a_fresh_one(loop: str) -> None:
    async def main() -> None:
        here = Accepted()
        end = await here.answered()
        here.rests_since(inf)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()  # RST: the kernel refuses the write
        fresh = await here.answered()
        assert (here.client.busy, here.client.idle) == (0, 1)
        fresh.close()
        await here.close()

    run(loop, main())


def test_a_connection_that_rested_is_probed_before_it_is_used(loop: str) -> None:
    async def main() -> None:
        here = Accepted()
        end = await here.answered()
        here.rests_since(asyncio.get_running_loop().time() - PROBED_AFTER)
        end.close()  # FIN, and the loop gets no turn to see it
        fresh = await here.answered()
        assert here.client.idle == 1
        fresh.close()
        await here.close()

    run(loop, main())


def test_a_connection_rests_no_longer_than_it_may(loop: str) -> None:
    async def main() -> None:
        async with peer(answering(OK, OK)) as here:
            client = here.client(idle_timeout=0.05)
            await ask(client)
            assert client.idle == 1
            await until(lambda: client.idle == 0)
            await here.over()

    run(loop, main())


def test_a_server_that_says_how_long_it_waits_is_believed(loop: str) -> None:
    patient = b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok"

    async def main() -> None:
        async with peer(answering(patient, patient)) as here:
            client = here.client()
            await ask(client)
            [link] = client._idle
            assert link.deadline_timer.due_at - link.idle_since == pytest.approx(0.5)  # half a second before it closes
            await client.close()

    run(loop, main())


def test_the_pool_keeps_no_more_than_it_may(loop: str) -> None:
    async def main() -> None:
        async with peer(answering(OK, OK)) as here:
            client = here.client(max_idle=2)
            await asyncio.gather(*[ask(client) for _ in range(5)])
            assert (client.busy, client.idle) == (0, 2)
            await client.close()

    run(loop, main())


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad", b"HTT", b"\0"])
def test_bytes_after_an_answer_cost_the_connection_and_are_no_answer(loop: str, extra: bytes) -> None:
    async def main() -> None:
        async with peer(answering(OK + extra)) as here:
            client = here.client()
            assert await ask(client) == (200, b"ok")
            assert (client.busy, client.idle) == (0, 0)
            assert await ask(client) == (200, b"ok")
            assert len(here.callers) == 2

    run(loop, main())


def test_bytes_on_a_resting_connection_close_it(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(OK)
        await until(lambda: client.idle == 1)
        await caller.say(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await caller.gone()

    client: Client

    async def main() -> None:
        nonlocal client
        async with peer(script) as here:
            client = here.client()
            await ask(client)
            await until(lambda: client.idle == 0)
            assert await ask(client) == (200, b"ok")
            assert len(here.callers) == 2
            await until(lambda: client.idle == 0)

    run(loop, main())


def test_bytes_before_any_request_are_no_answer(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.say(OK)
        await caller.gone()

    async def main() -> None:
        async with peer(script) as here:
            running = asyncio.get_running_loop()
            link = await dial(
                here.client().origin, lambda: ClientConnection(running, [], 65_536, Buffered(1 << 62)), None, 0
            )
            await until(lambda: link.closed)
            assert not link.begin(b"GET / HTTP/1.1\r\n\r\n", b"")
            await here.over()

    run(loop, main())


def test_closing_lets_running_exchanges_end(loop: str) -> None:
    async def main() -> None:
        async with peer(answering(OK)) as here:
            client = here.client()
            await ask(client)
            exchange = await client.send(b"POST", b"/", b"")
            await client.close()
            assert client.idle == 0
            exchange.release()
            assert (client.busy, client.idle) == (0, 0)

            other = here.client()
            exchange = await other.send(b"POST", b"/", b"")
            await other.close()
            assert (await exchange.whole())[2] == b"ok"
            exchange.release()
            assert (other.busy, other.idle) == (0, 0)

    run(loop, main())


def test_a_release_counts_once_and_ends_reading(loop: str) -> None:
    async def main() -> None:
        async with peer(answering(OK, OK)) as here:
            client = here.client()
            with await client.send(b"POST", b"/", b"") as exchange:
                await exchange.whole()
            for _ in range(2):
                exchange.release()
                exchange.finish()
            assert (client.busy, client.idle) == (0, 1)
            for late in (exchange.head(), exchange.read(), exchange.whole(), exchange.body()):
                with pytest.raises(RuntimeError, match="released"):
                    await late
            await client.close()

    run(loop, main())


async def _read_to_done(here: Peer, client: Client) -> None:
    exchange = await client.send(b"POST", b"/", b"")
    assert (await exchange.head())[0] == 200
    assert await exchange.read() == b"[DONE]"
    exchange.finish()


def test_an_answer_that_lacks_only_its_end_may_bring_it(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headworks.http.client.LINGER", 60.0)

    async def script(caller: Caller) -> None:
        while True:
            await caller.request()
            await caller.say(CHUNKED + b"6\r\n[DONE]\r\n")
            await until(lambda: client.lingering == 1)
            await caller.say(b"0\r\n\r\n")

    client: Client

    async def main() -> None:
        nonlocal client
        async with peer(script) as here:
            client = here.client()
            for _ in range(2):
                await _read_to_done(here, client)
                assert (client.busy, client.idle, client.lingering) == (0, 0, 1)
                await until(lambda: client.idle == 1)
                assert client.lingering == 0
            assert len(here.callers) == 1
            await client.close()

    run(loop, main())


@pytest.mark.parametrize("more", [b"", b"ffffffff\r\n" + b"x" * 200_000])
def test_an_answer_whose_end_does_not_come_costs_the_connection(
    loop: str, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headworks.http.client.LINGER", 60.0 if more else 0.05)

    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(CHUNKED + b"6\r\n[DONE]\r\n")
        await is_read.wait()
        await caller.say(more)
        await caller.gone()

    is_read = asyncio.Event()

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            await _read_to_done(here, client)
            is_read.set()
            await until(lambda: client.lingering == 0)
            assert (client.busy, client.idle) == (0, 0)
            await here.over()

    run(loop, main())


def test_closing_does_not_wait_for_answers_that_lack_their_end(loop: str) -> None:
    async def main() -> None:
        async with peer(answering(CHUNKED + b"6\r\n[DONE]\r\n")) as here:
            client = here.client()
            await _read_to_done(here, client)
            await client.close()
            for _ in range(10):  # turns, not seconds: it waits for nothing
                await asyncio.sleep(0)
            assert (client.busy, client.idle, client.lingering) == (0, 0, 0)

    run(loop, main())


def test_nothing_is_left_after_a_crowd_that_comes_and_goes(loop: str) -> None:
    """Conservation: whole answers, cut ones, late ones, cancelled ones; afterwards every count is what it should be."""
    answers = [
        OK,
        CLOSE,
        CHUNKED + b"2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nok",
        b"HTTP/1.1 200",
        b"nonsense\r\n\r\n",
        OK + b"x",
        b"",
    ]

    async def script(caller: Caller) -> None:
        for turn in range(100):
            await caller.request()
            answer = answers[(caller.number * 7 + turn * 3) % len(answers)]
            await caller.say(answer)
            if answer not in (OK, answers[2]):
                if caller.number % 3 == 0:
                    caller.reset()
                elif caller.number % 3 == 1:
                    await caller.gone()
                return

    async def visit(client: Client, number: int, patience: int) -> str:
        by = (0.02 if number % 2 else 0.1) * patience
        asking = asyncio.get_running_loop().create_task(ask(client, by=by))
        if number % 10 == 0:
            await asyncio.sleep(0.0005 * (number % 7))
            asking.cancel()
        try:
            await asking
        except (Broken, TimedOut, CallError) as error:
            return type(error).__name__
        except asyncio.CancelledError:
            return "cancelled"
        return "whole"

    async def main() -> None:
        async with peer(script) as here:
            client = here.client()
            ends: list[str] = []
            wave = 0
            while wave < 10 or not {"whole", "Broken", "TimedOut"} <= set(ends):
                patience = max(1, wave - 8)  # on a machine so slow that all are late, they come to wait longer
                ends += await asyncio.gather(*[visit(client, wave * 40 + number, patience) for number in range(40)])
                wave += 1
            assert client.busy == client.lingering == 0
            await client.close()
            assert client.idle == 0
            await here.over()

    run(loop, main())
