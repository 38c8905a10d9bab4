"""Two gateways over one Valkey give each other's answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from secrets import token_hex

import headworks
from headworks.inprocess import Opened, System
from tests.servers import ValkeyServer

TEXT = """
version: 1
name: {name}
providers:
  v: {{dialect: simulated, first_token: {{p50: 1ms, p99: 2ms}}, per_token: {{p50: 1ms, p99: 2ms}}}}
models:
  assistant: {{targets: v/m, cache: {{exact: 1h}}}}
state: {url}
log: {{journal: {folder}/journal, store: "sqlite:///{folder}/ledger.db"}}
"""


async def ask(system: System, question: str) -> str:
    answer = await system.chat(model="assistant", messages=[{"role": "user", "content": question}])
    return answer.text


def test_what_one_gateway_was_answered_another_gives(valkey_server: ValkeyServer, tmp_path: Path) -> None:
    name = token_hex(8)

    def opened(number: int) -> Opened:
        folder = tmp_path / str(number)
        folder.mkdir()
        return headworks.open(text=TEXT.format(name=name, url=valkey_server.url, folder=folder))

    def hits() -> int:
        files = (tmp_path / "2" / "journal").glob("*.jsonl")
        return sum(file.read_bytes().count(b'"cache":"hit"') for file in files)

    async def run() -> None:
        async with opened(1) as one, opened(2) as other, asyncio.timeout(60):
            number = 0
            while not hits():  # one of them may still be on its way to the server
                number += 1
                first, second = [await ask(system, f"question {number}") for system in (one, other)]
                await asyncio.sleep(0.01)
            assert first == second

    asyncio.run(run())
