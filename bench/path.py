"""The whole way of a call in one process, from the bytes of a request to the bytes of its answer, over transports that are none.

    python bench/path.py [--stream]             microseconds of the processor a call, best and median of many short rounds
    python bench/path.py [--stream] --count     Python's frames and calls into C a call, by name: no machine's noise is in them

`PYTHONPATH=../other/tree python bench/path.py` measures another tree by this script: trees take turns, as the machine's
speed drifts. Sockets are left out: over them the same steps cost about half as much again.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import FrameType

import run
import upstream
import uvloop

from headworks.gateway.gateway import Gateway
from headworks.http.client import Client
from headworks.http.client_connection import ClientConnection
from headworks.http.server import Edge
from headworks.http.server_connection import ServerConnection
from headworks.server.app import App
from headworks.server.origins import Origins
from headworks.system.load import load

CALLS, ROUNDS, WARM = 200, 40, 50
LINKS = 2
"""Connections to each vendor that rest: one call is under way at a time."""


class Wire(asyncio.Transport):
    """A transport that hands what is written to a function."""

    def __init__(self, wrote: Callable[[bytes], None]) -> None:
        super().__init__()
        self.write = wrote  # type: ignore[assignment]
        self.sockets = socket.socketpair()  # for whoever asks whether it is still open

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self.sockets[0] if name == "socket" else default

    def writelines(self, pieces) -> None:
        self.write(b"".join(pieces))

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


def stock(client: Client, stream: bool) -> None:
    """Puts connections into a pool that answer as `upstream.py` does."""
    loop = asyncio.get_running_loop()
    for _ in range(LINKS):
        link = ClientConnection(loop, client._idle, client._header_limit, client.buffered)

        def answer(_: bytes, link: ClientConnection = link) -> None:
            if not stream:
                loop.call_soon(link.data_received, upstream.JSON)
                return
            for number, event in enumerate(upstream.SSE):
                loop.call_soon(link.data_received, event if number else upstream.SSE_HEAD + event)

        link.connection_made(Wire(answer))
        link.is_idle = True
        link.idle_since = loop.time()
        client._idle.append(link)


class Caller:
    """One connection of a caller, which asks again as soon as it is answered."""

    def __init__(self, edge: Edge, stream: bool) -> None:
        self.loop = asyncio.get_running_loop()
        self.stream = stream
        body = json.dumps(dict(run.BODY, stream=stream), separators=(",", ":")).encode()
        self.request = (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:18100\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (run.KEY.encode(), len(body), body)
        )
        self.inbound = ServerConnection(edge, self.loop)
        self.inbound.connection_made(Wire(self.answered))
        self.left = 0
        self.done: asyncio.Future[None] | None = None

    def answered(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200"):
            raise SystemExit(data.decode())
        if self.stream and not data.endswith(b"0\r\n\r\n"):
            return
        self.left -= 1
        if self.left:
            self.loop.call_soon(self.inbound.data_received, self.request)
        elif self.done is not None:
            self.done.set_result(None)

    async def ask(self, times: int) -> None:
        self.left = times
        self.done = self.loop.create_future()
        self.inbound.data_received(self.request)
        await self.done


async def count(caller: Caller) -> None:
    """Prints what a call enters, most often first."""
    calls: collections.Counter[str] = collections.Counter()

    def noted(frame: FrameType, event: str, called: object) -> None:
        if event == "call":
            calls[f"py {frame.f_code.co_filename.split('headworks/')[-1]}:{frame.f_code.co_qualname}"] += 1
        elif event == "c_call":
            calls[f"C  {getattr(called, '__qualname__', called)}"] += 1

    sys.setprofile(noted)
    await caller.ask(CALLS)
    sys.setprofile(None)
    for kind, name in (("py", "Python frames"), ("C ", "calls into C")):
        print(f"{sum(times for what, times in calls.items() if what.startswith(kind)) / CALLS:.0f} {name} a call")
    for what, times in calls.most_common():
        if times >= CALLS:
            print(f"{times / CALLS:6.1f} {what}")


async def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.yaml"
        file.write_text(run.SYSTEM.format(upstream=1, port=1, key=run.KEY, journal=Path(folder) / "journal", gap=50))
        loaded = load(file, {})
        gateway = Gateway(loaded.system, loaded.folder, seed=1)
        gateway.is_ready = True
        app = App(gateway, Origins((), gateway.ring), Random(1).getrandbits)
        for client in gateway.leaves.clients.values():
            stock(client, options.stream)
        caller = Caller(Edge(app.handle, app.refuse, admit=app.admit), options.stream)
        await caller.ask(WARM)
        gc.collect()
        gc.freeze()
        if options.count:
            await count(caller)
            return
        took = []
        for _ in range(ROUNDS):
            began = time.thread_time()
            await caller.ask(CALLS)
            took.append((time.thread_time() - began) / CALLS * 1e6)
        print(f"us a call: best {min(took):.1f}, median {statistics.median(took):.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--count", action="store_true")
    uvloop.run(main(parser.parse_args()))
