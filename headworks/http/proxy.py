"""HTTP proxies: their URL, `NO_PROXY`, and the CONNECT tunnel.

Always true: a proxy's credentials are in no message and no `repr`; what the tunnel's other end says is not read here, so
none of it is lost. A request over plain http needs no tunnel: it names its whole target (RFC 9112, section 3.2.2), and a
request over https goes through CONNECT (RFC 9110, section 9.3.6), so that the proxy sees no more of it than its host.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from headworks.core.errors import Denied
from headworks.http.connection import Connection

MOST_ANSWER = 16_384
"""Bytes of a proxy's answer to CONNECT."""


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP proxy. authorization: the value of `Proxy-Authorization`, empty for none."""

    host: str
    port: int
    authorization: bytes = b""

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Reads `[http://][user:password@]host[:port]`. Raises ValueError that says what is wrong and quotes nothing."""
        if not url.isprintable() or " " in url:
            raise ValueError("it holds blanks or control characters")
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
        except ValueError:  # its words may quote the password
            raise ValueError("it is no URL") from None
        if parts.scheme != "http":
            raise ValueError(
                "only HTTP proxies are spoken to, over http:// (what goes through to https is encrypted all the same)"
            )
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("it has a path")
        try:
            host, port = (parts.hostname or "").encode("idna").decode(), parts.port
        except ValueError:  # a port that is none, a host that is none
            raise ValueError("its host or port is none") from None
        if not host or port == 0:
            raise ValueError("it has no host" if not host else "its host or port is none")
        account, at, _ = parts.netloc.rpartition("@")
        user, _, password = account.partition(":")
        shown = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
        return cls(host=host, port=port or 80, authorization=b"Basic " + b64encode(shown) if at else b"")

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def header(self) -> bytes:
        """The line that says who we are to the proxy; empty where it need not know."""
        return b"proxy-authorization: %b\r\n" % self.authorization if self.authorization else b""

    def __str__(self) -> str:
        return f"http://{self.address}"

    __repr__ = __str__


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself: no proxy reaches it."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Whether `NO_PROXY` names a host: `*`, a name (and all below it), an address, a network, each with or without a port.
    Between them are commas or blanks."""
    name = host.lower().rstrip(".")
    return any(_matches(one, name, port) for one in exceptions.lower().replace(",", " ").split())


def _matches(pattern: str, host: str, port: int) -> bool:
    if pattern == "*":
        return True
    name, wanted = _split(pattern)
    if wanted is not None and wanted != port:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        name = name.removeprefix("*").lstrip(".").rstrip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False


def _split(pattern: str) -> tuple[str, int | None]:
    """Host and port of an exception; an IPv6 address has its brackets where a port follows."""
    if pattern.startswith("["):
        name, _, rest = pattern[1:].partition("]")
        port = rest.removeprefix(":")
    elif pattern.count(":") == 1:
        name, _, port = pattern.partition(":")
    else:
        name, port = pattern, ""
    return name, int(port) if port.isdecimal() else None


class Tunnel(Connection):
    """A connection to a proxy until it has answered CONNECT."""

    __slots__ = ("_answered", "_said")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._said = b""
        self._answered: asyncio.Future[None] = loop.create_future()

    async def establish(self, authority: str, proxy: Proxy) -> None:
        """Asks for a way to `host:port`. Raises Denied where the proxy will not, an OSError where it could not."""
        self.transport.write(
            b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (authority.encode(), authority.encode(), proxy.header)
        )
        await self._answered
        line, _, _ = self._said.partition(b"\r\n")
        words = line.split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise ConnectionError("its proxy does not speak HTTP")
        status = int(words[1])
        if 400 <= status < 500:
            raise Denied(f"The proxy refuses us: {said(status)}.").at(f"{authority} through {proxy}")
        if not 200 <= status < 300:
            raise ConnectionError(f"its proxy has no way: {said(status)}")
        if not self._said.endswith(b"\r\n\r\n"):
            raise ConnectionError("its proxy says more than it was asked")

    def data_received(self, data: bytes) -> None:
        self._said += data
        if b"\r\n\r\n" in self._said or len(self._said) > MOST_ANSWER:
            self._wake_up()

    def eof_received(self) -> None:
        self._wake_up()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._wake_up()

    def _wake_up(self) -> None:
        if self._answered.done():
            return
        if b"\r\n\r\n" in self._said:
            self._answered.set_result(None)
        else:
            self._answered.set_exception(ConnectionError("its proxy closed the connection"))


def said(status: int) -> str:
    """A status in words of ours: a proxy's own may say where it stands."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
