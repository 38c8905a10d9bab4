"""How long large bodies keep the loop from everybody else.

    python bench/bodies.py

Starts the product over the bench's vendor, sends unary calls with bodies of growing size, one after the other, and asks
`/healthz` each millisecond beside them: its latency is what any other caller would have waited. Prints a table.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

import httptools
import uvloop
from run import CORE, HERE, KEY, OTHER, PORT, PYTHON, UPSTREAM, command, running

SIZES = (1_000, 100_000, 1_000_000, 5_000_000)


class Answers(asyncio.Protocol):
    """Sends requests one at a time and waits for each answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)
        self.done: asyncio.Future[int] | None = None

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self.parser = httptools.HttpResponseParser(self)
        if self.done is not None:
            self.done.set_result(status)

    async def ask(self, request: bytes) -> int:
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.done


async def connect() -> Answers:
    _, protocol = await asyncio.get_running_loop().create_connection(Answers, "127.0.0.1", PORT)
    return protocol


async def probe(waits: list[float]) -> None:
    """Notes the latency of a trivial request, a thousand times a second."""
    connection = await connect()
    while True:
        began = time.perf_counter()
        await connection.ask(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.001)


async def main() -> None:
    print(
        "| body | calls | p50 ms of a call | other callers wait p50 ms | p99 ms | most ms |\n|---|---|---|---|---|---|"
    )
    for size in SIZES:
        content = "word \\u00e9 " * (size // 12)
        body = json.dumps({"model": "bench", "messages": [{"role": "user", "content": content}]}).encode()
        request = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b" % (KEY.encode(), len(body), body)
        )
        waits: list[float] = []
        probing = asyncio.create_task(probe(waits))
        connection = await connect()
        took = []
        for _ in range(100):
            began = time.perf_counter()
            status = await connection.ask(request)
            took.append(time.perf_counter() - began)
            if status != 200:
                raise SystemExit(f"a body of {size} bytes got {status}")
            await asyncio.sleep(0.005)
        probing.cancel()
        waits.sort()
        took.sort()
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        print(
            f"| {len(body):,} B | {len(took)} | {took[len(took) // 2] * 1e3:.1f} "
            f"| {p50 * 1e3:.2f} | {p99 * 1e3:.2f} | {waits[-1] * 1e3:.2f} |"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running([PYTHON, str(HERE / "upstream.py"), str(UPSTREAM)], OTHER, UPSTREAM, folder / "upstream.log"):
            with running(command("headworks", folder), CORE, PORT, folder / "proxy.log"):
                uvloop.run(main())
