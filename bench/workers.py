"""What several workers serve where load comes from elsewhere: `python bench/workers.py`, a minute.

On a machine whose cores also make the load, the clock says nothing. So what is counted is the processor time that a call costs in
all processes of the gateway (workers, parent, indexer, Valkey). One worker serves on one core; four serve on two cores
twice what one core does at their cost a call. The ratio of the two is what is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.e2e.running import up
from tests.e2e.test_workers import children

CALLS = 6400
ROUNDS = 6
CONNECTIONS = 160
"""Of each worker: all have the same to do at once."""

KEY = "key-of-the-bench-0123456789"
SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 1ms}, per_token: {p50: 1ms, p99: 1ms}}}
models: {assistant: {targets: sim, price: {input: $1/M, output: $1/M}, max_output: 4}}
SERVER
"""
PLAIN = f"keys: {{web: {{key: {KEY}}}}}\n"
LIMITED = f"keys: {{web: {{key: {KEY}, rpm: 10M, tpm: 900M, budget: {{amount: $90000, every: 1d}}}}}}\n"


def processor_time(pid: int) -> float:
    """Seconds of a process and all below it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(processor_time, children(pid)))


async def load(port: int, calls: int, connections: int) -> None:
    body = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "hi" * 100}]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    request = head.encode() + body.encode()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(calls // connections):
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))


def main() -> None:
    for name, keys in (("nothing is counted", PLAIN), ("limits and a budget", LIMITED)):
        with contextlib.ExitStack() as held:
            gateways = []
            for workers, state in ((1, "memory"), (4, "embedded")):
                server = (
                    f'server: {{listen: "127.0.0.1:PORT", admin: "127.0.0.1:0", workers: {workers}}}\nstate: {state}\n'
                )
                folder = held.enter_context(TemporaryDirectory())
                running = held.enter_context(up(Path(folder), SYSTEM.replace("SERVER", server + keys)))
                gateways.append((running, workers * CONNECTIONS))
            costs: list[list[float]] = [[], []]
            for _ in range(ROUNDS):
                for number, (running, connections) in enumerate(gateways):
                    before = processor_time(running.process.pid)
                    asyncio.run(load(running.port, CALLS, connections))
                    time.sleep(0.3)  # the indexer's part of it
                    costs[number].append((processor_time(running.process.pid) - before) / CALLS * 1e6)
        alone, together = map(median, costs)
        print(
            f"{name}: 1 worker {alone:.0f} us a call, 4 workers {together:.0f} us: {2 * alone / together:.2f} times on 2 cores"
        )


if __name__ == "__main__":
    main()
