"""Every filter finds what reading all records one by one finds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from secrets import token_hex

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headworks.core.record import Record
from headworks.core.reply import Usage
from headworks.ledger.facts import Facts, facts
from headworks.ledger.indexer import Indexer
from headworks.ledger.query import Filter, Queries
from headworks.ledger.sqlite import SqliteStore
from headworks.ledger.store_url import store_at
from headworks.ledger.sums import By, sums
from tests.laws import examples
from tests.ledger.records import attempt, ids, journal, line, record
from tests.servers import PostgresServer

ALIASES = ["assistant", "small", "a b", ""]
KEYS = ["web", "nightly", ""]
TARGETS = ["openai/gpt", "together/gpt", "openai/gpt-5"]
OUTCOMES = ["ok", "failed", "cancelled", "expired", "refused"]
ERRORS = ["", "NoTarget", "Failed", "Expired"]
REASONS = ["", "The server is Overloaded.", "100% ünfair_", "reset"]


@st.composite
def made(draw: st.DrawFn, number: int) -> Record:
    targets = draw(st.lists(st.sampled_from(TARGETS), max_size=3))
    return record(
        number,
        at=1795305600.0 + draw(st.integers(0, 20)) / 2,
        model=draw(st.sampled_from(ALIASES)),
        key=draw(st.sampled_from(KEYS)),
        outcome=draw(st.sampled_from(OUTCOMES)),
        error=draw(st.sampled_from(ERRORS)),
        reason=draw(st.sampled_from(REASONS)),
        last_at=draw(st.sampled_from([0.0, 10.0, 10.000001, 10.8, 12.0, 70.0])),
        attempts=[attempt(target) for target in targets],
    )


RECORDS = st.integers(0, 40).flatmap(lambda count: st.tuples(*(made(number) for number in range(count))))


def optional(*values: object) -> st.SearchStrategy[object]:
    return st.none() | st.sampled_from(values)


FILTERS = st.builds(
    Filter,
    since=optional(1795305600.0, 1795305602.5, 1795305604.25),
    until=optional(1795305600.0, 1795305606.0),
    alias=optional(*ALIASES, "unknown"),
    key=optional(*KEYS),
    target=optional(*TARGETS, "gpt"),
    outcome=optional(*OUTCOMES),
    failed=st.booleans(),
    slow=optional(0.000001, 0.8, 2.0, 60.0),
    error=optional("overloaded", "NOTARGET", "%", "_", "Ünfair", "ünfair", ""),
    request_id=optional(*ids(0, 3), "req_00000000", "unknown"),
)


def brute(records: tuple[Record, ...], asked: Filter) -> list[Record]:
    """What a filter means, without an index, a class of durations or an interned name."""
    found = []
    for one in records:
        took = one.last_at - one.arrived_at if one.last_at else 0.0
        words = (asked.error or "").translate({upper: upper + 32 for upper in range(65, 91)})
        texts = [text.translate({upper: upper + 32 for upper in range(65, 91)}) for text in (one.error, one.reason)]
        holds = [
            asked.since is None or one.at >= asked.since,
            asked.until is None or one.at < asked.until,
            asked.alias is None or one.model == asked.alias,
            asked.key is None or one.key == asked.key,
            asked.target is None or asked.target in [attempt.target for attempt in one.attempts],
            asked.outcome is None or one.outcome == asked.outcome,
            not asked.failed or one.outcome in ("failed", "expired", "refused"),
            asked.slow is None or took >= asked.slow - 1e-9,
            asked.error is None or any(words in text for text in texts),
            asked.request_id is None or one.request_id.startswith(asked.request_id),
        ]
        if all(holds):
            found.append(one)
    return found


RUNS = itertools.count()
Asking = Callable[[Iterable[Record]], Queries]
"""Gives a store of its own with these records, to be asked."""


@pytest.fixture(params=["sqlite", "sqlite, few", "postgresql"])
def indexed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asking]:
    """With so few as 2 entries the other plans are taken."""
    opened: list[Indexer] = []

    def ask(records: Iterable[Record]) -> Queries:
        folder = tmp_path / str(next(RUNS))
        journal(folder / "journal", *records)
        url = "sqlite:///ledger.db"
        if request.param == "postgresql":
            server: PostgresServer = request.getfixturevalue("postgres_server")
            url = server.url(f"test_{token_hex(6)}")
        index = Indexer(folder / "journal", store_at(url, folder))
        opened.append(index)
        index.catch_up()
        questions = Queries(index.store())
        if request.param == "sqlite, few":
            questions.few = 2
        return questions

    yield ask
    for index in opened:
        index.close()


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(records=RECORDS, filters=st.lists(FILTERS, min_size=1, max_size=8), last=st.integers(1, 30))
def test_a_filter_finds_what_reading_everything_finds(
    indexed: Asking, records: tuple[Record, ...], filters: list[Filter], last: int
) -> None:
    questions = indexed(records)
    for asked in filters:
        expected = sorted(one.request_id for one in brute(records, asked))
        lines = list(questions.lines(asked))
        found = [msgspec.json.decode(one, type=Record) for one in lines]
        assert sorted(one.request_id for one in found) == expected
        assert [one.at for one in found] == sorted(one.at for one in found)
        assert questions.count(asked) == len(expected)
        assert list(questions.lines(asked, last=last)) == lines[-last:]
        slow = [msgspec.json.decode(one, type=Record) for one in questions.lines(asked, last=last, slowest=True)]
        durations = sorted(max(0.0, one.last_at - one.arrived_at) if one.last_at else 0.0 for one in found)
        assert [round(one.last_at - one.arrived_at, 6) if one.last_at else 0.0 for one in slow] == [
            round(duration, 6) for duration in durations[-last:]
        ]
        assert sorted(one.request_id for one in records if asked.holds(facts_of(one))) == expected


def timed(at: float, chance: int) -> str:
    return f"req_{round(at * 1000):012x}{chance:020x}"


START = 1795305600.0
MOMENTS = st.tuples(
    st.one_of(st.integers(0, 50), st.integers(0, 40_000_000)),  # milliseconds after the start: alike, or far apart
    st.floats(-9.0, 9.0),  # how far the record's clock is off
    st.integers(0, 2**80 - 1),
)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    moments=st.lists(MOMENTS, min_size=1, max_size=30, unique_by=(lambda one: (one[0], one[2] >> 68))), data=st.data()
)
def test_an_id_finds_what_reading_everything_finds(
    indexed: Asking, moments: list[tuple[int, float, int]], data: st.DataObject
) -> None:
    """Also where the record's clock is somewhat off."""
    records = [
        record(number, at=START + after / 1000 + off, request_id=timed(START + after / 1000, chance))
        for number, (after, off, chance) in enumerate(moments)
    ]
    questions = indexed(records)
    one = data.draw(st.sampled_from(records)).request_id
    for beginning in (one, one[: data.draw(st.integers(8, 16))], one[: data.draw(st.integers(17, 36))]):
        found = [msgspec.json.decode(line, type=Record) for line in questions.lines(Filter(request_id=beginning))]
        expected = [other for other in records if other.request_id.startswith(beginning)]
        # the store knows 15 of an id's digits
        assert [name[:19] for name in sorted(other.request_id for other in found)] == [
            name[:19] for name in sorted(other.request_id for other in expected)
        ]


