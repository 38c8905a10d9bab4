"""Origins, and the way from one to an open connection."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from headworks.core.errors import Expired, Unreachable
from headworks.http.client import Client
from headworks.http.client_connection import PROBED_AFTER
from headworks.http.connection import Connection
from headworks.http.dial import HEAD_START, Origin, in_turn, race
from tests.http.peers import OK, Caller, Stopwatch, answering, ask, peer, run


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("http://a", Origin(host="a"), "a"),
        (
            "https://api.example.com/v1",
            Origin(host="api.example.com", port=443, base=b"/v1", tls=True),
            "api.example.com",
        ),
        ("https://a:8443/x/y/", Origin(host="a", port=8443, base=b"/x/y", tls=True), "a:8443"),
        ("http://a:80/", Origin(host="a"), "a"),
        ("http://a/v1/?x=1&y", Origin(host="a", base=b"/v1", query=b"x=1&y"), "a"),
        ("http://a/v1?", Origin(host="a", base=b"/v1"), "a"),
        ("http://a:443", Origin(host="a", port=443), "a:443"),
        ("HTTP://API.Example.COM", Origin(host="api.example.com"), "api.example.com"),
        ("http://[::1]:8080/v1", Origin(host="::1", port=8080, base=b"/v1"), "[::1]:8080"),
        ("http://[::1]", Origin(host="::1"), "[::1]"),
        ("https://bücher.example", Origin(host="xn--bcher-kva.example", port=443, tls=True), "xn--bcher-kva.example"),
        ("unix:/run/model.sock", Origin(path="/run/model.sock"), "localhost"),
        ("unix:///run/model.sock", Origin(path="/run/model.sock"), "localhost"),
    ],
)
def test_a_url_says_where_a_server_listens(url: str, origin: Origin, authority: str) -> None:
    assert Origin.parse(url) == origin
    assert origin.authority == authority


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "starts with"),
        ("a.example/v1", "starts with"),
        ("ftp://a", "starts with"),
        ("localhost:8080", "starts with"),
        ("http://", "no host"),
        ("http://:80", "no host"),
        ("http://a:0", "port 0"),
        ("http://a:99999", "Port out of range"),
        ("http://a:b", "Port could not be cast"),
        ("http://user:secret@a", "no user"),
        ("http://a/v1#x", "no fragment"),
        ("http://a/v1?x=\u00e9", "ASCII"),
        ("http://a b", "blanks"),
        ("http://a/\r\nx: y", "control characters"),
        ("http://a/\u00e9", "ASCII"),
        ("http://a..b", "ASCII"),
        ("unix:model.sock", "unix:/its"),
        ("unix://host/model.sock", "unix:/its"),
    ],
)
def test_a_wrong_url_is_refused_with_its_reason(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        Origin.parse(url)
    assert "secret" not in str(caught.value)


def test_the_query_of_a_base_url_goes_with_every_request() -> None:
    azure = Origin.parse("https://r.openai.azure.com/openai/deployments/d/?api-version=2024-10-21")
    assert azure.target(b"/chat/completions") == b"/openai/deployments/d/chat/completions?api-version=2024-10-21"
    assert Origin.parse("http://a/v1").target(b"/embeddings") == b"/v1/embeddings"


@pytest.mark.e2e
def test_why_there_is_no_connection_is_for_callers_and_where_is_for_logs(loop: str, tmp_path: Path) -> None:
    async def main() -> None:
        silent = socket.socket()
        silent.bind(("127.0.0.1", 0))  # and kept: a port that was given back may be another's by now
        port = silent.getsockname()[1]
        for origin, why in (
            (Origin(host="127.0.0.1", port=port), "Connection refused"),
            (Origin(host="127.0.0.1", port=port, tls=True), "Connection refused"),
            (Origin(path=str(tmp_path / "none.sock")), "No such file or directory"),
            (Origin(host="vendor.invalid", port=port), ""),
        ):
            with pytest.raises(Unreachable) as caught:
                await ask(Client(origin))
            assert why in caught.value.message
            assert not any(
                part in caught.value.message for part in ("127.0.0.1", str(port), "none.sock", "vendor.invalid")
            )
            assert caught.value.place.startswith(f"{origin}: ")
        silent.close()

    run(loop, main())


@pytest.mark.parametrize(
    ("found", "order"),
    [
        ([], []),
        ([(2, "a"), (2, "b")], ["a", "b"]),
        ([(10, "A"), (10, "B"), (2, "a")], ["A", "a", "B"]),
        ([(2, "a"), (10, "A"), (10, "B"), (10, "C"), (2, "b")], ["a", "A", "b", "B", "C"]),
    ],
)
def test_families_take_turns_and_the_resolvers_order_is_kept(found: list[tuple[int, str]], order: list[str]) -> None:
    assert in_turn(found) == order


@pytest.mark.e2e
def test_a_name_with_two_families_reaches_a_server_on_one(loop: str) -> None:
    async def main() -> None:
        async with peer(answering(OK)) as here:
            client = Client(Origin(host="localhost", port=here.port))
            assert await ask(client) == (200, b"ok")
            await client.close()

    run(loop, main())


@pytest.mark.e2e
def test_ipv6(loop: str) -> None:
    async def main() -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await Caller(reader, writer, 0).request()
            assert b"host: [::1]:" in request
            writer.write(OK)
            writer.close()

        try:
            server = await asyncio.start_server(accept, "::1", 0)
        except OSError:
            pytest.skip("this machine has no IPv6")
        async with server:
            client = Client(Origin.parse(f"http://[::1]:{server.sockets[0].getsockname()[1]}"))
            assert await ask(client) == (200, b"ok")
            await client.close()

    run(loop, main())


@pytest.mark.e2e
def test_a_unix_socket(loop: str, tmp_path: Path) -> None:
    path = str(tmp_path / "s")

    async def main() -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            caller = Caller(reader, writer, 0)
            for _ in range(2):
                await caller.request()
                await caller.say(OK)
            writer.close()

        client = Client(Origin.parse(f"unix:{path}"))
        with pytest.raises(Unreachable, match="No such file"):
            await ask(client)
        async with await asyncio.start_unix_server(accept, path):
            assert await ask(client) == (200, b"ok")
            assert client.idle == 1
            client._idle[0].idle_since -= PROBED_AFTER
            assert await ask(client) == (200, b"ok")
            await client.close()
        assert client.busy == 0

    run(loop, main())


@pytest.mark.e2e
def test_a_name_that_nobody_knows(loop: str) -> None:
    async def main() -> None:
        client = Client(Origin(host="no-such-host.invalid"))
        with pytest.raises((Unreachable, Expired)):  # a resolver that answers nothing is bounded too
            await ask(client, by=0.5)
        assert client.busy == 0

    run(loop, main())


class Deaf:
    """A port that takes no connection and refuses none, on 127.0.0.2; and a good server beside it on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.sockets = [socket.socket()]
        self.sockets[0].bind(("127.0.0.2", port))
        self.sockets[0].listen(0)
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.2", port))
            self.sockets.append(one)

    def close(self) -> None:
        for one in self.sockets:
            one.close()


