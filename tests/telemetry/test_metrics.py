"""Counters say what the records say, and no caller can make a label."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.masking import Mask
from headworks.core.record import AttemptRecord, Outcome, Record
from headworks.core.reply import Usage
from headworks.ledger.journal import MemoryJournal
from headworks.telemetry.histogram import Histogram
from headworks.telemetry.metrics import SECONDS, UNKNOWN, Metrics, Recorder

OUTCOMES: list[Outcome] = ["ok", "refused", "shed", "failed", "expired", "cut", "cancelled", "broken"]
counts = st.integers(0, 5000)
usages = st.builds(
    Usage,
    input=counts,
    cached_input=counts,
    cache_write=counts,
    cache_write_1h=counts,
    audio_input=counts,
    output=counts,
    reasoning=counts,
    audio_output=counts,
)
attempts = st.builds(
    AttemptRecord,
    target=st.sampled_from(["first/m", "second/m"]),
    why=st.sampled_from(["first", "retry", "fallback"]),
    started_at=st.just(1.0),
    outcome=st.sampled_from(OUTCOMES),
    tokens=st.none() | usages,
)
records = st.builds(
    Record,
    request_id=st.just("req_1"),
    at=st.just(0.0),
    arrived_at=st.just(100.0),
    head_at=st.just(0.0) | st.floats(100.0, 200.0),
    last_at=st.floats(100.0, 900.0),
    operation=st.just("chat"),
    model=st.sampled_from(["assistant", "plain", "", "made-up", "unknown"]),
    key=st.sampled_from(["", "web", "narrow"]),
    streamed=st.booleans(),
    status=st.sampled_from([200, 400, 404, 429, 499, 500, 502, 503, 504]),
    outcome=st.sampled_from(OUTCOMES),
    config=st.just("c"),
    cost_nano=st.none() | st.integers(0, 10**12),
    attempts=st.lists(attempts, max_size=4),
)


def counted(given: list[Record]) -> Metrics:
    metrics = Metrics()
    recorder = Recorder(MemoryJournal(), metrics, ["assistant", "plain"])
    for record in given:
        recorder.append(record)
    return metrics


@given(st.lists(records, max_size=30))
def test_every_number_is_the_sum_over_the_records(given: list[Record]) -> None:
    metrics = counted(given)
    tallies = metrics.calls.values()
    tried = [record for record in given if record.attempts]
    used = [attempt.tokens for record in given for attempt in record.attempts if attempt.tokens is not None]
    assert sum(sum(tally.durations.counts) for tally in tallies) == len(given)
    assert sum(sum(tally.heads.counts) for tally in tallies) == sum(r.streamed and r.head_at > 0 for r in given)
    assert sum(sum(tally.tokens.values()) for tally in tallies) == sum(u.input_tokens + u.output_tokens for u in used)
    assert sum(tally.cost_nano for tally in tallies) == sum(record.cost_nano or 0 for record in tried)
    assert sum(tally.unpriced for tally in tallies) == sum(record.cost_nano is None for record in tried)
    assert metrics.attempts == Counter((a.target, a.why, a.outcome) for r in given for a in r.attempts)


@given(st.lists(records, max_size=30))
def test_calls_are_counted_by_what_their_records_say(given: list[Record]) -> None:
    known = {"assistant", "plain"}
    expected = Counter(
        (record.model if record.model in known else UNKNOWN, record.key, record.outcome, record.status // 100)
        for record in given
    )
    assert {key: sum(tally.durations.counts) for key, tally in counted(given).calls.items()} == expected


@given(usages)
def test_tokens_keep_their_classes(usage: Usage) -> None:
    attempt = AttemptRecord(target="first/m", why="first", started_at=1.0, outcome="ok", tokens=usage)
    [tally] = counted([made(attempts=[attempt])]).calls.values()
    assert tally.tokens == {name: getattr(usage, name) for name in usage.__struct_fields__ if getattr(usage, name)}


def test_a_thousand_made_up_models_are_one_label() -> None:
    metrics = counted([made(model=f"made-up-{number}") for number in range(1000)])
    assert {alias for alias, *_ in metrics.calls} == {UNKNOWN}


def test_a_record_is_in_the_journal_before_it_is_counted() -> None:
    metrics = Metrics()

    class Full:
        def append(self, record: Record) -> None:
            assert not metrics.calls
            raise OSError("no journal")

    recorder = Recorder(Full(), metrics, ["assistant"])
    try:
        recorder.append(made())
    except OSError:
        assert not metrics.calls
    else:
        raise AssertionError("the journal's error is the caller's to see")


@given(st.lists(st.floats(0.0, 1000.0), max_size=50))
def test_a_bucket_has_all_that_do_not_exceed_its_bound(seconds: list[float]) -> None:
    histogram = Histogram(SECONDS)
    for one in seconds:
        histogram.add(one)
    bounds = [*SECONDS, float("inf")]
    assert [count for _, count in histogram.buckets()] == [sum(one <= bound for one in seconds) for bound in bounds]
    assert histogram.buckets()[-1][0] == "+Inf"


@given(st.lists(st.floats(0.0, 1000.0), max_size=20), st.lists(st.floats(0.0, 1000.0), max_size=20))
def test_merging_is_counting_both(some: list[float], others: list[float]) -> None:
    merged, other, together = Histogram(SECONDS), Histogram(SECONDS), Histogram(SECONDS)
    for one in some:
        merged.add(one)
        together.add(one)
    for one in others:
        other.add(one)
        together.add(one)
    merged.merge(other)
    assert merged.counts == together.counts
    assert abs(merged.sum - together.sum) < 1e-6


def made(model: str = "assistant", attempts: list[AttemptRecord] | None = None) -> Record:
    return Record(
        request_id="req_1",
        at=0.0,
        arrived_at=1.0,
        last_at=2.0,
        operation="chat",
        model=model,
        status=200,
        outcome="ok",
        config="c",
        attempts=attempts or [],
    )


def test_a_record_is_written_without_the_secrets_that_callers_and_vendors_wrote() -> None:
    written: list[Record] = []

    class Keeping:
        def append(self, record: Record) -> None:
            written.append(record)

        def open(self, call: object) -> bool:
            return True

    secret, mask = "secret-0123456789", Mask(["secret-0123456789", "none"])
    recorder = Recorder(Keeping(), Metrics(), ["assistant"], mask)
    attempt = AttemptRecord(target="v/m", why="first", started_at=1.0, reason=f"no {secret}, none")
    plain = made()
    recorder.append(plain)
    texts = dict.fromkeys(("user", "trace", "asked", "answered"), f"{secret} none")
    recorder.append(msgspec.structs.replace(plain, reason=f"{secret} none", attempts=[attempt, attempt], **texts))
    assert written[0] is plain
    assert written[1].reason == "*** ***"
    assert {one.reason for one in written[1].attempts} == {"no ***, ***"}
    assert {getattr(written[1], name) for name in texts} == {"*** none"}
