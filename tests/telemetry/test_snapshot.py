"""What several processes counted adds up to what one would have counted."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.record import Record
from headworks.core.reply import Usage
from headworks.telemetry.histogram import Histogram
from headworks.telemetry.metrics import Metrics
from headworks.telemetry.snapshot import Counts, Snapshot, Sums, circuits_of, counts_of, slots_of, troubles_of
from headworks.telemetry.watchdog import BOUNDS
from tests.ledger.records import attempt, record


def one(number: int) -> Record:
    tokens = Usage(input=number, output=2, reasoning=number % 3)
    return record(
        number,
        last_at=10.0 + number / 8,
        streamed=number % 2 == 0,
        outcome="ok" if number % 5 else "failed",
        status=200 if number % 5 else 502,
        cost_nano=None if number % 7 == 0 else number,
        cache="miss" if number % 4 == 0 else "",
        attempts=[attempt(tokens=tokens)] * (number % 3),
    )


def snapshot(**changes: object) -> Snapshot:
    made = Snapshot(
        counts=Counts(),
        in_flight=1,
        queued=0,
        circuits={"a/x": "closed"},
        slots={"a": (1, 4)},
        answers={},
        journal_backlog=0,
        journal="",
        journal_bytes=0,
        troubles=[],
        has_keys=False,
        budget_alerts=[],
    )
    return msgspec.structs.replace(made, **changes)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), max_size=60))
def test_sums_are_those_of_all_calls(calls: list[tuple[int, int]]) -> None:
    whole = Metrics()
    parts = [Metrics() for _ in range(4)]
    for process, number in calls:
        parts[process].observe(one(number), "assistant")
        whole.observe(one(number), "assistant")
        for metrics in (parts[process], whole):
            metrics.model_changes[f"vendor/m{number % 3}", "model"] += 1
    sums = Sums(BOUNDS)
    for part in parts:
        sent = msgspec.msgpack.encode(counts_of(part, Histogram(BOUNDS), strangers=2, appended=3))
        sums.add(msgspec.msgpack.decode(sent, type=Counts))
    again = Sums(BOUNDS)
    again.add(sums.counts)  # as those of workers that have ended are carried on
    for found in (sums, again):
        assert found.metrics.attempts == whole.attempts
        assert found.metrics.cached == whole.cached
        assert found.metrics.model_changes == whole.model_changes
        assert (found.strangers, found.journal_appended) == (8, 12)
        assert set(found.metrics.calls) == set(whole.calls)
        for labels, tally in whole.calls.items():
            other = found.metrics.calls[labels]
            assert other.durations.counts == tally.durations.counts
            assert other.durations.sum == tally.durations.sum  # eighths of a second add up exactly
            assert other.heads.counts == tally.heads.counts
            assert other.tokens == tally.tokens
            assert (other.cost_nano, other.unpriced) == (tally.cost_nano, tally.unpriced)


def test_what_is_true_now_is_the_worst_and_the_sum() -> None:
    snapshots = [
        snapshot(),
        snapshot(circuits={"a/x": "open", "b/y": "half_open"}, slots={"a": (2, 4)}, troubles=["odd"]),
    ]
    assert circuits_of(snapshots) == {"a/x": "open", "b/y": "half_open"}
    assert slots_of(snapshots) == {"a": (3, 4)}
    assert troubles_of(snapshots) == ["odd (1 of 2 workers)"]
    assert troubles_of([snapshot(troubles=["odd"])] * 2) == ["odd"]
