"""TLS at the edge: who gets in, what a handshake may cost, and certificates that change on the disk."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from headworks.http.certificates import Certificates, complaint, context_of
from headworks.http.client import Client
from headworks.http.dial import Origin, trust, trust_only
from headworks.http.limits import EdgeLimits
from headworks.http.server import Edge, Exchange, Request
from tests.http.edges import GET, TEXT, Caller, Served, echo, refuse
from tests.http.peers import ask, run, until


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class Files:
    """A certificate and its key on the disk, and the authority that signed it."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        self.cert = folder / "cert.pem"
        self.key = folder / "key.pem"
        self.ca_file = folder / "ca.pem"
        self.authority = authority
        self.written = 0
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.renew()

    def renew(self, *, cert: bool = True, key: bool = True) -> None:
        """Writes a fresh pair, or one half of it."""
        made = self.authority.issue_cert("localhost")
        if cert:
            self.put(self.cert, b"".join(one.bytes() for one in made.cert_chain_pems))
        if key:
            self.put(self.key, made.private_key_pem.bytes())

    def put(self, path: Path, content: bytes) -> None:
        """As a secret's mount does it: another file takes the name."""
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        self.written += 1
        os.utime(fresh, (1_700_000_000, 1_700_000_000 + self.written))
        fresh.replace(path)

    def certificates(self) -> Certificates:
        return Certificates(self.cert, self.key)


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> Files:
    return Files(tmp_path, authority)


class Encrypted(Served):
    def __init__(self, edge: Edge, port: int, files: Files) -> None:
        super().__init__(edge, port)
        self.files = files

    async def caller(self) -> Caller:
        context = trust(str(self.files.ca_file))
        return self.adopt(
            Caller(*await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname="localhost"))
        )

    def client(self) -> Client:
        origin = Origin(host="localhost", port=self.port, tls=True)
        return Client(origin, context=trust(str(self.files.ca_file)))


@asynccontextmanager
async def serving(files: Files, **limits: float) -> AsyncIterator[Encrypted]:
    edge = Edge(echo, refuse, limits=EdgeLimits(**limits), certificates=files.certificates())  # type: ignore[arg-type]
    served = Encrypted(edge, await edge.start("127.0.0.1", 0), files)
    try:
        yield served
    finally:
        await served.leave()
        await edge.stop(0.2)
    assert (edge.busy, edge.connections, edge.arriving, len(edge.handshakes)) == (0, 0, 0, 0), repr(edge)


async def serial(served: Encrypted) -> str:
    """Which certificate is shown to a new caller."""
    caller = await served.caller()
    found = caller.writer.get_extra_info("ssl_object").getpeercert()
    return str(found["serialNumber"])


@pytest.mark.e2e
def test_requests_over_tls_are_served_and_the_connection_kept(loop: str, files: Files) -> None:
    async def main() -> None:
        async with serving(files) as served:
            client = served.client()
            for body in (b"a", b"b" * 300_000):
                assert await ask(client, body) == (200, b"POST /v1/x " + body)
            assert (client.idle, served.edge.connections) == (1, 1)
            await client.close()
            caller = await served.caller()
            assert caller.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
            assert caller.writer.get_extra_info("ssl_object").version() == "TLSv1.3"

    run(loop, main())


