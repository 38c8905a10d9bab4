"""A results file as numbers: one row a sample, one column a condition and repeat.

Always true: texts stay on disk and are read by their offsets where somebody asks; in memory an item costs 20 bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from headworks.evals.results import Ended, Header, Outcome, Result, lines, read_header
from headworks.evals.statistics.exact import Floats

NONE: Final = -1
FAIL: Final = 0
PASS: Final = 1
UNJUDGED: Final = 2
FAILED: Final = 3

CODES: Final[dict[Outcome, int]] = {"fail": FAIL, "pass": PASS, "unjudged": UNJUDGED, "failed": FAILED}

Codes: TypeAlias = NDArray[np.int8]


class Tally(msgspec.Struct):
    """How often a scorer said what."""

    passed: int = 0
    failed: int = 0
    unknown: int = 0


class Spent(msgspec.Struct):
    """What items of a condition cost. cost_nano: None where any is unknown."""

    calls: int = 0
    cost_nano: int | None = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Table:
    """The numbers of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: Header = read_header(path)
        self.is_complete = False
        self.why = ""
        self.rows: dict[str, int] = {}
        """Samples in the order in which they were asked."""
        self.columns: dict[str, tuple[int, int]] = {}
        """The first column of each condition, and how many it has."""
        at = 0
        for said in self.header.conditions:
            self.columns[said.title] = (at, said.repeats)
            at += said.repeats
        rows = self.header.samples
        self.codes: Codes = np.full((rows, at), NONE, dtype=np.int8)
        self.seconds: NDArray[np.float32] = np.zeros((rows, at), dtype=np.float32)
        self.offsets: NDArray[np.int64] = np.zeros((rows, at), dtype=np.int64)
        self.spent = {title: Spent() for title in self.columns}
        self.tallies: dict[tuple[str, str], Tally] = {}
        for offset, line in lines(path):
            if isinstance(line, Result):
                self._add(line, offset)
            elif isinstance(line, Ended):
                self.is_complete, self.why = line.is_complete, line.why

    def _add(self, result: Result, offset: int) -> None:
        if result.condition not in self.columns or len(self.rows) > self.header.samples:
            return
        row = self.rows.setdefault(result.sample, len(self.rows))
        first, repeats = self.columns[result.condition]
        if row >= len(self.codes) or result.repeat >= repeats:
            return
        column = first + result.repeat
        self.codes[row, column] = CODES[result.outcome]
        self.seconds[row, column] = result.seconds
        self.offsets[row, column] = offset
        spent = self.spent[result.condition]
        spent.calls += 1
        spent.cost_nano = (
            None if spent.cost_nano is None or result.cost_nano is None else spent.cost_nano + result.cost_nano
        )
        spent.input_tokens += result.input_tokens
        spent.output_tokens += result.output_tokens
        for score in result.scores:
            tally = self.tallies.setdefault((result.condition, score.scorer), Tally())
            tally.passed += score.passed is True
            tally.failed += score.passed is False
            tally.unknown += score.passed is None

    def of(self, condition: str) -> Codes:
        """The outcomes under a condition, one column a repeat."""
        first, repeats = self.columns[condition]
        return self.codes[:, first : first + repeats]

    def scores(self, condition: str, *, unknown: float) -> Floats:
        """Each sample's mean score under a condition; what has no verdict counts as `unknown`; NaN where it was not asked."""
        codes = self.of(condition)
        values = np.where(codes == PASS, 1.0, np.where(codes == FAIL, 0.0, unknown))
        asked = codes != NONE
        counts = asked.sum(axis=1)
        sums = (values * asked).sum(axis=1)
        with np.errstate(invalid="ignore"):
            found: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return found

    def count(self, condition: str, code: int) -> int:
        return int((self.of(condition) == code).sum())

    def is_judged(self, condition: str, rows: list[int] | None = None) -> bool:
        """Whether anything (of these rows) has a verdict under a condition."""
        codes = self.of(condition) if rows is None else self.of(condition)[rows]
        return bool(((codes == PASS) | (codes == FAIL)).any())

    def asked(self, condition: str) -> int:
        return int((self.of(condition) != NONE).sum())

    def latencies(self, condition: str) -> NDArray[np.float32]:
        """Seconds of the answers that came."""
        first, repeats = self.columns[condition]
        codes = self.of(condition)
        found: NDArray[np.float32] = self.seconds[:, first : first + repeats][(codes != NONE) & (codes != FAILED)]
        return found
