"""kill -9 of what stands beside the gateway, while calls go on: the ledger's process, and the store itself.

`HEADWORKS_KILLS=20 pytest -m soak tests/soak/test_parts.py -s` prints the rows of `docs/guarantees.md`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.e2e.running import Running, up
from tests.e2e.test_workers import children
from tests.servers import PostgresServer, postgres
from tests.soak.caller import Callers

pytestmark = pytest.mark.soak

KILLS = int(os.environ.get("HEADWORKS_KILLS", "20"))
RATE = float(os.environ.get("HEADWORKS_RATE", "200"))

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 2ms, p99: 20ms}, per_token: {p50: 0.1ms, p99: 0.2ms}}}
models: {stand-in: sim/stand-in}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0"}
log: {journal: journal, store: "STORE", sync: 200ms}
"""

Kill = Callable[[Running], Awaitable[None]]


def ledger(folder: Path) -> Counter[str]:
    """How often each call is in the ledger, as `headworks logs` shows it, the gateway down."""
    [file] = folder.glob("system-*.yaml")
    command = [sys.executable, "-m", "headworks", "logs", "--json", str(file)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    return Counter(json.loads(line)["request_id"] for line in out.splitlines())


async def child(parent: int) -> int:
    """The ledger's process, once there is one."""
    async with asyncio.timeout(60):
        while True:
            found = [pid for pid, command in children(parent).items() if "headworks.ledger" in command]
            if found:
                return found[0]
            await asyncio.sleep(0.05)


def survived(folder: Path, store: str, what: str, kill: Kill) -> None:
    """Keeps calls coming while a part is killed again and again: no call notices, and the ledger has each of them once."""
    rng = random.Random(11)
    answered: list[str] = []

    async def life(running: Running) -> int:
        broken = 0
        for _ in range(KILLS):
            callers = Callers(running.port, RATE)
            calls = asyncio.create_task(callers.run(2.0))
            await asyncio.sleep(0.1 + rng.random())
            await kill(running)
            await calls
            answered.extend(callers.acknowledged)
            broken += callers.broken
        return broken

    with up(folder, SYSTEM.replace("STORE", store)) as running:
        broken = asyncio.run(life(running))
    found = ledger(folder)
    lost = [one for one in answered if one not in found]
    doubled = [one for one, times in found.items() if times > 1]
    print(  # noqa: T201  a row of the table
        f"\n| kill -9 of {what} | {KILLS} kills | {len(answered)} acknowledged | {len(lost)} lost | {len(doubled)} doubled |"
    )
    assert broken == 0
    assert len(answered) > KILLS * 20
    assert (lost, doubled) == ([], [])


def test_kill_9_of_the_ledgers_process_breaks_no_call_and_loses_no_record(tmp_path: Path) -> None:
    async def kill(running: Running) -> None:
        os.kill(await child(running.process.pid), signal.SIGKILL)

    survived(tmp_path, "sqlite:///ledger.db", "the ledger's process", kill)


def test_kill_9_of_postgresql_breaks_no_call_and_loses_no_record(tmp_path: Path) -> None:
    with postgres() as server:

        async def kill(running: Running) -> None:
            await asyncio.to_thread(killed, server)

        survived(tmp_path, server.url("soak"), "PostgreSQL", kill)


def killed(server: PostgresServer) -> None:
    """Ends the server and all its processes without a word, and starts it again on what it left."""
    process = server.process
    assert process is not None
    parts = [process.pid, *children(process.pid)]
    for pid in parts:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # it ended with its parent
            pass
    process.wait(60)
    server.process = None
    (server.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
    server.start()
