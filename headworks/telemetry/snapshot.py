"""A snapshot of one process's numbers, to be sent to the parent and added up.

Always true: what several processes counted adds up exactly: counters and histograms are sums. What a process counted stays in
the sums after its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from headworks.policy.circuit import State
from headworks.telemetry.histogram import Histogram
from headworks.telemetry.metrics import Metrics, Tally

WORST: Final[tuple[State, ...]] = ("open", "half_open", "closed")


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """One tally."""

    durations: list[int]
    seconds: float
    heads: list[int]
    head_seconds: float
    input: int
    output: int
    others: dict[str, int]
    cost_nano: int
    unpriced: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a process has counted since its start. lags: of its loop, and their sum in seconds."""

    calls: list[tuple[tuple[str, str, str, int], Counted]] = []
    attempts: list[tuple[tuple[str, str, str], int]] = []
    cached: list[tuple[tuple[str, str], int]] = []
    responses: dict[str, int] = {}
    model_changes: list[tuple[tuple[str, str], int]] = []
    lags: list[int] = []
    lag_seconds: float = 0.0
    strangers: int = 0
    journal_appended: int = 0
    journal_lost: int = 0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one process now. journal: the file that it writes, and how many bytes it has written there. journal_waiting: records that wait in its memory.
    journal_unforced: files that could not be forced to the disk. has_keys: nobody
    calls it without one."""

    counts: Counts
    in_flight: int
    queued: int
    circuits: dict[str, State]
    slots: dict[str, tuple[int, int]]
    answers: dict[str, tuple[int, int, int]]
    journal_backlog: int
    journal_waiting: int = 0
    journal_unforced: list[str] = []
    journal: str
    journal_bytes: int
    troubles: list[str]
    has_keys: bool
    budget_alerts: list[str]


def counts_of(metrics: Metrics, lags: Histogram, *, strangers: int = 0, appended: int = 0, lost: int = 0) -> Counts:
    return Counts(
        calls=[
            (
                labels,
                Counted(
                    one.durations.counts,
                    one.durations.sum,
                    one.heads.counts,
                    one.heads.sum,
                    one.input,
                    one.output,
                    dict(one.others),
                    one.cost_nano,
                    one.unpriced,
                ),
            )
            for labels, one in metrics.calls.items()
        ],
        attempts=list(metrics.attempts.items()),
        cached=list(metrics.cached.items()),
        responses=dict(metrics.responses),
        model_changes=list(metrics.model_changes.items()),
        lags=lags.counts,
        lag_seconds=lags.sum,
        strangers=strangers,
        journal_appended=appended,
        journal_lost=lost,
    )


class Sums:
    """The sums over several processes."""

    def __init__(self, lag_bounds: Iterable[float]) -> None:
        self.metrics = Metrics()
        self.lags = Histogram(tuple(lag_bounds))
        self.strangers = 0
        self.journal_appended = 0
        self.journal_lost = 0

    def add(self, counts: Counts) -> None:
        metrics = self.metrics
        for labels, counted in counts.calls:
            _add(metrics.calls[labels], counted)
        for target, count in counts.attempts:
            metrics.attempts[target] += count
        for alias, count in counts.cached:
            metrics.cached[alias] += count
        for outcome, count in counts.responses.items():
            metrics.responses[outcome] += count
        for changed, count in counts.model_changes:
            metrics.model_changes[changed] += count
        if counts.lags:
            _merge(self.lags, counts.lags, counts.lag_seconds)
        self.strangers += counts.strangers
        self.journal_appended += counts.journal_appended
        self.journal_lost += counts.journal_lost

    @property
    def counts(self) -> Counts:
        return counts_of(
            self.metrics,
            self.lags,
            strangers=self.strangers,
            appended=self.journal_appended,
            lost=self.journal_lost,
        )


def _add(tally: Tally, counted: Counted) -> None:
    _merge(tally.durations, counted.durations, counted.seconds)
    _merge(tally.heads, counted.heads, counted.head_seconds)
    tally.input += counted.input
    tally.output += counted.output
    for name, count in counted.others.items():
        tally.others[name] += count
    tally.cost_nano += counted.cost_nano
    tally.unpriced += counted.unpriced


def _merge(histogram: Histogram, counts: list[int], seconds: float) -> None:
    histogram.counts = [mine + theirs for mine, theirs in zip(histogram.counts, counts, strict=True)]
    histogram.sum += seconds


def circuits_of(snapshots: Iterable[Snapshot]) -> dict[str, State]:
    """The worst circuit state of each target in any process."""
    found: dict[str, State] = {}
    for snapshot in snapshots:
        for name, state in snapshot.circuits.items():
            found[name] = min(found.get(name, "closed"), state, key=WORST.index)
    return found


def slots_of(snapshots: Iterable[Snapshot]) -> dict[str, tuple[int, int]]:
    """The slots of each provider: in use, and in all. Summed over the processes."""
    found: dict[str, tuple[int, int]] = {}
    for snapshot in snapshots:
        for name, (in_use, limit) in snapshot.slots.items():
            before, most = found.get(name, (0, 0))
            found[name] = (before + in_use, max(most, limit))
    return found


def answers_of(snapshots: Iterable[Snapshot]) -> dict[str, tuple[int, int, int]]:
    """The cached answers of each alias, summed over the processes."""
    found: dict[str, tuple[int, int, int]] = {}
    for snapshot in snapshots:
        for name, (number, size, evicted) in snapshot.answers.items():
            before = found.get(name, (0, 0, 0))
            found[name] = (before[0] + number, before[1] + size, before[2] + evicted)
    return found


def troubles_of(snapshots: Iterable[Snapshot]) -> list[str]:
    """The problems of several processes, once each, with the number of processes that report them."""
    snapshots = list(snapshots)
    counted = Counter(trouble for snapshot in snapshots for trouble in dict.fromkeys(snapshot.troubles))
    return [
        trouble if count == len(snapshots) else f"{trouble} ({count} of {len(snapshots)} workers)"
        for trouble, count in counted.items()
    ]
