"""What callers may cost: those who stop reading, send slowly, go away, or are very many. Real sockets, both loops."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import resource
import socket
import sys
from asyncio.subprocess import PIPE

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.http.request_parser import RequestParser
from headworks.http.server import Exchange, Request
from headworks.http.server_connection import ServerConnection
from tests.http.edges import GET, TEXT, Caller, Served, echo, post, serving
from tests.http.peers import Stopwatch, run, until
from tests.laws import examples

PIECE = b"x" * 8192


class Watched:
    """A handler that notes how it ends: after a pause before its head, then chunk after chunk, `gap` seconds apart."""

    def __init__(self, *, pause: float = 0.0, chunks: int = 0, gap: float = 0.0) -> None:
        self.pause = pause
        self.chunks = chunks
        self.gap = gap
        self.begun = 0
        self.cancelled = 0
        self.exchange: Exchange | None = None

    async def __call__(self, request: Request, exchange: Exchange) -> None:
        self.begun += 1
        self.exchange = exchange
        try:
            await asyncio.sleep(self.pause)
            if not self.chunks:
                await echo(request, exchange)
                return
            exchange.start(200, TEXT)
            for _ in range(self.chunks):
                exchange.write(b"chunk")
                await exchange.drain()
                await asyncio.sleep(self.gap)
            exchange.end()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def unread(served: Served) -> Caller:
    """A caller whose own socket takes little, so that the edge feels at once that nothing is read."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", served.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
    caller = Caller(reader, writer)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    served.adopt(caller)
    return caller


