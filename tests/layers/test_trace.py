"""Trace writes one record a call, before the last chunk goes out."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headworks.core.digest import digest
from headworks.core.errors import (
    Cut,
    Denied,
    Expired,
    Failed,
    Malformed,
    Overloaded,
    Rejected,
    Unauthenticated,
    Unreachable,
    VendorSaid,
)
from headworks.core.record import MOST_TEXT
from headworks.core.reply import Chunk
from headworks.core.service import Service
from headworks.layers.trace import Trace
from headworks.ledger.journal import MemoryJournal
from headworks.providers.scripted import Stream
from headworks.testing import Scripted, ask, call, mock, virtual


def traced(inner: Service) -> tuple[Trace, MemoryJournal]:
    journal = MemoryJournal()
    return Trace(inner, journal, "config-1"), journal


@virtual
async def test_a_whole_answer_is_one_record_with_its_tokens() -> None:
    trace, journal = traced(Scripted(["four words of text"]))
    answer = await ask(trace, call())
    [record] = journal.records
    assert (record.outcome, record.status, record.model, record.config) == ("ok", 200, "assistant", "config-1")
    assert record.tokens == answer.usage
    assert trace.in_flight == 0


@virtual
async def test_the_record_is_there_before_the_last_chunk_is_handed_out() -> None:
    trace, journal = traced(Scripted([Stream(pieces=["one", 1.0, "two", 1.0])]))
    async with trace.open(call(streamed=True)) as reply:
        seen = 0
        while not (chunks := await reply.read())[-1].last:
            seen += len(chunks)
            assert journal.records == []
        assert seen
        assert len(journal.records) == 1
    assert len(journal.records) == 1
    assert journal.records[0].last_at - journal.records[0].arrived_at == pytest.approx(2.0)


@virtual
async def test_a_reader_who_leaves_early_is_recorded_as_cancelled() -> None:
    trace, journal = traced(Scripted([Stream(pieces=["one", 1.0, "two"])]))
    async with trace.open(call(streamed=True)) as reply:
        await reply.read()
    assert [(record.outcome, record.status) for record in journal.records] == [("cancelled", 499)]


@virtual
async def test_a_cancelled_caller_is_recorded_once() -> None:
    service, handle = mock()
    trace, journal = traced(service)
    asking = asyncio.create_task(ask(trace, call()))
    await handle.next_call()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [record.outcome for record in journal.records] == ["cancelled"]
    assert trace.in_flight == 0


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [
        (Malformed("no"), "refused", 400),
        (Rejected("no", said=VendorSaid(status=422)), "refused", 422),
        (Failed("no", said=VendorSaid(status=503)), "failed", 503),
        (Denied("no", said=VendorSaid(status=401)), "failed", 502),
        (Overloaded("no"), "shed", 503),
        (Expired(phase="answer"), "expired", 504),
        (Cut("no"), "cut", 502),
        (KeyError("ours"), "broken", 500),
    ],
)
def test_every_end_has_its_outcome_and_status(error: Exception, outcome: str, status: int) -> None:
    @virtual
    async def run() -> None:
        service, handle = mock()
        trace, journal = traced(service)
        asking = asyncio.create_task(ask(trace, call()))
        (await handle.next_call()).error(error)
        with pytest.raises(type(error)):
            await asking
        [record] = journal.records
        assert (record.outcome, record.status, record.error) == (outcome, status, type(error).__name__)

    run()


@virtual
async def test_the_record_says_where_it_was_what_the_caller_is_not_told() -> None:
    service, handle = mock()
    trace, journal = traced(service)
    error = Unreachable("vendor/m: no connection: Connection refused")
    error.place = "https://vendor-01.eu-west-1.example.com:8443: Connection refused"
    asking = asyncio.create_task(ask(trace, call()))
    (await handle.next_call()).error(error)
    with pytest.raises(Unreachable):
        await asking
    [record] = journal.records
    assert record.reason == (
        "vendor/m: no connection: Connection refused (https://vendor-01.eu-west-1.example.com:8443: Connection refused)"
    )


@virtual
async def test_a_stranger_is_counted_and_not_journaled() -> None:
    service, handle = mock()
    trace, journal = traced(service)
    asking = asyncio.create_task(ask(trace, call()))
    (await handle.next_call()).error(Unauthenticated())
    with pytest.raises(Unauthenticated):
        await asking
    assert (journal.records, trace.strangers) == ([], 1)


@virtual
async def test_a_made_up_name_of_a_megabyte_does_not_fill_the_record() -> None:
    trace, journal = traced(Scripted(["ok"]))
    await ask(trace, msgspec.structs.replace(call(alias="x" * 1_000_000), user="y" * 1_000_000))
    [record] = journal.records
    assert len(record.model) == len(record.user) == MOST_TEXT


@virtual
async def test_the_digest_is_of_the_bytes_that_the_caller_got() -> None:
    trace, journal = traced(Scripted([Stream(pieces=["one", "two"])]))
    answer = await ask(trace, call(streamed=True))
    assert journal.records[0].reply_digest == digest(answer.data)


@virtual
async def test_half_of_a_character_breaks_no_record() -> None:
    service, handle = mock()
    journal = MemoryJournal()
    trace = Trace(service, journal, "config-1", keeps_bodies=True)
    asking = asyncio.create_task(ask(trace, call(streamed=True)))
    arrival = await handle.next_call()
    for half in ("a\ud83d", "\ude00", "\ud83d"):
        arrival.put(Chunk(data=b"data: x\n\n", has_content=True, text=half))
    arrival.end()
    await asking
    [record] = journal.records
    assert (record.outcome, record.answered) == ("ok", "a\N{GRINNING FACE}\N{REPLACEMENT CHARACTER}")