@pytest.mark.e2e
def test_refusals_reach_who_speaks_tls(loop: str, files: Files) -> None:
    async def main() -> None:
        async with serving(files, max_body=10, linger=0.05) as served:
            said = await served.said(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n" + b"x" * 11)
            assert said.startswith(b"HTTP/1.1 413 ")
            assert (await served.said(b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")

    run(loop, main())


@pytest.mark.e2e
@pytest.mark.parametrize("said", [GET, b"\x16\x03\x01\x00\x05hello", b""])
def test_who_speaks_no_tls_is_closed_and_nothing_stays(loop: str, files: Files, said: bytes) -> None:
    async def main() -> None:
        async with serving(files) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            caller = served.adopt(Caller(reader, writer))
            caller.send(said)
            caller.end()
            try:
                answer = await reader.read(-1)
            except ConnectionError:
                answer = b""
            assert not answer.startswith(b"HTTP")  # an alert of TLS at most
            await until(lambda: not served.edge.handshakes)
            assert served.edge.connections == 0

    run(loop, main())


@pytest.mark.e2e
def test_a_handshake_has_its_time(loop: str, files: Files) -> None:
    async def main() -> None:
        async with serving(files, handshake_timeout=0.05) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            caller = served.adopt(Caller(reader, writer))
            assert await caller.is_closed()
            await until(lambda: not served.edge.handshakes)

    run(loop, main())


@pytest.mark.e2e
def test_the_oldest_of_too_many_handshakes_makes_room(loop: str, files: Files) -> None:
    async def main() -> None:
        async with serving(files, max_handshakes=3) as served:
            silent = []
            for number in range(1, 4):
                silent.append(served.adopt(Caller(*await asyncio.open_connection("127.0.0.1", served.port))))
                await until(lambda number=number: len(served.edge.handshakes) == number)  # type: ignore[misc]
            caller = await served.caller()  # an honest one gets in
            caller.send(GET)
            assert (await caller.answer())[0] == 200
            assert await silent[0].is_closed()
            assert len(served.edge.handshakes) == 2

    run(loop, main())


@pytest.mark.e2e
def test_a_caller_who_hangs_up_cancels_the_handler(loop: str, files: Files) -> None:
    async def main() -> None:
        began, ended = asyncio.Event(), asyncio.Event()

        async def handler(request: Request, exchange: Exchange) -> None:
            exchange.start(200, TEXT)
            exchange.write(b"first")
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async with serving(files) as served:
            served.edge.handler = handler
            caller = await served.caller()
            caller.send(GET)
            await began.wait()
            caller.close()
            await asyncio.wait_for(ended.wait(), 30)

    run(loop, main())


@pytest.mark.e2e
def test_draining_gives_up_handshakes_and_closes_the_idle(loop: str, files: Files) -> None:
    async def main() -> None:
        async with serving(files) as served:
            silent = served.adopt(Caller(*await asyncio.open_connection("127.0.0.1", served.port)))
            idle = await served.caller()
            idle.send(GET)
            assert (await idle.answer())[0] == 200
            await until(lambda: len(served.edge.handshakes) == 1)
            await served.edge.stop(5)
            assert await silent.is_closed()
            assert await idle.is_closed()
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", served.port)

    run(loop, main())


@pytest.mark.e2e
def test_a_socket_that_is_left_lets_handshakes_finish(loop: str, files: Files) -> None:
    async def main() -> None:
        async with serving(files) as served:
            listening = socket.create_server(("127.0.0.1", 0))
            port = listening.getsockname()[1]
            listener = await served.edge.start_at(listening)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await until(lambda: len(served.edge.handshakes) == 1)
            served.edge.close_listener(listener)
            await writer.start_tls(trust(str(files.ca_file)), server_hostname="localhost")
            caller = served.adopt(Caller(reader, writer))
            caller.send(GET)
            assert (await caller.answer())[0] == 200

    run(loop, main())


@pytest.mark.e2e
def test_a_new_certificate_is_for_new_connections_and_those_that_stand_go_on(loop: str, files: Files) -> None:
    async def main() -> None:
        async with serving(files) as served:
            certificates = served.edge.certificates
            assert certificates is not None
            caller = await served.caller()
            before = await serial(served)
            assert not certificates.look()
            files.renew()
            assert certificates.look()
            after = await serial(served)
            assert after != before
            caller.send(GET)
            assert (await caller.answer())[0] == 200

    run(loop, main())


def test_new_files_that_do_not_fit_are_told_once_and_the_old_ones_kept(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = files.certificates()
    context = certificates.context
    caplog.set_level(logging.INFO, "headworks.http")
    files.renew(key=False)  # the key comes a moment later
    assert not certificates.look()
    assert not certificates.look()
    [record] = caplog.records
    assert "the one before is kept: the key is not that of the certificate" in record.getMessage()
    files.put(files.cert, b"-----BEGIN CERT")
    assert not certificates.look()
    assert "there is no certificate, or no key, in PEM" in caplog.records[-1].getMessage()
    files.cert.unlink()
    assert not certificates.look()
    assert not certificates.look()
    assert "No such file" in caplog.records[-1].getMessage()
    assert len(caplog.records) == 3
    assert certificates.context is context
    files.renew()
    assert certificates.look()
    assert certificates.context is not context
    assert "a new certificate is served" in caplog.records[-1].getMessage()


def test_files_are_looked_at_as_long_as_they_are_watched(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headworks.http.certificates.LOOK", 0.001)

    async def main() -> None:
        certificates = files.certificates()
        context = certificates.context
        async with certificates.watched():
            files.renew()
            await until(lambda: certificates.context is not context)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "certificates"]

    asyncio.run(main())


def test_an_encrypted_key_is_an_error_and_no_question_at_the_terminal(files: Files) -> None:
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hunter2"),
        )
    )
    with pytest.raises(ValueError, match="passphrase") as caught:
        context_of(files.cert, files.key)
    assert "without one" in complaint(caught.value)


@pytest.mark.e2e
def test_a_server_of_our_own_is_known_by_its_certificate_alone(files: Files, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = Files(other, trustme.CA())

    async def main() -> None:
        async with serving(files) as served:
            origin = Origin(host="127.0.0.1", port=served.port, tls=True)  # a name that it has not
            client = Client(origin, context=trust_only(str(files.cert)))
            assert (await ask(client))[0] == 200
            await client.close()
            with pytest.raises(ssl.SSLError):
                await asyncio.open_connection("127.0.0.1", served.port, ssl=trust_only(str(stranger.cert)))

    asyncio.run(main())