def test_a_caller_who_stops_reading_an_endless_stream_costs_less_than_a_megabyte(loop: str) -> None:
    async def main() -> None:
        written = 0
        highest = 0

        async def handler(request: Request, exchange: Exchange) -> None:
            nonlocal written, highest
            exchange.start(200, TEXT)
            for _ in range(100_000_000 // len(PIECE)):
                exchange.write(PIECE)
                written += len(PIECE)
                line = exchange._connection
                highest = max(highest, line.transport.get_write_buffer_size())
                await exchange.drain()

        async with serving(handler) as served:
            caller = await unread(served)
            caller.send(GET)
            await until(lambda: written > 0)
            before = -1
            while written > before:  # until nothing moves for a while
                before = written
                await asyncio.sleep(0.1)
            assert written < 1_000_000, "buffers of ours, of the kernel and of the caller together"
            assert highest < 200_000
            assert served.edge.busy == 1
            caller.reset()
            await until(lambda: served.edge.busy == 0)

    run(loop, main())


def test_a_caller_who_reads_again_gets_everything(loop: str) -> None:
    async def main() -> None:
        async def handler(_: Request, exchange: Exchange) -> None:
            exchange.start(200, TEXT)
            for number in range(500):
                exchange.write(b"%08d" % number * 1024)
                await exchange.drain()
            exchange.end()

        async with serving(handler) as served:
            caller = await unread(served)
            caller.send(b"GET / HTTP/1.0\r\n\r\n")
            await asyncio.sleep(0.05)
            caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
            _, _, body = (await caller.rest()).partition(b"\r\n\r\n")
            assert body == b"".join(b"%08d" % number * 1024 for number in range(500))

    run(loop, main())


@pytest.mark.parametrize("streamed", [True, False])
def test_a_write_without_progress_aborts(loop: str, streamed: bool) -> None:
    async def main() -> None:
        begun = lost = False

        async def handler(_: Request, exchange: Exchange) -> None:
            nonlocal begun, lost
            begun = True
            if not streamed:
                exchange.respond(200, TEXT, b"x" * 5_000_000)
                return
            exchange.start(200, TEXT)
            try:
                while True:
                    exchange.write(PIECE)
                    await exchange.drain()
            finally:
                lost = True

        async with serving(handler, write_timeout=0.2) as served:
            caller = await unread(served)
            caller.send(GET)
            await until(lambda: begun)
            await until(lambda: served.edge.connections == 0 and served.edge.busy == 0)
            assert lost is streamed
            assert not caller.reader.at_eof(), "it was not the caller who left"

    run(loop, main())


def test_an_answer_that_nobody_fetches_is_given_up_with_the_idle_time(loop: str) -> None:
    """Too little waits to reach the water mark, so nothing else would end it."""

    async def main() -> None:
        begun = False

        async def handler(_: Request, exchange: Exchange) -> None:
            nonlocal begun
            begun = True
            exchange.start(200, TEXT)
            while not exchange._connection.transport.get_write_buffer_size():
                exchange.write(PIECE)
                await asyncio.sleep(0.01)
            exchange.end()

        async with serving(handler, idle_timeout=0.2, write_timeout=60) as served:
            caller = await unread(served)
            caller.send(GET)
            await until(lambda: begun)
            await until(lambda: served.edge.connections == 0)
            assert not caller.reader.at_eof(), "it was not the caller who left"

    run(loop, main())


def test_a_caller_who_pipelines_and_never_reads_is_answered_only_to_the_mark(loop: str) -> None:
    async def main() -> None:
        answered = 0

        async def handler(_: Request, exchange: Exchange) -> None:
            nonlocal answered
            answered += 1
            exchange.respond(200, TEXT, PIECE)

        async with serving(handler, write_timeout=0.3) as served:
            caller = await unread(served)
            for _ in range(50):
                caller.send(GET * 1000)
            await until(lambda: answered > 0)
            await until(lambda: served.edge.connections == 0)
            assert answered * len(PIECE) < 1_000_000

    run(loop, main())


def test_a_connection_that_never_asks_is_closed_without_a_word(loop: str) -> None:
    async def main() -> None:
        async with serving(header_timeout=0.1, idle_timeout=60) as served:
            assert await served.said(b"") == b""

    run(loop, main())


def test_bodies_of_all_callers_together_are_bounded(loop: str) -> None:
    async def main() -> None:
        async with serving(max_arriving=1_000_000) as served:
            callers = [await served.caller() for _ in range(5)]
            for number, caller in enumerate(callers[:4]):
                await until(lambda number=number: served.edge.arriving == number * 299_999)  # type: ignore[misc]
                caller.send(post(b"x" * 300_000)[:-1])
            assert (await callers[3].answer())[0] == 503
            for caller in callers[:3]:
                caller.send(b"x")
                assert (await caller.answer())[0] == 200
            await until(lambda: served.edge.arriving == 0)
            callers[4].send(post(b"x" * 900_000))
            assert (await callers[4].answer())[0] == 200

    run(loop, main())


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("when", ["before the head", "between chunks"])
def test_a_caller_who_hangs_up_stops_the_handler_within_100_ms(loop: str, how: str, when: str) -> None:
    """FIN too, where TCP itself cannot tell a caller who left from one who only sends no more."""

    async def main() -> None:
        watched = Watched(pause=60) if when == "before the head" else Watched(chunks=9, gap=60)
        async with serving(watched) as served:
            caller = await served.caller()
            caller.send(GET)
            await until(lambda: watched.begun == 1)
            if watched.chunks:
                await caller.reader.readuntil(b"chunk\r\n")
            async with Stopwatch() as taken:
                if how == "fin":
                    caller.close()
                else:
                    caller.reset()
                await until(lambda: watched.cancelled == 1)
            assert taken.seconds < 0.1
            assert watched.exchange is not None
            assert watched.exchange.closed
            await until(lambda: served.edge.connections == 0)

    run(loop, main())


@pytest.mark.parametrize("chunks", [0, 5])
@pytest.mark.parametrize("pause", [0.0, 0.08])
@pytest.mark.parametrize("first", [b"", GET], ids=["one", "two"])
def test_a_caller_who_only_ends_its_side_gets_its_answer(loop: str, chunks: int, pause: float, first: bytes) -> None:
    async def main() -> None:
        watched = Watched(pause=pause, chunks=chunks, gap=0.02)
        async with serving(watched) as served:
            caller = await served.caller()
            caller.send(first + GET)
            caller.end()
            said = await caller.rest()
            assert said.count(b"HTTP/1.1 200 OK\r\n") == 1 + bool(first)
            assert watched.cancelled == 0
            body = said.rpartition(b"\r\n\r\nGET / " if not chunks else b"transfer-encoding: chunked\r\n\r\n")[2]
            if chunks:
                assert unchunked(body) == b"chunk" * chunks
            await until(lambda: served.edge.connections == 0)

    run(loop, main())


def unchunked(data: bytes) -> bytes:
    whole = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert data == b"\r\n"
            return whole
        whole += data[:length]
        assert data[length : length + 2] == b"\r\n"
        data = data[length + 2 :]


@pytest.mark.parametrize("data", [b"", b"\r\n", b"GET / HT", post(b"abc")[:-1]])
def test_a_caller_who_ends_within_a_request_is_told_so(loop: str, data: bytes) -> None:
    async def main() -> None:
        async with serving() as served:
            caller = await served.caller()
            caller.send(data)
            caller.end()
            said = await caller.rest()
            assert said[:12] == (b"HTTP/1.1 400" if data.strip() else b"")

    run(loop, main())


PHASES = {
    "at once": b"",
    "within the head": b"POST / HTTP/1.1\r\nHo",
    "after the head": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    "within the body": post(b"x" * 100_000)[:-1],
    "within a chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "while answered": b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n",
    "while streamed": b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
    "with more behind": b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" * 9,
    "after a refusal": b"nonsense\r\n\r\n",
    "awaiting 100": b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("wait", [0.0, 0.02])
def test_whoever_goes_away_whenever_leaves_nothing_behind(loop: str, phase: str, how: str, wait: float) -> None:
    async def main() -> None:
        async def handler(request: Request, exchange: Exchange) -> None:
            if request.path == "/stream":
                exchange.start(200, TEXT)
                while True:
                    exchange.write(PIECE)
                    await exchange.drain()
                    await asyncio.sleep(0.001)
            await asyncio.sleep(60)

        async with serving(handler) as served:
            for _ in range(3):
                caller = await served.caller()
                caller.send(PHASES[phase])
                await asyncio.sleep(wait)
                if how == "fin":
                    caller.close()
                else:
                    caller.reset()
            await until(lambda: served.edge.connections == 0 and served.edge.busy == 0)
            assert served.edge.arriving == 0

    run(loop, main())


def test_a_storm_of_callers_of_whom_some_hang_up_leaves_every_counter_at_zero(loop: str) -> None:
    async def main() -> None:
        chance = random.Random(7)
        answered = 0

        async def handler(request: Request, exchange: Exchange) -> None:
            await asyncio.sleep(0.002)
            exchange.start(200, TEXT)
            for _ in range(3):
                exchange.write(request.body)
                await exchange.drain()
                await asyncio.sleep(0.001)
            exchange.end()

        async def one(served: Served) -> None:
            nonlocal answered
            caller = await served.caller()
            for _ in range(5):
                caller.send(post(b"x" * chance.choice([1, 9000, 300_000])))
                if chance.random() < 0.1:
                    await asyncio.sleep(chance.random() * 0.01)
                    caller.reset() if chance.random() < 0.5 else caller.close()
                    return
                await caller.reader.readuntil(b"\r\n0\r\n\r\n")
                answered += 1

        async with serving(handler) as served:
            for _ in range(5):
                await asyncio.gather(*[one(served) for _ in range(30)])
            assert answered > 300
            await until(lambda: served.edge.busy == 0)

    run(loop, main())


CROWD = """
import resource, socket, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
socks = []
for number in range(count):
    socks.append(socket.create_connection(("127.0.0.1", port), 30))
    if number % 10 == 0:
        socks[-1].sendall(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
print("here", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_idle_connections_are_cheap_and_bounded(loop: str, count: int) -> None:
    """The callers are a process of their own, so that what is measured is the edge's."""

    async def main() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < count + 500:
            pytest.skip(f"needs {count + 500} open files, {hard} are allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
        # Thousands are opened in seconds on a busy machine: who waits for the others must not be let go meanwhile.
        async with serving(max_connections=count, header_timeout=600.0, idle_timeout=600.0) as served:
            before = resident()
            crowd = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CROWD, str(served.port), str(count), stdin=PIPE, stdout=PIPE
            )
            assert crowd.stdout is not None
            assert crowd.stdin is not None
            assert await crowd.stdout.readline() == b"here\n"
            await until(lambda: served.edge.connections == count)
            each = (resident() - before) / count
            assert each < 12_000, f"{each:.0f} bytes a connection"
            late = await served.caller()  # the longest silence makes room
            late.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await late.answer())[0] == 200
            assert served.edge.connections <= count
            late.close()
            crowd.stdin.close()
            await crowd.wait()
            await until(lambda: served.edge.connections == 0)

    run(loop, main())


def resident() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


STARTS = [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n", post(b"x" * 20)[:-9]]
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@settings(max_examples=examples(30))
@given(
    st.lists(
        st.tuples(st.sampled_from([*STARTS, CHUNKED]), st.binary(max_size=200), st.sampled_from(["end", "fin", "rst"])),
        min_size=1,
        max_size=8,
    )
)
def test_random_bytes_never_hurt_the_edge(noise: list[tuple[bytes, bytes, str]]) -> None:
    async def main() -> None:
        async with serving() as served:
            for start, data, how in noise:
                caller = await served.caller()
                caller.send(start + data)
                if how == "end":
                    caller.end()
                    said = await caller.rest()
                    assert said == b"" or said.startswith(b"HTTP/1.1 ")
                elif how == "fin":
                    caller.close()
                else:
                    caller.reset()
            good = await served.caller()
            good.send(post(b"still here"))
            assert await good.answer() == (200, b"POST / still here")
            good.close()
            await until(lambda: served.edge.connections == 0)
            assert (served.edge.busy, served.edge.arriving) == (0, 0)

    run("uvloop", main())


def test_a_flood_of_tiny_chunks_does_not_hold_the_loop(loop: str) -> None:
    """256 KB of one-byte chunks are parsed in turns, so others are served in between."""

    async def main() -> None:
        async with serving() as served:
            ours = asyncio.get_running_loop()
            flood, other = await served.caller(), await served.caller()
            flood.send(CHUNKED + b"1\r\nx\r\n" * 150_000 + b"0\r\n\r\n")
            slowest = 0.0
            answered = 0
            answer = ours.create_task(flood.answer())
            while not answer.done():
                began = ours.time()
                other.send(GET)
                assert (await other.answer())[0] == 200
                slowest = max(slowest, ours.time() - began)
                answered += 1
            assert (await answer)[1] == b"POST / " + b"x" * 150_000
            assert answered > 3, f"others were served {answered} times, the slowest in {slowest:.3f} s"

    run(loop, main())


def test_a_connection_that_ended_leaves_no_circle_of_references(loop: str) -> None:
    """The collector runs seldom in production: what waits for it would be memory that grows with every caller."""

    def alive() -> int:
        return sum(isinstance(one, ServerConnection | RequestParser | Exchange | Request) for one in gc.get_objects())

    async def main() -> None:
        watched = Watched(pause=60)

        async def handler(request: Request, exchange: Exchange) -> None:
            await (watched if request.path == "/wait" else echo)(request, exchange)

        async with serving(handler) as served:
            gc.collect()
            gc.freeze()  # what there was is not looked through, each time
            gc.disable()
            try:
                for number in range(5):
                    for data in (GET + post(b"x" * 20_000), b"nonsense\r\n", b"GET / HTTP/1.0\r\n\r\n"):
                        caller = await served.caller()
                        caller.send(data)
                        await caller.answer()
                        caller.close()
                    caller = await served.caller()
                    caller.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                    await until(lambda number=number: watched.begun == number + 1)  # type: ignore[misc]
                    caller.reset()
                watched.exchange = None
                await until(lambda: served.edge.connections == 0 and served.edge.busy == 0)
                await until(lambda: alive() == 0)
            finally:
                gc.unfreeze()
                gc.enable()

    run(loop, main())


def test_nothing_of_a_connection_has_a_dictionary() -> None:
    """At ten thousand connections, 100 bytes each of them are a megabyte."""
    for kind in (ServerConnection, RequestParser, Exchange, Request):
        assert all("__slots__" in one.__dict__ for one in kind.__mro__[:-1]), kind
