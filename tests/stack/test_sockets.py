"""The same over real sockets: a vendor that breaks in every way, callers who hang up, and every connection given back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import msgspec

from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.gateway.leaves import Leaves
from headworks.testing import call
from tests.stack.systems import World, system

SYSTEM = """
version: 1
providers: {{vendor: {{dialect: openai, base_url: "http://127.0.0.1:{port}/v1"}}}}
models:
  assistant:
    targets: [vendor/m, vendor/other]
    mid_stream: restart
    retry: {{attempts: 3, backoff: 1ms..5ms}}
    breaker: {{failures: 1000, open: 1s}}
"""
CALLS = 400
WORDS = ("one ", "two ", "three ", "four")


def event(content: str) -> bytes:
    return b'data: {"id":"c","choices":[{"index":0,"delta":%b}]}\n\n' % content.encode()


TEXT = [event('{"content":"' + word + '"}') for word in WORDS]
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = b'{"choices":[{"index":0,"message":{"content":"one two three four"},"finish_reason":"stop"}]}'


class Vendor:
    """Answers from its own dice, and counts the connections that are open."""

    def __init__(self) -> None:
        self.rng = Random(4)
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(
                    int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                )
                if not await self.answer(reader, writer, b'"stream":true' in body):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, streamed: bool) -> bool:
        """Whether the connection can be used again."""
        drawn = self.rng.random()
        if drawn < 0.05:
            return False
        if drawn < 0.1:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>")
        elif drawn < 0.15:
            writer.write(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
        elif drawn < 0.18:
            await reader.readexactly(1)  # silence, until the caller gives up
        elif streamed:
            return await self.stream(writer)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(WHOLE), WHOLE))
        return True

    async def stream(self, writer: asyncio.StreamWriter) -> bool:
        drawn = self.rng.random()
        writer.write(HEAD)
        end = self.rng.randrange(5) if drawn < 0.3 else 4
        for piece in TEXT[:end]:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await asyncio.sleep(0)
        if drawn < 0.25:
            return False
        ending = TEXT[0][:40] + b"\n\n" if drawn < 0.3 else STOP + DONE if drawn < 0.9 else STOP
        writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(ending), ending))
        await writer.drain()
        return True


async def read(world: World, number: int, *, streamed: bool) -> str:
    made = call(f"question {number}", streamed=streamed)
    asked = msgspec.structs.replace(made, id=f"call-{number}", arrived_at=now())
    text = ""
    async with world.assembled.front.open(asked) as reply:
        is_over = False
        while not is_over:
            chunks = await reply.read()
            text += "".join(chunk.text for chunk in chunks)
            is_over = bool(chunks) and chunks[-1].last  # with what came before it, where the machine paused
    return text


async def one(world: World, number: int, rng: Random) -> str:
    reading = asyncio.create_task(read(world, number, streamed=rng.random() < 0.7))
    done, _ = await asyncio.wait([reading], timeout=rng.random() / 20 if rng.random() < 0.1 else 2.0)
    if not done:
        reading.cancel()
    try:
        return await reading
    except (CallError, asyncio.CancelledError):
        return ""


async def main() -> None:
    vendor = Vendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    text = SYSTEM.format(port=server.sockets[0].getsockname()[1])
    leaves = Leaves(system(text), Path("."), seed=1)
    world = World(leaves.leaf, text)
    rng = Random(9)
    places = asyncio.Semaphore(100)

    async def placed(number: int, of: Random) -> str:
        async with places:
            return await one(world, number, of)

    answers = await asyncio.gather(*[placed(number, Random(rng.getrandbits(64))) for number in range(CALLS)])
    assert {answer for answer in answers if answer} == {"".join(WORDS)}, "whole and exact, or an error"
    assert sum(bool(answer) for answer in answers) > CALLS / 8, "the purse pays for few second attempts in such a burst"
    [client] = leaves.clients.values()
    while client.lingering:
        await asyncio.sleep(0.01)
    assert (client.busy, client.buffered.size, world.left_behind()) == (0, 0, {})
    await leaves.close()
    while vendor.open:  # what was cut is closed on the vendor's side too, a turn of the loop later
        await asyncio.sleep(0.01)
    server.close()
    await server.wait_closed()
    while len(asyncio.all_tasks()) > 1:  # those of the vendor's connections
        await asyncio.sleep(0.01)


def test_every_connection_is_given_back_or_closed() -> None:
    async def within() -> None:
        async with asyncio.timeout(120.0):
            await main()

    asyncio.run(within())
