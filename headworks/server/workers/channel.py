"""The messages between a parent and its workers, over a socket pair: one message a frame, answered in order.

Always true: a worker speaks first (`Ready` or `Failed`) and then only when asked, but for `Leaving` and `Ended`; the end of the channel is the
end of the other side, whatever it died of.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Final

import msgspec

from headworks.core.errors import Problem
from headworks.telemetry.snapshot import Snapshot

LENGTH: Final = 4
MOST: Final = 256 * 1024 * 1024
"""Bytes of a frame: a view is some hundred kilobytes at most, a system file a few."""


class Start(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What a worker serves. content: the system file, which is called `file`. owner: stands for the worker in the state.
    log_format: how its log is written, which it is told on its command line, for it may have something to say before it hears this.
    env: the variables that the file names."""

    content: bytes
    file: str
    folder: str
    owner: str
    state: str
    models: Mapping[str, str]
    seed: int
    env: Mapping[str, str]
    log_format: str = "text"


class Look(msgspec.Struct, frozen=True, tag=True):
    """Asks for a `Seen`."""


class Prepare(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Asks for everything of another system that may fail. Answered by `Prepared`."""

    content: bytes
    models: Mapping[str, str]
    env: Mapping[str, str]


class Adopt(msgspec.Struct, frozen=True, tag=True):
    """Asks to serve what is prepared, or to let go of it. Answered by `Seen`."""

    is_taken: bool


class Cover(msgspec.Struct, frozen=True, tag=True):
    """Asks to take the connections of another worker, too, or no more. Answered by `Seen`."""

    number: int
    is_on: bool


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The worker answers calls."""

    snapshot: Snapshot


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The worker cannot serve, and ends."""

    problems: list[Problem]


class Seen(msgspec.Struct, frozen=True, tag=True):
    snapshot: Snapshot


class Prepared(msgspec.Struct, frozen=True, tag=True):
    """problems: why nothing is prepared."""

    problems: list[Problem]


class Leaving(msgspec.Struct, frozen=True, tag=True):
    """The worker takes no more connections, and drains."""


class Ended(msgspec.Struct, frozen=True, tag=True):
    """The worker has drained; these are its last numbers."""

    snapshot: Snapshot


Message = Start | Look | Prepare | Adopt | Cover | Ready | Failed | Seen | Prepared | Leaving | Ended

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


class Channel:
    """One end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Channel:
        """On a connected socket, which is the channel's from now on."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    async def say(self, message: Message) -> None:
        """Sends a message. Raises ConnectionError where the other end is gone."""
        if self._writer.is_closing():  # uvloop says RuntimeError of it
            raise ConnectionResetError("the other end is gone")
        content = _encode(message)
        self._writer.write(len(content).to_bytes(LENGTH, "big") + content)
        await self._writer.drain()

    async def hear(self) -> Message | None:
        """The next message; None at the end."""
        try:
            length = int.from_bytes(await self._reader.readexactly(LENGTH), "big")
            if length > MOST:
                return None
            found: Message = _decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return found

    def close(self) -> None:
        self._writer.close()
