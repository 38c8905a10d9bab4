"""Two runs of one suite, sample by sample: what got worse, what got better, and whether that may be chance.

Always true: only items that both runs asked and judged are compared; a difference is ours minus theirs; what got worse
stands first. "Not worse" is a gate like any other: it holds where the difference is shown to be above minus the margin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
import numpy as np

from headworks.evals.conditions import PLAIN, Condition
from headworks.evals.results import Result, at
from headworks.evals.statistics import gate as gates
from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics.clusters import Clusters
from headworks.evals.statistics.exact import Floats
from headworks.evals.statistics.gate import Evidence, Gate, Judged
from headworks.evals.statistics.intervals import Paired
from headworks.evals.statistics.summary import CostAndLatency, clusters_of, clusters_of_rows, cost_and_latency
from headworks.evals.statistics.table import NONE, PASS, Table
from headworks.evals.suites.suite import Suite

MARGIN = 0.03
"""How much worse is not worse, where nobody says otherwise: three points."""

CONFIDENCE = 0.95

Change = Literal["worse", "better"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One condition in both runs. p: that so large a difference is chance, adjusted by Holm for all conditions; McNemar's, or
    with clusters the test that knows them; None where nothing can be said. items_needed: samples to see a difference of the
    margin, with the variance (and the clusters) that was seen; 0 where none can be said."""

    condition: str
    samples: int
    paired: Paired
    p: float | None
    items_needed: int
    ours: CostAndLatency
    theirs: CostAndLatency


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """An item that ended otherwise."""

    change: Change
    sample: str
    condition: str
    repeat: int
    asked: str
    ours: str
    theirs: str
    why: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs. gate: that ours is not worse, undisturbed."""

    ours: str
    theirs: str
    margin: float
    rows: tuple[Difference, ...]
    gate: Judged
    worse: int
    better: int


def compare(
    ours: Table, theirs: Table, suite: Suite, conditions: Sequence[Condition], margin: float = MARGIN
) -> Comparison:
    """Holds our run against theirs."""
    rows = [row for one in conditions if (row := _row(ours, theirs, suite, one.title, margin)) is not None]
    known = [(number, row.p) for number, row in enumerate(rows) if row.p is not None]
    for (number, _), p in zip(known, stats.holm([one for _, one in known]), strict=True):
        rows[number] = msgspec.structs.replace(rows[number], p=p)
    low, high, clusters = _gaps(ours, theirs, suite, PLAIN)
    seen = Evidence(
        low=low, high=high, clusters=clusters, is_difference=True,
        many_looks=suite.looks == "many" or not (ours.is_complete and theirs.is_complete),
    )  # fmt: skip
    label = _name(theirs) if _name(theirs) != _name(ours) else theirs.path.name
    what = f"{suite.name} no more than {100 * margin:.3g} points worse than {label}"
    [judged] = gates.judge([Gate(id="not-worse", what=what, bound=-margin, confidence=CONFIDENCE, evidence=seen)])
    return Comparison(
        ours=_name(ours),
        theirs=label,
        margin=margin,
        rows=tuple(rows),
        gate=judged,
        worse=sum(1 for one in changes(ours, theirs) if one[0] == "worse"),
        better=sum(1 for one in changes(ours, theirs) if one[0] == "better"),
    )


def _name(table: Table) -> str:
    return f"{table.header.system}/{table.header.model}"


def _gaps(ours: Table, theirs: Table, suite: Suite, condition: str) -> tuple[Floats, Floats, Clusters | None]:
    """Ours minus theirs by sample, what has no verdict counted against us and for us; and the clusters of these samples."""
    if condition not in theirs.columns:
        return np.zeros(0), np.zeros(0), None
    mine = {unknown: ours.scores(condition, unknown=unknown) for unknown in (0.0, 1.0)}
    other = {unknown: theirs.scores(condition, unknown=unknown) for unknown in (0.0, 1.0)}
    pairs = [(row, theirs.rows[name]) for name, row in ours.rows.items() if name in theirs.rows]
    a, b = (np.array([pair[side] for pair in pairs], dtype=np.intp) for side in (0, 1))
    both = ~np.isnan(mine[0.0][a]) & ~np.isnan(other[0.0][b])
    a, b = a[both], b[both]
    found = None
    if suite.has_clusters:
        found = clusters_of_rows(clusters_of(ours, {sample.id: sample for sample in suite.samples}), a)
    return mine[0.0][a] - other[1.0][b], mine[1.0][a] - other[0.0][b], found


def _row(ours: Table, theirs: Table, suite: Suite, condition: str, margin: float) -> Difference | None:
    if condition not in theirs.columns:
        return None
    mine, other = ours.scores(condition, unknown=0.0), theirs.scores(condition, unknown=0.0)
    pairs = [(row, theirs.rows[name]) for name, row in ours.rows.items() if name in theirs.rows]
    kept = [(a, b) for a, b in pairs if not np.isnan(mine[a]) and not np.isnan(other[b])]
    if not kept:
        return None
    a, b = (np.array([pair[side] for pair in kept], dtype=np.intp) for side in (0, 1))
    clusters = None
    if suite.has_clusters:
        clusters = clusters_of_rows(clusters_of(ours, {sample.id: sample for sample in suite.samples}), a)
    paired = stats.paired(mine[a], other[b], clusters, CONFIDENCE)
    # n times the squared error of the mean: the variance of one difference, grown by what its cluster takes away.
    variance = len(a) * paired.difference.se**2 if len(a) > 1 else stats.DIFFERENCE_VARIANCE
    if paired.difference.cannot_say:
        variance = 0.0
    return Difference(
        condition=condition,
        samples=len(kept),
        paired=paired,
        p=paired.p,
        items_needed=stats.items_needed(margin, variance) if variance and margin else 0,
        ours=cost_and_latency(ours, condition),
        theirs=cost_and_latency(theirs, condition),
    )


def changes(ours: Table, theirs: Table) -> Iterator[tuple[Change, str, str, int]]:
    """Items that ended otherwise: what got worse first, plain before the other conditions, in the order of the suite."""
    for change in ("worse", "better"):
        for condition, (first, repeats) in ours.columns.items():
            if condition not in theirs.columns:
                continue
            start, others = theirs.columns[condition]
            for name, row in ours.rows.items():
                other = theirs.rows.get(name)
                if other is None:
                    continue
                for repeat in range(min(repeats, others)):
                    mine, its = ours.codes[row, first + repeat], theirs.codes[other, start + repeat]
                    if NONE in (mine, its) or (mine == PASS) == (its == PASS):
                        continue
                    if (its == PASS) == (change == "worse"):
                        yield change, name, condition, repeat


def with_texts(ours: Table, theirs: Table, change: tuple[Change, str, str, int]) -> Changed:
    """A change with its texts, read from both files."""
    kind, name, condition, repeat = change
    mine, other = _result(ours, name, condition, repeat), _result(theirs, name, condition, repeat)
    wrong = mine if kind == "worse" else other
    return Changed(
        change=kind,
        sample=name,
        condition=condition,
        repeat=repeat,
        asked=mine.asked,
        ours=mine.answer,
        theirs=other.answer,
        why=why_of(wrong),
    )


def why_of(result: Result) -> str:
    """Why an item did not pass."""
    said = [f"{one.scorer}: {one.why or 'no'}" for one in result.scores if one.passed is not True]
    return "; ".join(said) or result.why


def _result(table: Table, name: str, condition: str, repeat: int) -> Result:
    first, _ = table.columns[condition]
    return at(table.path, int(table.offsets[table.rows[name], first + repeat]))
