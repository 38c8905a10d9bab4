"""Records to fill a journal with."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headworks.core.record import AttemptRecord, Record
from headworks.ledger.indexer import Indexer
from headworks.ledger.journal import Journal
from headworks.ledger.query import Filter, Queries
from headworks.ledger.store import StoreAt


def record(number: int, **changes: object) -> Record:
    """The call with this number: one whole answer in two seconds, at second `number` of 2026-11-22 (UTC)."""
    made = Record(
        request_id=f"req_{number:010x}{0:022x}",
        at=1795305600.0 + number,
        arrived_at=10.0,
        head_at=10.5,
        last_at=12.0,
        operation="chat",
        model="assistant",
        key="web",
        streamed=True,
        status=200,
        outcome="ok",
        config="c",
        cost_nano=1000,
        attempts=[attempt()],
    )
    return msgspec.structs.replace(made, **changes)


def attempt(target: str = "openai/gpt", **changes: object) -> AttemptRecord:
    made = AttemptRecord(
        target=target, why="first", started_at=10.0, head_at=10.5, ended_at=12.0, outcome="ok", cost_nano=1000
    )
    return msgspec.structs.replace(made, **changes)


def line(record: Record) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def journal(folder: Path, *records: Record, started_at: float = 1.0) -> Path:
    """A final journal file with these records."""
    written = Journal(folder, started_at=started_at, sync=1.0)
    for one in records:
        written.append(one)
    written.close()
    return written.path


def stored(at: StoreAt, asked: Filter | None = None) -> list[str]:
    """The request ids in a store, oldest first."""
    store = at.open(20.0)
    lines = list(Queries(store).lines(asked or Filter()))
    store.close()
    return [msgspec.json.decode(one, type=Record).request_id for one in lines]


def ids(*numbers: int) -> list[str]:
    return [record(number).request_id for number in numbers]


SIZE = 2_000_000
"""Bytes that a file may have here. The store has fewer; the journal begins near it."""


@contextlib.contextmanager
def full(journal: Journal, room: int = 900) -> Iterator[None]:
    """A disk that takes so many bytes more of the journal, the last line in part, and everything of the store."""
    os.truncate(journal.path, SIZE - room - 1)
    with journal.path.open("ab") as file:
        file.write(b"\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def indexed(folder: Path, at: StoreAt) -> list[str]:
    """What is in the store at last."""
    index = Indexer(folder, at)
    index.catch_up()
    index.close()
    return stored(at)
