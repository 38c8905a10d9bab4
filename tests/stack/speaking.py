"""Vendors that answer from a script, byte by byte, over sockets on loopback, and the assembled stack before them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headworks.core.clock import now
from headworks.core.record import Record
from headworks.gateway.leaves import DIALECTS, Leaves
from headworks.testing import Answer, ask, call
from headworks.wire.sides import VendorDialect
from headworks.wire.sse import Splitter
from tests.stack.systems import World, system

CUT = b""
"""A piece of a script: the vendor closes the connection."""

TWO = """
version: 1
providers:
  first: {dialect: openai, base_url: "http://127.0.0.1:FIRST/v1"}
  second: {dialect: openai, base_url: "http://127.0.0.1:SECOND/v1"}
models:
  assistant:
    targets: [first/m, second/m]
    mid_stream: MODE
    retry: {attempts: 1}
    price: {input: $1/M, cached_input: $0.10/M, output: $10/M}
"""

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(content: Any) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def piece(text: str, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return event({"id": "c", "model": "m", "choices": [choice], **fields})


def stop(reason: str = "stop", **fields: Any) -> bytes:
    return event({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], **fields})


def counts(prompt: Any, completion: Any, **fields: Any) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, **fields}
    return event({"id": "c", "choices": [], "usage": usage})


def streamed(*events: bytes, ends: bool = True) -> list[bytes]:
    """A script: each event a chunk. CUT, or `ends=False` (the vendor says nothing more): no end of the body either."""
    pieces = [CUT if one == CUT else b"%x\r\n%b\r\n" % (len(one), one) for one in events]
    return [STREAM, *pieces, b"0\r\n\r\n"] if ends and CUT not in pieces else [STREAM, *pieces]


def whole(content: Any, status: int = 200) -> list[bytes]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = b"HTTP/1.1 %d Some\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    return [head + body]


def answered(text: str, usage: Any = None, finish: str = "stop", **fields: Any) -> list[bytes]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    content = {"id": "c", "model": "m", "choices": [choice], **fields}
    return whole(content if usage is None else {**content, "usage": usage})


class Speaking:
    """A vendor: each request gets the next script. `asked`: the bodies that came; `paths`: where to."""

    def __init__(self, scripts: Sequence[list[bytes]]) -> None:
        self.scripts = list(scripts)
        self.asked: list[Any] = []
        self.paths: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.paths.append(head.split(b" ", 2)[1].decode())
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                self.asked.append(json.loads(await reader.readexactly(length)))
                for one in self.scripts.pop(0):
                    if one == CUT:
                        await asyncio.sleep(0)
                        return
                    writer.write(one)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Spoken:
    """The stack over two vendors that speak from scripts."""

    def __init__(self, world: World, leaves: Leaves, vendors: dict[str, Speaking]) -> None:
        self.world = world
        self.leaves = leaves
        self.vendors = vendors

    async def ask(self, *, credential: str | None = None, **fields: Any) -> Answer:
        made = msgspec.structs.replace(call(**fields), arrived_at=now(), credential=credential)
        return await ask(self.world.assembled.front, made)

    async def leave_after(self, bytes_: int, *, credential: str | None = None, **fields: Any) -> None:
        """Reads a stream until so many bytes of text came, and leaves."""
        made = msgspec.structs.replace(call(streamed=True, **fields), arrived_at=now(), credential=credential)
        async with self.world.assembled.front.open(made) as reply:
            while bytes_ > 0:
                bytes_ -= sum(len(chunk.text) for chunk in await reply.read())

    @property
    def records(self) -> list[Record]:
        return self.world.journal.records

    @property
    def record(self) -> Record:
        [record] = self.records
        return record


def play(
    main: Callable[[Spoken], Coroutine[Any, Any, None]],
    first: Sequence[list[bytes]],
    second: Sequence[list[bytes]] = (),
    *,
    mode: str = "error",
    text: str = TWO,
    dialects: Mapping[str, VendorDialect] = DIALECTS,
) -> Spoken:
    """Runs `main` against the two scripts; nothing is held afterwards."""

    async def within() -> Spoken:
        vendors = {"first": Speaking(first), "second": Speaking(second)}
        servers = [await asyncio.start_server(one.serve, "127.0.0.1", 0) for one in vendors.values()]
        ports = [str(server.sockets[0].getsockname()[1]) for server in servers]
        file = text.replace("FIRST", ports[0]).replace("SECOND", ports[1]).replace("MODE", mode)
        leaves = Leaves(system(file), Path("."), seed=1, dialects=dialects)
        spoken = Spoken(World(leaves.leaf, file), leaves, vendors)
        try:
            await main(spoken)
            assert spoken.world.left_behind() == {}
        finally:
            await leaves.close()
            for server in servers:
                server.close()
                await server.wait_closed()
        return spoken

    return asyncio.run(asyncio.wait_for(within(), 20.0))


def events(answer: Answer) -> list[Any]:
    return [json.loads(one.data) for one in Splitter().feed(answer.data) if one.data != b"[DONE]"]
