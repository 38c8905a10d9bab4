"""Opens a connection to an origin: DNS, TCP or a unix socket, a proxy, TLS. One deadline bounds all of it.

Always true: whatever fails here, nothing of a request was sent, and no socket is left behind. Addresses are tried as
RFC 8305 says: families in turn, the next one as soon as one fails or after a head start. uvloop's own
`create_connection` tries them one after the other without a bound, so that one dead IPv6 route would cost every call.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from headworks.core.errors import Expired, Unreachable
from headworks.http.connection import NEVER, Connection
from headworks.http.fair_timeout import FairTimeout
from headworks.http.proxy import Proxy, Tunnel

C = TypeVar("C", bound=Connection)

HEAD_START = 0.25
"""Seconds before a second address is tried beside the first: RFC 8305, section 5."""

PORTS = {"http": 80, "https": 443}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens, the path that precedes every target and the query that ends it.

    host is ASCII (an IPv6 address without brackets), base starts with a slash or is empty, query has no `?`, path is that
    of a unix socket ("" for TCP).
    """

    host: str = "localhost"
    port: int = 80
    base: bytes = b""
    query: bytes = b""
    tls: bool = False
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Reads `http[s]://host[:port][/base][?query]` or `unix:/path/of/socket`. Raises ValueError that says what is wrong."""
        if not url.isprintable() or " " in url:
            raise ValueError("a URL holds no blanks and no control characters")
        parts = urlsplit(url)
        if parts.scheme == "unix":
            if parts.netloc or not parts.path.startswith("/"):
                raise ValueError("a unix socket is written unix:/its/absolute/path")
            return cls(path=parts.path)
        if parts.scheme not in PORTS:
            raise ValueError("a URL starts with https://, http:// or unix:/")
        if "@" in parts.netloc:
            raise ValueError("a URL holds no user and no password")
        if parts.fragment:
            raise ValueError("a base URL has no fragment")
        if not parts.hostname:
            raise ValueError("the URL has no host")
        try:
            host = parts.hostname.encode("idna").decode()
            base = parts.path.rstrip("/").encode("ascii")
            query = parts.query.encode("ascii")
        except UnicodeError as error:
            raise ValueError(f"the URL cannot be written in ASCII: {error}") from None
        port = PORTS[parts.scheme] if parts.port is None else parts.port
        if not port:
            raise ValueError("no server listens on port 0")
        return cls(host=host, port=port, base=base, query=query, tls=parts.scheme == "https")

    def target(self, path: bytes) -> bytes:
        """What a request for this path asks for: Azure and others want the query of their base URL with every one."""
        return self.base + path + (b"?" + self.query if self.query else b"")

    @property
    def endpoint(self) -> str:
        """Host and port, always both."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """What the Host header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"{'https' if self.tls else 'http'}://{self.authority}"


