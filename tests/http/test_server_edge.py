"""The edge on real sockets, on both loops: order, framing, errors, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
from pathlib import Path

import pytest

from headworks.core.throttled_log import MOST
from headworks.http.server import Edge, EdgeLimits, Exchange, Request
from tests.http.edges import GET, TEXT, Caller, echo, post, refuse, serving
from tests.http.peers import Stopwatch, run, until


def test_requests_on_one_connection_are_answered_in_turn(loop: str) -> None:
    async def main() -> None:
        async with serving() as served:
            caller = await served.caller()
            for number in range(5):
                caller.send(post(b"%d" % number, b"/a"))
                assert await caller.answer() == (200, b"POST /a %d" % number)
            await until(lambda: served.edge.busy == 0)
            assert served.edge.connections == 1

    run(loop, main())


def test_pipelined_requests_are_answered_in_order_one_at_a_time(loop: str) -> None:
    async def main() -> None:
        busiest = 0

        async def handler(request: Request, exchange: Exchange) -> None:
            nonlocal busiest
            busiest = max(busiest, served.edge.busy)
            await asyncio.sleep(0.02 if request.body == b"0" else 0)  # the first is the slowest
            await echo(request, exchange)

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(b"".join([post(b"%d" % number) for number in range(50)]))
            assert [await caller.answer() for _ in range(50)] == [(200, b"POST / %d" % n) for n in range(50)]
        assert busiest == 1

    run(loop, main())


def test_a_caller_who_pipelines_without_end_is_not_read_without_end(loop: str) -> None:
    """While the first is answered, the socket is held: the caller's own writes come to a stop."""

    async def main() -> None:
        gate = asyncio.Event()

        async def handler(request: Request, exchange: Exchange) -> None:
            await gate.wait()
            await echo(request, exchange)

        async with serving(handler) as served:
            caller = await served.caller()
            flood = GET * 4000
            for _ in range(200):  # 22 MB, more than any socket's buffers
                caller.send(flood)
            await asyncio.sleep(0.2)
            left = caller.writer.transport.get_write_buffer_size()
            assert left > 10_000_000, "it was read although nobody answers"
            gate.set()
            for _ in range(100):
                assert await caller.answer() == (200, b"GET / ")
            caller.reset()
            await until(lambda: served.edge.connections == 0)

    run(loop, main())


def test_a_request_byte_by_byte(loop: str) -> None:
    async def main() -> None:
        async with serving() as served:
            caller = await served.caller()
            for byte in post(b"abc") + b"\r\n" + post(b"def"):
                caller.send(bytes([byte]))
                await asyncio.sleep(0)
            assert await caller.answer() == (200, b"POST / abc")
            assert await caller.answer() == (200, b"POST / def")

    run(loop, main())


def test_a_large_body_arrives_whole(loop: str) -> None:
    async def main() -> None:
        body = os.urandom(3_000_000)

        async def handler(request: Request, exchange: Exchange) -> None:
            assert request.body == body
            exchange.respond(200, TEXT, request.body)

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(post(body) + post(body))
            assert await caller.answer() == (200, body)
            assert await caller.answer() == (200, body)

    run(loop, main())


def test_http_1_0_is_closed_after_its_answer_unless_it_asks(loop: str) -> None:
    async def main() -> None:
        async with serving() as served:
            assert (await served.said(b"GET / HTTP/1.0\r\n\r\n")).endswith(b"connection: close\r\n\r\nGET / ")
            caller = await served.caller()
            for _ in range(2):
                caller.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                assert await caller.answer() == (200, b"GET / ")

    run(loop, main())


def test_connection_close_is_obeyed(loop: str) -> None:
    async def main() -> None:
        async with serving() as served:
            said = await served.said(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET)
            assert said.count(b"HTTP/1.1 200") == 1
            assert b"connection: close" in said

    run(loop, main())


def test_head_gets_no_body_and_the_connection_goes_on(loop: str) -> None:
    async def main() -> None:
        async with serving() as served:
            caller = await served.caller()
            caller.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
            assert b"content-length: 7" in await caller.head()
            assert await caller.answer() == (200, b"GET / ")

    run(loop, main())


def test_a_caller_who_expects_100_is_asked_to_go_on(loop: str) -> None:
    async def main() -> None:
        async with serving() as served:
            caller = await served.caller()
            head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            for _ in range(2):
                caller.send(head)
                assert await caller.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
                caller.send(b"abc")
                assert await caller.answer() == (200, b"POST / abc")
            caller.send(head + b"abc")
            assert await caller.answer() == (200, b"POST / abc"), "who did not wait is not asked"
            caller.send(GET + head)
            assert await caller.answer() == (200, b"GET / "), "the answer before comes first"
            assert await caller.head() == b"HTTP/1.1 100 Continue\r\n\r\n"

    run(loop, main())


def test_a_body_announced_too_large_is_refused_before_it_is_read(loop: str) -> None:
    async def main() -> None:
        async with serving(max_body=1000) as served:
            said = await served.said(
                b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n"
            )
            assert said.startswith(b"HTTP/1.1 413 ")
            assert b"100 Continue" not in said
            assert b"1001 bytes" in said

    run(loop, main())


