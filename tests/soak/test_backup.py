"""What was acknowledged before a backup began is in it, once: under load, over kill -9 of the gateway and of the backup itself.

`HEADWORKS_BACKUPS=100 pytest -m soak tests/soak/test_backup.py -s` prints rows of `docs/guarantees.md`; 12 by default, of
each store.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from secrets import token_hex

import pytest

from tests.e2e.running import Running, up
from tests.servers import PostgresServer
from tests.soak.caller import Callers

pytestmark = pytest.mark.soak

BACKUPS = int(os.environ.get("HEADWORKS_BACKUPS", "12"))
RATE = float(os.environ.get("HEADWORKS_RATE", "300"))

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 2ms, p99: 20ms}, per_token: {p50: 0.1ms, p99: 0.2ms}}}
models: {stand-in: {targets: sim/stand-in, price: {input: $1/M, output: $2/M}}}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0"}
log: {journal: journal, store: "STORE", sync: 200ms}
"""
COMMAND = (sys.executable, "-m", "headworks")


def said(*arguments: str, ends: int = 0) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == ends, done.stderr
    return done.stdout


def shown(file: Path) -> tuple[Counter[str], str]:
    """How often each call is in a ledger, and its sums."""
    lines = said("logs", "--json", str(file)).splitlines()
    return Counter(json.loads(line)["request_id"] for line in lines), said("logs", "--by", "alias", str(file))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_backups_under_load_and_kill_9_have_all_that_was_acknowledged(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    rng = random.Random(15)
    stores = [f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/there/ledger.db"]
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        stores = [server.url(f"soak_{token_hex(6)}") for _ in stores]
    (tmp_path / "there").mkdir()
    there = tmp_path / "there" / "system.yaml"
    there.write_text(SYSTEM.replace("STORE", stores[1]).replace("PORT", "8080"))
    acknowledged: list[str] = []
    done: list[tuple[Path, list[str]]] = []
    killed = Counter[str]()

    async def life(running: Running, file: Path, number: int) -> None:
        callers = Callers(running.port, RATE)
        calls = asyncio.create_task(callers.run(8))
        await asyncio.sleep(0.5 + rng.random())
        before = [*acknowledged, *callers.acknowledged]
        target = tmp_path / f"backup-{number}"
        backup = await asyncio.create_subprocess_exec(*COMMAND, "ledger", "backup", str(target), str(file))
        if number % 3 == 1:  # the gateway dies meanwhile
            await asyncio.sleep(rng.random() * 0.8)
            running.process.kill()
            killed["gateway"] += 1
        if number % 3 == 2:
            await asyncio.sleep(0.1 + rng.random() * 0.6)
            if backup.returncode is None:
                backup.kill()
                killed["backup"] += 1
        assert await backup.wait() in (0, -9)
        if target.exists():  # also of one that was killed: then it is whole
            done.append((target, before))
        running.process.kill()
        await calls
        acknowledged.extend(callers.acknowledged)

    for number in range(BACKUPS):
        with up(tmp_path, SYSTEM.replace("STORE", stores[0])) as running:
            file = tmp_path / f"system-{running.port}.yaml"
            asyncio.run(life(running, file, number))
            running.process.wait(10)
    lost = doubled = 0
    for target, before in done:
        said("ledger", "verify", str(target))
        said("ledger", "restore", "--overwrite", str(target), str(there))
        found, _ = shown(there)
        lost += len([one for one in before if one not in found])
        doubled += len([one for one, times in found.items() if times > 1])
    final = tmp_path / "final"
    said("ledger", "backup", str(final), str(file))
    said("ledger", "restore", "--overwrite", str(final), str(there))
    assert shown(there) == shown(file)
    print(  # noqa: T201  a row of the table
        f"\n| {kind} | {len(done)} backups, {killed['backup']} of them and {killed['gateway']} gateways killed"
        f" | {len(acknowledged)} acknowledged | {lost} lost | {doubled} doubled |"
    )
    assert len(acknowledged) > BACKUPS * 20
    assert (lost, doubled) == (0, 0)
    assert {one.name for one in tmp_path.glob("*.part")} <= {f"backup-{number}.part" for number in range(BACKUPS)}