def trust(ca_file: str | None = None) -> ssl.SSLContext:
    """A context that checks chain and host name: against the certificates in `ca_file` only, or the system's.

    Raises OSError or ssl.SSLError where the file cannot be read.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def trust_only(certificate: str) -> ssl.SSLContext:
    """A context for a server of our own, whose certificate is in this file: that one and no other, whatever names it has.

    Raises OSError or ssl.SSLError where the file cannot be read.
    """
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


async def dial(
    origin: Origin, make: Callable[[], C], context: ssl.SSLContext | None, by: float, proxy: Proxy | None = None
) -> C:
    """An open connection, made by `make`, by this loop instant (0: unbounded), in which this loop's own delays do not count.

    Through the proxy, if any: with http it ends there, with https behind it.

    Raises Expired (phase connect) or Unreachable, which says why: name, refusal, certificate. Where it was is said in the
    error's `place` only: callers read the message.
    """
    bound = asyncio.timeout(None)
    try:
        async with bound:
            if not 0 < by < NEVER:
                return await _open(origin, make, context, proxy)
            loop = asyncio.get_running_loop()
            timer = FairTimeout(loop, by, lambda: bound.reschedule(loop.time()))
            try:
                return await _open(origin, make, context, proxy)
            finally:
                timer.close()
    except OSError as error:
        place = str(origin) if proxy is None else f"{origin} through {proxy}"
        # The kernel's own ETIMEDOUT is a TimeoutError too: only the bound knows whose it was.
        if bound.expired():
            raise Expired("no connection in time", phase="connect").at(place) from error
        reason = _reason(error)
        said = reason.replace(origin.host, "its host")
        raise Unreachable(f"no connection: {said}").at(f"{place}: {reason}") from error


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if error.errno and not isinstance(error, (socket.gaierror, ssl.SSLError)):  # those count otherwise
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


async def _open(origin: Origin, make: Callable[[], C], context: ssl.SSLContext | None, proxy: Proxy | None) -> C:
    loop = asyncio.get_running_loop()
    if origin.path:
        return (await loop.create_unix_connection(make, origin.path))[1]
    if proxy is None:
        connection = await _connect(origin.host, origin.port, make)
    elif not origin.tls:
        connection = await _connect(proxy.host, proxy.port, make)
    else:
        tunnel = await _connect(proxy.host, proxy.port, lambda: Tunnel(loop))
        try:
            await tunnel.establish(origin.endpoint, proxy)
        except BaseException:
            tunnel.abort()
            raise
        connection = make()
        connection.connection_made(tunnel.transport)
    if origin.tls:
        try:
            encrypted = await loop.start_tls(
                connection.transport, connection, context or trust(), server_hostname=origin.host
            )
        except BaseException:
            # Both loops would close in their own time, which may wait for the peer.
            connection.abort()
            raise
        if encrypted is None:
            raise ConnectionResetError("closed in the handshake")
        connection.transport = encrypted
    return connection


async def _connect(host: str, port: int, make: Callable[[], C]) -> C:
    addresses = await _addresses(host, port)
    if len(addresses) == 1:
        return (await asyncio.get_running_loop().create_connection(make, addresses[0], port))[1]
    return await race(addresses, port, make)


async def _addresses(host: str, port: int) -> list[str]:
    """The host's addresses in the order in which to try them."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return in_turn([(family, str(address[0])) for family, _, _, _, address in found])


def in_turn(found: Iterable[tuple[int, str]]) -> list[str]:
    """Addresses in the resolver's order, but its families in turn, so that one broken family costs one head start."""
    families: dict[int, list[str]] = {}
    for family, address in found:
        families.setdefault(family, []).append(address)
    turns = chain.from_iterable(zip_longest(*families.values()))
    return [address for address in turns if address is not None]


async def race(addresses: Sequence[str], port: int, make: Callable[[], C]) -> C:
    """The first connection to open. The others are given up, and waited for: this function owns their tasks."""
    loop = asyncio.get_running_loop()

    async def attempt(address: str) -> C:
        return (await loop.create_connection(make, address, port))[1]

    attempts: list[asyncio.Task[C]] = []
    winner: C | None = None
    try:
        for address in addresses:
            attempts.append(loop.create_task(attempt(address)))
            winner = await _first(attempts, HEAD_START if len(attempts) < len(addresses) else None)
            if winner is not None:
                return winner
        first = attempts[0].exception()
        assert first is not None
        raise first
    finally:
        for task in attempts:
            task.cancel()
        await asyncio.wait(attempts)
        for task in attempts:
            if not task.cancelled() and task.exception() is None and task.result() is not winner:
                task.result().abort()


async def _first(attempts: Sequence[asyncio.Task[C]], head_start: float | None) -> C | None:
    """The one that opened, or None: when one more may be started, or (without a head start) when all have failed."""
    while running := [task for task in attempts if not task.done()]:
        await asyncio.wait(running, timeout=head_start, return_when=asyncio.FIRST_COMPLETED)
        for task in attempts:
            if task.done() and not task.cancelled() and task.exception() is None:
                return task.result()
        if head_start is not None:
            break
    return None
