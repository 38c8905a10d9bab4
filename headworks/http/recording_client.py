"""A client that keeps what went over its connections, for `headworks record`: the raw bytes, as they came."""

from __future__ import annotations

import ssl
from typing import Final

import msgspec

from headworks.http.buffered import Buffered
from headworks.http.client import Client, Exchange
from headworks.http.client_connection import Headers
from headworks.http.dial import Origin
from headworks.http.proxy import Proxy

MOST: Final = 16_000_000
"""Bytes of one answer that are kept: a capture is a few events, and a picture in one is some megabytes."""


class Taken(msgspec.Struct):
    """One request and what came back. is_cut: more came than is kept."""

    body: bytes
    status: int = 0
    headers: Headers = []
    pieces: list[bytes] = []
    size: int = 0
    is_cut: bool = False

    @property
    def answer(self) -> bytes:
        return b"".join(self.pieces)

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > MOST:
            self.is_cut = True
        elif data:
            self.pieces.append(data)


class RecordingClient(Client):
    """A client whose exchanges are kept in `taken`, in the order in which they were begun."""

    def __init__(
        self,
        origin: Origin,
        *,
        context: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
        buffered: Buffered | None = None,
    ) -> None:
        super().__init__(origin, context=context, proxy=proxy, buffered=buffered)
        self.taken: list[Taken] = []

    async def send(
        self, method: bytes, target: bytes, headers: bytes, body: bytes = b"", connect_by: float = 0.0
    ) -> Exchange:
        exchange = await super().send(method, target, headers, body, connect_by)
        taken = Taken(body=body)
        self.taken.append(taken)
        return Recorded(exchange, taken)

    def resume(self, method: bytes, target: bytes, headers: bytes, body: bytes = b"") -> Exchange | None:
        return None  # `send` finds a connection that rests, too


class Recorded(Exchange):
    """An exchange that was begun by another object, and is read through this one."""

    __slots__ = ("_inner", "taken")

    def __init__(self, inner: Exchange, taken: Taken) -> None:
        self._inner = inner
        self.taken = taken

    async def head(self, by: float = 0.0) -> tuple[int, Headers]:
        status, headers = await self._inner.head(by)
        self.taken.status, self.taken.headers = status, headers
        return status, headers

    async def read(self, by: float = 0.0) -> bytes:
        data = await self._inner.read(by)
        self.taken.add(data)
        return data

    async def whole(self, by: float = 0.0, limit: int = 1_000_000) -> tuple[int, Headers, bytes]:
        status, headers, data = await self._inner.whole(by, limit)
        self.taken.status, self.taken.headers = status, headers
        self.taken.add(data)
        return status, headers, data

    def charge(self, size: int) -> None:
        self._inner.charge(size)

    def arrived(self) -> bytes:
        data = self._inner.arrived()
        self.taken.add(data)
        return data

    def release(self) -> None:
        self._inner.release()

    def finish(self) -> None:
        self._inner.finish()
