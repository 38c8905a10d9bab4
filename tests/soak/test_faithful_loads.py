"""How often `load --compare` calls a load "outside" that is as its plan says, and one that is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.cli.faithful import ANSWERS, BURSTS, PLACES, QUEUES, SECONDS, WARM_UP, pairs, scene
from tests.e2e.running import up

PAIRS = 200
POOL = 260
"""Runs of which each load has some for its intervals."""


@pytest.mark.soak
@pytest.mark.parametrize("text", [ANSWERS, PLACES, QUEUES, BURSTS], ids=["answers", "places", "queues", "bursts"])
def test_of_200_faithful_loads_at_most_seven_in_a_hundred_are_outside(text: str, tmp_path: Path) -> None:
    made = scene(tmp_path, text)
    runs, rows = made.loads(POOL), made.compared()
    slow = {
        name: msgspec.structs.replace(
            one,
            first=msgspec.structs.replace(one.first, median=1.3 * one.first.median),
            pace=msgspec.structs.replace(one.pace, median=1.3 * one.pace.median),
        )
        for name, one in made.models.items()
    }
    faithful, slower = pairs(runs[:PAIRS], runs, rows), pairs(made.loads(40, slow), runs, rows)
    print(  # noqa: T201  a row of the table
        f"\n| {made.system.name} | {faithful} of {PAIRS} | {slower} of 40 |"
    )
    assert faithful <= 0.07 * PAIRS
    assert slower >= 0.9 * 40


@pytest.mark.soak
def test_of_five_loads_on_the_real_clock_at_most_one_is_outside(tmp_path: Path) -> None:
    """Each is outside with a chance of one in twenty: two of five would be one in forty."""
    with up(tmp_path, PLACES) as running:
        file = tmp_path / f"system-{running.port}.yaml"
        plan = tmp_path / "plan.json"
        plan.write_bytes(_told("plan", "--json", str(file)))
        found = []
        for seed in range(1, 6):
            options = ["--seconds", str(SECONDS), "--warm", str(WARM_UP), "--seed", str(seed)]
            report = json.loads(_told("load", "--json", *options, "--compare", str(plan), str(file)))
            late = [row for row in report["compared"] if row["within"] is False]
            assert any(row["within"] for row in report["compared"]), report["prediction"]
            print(  # noqa: T201  a row of the table
                f"\n| {seed} | {report['calls']} calls | {[(row['what'], row['metric']) for row in late] or 'inside'} |"
            )
            found.append(bool(late))
    assert sum(found) <= 1


def _told(*arguments: str) -> bytes:
    made = subprocess.run([sys.executable, "-m", "headworks", *arguments], capture_output=True, check=False)
    assert made.stdout, made.stderr.decode()
    return made.stdout
