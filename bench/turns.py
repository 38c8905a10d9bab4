"""The longest turn of the loop for bodies that are dear to read, in processor time: no other load of the machine is in it.

    python bench/turns.py

A key with a budget, an alias with a cache, a vendor that is not there: whatever looks at a body looks at it. The bounds are
10 ms for a body of 1 MB and 50 ms for one of `server.max_body`. Prints a table; exits with 1 where a bound is passed.
"""

from __future__ import annotations

import asyncio
import asyncio.events
import socket
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from bodies import attacks

from headworks.gateway.gateway import Gateway
from headworks.http.server import Edge
from headworks.server.app import App
from headworks.server.origins import Origins
from headworks.system.load import load

BOUNDS = {1_000_000: 0.010, 9_500_000: 0.050}
TIMES = 4
KEY = "bench-secret-0123456789"
SYSTEM = f"""
version: 1
providers: {{away: {{dialect: openai, base_url: "http://127.0.0.1:1/v1", api_key: none-at-all-0123}}}}
models:
  bench: {{targets: [away/m], retry: {{attempts: 1}}, price: {{input: $1/M, output: $1/M}}, cache: {{exact: 60s}}, max_output: 100}}
keys: {{bench: {{key: {KEY}, budget: {{amount: $500000, every: 1d}}}}}}
"""

longest = 0.0
_run = asyncio.events.Handle._run


def timed(handle: asyncio.events.Handle) -> None:
    """One turn's part of the loop, timed."""
    global longest  # noqa: PLW0603  a measuring script
    began = time.thread_time()
    _run(handle)
    longest = max(longest, time.thread_time() - began)


def send(port: int, body: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port)) as caller:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n"
        caller.sendall(head % (KEY.encode(), len(body)) + body)
        return caller.recv(100)[9:12].decode()


async def main() -> bool:
    global longest  # noqa: PLW0603
    is_within = True
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.yaml"
        file.write_text(SYSTEM)
        loaded = load(file, {})
        gateway = Gateway(loaded.system, loaded.folder, seed=1)
        await gateway.start()
        app = App(gateway, Origins((), gateway.ring), Random(1).getrandbits)
        edge = Edge(app.handle, app.refuse, admit=app.admit)
        port = await edge.start("127.0.0.1", 0)
        print("| body | bytes | status | longest turn, ms |\n|---|---|---|---|")
        for size, bound in BOUNDS.items():
            for name, body in attacks(size).items():
                best, status = float("inf"), ""
                for _ in range(TIMES):
                    longest = 0.0
                    status = await asyncio.to_thread(send, port, body)
                    best = min(best, longest)
                is_within = is_within and best <= bound
                print(f"| {name} | {len(body):,} | {status} | {best * 1e3:.1f} |")
        await edge.stop(0.0)
        await gateway.stop()
    return is_within


if __name__ == "__main__":
    asyncio.events.Handle._run = timed  # type: ignore[method-assign]
    sys.exit(0 if asyncio.run(main()) else 1)
