"""What the ledger takes: `python bench/ledger.py [--records 5000000]`.

Prints the cost of the journal's append, the indexer's records a second of one core, and how long each kind of question
takes. Times are of the processor as well as of the clock: on a busy machine only the first can be compared. The journal
is written in pieces of a million, which the indexer removes: it needs some 1.1 kB of disk a record.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from headworks.core.record import AttemptRecord, Record
from headworks.core.reply import Usage
from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal
from headworks.ledger.query import Filter, Queries
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.sums import sums

PIECE = 1_000_000
START = 1795305600.0
DAYS = 30
TARGETS = [f"vendor-{number // 5}/model-{number % 5}" for number in range(20)]


def records(first: int, count: int, total: int, rng: random.Random) -> list[Record]:
    """Calls of 30 days: 10 models, 20 keys, 20 targets, 3% failed, 4% with several attempts."""
    made = []
    for number in range(first, first + count):
        took = rng.lognormvariate(0.5, 0.8)
        is_failed = rng.random() < 0.03
        tokens = Usage(input=int(rng.lognormvariate(6.5, 0.8)), output=int(rng.lognormvariate(5, 0.8)))
        tries = 1 if rng.random() > 0.04 else 2
        at = START + DAYS * 86400 * number / total
        attempts = [
            AttemptRecord(
                target=TARGETS[min(rng.randrange(20), rng.randrange(20))],
                why="first" if step == 0 else "fallback",
                started_at=100.0 + took * step / tries,
                head_at=100.2 + took * step / tries,
                ended_at=100.0 + took * (step + 1) / tries,
                outcome="ok" if step + 1 == tries and not is_failed else "failed",
                vendor_request_id=f"chatcmpl-{rng.getrandbits(96):024x}",
                tokens=tokens,
                cost_nano=tokens.input * 250 + tokens.output * 2000,
            )
            for step in range(tries)
        ]
        made.append(
            Record(
                request_id=f"req_{int(at * 1000):012x}{rng.getrandbits(80):020x}",
                at=at,
                arrived_at=100.0,
                head_at=100.2,
                last_at=100.0 + took,
                operation="chat",
                model=f"model-{min(rng.randrange(10), rng.randrange(10))}",
                key=f"key-{min(rng.randrange(20), rng.randrange(20))}",
                streamed=True,
                status=502 if is_failed else 200,
                outcome="failed" if is_failed else "ok",
                error="NoTarget" if is_failed else "",
                reason=f"The server had an error ({rng.randrange(10**6)})." if is_failed else "",
                config="c" * 32,
                request_digest=f"{rng.getrandbits(128):032x}",
                reply_digest=f"{rng.getrandbits(128):032x}",
                tokens=tokens,
                cost_nano=sum(attempt.cost_nano or 0 for attempt in attempts),
                attempts=attempts,
            )
        )
    return made


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the processor, and of the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    act()
    return time.process_time() - processor, time.perf_counter() - clock


def fill(folder: Path, count: int) -> Queries:
    rng = random.Random(1)
    index = Indexer(folder / "journal", SqliteAt(folder / "ledger.db"))
    appended = indexed = indexed_clock = 0.0
    for first in range(0, count, PIECE):
        journal = Journal(folder / "journal", started_at=first / 1000, sync=1.0)
        for start in range(first, min(first + PIECE, count), 10_000):
            some = records(start, 10_000, count, rng)

            def append(some: list[Record] = some, journal: Journal = journal) -> None:
                for one in some:
                    journal.append(one)

            appended += timed(append)[0]
        journal.close()
        took = timed(index.catch_up)
        indexed, indexed_clock = indexed + took[0], indexed_clock + took[1]
        done = min(first + PIECE, count)
        print(
            f"  {done:>9,} records: {done / indexed:,.0f} indexed a second of one core ({done / indexed_clock:,.0f} by the clock)"
        )
    size = sum(path.stat().st_size for path in folder.glob("ledger.db*"))
    print(f"  append {appended / count * 1e6:.1f} us a record; store {size / count:.0f} bytes a record")
    return Queries(index.store())


def ask(questions: Queries, count: int) -> None:
    end = START + DAYS * 86400
    hour = Filter(since=end - 3600)
    last = msgspec.json.decode(next(questions.lines(Filter(), last=1)), type=Record)
    middle = msgspec.json.decode(next(questions.lines(Filter(until=START + 15 * 86400), last=1)), type=Record)
    rare = "several words that nobody said"
    finds: list[tuple[str, Filter, bool]] = [
        ("the last 20", Filter(), False),
        ("the last hour", hour, False),
        ("alias", Filter(alias="model-9"), False),
        ("key", Filter(key="key-19"), False),
        ("target (of 20, often the second)", Filter(target=TARGETS[19]), False),
        ("outcome", Filter(outcome="failed"), False),
        ("failed, one key", Filter(failed=True, key="key-19"), False),
        ("failed, one key, one alias, slow 10s", Filter(failed=True, key="key-19", alias="model-9", slow=10.0), False),
        ("slow 30s", Filter(slow=30.0), False),
        ("slow 1s", Filter(slow=1.0), False),
        ("error, often", Filter(error="server had"), False),
        ("error, never", Filter(error=rare), False),
        ("error, never, all of one alias", Filter(error=rare, alias="model-0"), False),
        ("two common names that never meet", Filter(alias="model-0", target=TARGETS[0], slow=500.0), False),
        ("request id, the newest", Filter(request_id=last.request_id), False),
        ("request id, in the middle", Filter(request_id=middle.request_id), False),
        ("request id, its first 16 digits", Filter(request_id=middle.request_id[:20]), False),
        ("request id, its first 8 digits (a minute)", Filter(request_id=middle.request_id[:12]), False),
        ("request id, unknown", Filter(request_id="req_" + "0" * 32), False),
        ("slowest of all", Filter(), True),
        ("slowest failed of one key, last hour", Filter(since=end - 3600, failed=True, key="key-0"), True),
        ("slowest of one alias", Filter(alias="model-0"), True),
    ]
    print(f"\n| {count:,} records: the last 20 of | processor | clock |\n|---|---|---|")
    for name, asked, slowest in finds:

        def find(asked: Filter = asked, slowest: bool = slowest) -> None:
            list(questions.lines(asked, last=20, slowest=slowest))

        processor, clock = min(timed(find) for _ in range(3))
        print(f"| {name} | {processor:.3f} s | {clock:.3f} s |", flush=True)
    for name, asked in (("sums by key, one day", Filter(since=end - 86400)), ("sums by key, everything", Filter())):
        processor, clock = timed(lambda asked=asked: sums(questions, asked, ["key"]))  # type: ignore[misc]
        print(f"| {name} | {processor:.3f} s | {clock:.3f} s |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--folder", help="where to work: a temporary folder by default")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as made:
        ask(fill(Path(made), chosen.records), chosen.records)
