"""Callers that note which calls were answered to the last byte."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from itertools import count

BODY = b'{"model": "stand-in", "stream": %s, "messages": [{"role": "user", "content": "Hello"}]}'


class Callers:
    """Keeps `rate` calls a second coming, every second one streamed, on kept-alive connections.

    acknowledged: ids of calls whose answer was read to its end. broken: how many were not.
    """

    def __init__(self, port: int, rate: float, connections: int = 32) -> None:
        self.port = port
        self.pause = connections / rate
        self.connections = connections
        self.acknowledged: list[str] = []
        self.broken = 0
        self._numbers: Iterator[int] = count()

    async def run(self, seconds: float) -> None:
        """Calls for so long; a gateway that dies meanwhile ends each connection's part."""
        await asyncio.gather(*(self._connection(number, seconds) for number in range(self.connections)))

    async def _connection(self, number: int, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        due = loop.time() + self.pause * number / self.connections
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            while due < end:
                await asyncio.sleep(max(0.0, due - loop.time()))
                due += self.pause
                self.acknowledged.append(await self._call(reader, writer, streamed=next(self._numbers) % 2 == 0))
        except (OSError, EOFError, asyncio.IncompleteReadError):
            self.broken += 1
        finally:
            if writer is not None:
                writer.close()

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, streamed: bool) -> str:
        body = BODY % (b"true" if streamed else b"false")
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        named = re.search(rb"(?i)x-request-id: (\S+)", answer)
        length = re.search(rb"(?i)content-length: (\d+)", answer)
        assert named is not None, answer
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        if length is not None:
            await reader.readexactly(int(length[1]))
        else:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        return named[1].decode()