@pytest.mark.parametrize("off", [-86400.0, -11.0, 11.0, 86400.0])
def test_an_id_whose_time_is_not_its_records_is_found_too(indexed: Asking, off: float) -> None:
    name = timed(START, 1 << 79)
    questions = indexed((record(1, at=START + off, request_id=name), record(2, request_id=timed(START, 2))))
    assert [facts(line).request_id for line in questions.lines(Filter(request_id=name))] == [name]  # type: ignore[union-attr]


def test_an_id_with_its_time_is_found_without_reading_every_row(indexed: Asking) -> None:
    names = [timed(START + 60 * number, number) for number in range(2000)]
    made = [record(number, at=START + 60 * number, request_id=name) for number, name in enumerate(names)]
    questions = indexed(made)
    if not isinstance(questions.store, SqliteStore):
        pytest.skip("steps are SQLite's")
    steps: list[int] = []
    for name in (names[1000], names[1000][:14], "req_" + "f" * 32):
        seen = 0

        def count() -> None:
            nonlocal seen
            seen += 1

        questions.store.connection.set_progress_handler(count, 100)
        list(questions.lines(Filter(request_id=name), last=20))
        questions.store.connection.set_progress_handler(None, 0)
        steps.append(seen)
    assert steps[0] < 5
    assert steps[1] < 5
    assert steps[2] > 50


