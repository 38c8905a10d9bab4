"""200 callers on the last cent, and a gateway that is killed among them: no budget is overrun, no answered call is missing.

`HEADWORKS_MONEY_KILLS=20 pytest -m soak tests/soak/test_money.py -s` prints the row of `docs/guarantees.md`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from headworks.ledger.sqlite import SqliteAt
from tests.e2e.running import up

pytestmark = pytest.mark.soak

KILLS = int(os.environ.get("HEADWORKS_MONEY_KILLS", "20"))
CALLERS = 200
CENTS = 5
BUDGET = CENTS * 10_000_000

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 20ms, p99: 100ms}, per_token: {p50: 2ms, p99: 8ms}, faults: {server_error: 5%, cut: 5%}}}
models: {stand-in: {targets: sim/stand-in, price: {input: $1/M, output: $900/M}, max_output: 10}}
keys:
KEYS
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0"}
log: {journal: journal, store: "sqlite:///ledger.db", sync: 200ms}
"""


def secret(number: int) -> str:
    return f"secret-of-key-number-{number}"


def system() -> str:
    """A key and a budget for each kill: that one is spent when the gateway dies."""
    keys = [
        f"  k{number}: {{key: {secret(number)}, budget: {{amount: ${CENTS / 100}, every: total}}}}"
        for number in range(KILLS)
    ]
    return SYSTEM.replace("KEYS", "\n".join(keys))


class Crowd:
    """So many callers at once. answered: ids of calls that were read to their end. statuses: of all that got one."""

    def __init__(self) -> None:
        self.answered: list[str] = []
        self.statuses: Counter[int] = Counter()

    async def ask(self, port: int, number: int) -> None:
        async def one(index: int) -> None:
            try:
                await self._call(port, number, streamed=index % 2 == 0)
            except (OSError, EOFError, ValueError):
                self.statuses[0] += 1

        await asyncio.gather(*(one(index) for index in range(CALLERS)))

    async def _call(self, port: int, number: int, *, streamed: bool) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            body = json.dumps(
                {"model": "stand-in", "stream": streamed, "messages": [{"role": "user", "content": "hi"}]}
            )
            head = (
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret(number)}\r\n"
                f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            rest = await reader.read()
            status = int(answer.split(b" ", 2)[1])
            is_whole = (not streamed and rest.endswith(b"}")) or (streamed and b"data: [DONE]" in rest)
            self.statuses[status] += 1
            if status == 200 and is_whole:
                named = re.search(rb"(?i)x-request-id: (\S+)", answer)
                assert named is not None
                self.answered.append(named[1].decode())
        finally:
            writer.close()


def records(folder: Path) -> list[dict[str, object]]:
    [file, *_] = folder.glob("system-*.yaml")
    command = [sys.executable, "-m", "headworks", "logs", "--json", str(file)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    return [json.loads(line) for line in out.splitlines()]


def test_the_last_cent_is_spent_once_whoever_dies(tmp_path: Path) -> None:
    rng = random.Random(7)
    crowd = Crowd()
    number = 0
    while True:
        with up(tmp_path, system()) as running:
            if number:  # whoever comes after the death finds what is left, and no more
                asyncio.run(crowd.ask(running.port, number - 1))
            if number == KILLS:
                break

            async def life(port: int = running.port, kill: object = running.process.kill, key: int = number) -> None:
                asking = asyncio.create_task(crowd.ask(port, key))
                await asyncio.sleep(0.05 + rng.random() * 0.4)
                kill()  # type: ignore[operator]
                await asking

            asyncio.run(life())
            running.process.wait(10)
            number += 1
    found = records(tmp_path)
    sums: Counter[str] = Counter()
    for record in found:
        cost = record["cost_nano"]
        assert isinstance(cost, int), record
        sums[str(record["key"])] += cost
    ids = Counter(str(record["request_id"]) for record in found)
    missing = [one for one in crowd.answered if one not in ids]
    overrun = max(0, *(cost - BUDGET for cost in sums.values()))
    lost = sum(record["outcome"] == "lost" for record in found)
    store = SqliteAt(tmp_path / "ledger.db").open()
    spent = {name.removeprefix("key/"): cost for name, cost in store.spent(0).items() if name.startswith("key/")}
    store.close()
    print(  # noqa: T201  a row of the table
        f"\n| {CALLERS} callers, 1 worker | {KILLS} kills | {len(crowd.answered)} answered | {lost} lost | overrun {overrun} "
        f"| spent {sum(sums.values()) / (BUDGET * KILLS):.0%} of {KILLS} budgets | {dict(crowd.statuses)}"
    )
    assert overrun == 0
    assert missing == []
    assert max(ids.values()) == 1
    assert spent == {name: cost for name, cost in sums.items() if cost}
    assert sum(sums.values()) > 0.7 * BUDGET * KILLS
