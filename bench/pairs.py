"""Writes the table of `docs/plan/pairs.md`: for each named pair what the plan predicts, and what the independent simulation has.

python bench/pairs.py            # about four minutes of one core; `--only NAME` runs one pair and prints its rows

The pairs are in `tests/twin/pairs.yaml`. They were named before either side was run on them, and none is left out. Same pairs, same table.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from headworks.twin.simulation.replications import Effort  # noqa: E402  the tests of this tree
from tests.twin.cases import USUAL, Case  # noqa: E402
from tests.twin.random_systems import WORDS, Truth, truth  # noqa: E402

PAIRS = ROOT / "tests/twin/pairs.yaml"
PAGE = ROOT / "docs/plan/pairs.md"
PEAKS = 12
"""Peaks of the independent simulation: its own error stands beside each number."""

BEGIN, END = "<!-- by bench/pairs.py -->\n", "<!-- end -->\n"
HEAD = "| system, number | predicted | range | independent | inside |\n|---|---|---|---|---|\n"


def named() -> dict[str, Case]:
    """The pairs, by name."""
    known = msgspec.yaml.decode(PAIRS.read_bytes(), type=dict[str, dict[str, Any]])
    bounds = {**USUAL, "cost": 0.01}
    return {name: msgspec.convert({**one, "bounds": bounds}, Case) for name, one in known.items()}


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One number. half: of the truth's own 95 % interval."""

    id: str
    value: float
    low: float
    high: float
    known: float
    half: float

    @property
    def is_inside(self) -> bool:
        return self.low <= self.known <= self.high

    @property
    def off(self) -> float:
        """By how much the prediction is off, by the truth."""
        return self.value / self.known - 1 if self.known else 0.0


def held(case: Case) -> list[Pair]:
    """The numbers of one system, predicted and true."""
    verdicts, _ = case.verdicts(Effort())
    known: Truth = truth([case.usual_peak(3_000_000_000 + seed) for seed in range(PEAKS)])
    return [
        Pair(
            id=id,
            value=one.value,
            low=0.0 if one.low is None else one.low,
            high=float("inf") if one.high is None else one.high,
            known=known.values[id],
            half=known.halves[id],
        )
        for id, one in verdicts.items()
        if one.value is not None
    ]


def said(id: str, value: float, *, half: float = 0.0) -> str:
    """A number in its unit, to the digits that it has."""
    if id == "up":
        return f"{100 * value:.2f} %" + (f" ±{100 * half:.2f}" if half else "")
    if id == "cost":
        return f"${value:.6f}" + (f" ±{half:.6f}" if half else "")
    if value < 1:
        return f"{value * 1000:.0f} ms" + (f" ±{half * 1000:.0f}" if half else "")
    return f"{value:.2f} s" + (f" ±{half:.2f}" if half else "")


def rows(name: str, pairs: list[Pair]) -> Iterator[str]:
    for number, one in enumerate(pairs):
        lead = f"{name}: {WORDS[one.id]}" if not number else WORDS[one.id]
        inside = "yes" if one.is_inside else f"no ({100 * one.off:+.1f} %)"
        between = f"{said(one.id, one.low)} to {said(one.id, one.high)}"
        yield f"| {lead} | {said(one.id, one.value)} | {between} | {said(one.id, one.known, half=one.half)} | {inside} |"


def table(found: Mapping[str, list[Pair]]) -> str:
    """All rows, and what did not hold."""
    every = [(name, one) for name, pairs in found.items() for one in pairs]
    out = [(name, one) for name, one in every if not one.is_inside]
    lines = [row for name, pairs in found.items() for row in rows(name, pairs)]
    missed = "".join(f"- {name}: {WORDS[one.id]} is {abs(100 * one.off):.1f} % off\n" for name, one in out)
    counted = f"\n{len(every) - len(out)} of {len(every)} are inside. "
    end = "All are.\n" if not out else f"What did not hold:\n\n{missed}"
    return HEAD + "\n".join(lines) + "\n" + counted + end


def main() -> None:
    options = argparse.ArgumentParser(description="Holds the named pairs against the independent simulation.")
    options.add_argument("--only", help="one pair, by its name: prints its rows and writes nothing")
    only = options.parse_args().only
    wanted = {name: case for name, case in named().items() if only in (None, name)}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(wanted, pool.map(held, wanted.values()), strict=True))
    if only is not None:
        print(table(found))
        return
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}{table(found)}{END}{after}", encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
