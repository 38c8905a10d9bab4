"""200 callers on the last cent over four workers, of which one is killed among them, or the parent, or the state itself.

`HEADWORKS_MONEY_KILLS=20 pytest -m soak tests/soak/test_workers.py -s` prints the rows of `docs/guarantees.md`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from headworks.ledger.sqlite import SqliteAt
from tests.e2e.running import Running, up
from tests.e2e.test_workers import children, until
from tests.soak.test_money import BUDGET, CALLERS, KILLS, Crowd, records, system

pytestmark = pytest.mark.soak

WORKERS = 4


def victim(running: Running, what: str, rng: random.Random) -> int:
    """The process to kill."""
    if what == "parent":
        return running.process.pid
    name = "cli.worker" if what == "worker" else "valkey-server"
    found: list[int] = []
    until(lambda: bool(found.extend(pid for pid, one in children(running.process.pid).items() if name in one) or found))
    return rng.choice(sorted(found))


@pytest.mark.parametrize("what", ["worker", "parent", "state"])
def test_the_last_cent_is_spent_once_whoever_dies(tmp_path: Path, what: str) -> None:
    rng = random.Random(7)
    crowd = Crowd()
    text = system().replace('admin: "127.0.0.1:0"', f'admin: "127.0.0.1:0", workers: {WORKERS}') + "state: embedded\n"
    number = 0
    while number < KILLS:
        with up(tmp_path, text) as running:
            while number < KILLS and running.process.poll() is None:

                async def life(running: Running = running, key: int = number) -> None:
                    asking = asyncio.create_task(crowd.ask(running.port, key))
                    await asyncio.sleep(0.05 + rng.random() * 0.4)
                    os.kill(victim(running, what, rng), signal.SIGKILL)
                    await asking
                    if what != "parent":  # whoever comes after the death finds what is left, and no more
                        await asyncio.sleep(1.0)
                        await crowd.ask(running.port, key)

                asyncio.run(life())
                number += 1
                if what == "parent":
                    running.process.wait(10)
    with up(tmp_path, text) as running:
        for key in range(KILLS):
            asyncio.run(crowd.ask(running.port, key))
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
        f"\n| {CALLERS} callers, {WORKERS} workers | {KILLS} kills of a {what} | {len(crowd.answered)} answered | {lost} lost"
        f" | overrun {overrun} | spent {sum(sums.values()) / (BUDGET * KILLS):.0%} | {dict(crowd.statuses)}"
    )
    assert overrun == 0
    assert missing == []
    assert max(ids.values()) == 1
    assert spent == {name: cost for name, cost in sums.items() if cost}
    assert sum(sums.values()) > 0.5 * BUDGET * KILLS
