"""Runs every pair, two at a time, and tells what came of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from tools.clients.client import Client, Places
from tools.clients.drivers import ROOT
from tools.clients.gateway import KEY, POOR
from tools.clients.outcome import Cell, Outcome, cell, excused, row
from tools.clients.pairs import DIRECT, Pair
from tools.clients.vendor.samples import samples
from tools.clients.vendor.server import Vendor


async def judge(places: Places, dialects: Sequence[str]) -> int:
    """How many of our vendor's answers the SDKs' own types took. Ends the program where one is not."""
    told = [one for one in samples() if one.dialect in dialects]
    process = await asyncio.create_subprocess_exec(
        *(str(places.python), "-m", "tools.clients.programs.types"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(b"".join([msgspec.json.encode(one) + b"\n" for one in told]))
    if said.strip() or process.returncode:
        raise SystemExit(f"clients: our vendor's answers do not fit the vendors' own types:\n{said.decode()}")
    return len(told)


async def run_all(
    clients: Sequence[Client],
    vendors: Sequence[str],
    places: Mapping[str, Places],
    jobs: int,
    only: tuple[str, ...] = (),
) -> list[Cell]:
    """Every client before every vendor. jobs: pairs at once."""
    gate = asyncio.Semaphore(jobs)
    async with Vendor() as vendor:
        vendor.forbidden = (KEY, POOR)

        async def one(number: int, client: Client, dialect: str) -> Cell:
            async with gate:
                pair = Pair(vendor, client, places[client.column], dialect, number)
                made = cell(client, dialect, await pair.run(only))
            tell(made)
            return made

        pairs = [(client, dialect) for client in clients for dialect in (*vendors, DIRECT)]
        return list(await asyncio.gather(*(one(number, *pair) for number, pair in enumerate(pairs, 1))))


def tell(made: Cell) -> None:
    """One line a pair, and one for each run that did not pass."""
    print(f"{made.client:24} {made.vendor:10} {made.passed:2}/{made.runs:2}  {made.seconds:6.1f} s", flush=True)
    for one in made.failures if made.vendor != DIRECT else ():
        print(f"    {one.scenario} ({one.form}): {one.why}", flush=True)


def failed(cells: Sequence[Cell]) -> int:
    """Runs through us that did not pass, and for which the client is not to blame."""
    direct = {one.client: one for one in cells if one.vendor == DIRECT}
    through = [one for one in cells if one.vendor != DIRECT]
    return sum(not excused(failure, one, direct[one.client]) for one in through for failure in one.failures)


def outcome(clients: Sequence[Client], cells: list[Cell], began: float, judged: int, *, is_isolated: bool) -> Outcome:
    return Outcome(
        date=datetime.now(UTC).date().isoformat(),
        minutes=round((time.monotonic() - began) / 60),
        judged=judged,
        is_isolated=is_isolated,
        rows=[row(client) for client in clients],
        cells=cells,
    )