@pytest.mark.e2e
def test_an_address_that_is_deaf_costs_its_head_start_only(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        made: list[Connection] = []

        def make() -> Connection:
            made.append(Connection(running))
            return made[-1]

        async def script(caller: Caller) -> None:
            await caller.gone()

        async with peer(script) as here:
            is_done = Deaf(here.port)
            begun = running.time()
            async with Stopwatch() as taken:
                connection = await race(["127.0.0.2", "127.0.0.1"], here.port, make)
            assert running.time() - begun > HEAD_START * 0.9
            assert taken.seconds < HEAD_START + 0.5
            assert connection.transport.get_extra_info("peername")[0] == "127.0.0.1"
            connection.abort()
            await here.over()
            # The good one first: the deaf one is never tried.
            made.clear()
            with monkeypatch.context() as patched:
                patched.setattr("headworks.http.dial.HEAD_START", 60.0)  # however slow this machine is
                connection = await race(["127.0.0.1", "127.0.0.2"], here.port, make)
            assert made == [connection]
            connection.abort()
            await here.over()
            # A cancelled race leaves no connection.
            racing = running.create_task(race(["127.0.0.2", "127.0.0.2"], here.port, make))
            await asyncio.sleep(0.01)
            racing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await racing
            is_done.close()

    run(loop, main())


@pytest.mark.e2e
def test_an_address_that_refuses_costs_nothing(loop: str) -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        async with peer(answering()) as here:
            async with Stopwatch() as taken:
                connection = await race(["127.0.0.3", "127.0.0.1"], here.port, lambda: Connection(running))
            assert taken.seconds < HEAD_START / 2
            connection.abort()
            with pytest.raises(ConnectionRefusedError):
                await race(["127.0.0.3", "127.0.0.4"], here.port, lambda: Connection(running))

    run(loop, main())