@pytest.mark.parametrize("chunked", [False, True])
def test_a_refusal_can_be_read_by_a_caller_who_is_still_sending(loop: str, chunked: bool) -> None:
    """The edge lingers: else the caller's next write meets a reset, and the answer is lost."""

    async def main() -> None:
        async with serving(max_body=1000) as served:
            caller = await served.caller()
            head = b"POST / HTTP/1.1\r\nHost: a\r\n"
            if chunked:
                caller.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
            else:
                caller.send(head + b"Content-Length: 9000000\r\n\r\n")
            for _ in range(90):
                caller.send(b"186a0\r\n" + b"x" * 100_000 + b"\r\n" if chunked else b"x" * 100_000)
                await caller.writer.drain()
            assert (await caller.answer())[0] == 413
            assert await caller.is_closed()

    run(loop, main())


@pytest.mark.parametrize("streamed", [False, True])
def test_an_exception_is_a_500_or_a_cut_and_never_a_trace(
    loop: str, streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async def handler(request: Request, exchange: Exchange) -> None:
            if streamed:
                exchange.start(200, TEXT)
                exchange.write(b"some")
            raise KeyError(request.body)

        told = post(b"in confidence")

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(told)
            if streamed:
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await caller.reader.readuntil(b"0\r\n\r\n")
            else:
                status, body = await caller.answer()
                assert status == 500
                assert b"confidence" not in body
                assert b"Traceback" not in body
                assert b"KeyError" not in body
                caller.send(told)
                assert (await caller.answer())[0] == 500, "the connection is as good as before"

    with caplog.at_level(logging.ERROR):
        run(loop, main())
    assert "handler_failed: KeyError" in caplog.text
    assert "confidence" not in caplog.text


@pytest.mark.parametrize("streamed", [False, True])
def test_a_handler_that_leaves_early_is_an_error_too(
    loop: str, streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async def handler(_: Request, exchange: Exchange) -> None:
            if streamed:
                exchange.start(200, TEXT)

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(GET)
            if streamed:
                await caller.head()
                assert await caller.is_closed()
            else:
                assert (await caller.answer())[0] == 500

    with caplog.at_level(logging.ERROR):
        run(loop, main())
    assert "handler_left_early" in caplog.text


def test_words_that_fail_themselves_cut_the_connection(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        def wordless(status: int, message: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
            raise RuntimeError(message)

        edge = Edge(echo, wordless)
        reader, writer = await asyncio.open_connection("127.0.0.1", await edge.start("127.0.0.1", 0))
        caller = Caller(reader, writer)
        caller.send(b"nonsense\r\n\r\n")
        assert await caller.is_closed()
        caller.close()
        await edge.stop(0.2)
        assert edge.connections == 0

    with caplog.at_level(logging.ERROR):
        run(loop, main())
    assert "refusal_failed: RuntimeError" in caplog.text


def test_draining_closes_what_is_idle_and_ends_what_is_busy_whole(loop: str) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def handler(request: Request, exchange: Exchange) -> None:
            if request.path == "/slow":
                await gate.wait()
            await echo(request, exchange)

        async with serving(handler) as served:
            idle, busy, partial, fresh = [await served.caller() for _ in range(4)]
            idle.send(GET)
            await idle.answer()
            busy.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            partial.send(GET[:10])
            await until(lambda: served.edge.busy == 1 and served.edge.connections == 4)
            await until(lambda: [one.idle for one in served.edge._open].count(False) == 2)
            served.edge.drain()
            assert await idle.is_closed()
            assert await fresh.is_closed()
            with pytest.raises(ConnectionRefusedError):
                await served.caller()
            partial.send(GET[10:])
            head = await partial.head()
            assert b"connection: close" in head
            gate.set()
            assert b"connection: close" in await busy.head()
            assert await busy.reader.read(-1) == b"GET /slow "
            await served.edge.stop(1)

    run(loop, main())


def test_an_answer_that_began_before_the_drain_is_its_connections_last(loop: str) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def handler(_: Request, exchange: Exchange) -> None:
            exchange.start(200, TEXT)
            await gate.wait()
            exchange.end(b"whole")

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(GET)
            assert b"connection: close" not in await caller.head()
            served.edge.drain()
            gate.set()
            assert await asyncio.wait_for(caller.reader.read(-1), 30) == b"5\r\nwhole\r\n0\r\n\r\n"
            await asyncio.wait_for(served.edge.stop(60), 30)

    run(loop, main())


def test_a_stop_without_grace_overtakes_one_with_grace_that_is_cancelled(loop: str) -> None:
    async def main() -> None:
        async def handler(_: Request, exchange: Exchange) -> None:
            exchange.start(200, TEXT)
            await asyncio.sleep(60)

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(GET)
            await caller.head()
            patient = asyncio.ensure_future(served.edge.stop(60))
            await asyncio.sleep(0.01)
            patient.cancel()
            await asyncio.wait_for(served.edge.stop(0.0), 30)
            assert served.edge.connections == 0

    run(loop, main())


def test_what_was_pipelined_behind_the_last_answer_is_left_and_the_answer_can_be_read(loop: str) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def handler(request: Request, exchange: Exchange) -> None:
            await gate.wait()
            await echo(request, exchange)

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(post(b"1"))
            await until(lambda: served.edge.busy == 1)
            caller.send(post(b"2"))
            await until(lambda: any(one._rest for one in served.edge._open))
            served.edge.drain()
            gate.set()
            assert await caller.answer() == (200, b"POST / 1")
            assert await caller.is_closed()

    run(loop, main())


def test_stopping_cuts_what_outlasts_the_grace_and_awaits_its_cleaning_up(loop: str) -> None:
    async def main() -> None:
        cleaned = False

        async def handler(_: Request, exchange: Exchange) -> None:
            nonlocal cleaned
            exchange.start(200, TEXT)
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.02)
                cleaned = True

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(GET)
            await caller.head()
            async with Stopwatch() as taken:
                await served.edge.stop(0.1)
            assert taken.seconds < 1
            assert cleaned
            assert await caller.is_closed()
            assert "0 connections, 0 busy" in repr(served.edge)

    run(loop, main())


def test_a_unix_socket_is_for_this_user_and_goes_with_the_edge(loop: str, tmp_path: Path) -> None:
    async def main() -> None:
        peers: list[str] = []

        async def handler(request: Request, exchange: Exchange) -> None:
            peers.append(request.peer)
            await echo(request, exchange)

        path = tmp_path / "edge"
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(path))  # what a killed process leaves
        edge = Edge(handler, refuse)
        await edge.start_unix(str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        reader, writer = await asyncio.open_unix_connection(str(path))
        caller = Caller(reader, writer)
        caller.send(post(b"abc"))
        assert await caller.answer() == (200, b"POST / abc")
        await edge.stop(1)
        assert not path.exists()
        assert peers == [""]
        caller.close()

    run(loop, main())


def test_the_callers_address_is_known(loop: str) -> None:
    async def main() -> None:
        async def handler(request: Request, exchange: Exchange) -> None:
            exchange.respond(200, TEXT, request.peer.encode())

        async with serving(handler) as served:
            caller = await served.caller()
            caller.send(GET)
            assert await caller.answer() == (200, b"127.0.0.1")

    run(loop, main())


def test_one_too_many_is_told_so_and_many_too_many_are_dropped(loop: str) -> None:
    async def main() -> None:
        released = asyncio.Event()

        async def handler(request: Request, exchange: Exchange) -> None:
            await released.wait()
            exchange.respond(200, TEXT, b"")

        async with serving(handler, max_connections=3, linger=30) as served:
            guests = [await served.caller() for _ in range(3)]
            for guest in guests:
                guest.send(GET)
            await until(lambda: served.edge.busy == 3)
            late = await served.caller()
            status, body = await late.answer()
            assert (status, body) == (503, b"Too many connections are open.")
            assert await late.is_closed()
            assert served.edge.connections == 3
            crowd = [await served.caller() for _ in range(150)]
            told = 0
            for one in crowd:
                try:
                    told += (await one.answer())[0] == 503
                except (asyncio.IncompleteReadError, ConnectionError):
                    pass  # dropped without a word
            assert 90 <= told <= 101
            released.set()
            for guest in guests:
                assert (await guest.answer())[0] == 200

    run(loop, main())


def test_the_longest_silence_makes_room_where_every_place_is_taken(loop: str) -> None:
    async def main() -> None:
        async with serving(max_connections=3) as served:
            silent = [await served.caller() for _ in range(3)]
            await until(lambda: served.edge.connections == 3)
            silent[0].send(GET)
            assert (await silent[0].answer())[0] == 200  # it has just spoken: others have been silent for longer
            for _ in range(5):
                probe = await served.caller()
                probe.send(GET)
                assert (await probe.answer())[0] == 200
                assert served.edge.connections == 3
            assert await silent[1].is_closed()
            assert await silent[2].is_closed()

    run(loop, main())


def test_who_is_being_answered_is_never_turned_out(loop: str) -> None:
    async def main() -> None:
        released = asyncio.Event()

        async def handler(request: Request, exchange: Exchange) -> None:
            await released.wait()
            exchange.respond(200, TEXT, b"")

        async with serving(handler, max_connections=2) as served:
            busy = await served.caller()
            busy.send(GET)
            await until(lambda: served.edge.busy == 1)
            for _ in range(70):
                await served.caller()
            await until(lambda: served.edge.connections == 2)
            released.set()
            assert (await busy.answer())[0] == 200

    run(loop, main())


def test_limits_have_defaults_and_are_kept() -> None:
    assert Edge(echo, refuse).limits == EdgeLimits()


def test_a_bug_that_every_call_meets_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        edge = Edge(echo, lambda status, message: ([], b""))
        for _ in range(1000):
            edge.report("handler_failed", KeyError("x"))

    asyncio.run(main())
    assert len(caplog.records) == MOST