def facts_of(one: Record) -> Facts:
    known = facts(line(one))
    assert known is not None
    return known


def test_a_few_digits_name_a_call(indexed: Asking) -> None:
    questions = indexed(
        (record(0xABC0000001, at=5.0), record(0xABD0000002, at=5.0), record(3, request_id="their-own-id"))
    )
    assert [questions.count(Filter(request_id=f"req_{digits}")) for digits in ("abc0", "ab", "abd0000002", "abc1")] == [
        1,
        0,
        1,
        0,
    ]
    assert questions.count(Filter(request_id="their-own-id")) == 1


BYS: list[list[By]] = [
    ["alias"],
    ["key"],
    ["target"],
    ["day"],
    ["alias", "key"],
    ["day", "target"],
    ["target", "alias", "key", "day"],
]


@pytest.mark.parametrize("by", BYS)
def test_sums_are_those_of_the_records(indexed: Asking, by: list[By]) -> None:
    def one(number: int) -> Record:
        tries = [
            attempt(
                TARGETS[(number + step) % 3],
                outcome="failed" if step < number % 3 else "ok",
                tokens=Usage(input=number, output=7),
                cost_nano=None if number % 11 == 0 and step == 0 else 100 + number,
            )
            for step in range(1 + number % 3)
        ]
        costs = [each.cost_nano for each in tries]
        return record(
            number,
            at=1795305600.0 + number * 3000,
            model=ALIASES[number % 2],
            key=KEYS[number % 3],
            outcome="failed" if number % 7 == 0 else "ok",
            tokens=tries[-1].tokens,
            cost_nano=None if None in costs else sum(cost for cost in costs if cost is not None),
            attempts=tries,
        )

    records = tuple(one(number) for number in range(200))
    found = sums(indexed(records), Filter(), by)
    expected: dict[tuple[str, ...], list[int]] = {}
    for each in records:
        known = {
            "alias": each.model,
            "key": each.key or "-",
            "day": f"2026-11-{22 + int(each.at - 1795305600) // 86400}",
        }
        for tried in each.attempts if "target" in by else each.attempts[:1]:
            names = tuple(tried.target if column == "target" else known[column] for column in by)
            is_single = len(each.attempts) == 1 or "target" not in by
            cost = each.cost_nano if is_single else tried.cost_nano
            failed = each.outcome == "failed" if is_single else tried.outcome == "failed"
            total = expected.setdefault(names, [0, 0, 0, 0, 0])
            usage = tried.tokens
            assert usage is not None
            counts = [1, int(failed), usage.input_tokens + usage.output_tokens, cost or 0, int(cost is None)]
            expected[names] = [a + b for a, b in zip(total, counts, strict=True)]
    assert {sum.names: [sum.calls, sum.errors, sum.tokens, sum.cost_nano, sum.unpriced] for sum in found} == expected
    assert [-sum.cost_nano for sum in found] == sorted(-sum.cost_nano for sum in found)


def test_percentiles_are_right_within_a_class(indexed: Asking) -> None:
    records = tuple(record(number, last_at=10.0 + (number + 1) / 100) for number in range(1000))
    [one] = sums(indexed(records), Filter(), ["alias"])
    assert one.p50 == pytest.approx(5.0, rel=0.03)
    assert one.p95 == pytest.approx(9.5, rel=0.03)


def test_sums_by_target_of_one_target_count_its_attempts_only(indexed: Asking) -> None:
    both = record(1, attempts=[attempt("a/x", outcome="failed"), attempt("b/x")])
    [one] = sums(indexed((both,)), Filter(target="b/x"), ["target"])
    assert (one.names, one.calls, one.errors) == (("b/x",), 1, 0)
