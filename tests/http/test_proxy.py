"""The way through a proxy: how one is written, who is asked without it, and what one that refuses or lies does."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from headworks.core.errors import CallError, Denied, Expired, Unreachable
from headworks.http.client import Client
from headworks.http.dial import Origin, trust
from headworks.http.proxy import MOST_ANSWER, Proxy, is_excepted, is_loopback
from headworks.wire.openai.errors import vendor_error
from tests.http.peers import CHUNKED, OK, Caller, answering, ask, peer, run
from tests.http.proxies import squid, tinyproxy
from tests.http.test_client_tls import encrypted

VENDOR = Origin(host="vendor.test", port=8443, base=b"/v1", tls=True)


@pytest.mark.parametrize(
    ("url", "host", "port", "account"),
    [
        ("http://proxy:3128", "proxy", 3128, None),
        ("proxy:3128", "proxy", 3128, None),
        ("http://proxy/", "proxy", 80, None),
        ("HTTP://[::1]:8080", "::1", 8080, None),
        ("http://ann:p%40ss%3A@proxy:3128", "proxy", 3128, b"ann:p@ss:"),
        ("http://ann@proxy", "proxy", 80, b"ann:"),
        ("http://b\u00fccher.example:1", "xn--bcher-kva.example", 1, None),
    ],
)
def test_a_proxy_is_written_as_other_clients_have_it(url: str, host: str, port: int, account: bytes | None) -> None:
    proxy = Proxy.parse(url)
    shown = b"Basic " + base64.b64encode(account) if account else b""
    assert (proxy.host, proxy.port, proxy.authorization) == (host, port, shown)


@pytest.mark.parametrize(
    "url",
    [
        *("https://ann:hunter2@proxy:443", "socks5://ann:hunter2@proxy", "http://ann:hunter2@", "http://proxy:hunter2"),
        *(
            "http://ann:hunter2@proxy:0",
            "http://ann:hunter2@proxy/path",
            "http://ann:hunter2@[::1",
            "http://hunter2 @x",
            "",
        ),
        *("http://ann:hunter2@prox\u2100y", "http://ann:hun/ter2@proxy:3128"),
    ],
)
def test_what_is_no_proxy_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        Proxy.parse(url)
    assert "hun" not in str(caught.value)


def test_a_proxys_credentials_show_nowhere() -> None:
    proxy = Proxy.parse("http://ann:hunter2@proxy:3128")
    for shown in (repr(proxy), str(proxy), f"{proxy}", repr([proxy])):
        assert shown.strip("[]") == "http://proxy:3128"


@pytest.mark.parametrize(
    ("host", "port", "exceptions", "is_direct"),
    [
        ("a.example", 443, "", False),
        ("a.example", 443, "*", True),
        ("a.example", 443, "example", True),
        ("a.example", 443, ".example", True),
        ("a.example", 443, "*.example", True),
        ("A.Example.", 443, "a.example", True),
        ("a.example", 443, "b, a.example ,", True),
        ("a.example", 443, "b A.Example\tc", True),
        ("ba.example", 443, "a.example", False),
        ("example.com", 443, "a.example.com", False),
        ("a.example", 443, "a.example:443", True),
        ("a.example", 8443, "a.example:443", False),
        ("a.example", 443, ".", False),
        ("10.1.2.3", 80, "10.0.0.0/8", True),
        ("10.1.2.3", 80, "10.1.2.3", True),
        ("10.1.2.3", 80, "10.1.2.3:81", False),
        ("11.1.2.3", 80, "10.0.0.0/8,3", False),
        ("fd00::1", 80, "fd00::/8", True),
        ("fd00::1", 80, "[fd00::1]:80", True),
        ("fd00::1", 80, "[fd00::1]:81", False),
        ("a.example", 80, "10.0.0.0/8", False),
    ],
)
def test_no_proxy_names_hosts_suffixes_networks_and_ports(
    host: str, port: int, exceptions: str, is_direct: bool
) -> None:
    assert is_excepted(host, port, exceptions) is is_direct


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        *(("localhost", True), ("LOCALHOST.", True), ("a.localhost", True), ("127.9.9.9", True), ("::1", True)),
        *(("localhost.example", False), ("10.0.0.1", False), ("a.example", False)),
    ],
)
def test_this_machine_is_known(host: str, is_ours: bool) -> None:
    assert is_loopback(host) is is_ours


@pytest.mark.e2e
def test_plain_http_names_its_whole_target_and_keeps_the_connection(loop: str) -> None:
    asked: list[bytes] = []

    async def script(caller: Caller) -> None:
        for _ in range(2):
            asked.append(await caller.request())
            await caller.say(OK)
        await caller.gone()

    async def main() -> None:
        async with peer(script) as here:
            origin = Origin(host="vendor.test", port=8000)
            proxy = Proxy.parse(f"http://ann:pw@127.0.0.1:{here.port}")
            client = Client(origin, proxy=proxy)
            assert await ask(client) == (200, b"ok")
            assert await ask(client) == (200, b"ok")
            assert len(here.callers) == 1
            await client.close()

    run(loop, main())
    assert asked[0] == asked[1]
    lines = asked[0].split(b"\r\n")
    assert lines[0] == b"POST http://vendor.test:8000/v1/x HTTP/1.1"
    assert b"host: vendor.test:8000" in lines
    assert b"proxy-authorization: Basic YW5uOnB3" in lines


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            Denied,
            "The proxy refuses us: 407 Proxy Authentication",
        ),
        (b"HTTP/1.0 403 of host 10.0.0.1\r\ncontent-length: 0\r\n\r\n", Denied, "The proxy refuses us: 403 Forbidden."),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Unreachable, "no way: 502 Bad Gateway"),
        (b"HTTP/1.1 299 x\r\n\r\n\x15\x03", Unreachable, "more than it was asked"),
        (b"HTTP/1.1 799 x\r\n\r\n", Unreachable, "no way: 799"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Unreachable, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n", Unreachable, "closed the connection"),
        (b"x" * (MOST_ANSWER + 1), Unreachable, "closed the connection"),
        (b"", Unreachable, "closed the connection"),
    ],
)
def test_a_proxy_that_does_not_lead_on_is_told_without_an_address(
    loop: str, said: bytes, kind: type[CallError], message: str
) -> None:
    async def script(caller: Caller) -> None:
        head = await caller.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"CONNECT vendor.test:8443 HTTP/1.1\r\nhost: vendor.test:8443\r\n")
        assert b"proxy-authorization: Basic YW5uOnB3\r\n" in head
        await caller.say(said)

    async def main() -> None:
        async with peer(script) as here:
            client = Client(VENDOR, proxy=Proxy.parse(f"http://ann:pw@127.0.0.1:{here.port}"))
            with pytest.raises(kind) as caught:
                await ask(client)
            assert message in caught.value.message
            assert not any(part in caught.value.message for part in ("vendor.test", "127.0.0.1", "10.0.0.1"))
            assert "vendor.test:8443" in caught.value.place
            assert f"through http://127.0.0.1:{here.port}" in caught.value.place
            assert "pw" not in caught.value.place
            assert (client.busy, client.idle) == (0, 0)
            await here.over()

    run(loop, main())


@pytest.mark.e2e
def test_a_proxy_that_is_silent_is_bounded_by_connect(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.gone()

    async def main() -> None:
        async with peer(script) as here:
            client = Client(VENDOR, proxy=Proxy(host="127.0.0.1", port=here.port))
            with pytest.raises(Expired) as caught:
                await ask(client, by=0.05)
            assert caught.value.phase == "connect"
            assert client.busy == 0
            await here.over()

    run(loop, main())


# Through proxies that nobody here wrote.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with tinyproxy(tmp_path_factory.mktemp("tinyproxy")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with squid(tmp_path_factory.mktemp("squid")) as proxy:
        yield proxy


STREAM = CHUNKED + b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"


@pytest.mark.e2e
def test_tinyproxy_leads_to_http_and_https(loop: str, tiny: Proxy, authority: trustme.CA, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))

    async def main() -> None:
        async with peer(answering(STREAM)) as plain, encrypted(authority, answering(STREAM, OK)) as tls:
            client = Client(Origin(host="127.0.0.1", port=plain.port), proxy=tiny)
            assert await ask(client) == (200, b"firstsecond")
            await client.close()
            client = Client(Origin(host="localhost", port=tls.port, tls=True), context=trust(str(ca_file)), proxy=tiny)
            assert await ask(client) == (200, b"firstsecond")
            assert await ask(client) == (200, b"ok")
            assert len(tls.callers) == 1
            await client.close()

    run(loop, main())


@pytest.mark.e2e
def test_tinyproxy_refuses_a_wrong_password(loop: str, tiny: Proxy) -> None:
    async def main() -> None:
        wrong = Proxy.parse(f"http://ann:hunter2@{tiny.address}")
        with pytest.raises(Denied, match="The proxy refuses us: 40") as caught:
            await ask(Client(VENDOR, proxy=wrong))
        assert "hunter2" not in caught.value.place

    run(loop, main())


def test_a_proxy_that_refuses_us_over_plain_http_is_not_the_callers_fault() -> None:
    error = vendor_error(407, [], b"", 0.0)
    assert isinstance(error, Denied)
    assert error.message.startswith("The proxy refuses us: 407")
    assert error.shown_status == 502


@pytest.mark.e2e
def test_squid_resolves_the_name_and_sees_nothing_of_what_is_asked(
    loop: str, big: Proxy, authority: trustme.CA, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))

    async def main() -> None:
        async with peer(answering(STREAM)) as plain, encrypted(authority, answering(STREAM), "vendor.test") as tls:
            client = Client(Origin(host="vendor.test", port=plain.port), proxy=big)
            assert await ask(client) == (200, b"firstsecond")
            await client.close()
            origin = Origin(host="vendor.test", port=tls.port, tls=True)
            client = Client(origin, context=trust(str(ca_file)), proxy=big)
            assert await ask(client) == (200, b"firstsecond")
            await client.close()
            with pytest.raises(Unreachable, match="no connection: its proxy has no way: 50"):
                await ask(Client(Origin(host="nobody.invalid", port=443, tls=True), proxy=big))

    run(loop, main())
