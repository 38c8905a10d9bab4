"""Writes a table of `docs/failure.md`: how soon a vendor that is well again is asked again, and what asking it meanwhile costs.

python tools/outages.py

Each row is an outage of that length (every call is answered 503 at once), on virtual time, over the assembled stack and its
defaults, with a call every second. Same seed, same table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Failed
from headworks.core.vtime import run_virtual
from headworks.gateway.assemble import assemble
from headworks.ledger.journal import MemoryJournal
from headworks.providers.scripted import Scripted
from headworks.system.load import read
from headworks.testing import ask, call
from tools.failure import PAGE, placed

WELL = 2.0
"""Seconds before the outage in which the vendor answers."""
GAP = 1.0
"""Seconds between two calls."""
LONGEST = 90.0
"""Seconds after the outage for which is watched."""

OUTAGES = {"10 s": 10.0, "1 min": 60.0, "10 min": 600.0, "60 min": 3600.0}
SYSTEMS = {
    "with a second tier": "[v/m, w/m]",
    "two targets in one tier": "[[v/m, w/m]]",
    "one target": "[v/m]",
}
TEXT = """
version: 1
providers: {{v: {{dialect: simulated}}, w: {{dialect: simulated}}}}
models: {{assistant: {{targets: {targets}}}}}
"""


class Seen(msgspec.Struct, frozen=True):
    """back: seconds from the vendor's recovery to its first answer. spent: calls that it was sent while its circuit was open. failed:
    calls whose callers got an error."""

    back: float
    spent: int
    failed: int


class Outage:
    """A system whose vendor `v` is away for so many seconds; `w`, where there is one, is always well."""

    def __init__(self, targets: str, seconds: float, seed: int) -> None:
        self.until = WELL + seconds
        self.answered_at: list[float] = []
        self.opened_at = float("inf")
        self.spent = self.failed = 0
        leaves = {"v": Scripted([self.answer], repeat=True), "w": Scripted(["from w"], repeat=True)}
        system = read(TEXT.format(targets=targets).encode(), file="outage", folder=Path(), env={}).system
        self.assembled = assemble(system, lambda provider, _: leaves[provider], MemoryJournal(), seed=seed)
        self.assembled.shared.circuits["v/m"].observer = lambda change: self.note(change.kind, change.at)

    def note(self, kind: str, at: float) -> None:
        if kind == "opened":
            self.opened_at = min(self.opened_at, at)

    def answer(self, asked: Call) -> str | CallError:
        at = now()
        if WELL <= at < self.until:
            self.spent += at > self.opened_at
            return Failed("503")
        self.answered_at.append(at)
        return "from v"

    async def run(self) -> Seen:
        asking: set[asyncio.Task[None]] = set()
        while now() < self.until + LONGEST and not any(at >= self.until for at in self.answered_at):
            task = asyncio.create_task(self.one())
            asking.add(task)
            task.add_done_callback(asking.discard)
            await asyncio.sleep(GAP)
        while asking:
            await asyncio.wait(asking)
        back = next((at - self.until for at in self.answered_at if at >= self.until), float("inf"))
        return Seen(back, self.spent, self.failed)

    async def one(self) -> None:
        try:
            await ask(self.assembled.front, msgspec.structs.replace(call(), arrived_at=now()))
        except CallError:
            self.failed += 1


def seen(targets: str, seconds: float, seed: int = 0) -> Seen:
    return run_virtual(Outage(targets, seconds, seed).run())


def rows() -> Iterator[str]:
    """The whole table: some two seconds, most of them for the last row."""
    yield f"| the vendor is away for | {' | '.join(SYSTEMS)} |"
    yield f"|---|{'---|' * len(SYSTEMS)}"
    yield from map(row, OUTAGES)


def row(name: str) -> str:
    told = [seen(targets, OUTAGES[name]) for targets in SYSTEMS.values()]
    return f"| {name} | {' | '.join(f'{one.back:.1f} s, {one.spent} calls' for one in told)} |"


def main() -> None:
    PAGE.write_text(
        placed(PAGE.read_text(encoding="utf-8"), "outages", list(rows()), "tools/outages.py"), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
