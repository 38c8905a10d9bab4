"""What was acknowledged is in the ledger, once: over kill -9 at any instant, and over a store that is away.

`HEADWORKS_KILLS=50 HEADWORKS_AWAY=60 pytest -m soak tests/soak/test_ledger.py -s` prints the rows of
`docs/guarantees.md`. Both run for less by default.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.e2e.running import Running, up
from tests.soak.caller import Callers

pytestmark = pytest.mark.soak

KILLS = int(os.environ.get("HEADWORKS_KILLS", "50"))
AWAY = float(os.environ.get("HEADWORKS_AWAY", "60"))
RATE = float(os.environ.get("HEADWORKS_RATE", "500"))

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 2ms, p99: 20ms}, per_token: {p50: 0.1ms, p99: 0.2ms}}}
models: {stand-in: sim/stand-in}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0"}
log: {journal: journal, store: "sqlite:///ledger.db", sync: 200ms}
"""


def ledger(folder: Path) -> Counter[str]:
    """How often each call is in the ledger, as `headworks logs` shows it, the gateway down."""
    [file, *_] = folder.glob("system-*.yaml")
    command = [sys.executable, "-m", "headworks", "logs", "--json", str(file)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    return Counter(json.loads(line)["request_id"] for line in out.splitlines())


def test_kill_9_at_any_instant_loses_and_doubles_no_acknowledged_call(tmp_path: Path) -> None:
    rng = random.Random(9)
    acknowledged: list[str] = []
    calling = 0.0

    async def life(running: Running, seconds: float) -> float:
        callers = Callers(running.port, RATE)
        began = time.monotonic()
        calls = asyncio.create_task(callers.run(seconds + 5))
        await asyncio.sleep(seconds)
        running.process.kill()
        took = time.monotonic() - began
        await calls
        acknowledged.extend(callers.acknowledged)
        return took

    for _ in range(KILLS):
        with up(tmp_path, SYSTEM) as running:
            calling += asyncio.run(life(running, 0.3 + rng.random() * 1.5))
            running.process.wait(10)
    found = ledger(tmp_path)
    lost = [one for one in acknowledged if one not in found]
    doubled = [one for one, times in found.items() if times > 1]
    rate = len(acknowledged) / calling
    print(  # noqa: T201  a row of the table
        f"\n| kill -9 | {KILLS} kills | {len(acknowledged)} acknowledged ({rate:.0f}/s) | {len(lost)} lost | {len(doubled)} doubled |"
    )
    assert len(acknowledged) > KILLS * 20
    assert len(set(acknowledged)) == len(acknowledged)
    assert (lost, doubled) == ([], [])
    assert list((tmp_path / "journal").glob("*.jsonl")) == []


def test_a_store_that_is_away_under_load_costs_no_call_and_no_record(tmp_path: Path) -> None:
    with up(tmp_path, SYSTEM) as running:
        callers = Callers(running.port, RATE)
        asyncio.run(callers.run(3))
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, timeout=20)
        other.execute("BEGIN IMMEDIATE")
        before = resident(running.process.pid)
        asyncio.run(callers.run(AWAY))
        growth = resident(running.process.pid) - before
        with urlopen(f"{running.url}/readyz", timeout=5) as answer:
            said = answer.read().decode()
        other.execute("ROLLBACK")
        other.close()
        asyncio.run(callers.run(8))
        with urlopen(f"{running.url}/readyz", timeout=5) as answer:
            after = answer.read().decode()
        assert callers.broken == 0
    found = ledger(tmp_path)
    lost = [one for one in callers.acknowledged if one not in found]
    doubled = [one for one, times in found.items() if times > 1]
    print(  # noqa: T201  a row of the table
        f"\n| store locked for {AWAY:.0f} s | {len(callers.acknowledged)} acknowledged | {len(lost)} lost | {len(doubled)} doubled "
        f"| memory grew {growth / 1e6:.1f} MB |"
    )
    assert "the ledger" in said
    assert "ledger" not in after
    assert (lost, doubled) == ([], [])
    assert growth < 20e6


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
