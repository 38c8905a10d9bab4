"""Equal calls under way share one journey: who gets what, who pays, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit, CallError, Cut, Expired, Failed, Throttled
from headworks.core.reply import Chunk, Reply, Usage
from headworks.core.service import stack
from headworks.layers.coalesce import Coalesce
from headworks.layers.meter import Meter
from headworks.layers.trace import Trace
from headworks.ledger.journal import MemoryJournal
from headworks.policy.balancing import Candidate
from headworks.policy.circuit import Breaking, Circuit
from headworks.policy.freshness import MOST_ANSWER
from headworks.policy.latency import LatencyWindow
from headworks.providers.scripted import Stream
from headworks.testing import Answer, Scripted, ask, mock, settle, virtual
from tests.layers.sharing import SAMENESS, both, question


def asking(service: object, asked: Call) -> asyncio.Task[Answer]:
    return asyncio.create_task(ask(service, asked))  # type: ignore[arg-type]


@virtual
async def test_equal_calls_under_way_are_one_call_to_what_is_inside() -> None:
    inner, handle = mock()
    service = both(inner)
    calls = [question() for _ in range(5)]
    tasks = [asking(service, one) for one in calls]
    other = asking(service, question("another"))
    (await handle.next_call()).reply("one")
    (await handle.next_call()).reply("two")
    assert [(await task).text for task in tasks] == ["one"] * 5
    assert (await other).text == "two"
    assert [one.trail.cache for one in calls] == ["miss"] + ["coalesced"] * 4
    late = question()
    await ask(service, late)
    assert late.trail.cache == "hit"
    assert len(handle.arrivals) == 2
    assert handle.open_calls == 0


@virtual
async def test_calls_of_another_tenant_or_form_or_that_want_an_answer_of_their_own_do_not_join() -> None:
    inner, handle = mock()
    service = both(inner)
    calls = [
        question(),
        question(tenant="app"),
        question(streamed=True),
        question(streamed=True, include_usage=True),
        question(cache_control="no-cache"),
        question(cache_control="no-store"),
        question(fields={"temperature": 1}),
    ]
    tasks = [asking(service, one) for one in calls]
    for number in range(len(calls)):
        (await handle.next_call()).reply(f"{number}")
    assert sorted([(await task).text for task in tasks]) == [f"{number}" for number in range(len(calls))]


@pytest.mark.parametrize("said", ["no-cache", "no-store", "max-age=3"])
def test_without_a_cache_too_who_wants_an_answer_of_his_own_gets_one(said: str) -> None:
    @virtual
    async def run() -> None:
        inner, handle = mock()
        service = Coalesce(inner, SAMENESS)
        tasks = [asking(service, question()), asking(service, question(cache_control=said))]
        tasks += [asking(service, question()), asking(service, question(fields={"temperature": 1}))]
        for text in ("one", "two", "three"):
            (await handle.next_call()).reply(text)
        first, own, joined, hot = [(await task).text for task in tasks]
        assert first == joined
        assert {first, own, hot} == {"one", "two", "three"}

    run()


@virtual
async def test_who_joins_late_gets_the_answer_from_its_beginning() -> None:
    inner, handle = mock()
    service = both(inner)
    first = asking(service, question(streamed=True))
    arrival = await handle.next_call()
    arrival.chunk("a")
    await settle()
    arrival.chunk("b")
    await settle()
    second = asking(service, question(streamed=True))
    await settle()
    arrival.chunk("c")
    arrival.end()
    one, two = await first, await second
    assert one.text == two.text == "abc"
    assert one.data == two.data
    assert (one.usage, one.finish) == (two.usage, two.finish)
    assert len(handle.arrivals) == 1


@virtual
async def test_the_journey_goes_on_when_the_one_who_began_it_leaves() -> None:
    inner, handle = mock()
    service = both(inner)
    first, second = asking(service, question(streamed=True)), asking(service, question(streamed=True))
    arrival = await handle.next_call()
    arrival.chunk("a")
    await settle()
    first.cancel()
    await settle()
    assert not arrival.left
    arrival.chunk("b")
    arrival.end()
    assert (await second).text == "ab"
    assert first.cancelled()


@pytest.mark.parametrize("headed", [False, True])
def test_the_journey_ends_with_its_last_reader_and_is_given_back_before_he_is_gone(headed: bool) -> None:
    @virtual
    async def run() -> None:
        inner, handle = mock()
        service = both(inner)
        tasks = [asking(service, question(streamed=True)) for _ in range(3)]
        arrival = await handle.next_call()
        if headed:
            arrival.chunk("a")
        await settle()
        for task in tasks:
            assert not arrival.left
            task.cancel()
            await asyncio.wait([task])
        assert arrival.left
        assert arrival.cancelled
        again = asking(service, question(streamed=True))
        (await handle.next_call()).reply("new")
        assert (await again).text == "new"

    run()


@virtual
async def test_a_reader_who_leaves_before_the_journey_has_begun_leaves_nothing() -> None:
    inner, handle = mock()
    service = both(inner)
    task = asking(service, question())
    await settle(1)
    task.cancel()
    await asyncio.wait([task])
    assert handle.open_calls == 0


@virtual
async def test_an_error_before_the_head_is_everybodys_and_each_has_his_own() -> None:
    inner, handle = mock()
    service = both(inner)
    tasks = [asking(service, question()) for _ in range(3)]
    error = Throttled("slow down", retry_after=7.0, target="a/m")
    (await handle.next_call()).error(error)
    raised = await asyncio.gather(*tasks, return_exceptions=True)
    assert len({id(one) for one in [error, *raised]}) == 4
    for one in raised:
        assert isinstance(one, Throttled)
        assert (one.message, one.retry_after, one.target) == ("slow down", 7.0, "a/m")
    again = asking(service, question())
    (await handle.next_call()).reply("well")
    assert (await again).text == "well"


@virtual
async def test_an_error_of_our_own_is_raised_too() -> None:
    inner, handle = mock()
    service = both(inner)
    tasks = [asking(service, question()) for _ in range(2)]
    (await handle.next_call()).error(ZeroDivisionError("a bug"))
    assert [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)] == [ZeroDivisionError] * 2


@virtual
async def test_a_journey_that_is_ended_from_outside_is_a_cut_for_its_readers() -> None:
    inner, handle = mock()
    coalesce = Coalesce(inner, SAMENESS)
    task = asking(coalesce, question(streamed=True))
    await handle.next_call()
    [journey] = coalesce.journeys.values()
    journey.task.cancel()
    with pytest.raises(Cut):
        await task


@virtual
async def test_a_break_after_the_head_reaches_everybody_after_what_came_before_it() -> None:
    inner, handle = mock()
    service = both(inner)
    tasks = [asking(service, question(streamed=True)) for _ in range(2)]
    arrival = await handle.next_call()
    arrival.chunk("a")
    await settle()
    arrival.fail(Cut("cut"))
    assert [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)] == [Cut, Cut]
    again = asking(service, question(streamed=True))
    (await handle.next_call()).reply("whole")
    assert (await again).text == "whole"


@virtual
async def test_each_reader_has_his_own_deadline_and_the_journey_the_latest() -> None:
    inner, handle = mock()
    service = both(inner)
    first = asking(service, question(total=1.0))
    arrival = await handle.next_call()
    await asyncio.sleep(0.5)
    second = asking(service, question(total=10.0))
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], Expired)
    assert now() == 1.0
    assert not arrival.left
    assert arrival.call.trail.deadline_at == 10.5
    await asyncio.sleep(4)
    arrival.reply("in time")
    assert (await second).text == "in time"


@virtual
async def test_what_a_reader_takes_himself_is_not_counted_against_him() -> None:
    service = both(Scripted([Stream(pieces=["a", 1.0, "b", 1.0, "c"])]))
    async with service.open(question(streamed=True, total=5.0)) as reply:
        text = ""
        while chunks := await reply.read():
            text += "".join(chunk.text for chunk in chunks)
            await asyncio.sleep(10)
    assert text == "abc"


@virtual
async def test_a_reader_who_stops_stops_the_vendor_unless_another_reads_on() -> None:
    reads = 0

    class Endless(Reply):
        async def read(self) -> list[Chunk]:
            nonlocal reads
            reads += 1
            await asyncio.sleep(1)
            return [Chunk(data=b"data: x\n\n", has_content=True)]

    class Leaf:
        @asynccontextmanager
        async def open(self, call: Call) -> AsyncIterator[Reply]:
            yield Endless(streamed=True)

    service = Coalesce(Leaf(), SAMENESS)
    async with service.open(question(streamed=True)) as slow:
        await slow.read()
        await asyncio.sleep(100)
        assert reads == 1
        async with service.open(question(streamed=True)) as fast:
            for _ in range(10):
                await fast.read()
        assert reads == 10


async def read_all(reply: object, most: int = 10**9) -> bytes:
    data = b""
    while len(data) < most and (chunks := await reply.read()):  # type: ignore[attr-defined]
        data += b"".join(chunk.data for chunk in chunks)
    return data


@virtual
async def test_past_the_bound_nobody_joins_and_who_lags_is_cut_while_the_fastest_gets_all() -> None:
    inner, handle = mock()
    service = both(inner)
    event = b"data: {" + b"x" * 99_990 + b"}\n\n"

    async def vendor() -> None:
        arrival = await handle.next_call()
        for number in range(50):
            arrival.put(Chunk(data=event, has_content=True))
            await asyncio.sleep(1 if number else 5)
        arrival.put(Chunk(data=b"data: [DONE]\n\n", last=True))

    selling = asyncio.create_task(vendor())
    slow_opening = service.open(question(streamed=True, total=1e6))
    fast_opening = service.open(question(streamed=True, total=1e6))
    async with asyncio.TaskGroup() as group:
        slow_entering = group.create_task(slow_opening.__aenter__())
        fast_entering = group.create_task(fast_opening.__aenter__())
    slow, fast = slow_entering.result(), fast_entering.result()
    assert len(await read_all(slow, 1)) == len(event)
    reading = asyncio.create_task(read_all(fast))
    await asyncio.sleep(40)
    assert len(handle.arrivals) == 1
    late = asking(service, question(streamed=True, total=1e6))
    await settle()
    assert len(handle.arrivals) == 2  # of its own: the beginning is gone
    late.cancel()
    assert len(await reading) > 50 * len(event)
    with pytest.raises(Cut, match="too slowly"):
        await read_all(slow)
    await slow_opening.__aexit__(None, None, None)
    await fast_opening.__aexit__(None, None, None)
    await selling
    await asyncio.wait([late])
    assert handle.open_calls == 0


@virtual
async def test_one_long_answer_alone_or_shared_reaches_everybody() -> None:
    long = "x" * (MOST_ANSWER + 100)
    service = both(Scripted([Stream(pieces=[1.0, long])]))
    answers = await asyncio.gather(*[ask(service, question()) for _ in range(3)])
    assert [len(answer.text) for answer in answers] == [len(long)] * 3


@virtual
async def test_a_long_stream_alone_is_never_cut_and_lets_go_of_what_was_read() -> None:
    service = Coalesce(Scripted([Stream(pieces=["x" * 100_000, 0.1] * 60)]), SAMENESS)
    async with service.open(question(streamed=True, total=1e6)) as reply:
        [journey] = service.journeys.values()
        size = 0
        while chunks := await reply.read():
            size += sum(len(chunk.data) for chunk in chunks)
            assert sum(len(chunk.data) for chunk in journey.chunks) <= MOST_ANSWER + 100_200
            await asyncio.sleep(1)
    assert size > 60 * 100_000
    assert not service.journeys


def metered(leaf: object, journal: MemoryJournal, *, shared: bool = True) -> Trace:
    """Trace, Coalesce and Meter, and in between what begins attempts."""
    candidate = Candidate("a/m", Circuit(Breaking(), Random(1)), LatencyWindow())

    class Begin:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def open(self, call: Call) -> object:
            attempt = call.trail.begin("a/m", "first", now())
            return self.inner.open(msgspec.structs.replace(call, attempt=attempt))  # type: ignore[attr-defined]

    inside = stack(Begin, lambda inner: Meter(inner, candidate), inside=leaf)  # type: ignore[arg-type, list-item]
    return Trace(Coalesce(inside, SAMENESS), journal, "config")


@virtual
async def test_the_attempts_are_on_the_record_of_the_one_who_began() -> None:
    journal = MemoryJournal()
    service = metered(Scripted([Stream(pieces=[1.0, "a"], usage=Usage(input=3, output=1))]), journal)
    await asyncio.gather(*[ask(service, question()) for _ in range(3)])
    assert sorted(len(record.attempts) for record in journal.records) == [0, 0, 1]
    [payer] = [record for record in journal.records if record.attempts]
    assert (payer.cache, payer.tokens) == ("", Usage(input=3, output=1))
    for record in journal.records:
        if record is not payer:
            assert (record.cache, record.tokens, record.cost_nano) == ("coalesced", None, 0)


@virtual
async def test_when_the_one_who_began_leaves_the_next_pays() -> None:
    journal = MemoryJournal()
    service = metered(Scripted([Stream(pieces=["a", 1.0, "b", 1.0, "c"])]), journal)
    first, second, third = (asking(service, question(streamed=True)) for _ in range(3))
    await asyncio.sleep(0.5)
    first.cancel()
    await asyncio.sleep(1)
    second.cancel()
    assert (await third).text == "abc"
    outcomes = [(record.outcome, len(record.attempts)) for record in journal.records]
    assert outcomes == [("cancelled", 0), ("cancelled", 0), ("ok", 1)]
    assert journal.records[-1].attempts[0].outcome == "ok"


@virtual
async def test_when_all_leave_the_last_pays() -> None:
    journal = MemoryJournal()
    service = metered(Scripted([Stream(pieces=["a", 9.0, "b"])]), journal)
    tasks = [asking(service, question(streamed=True)) for _ in range(2)]
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
        await asyncio.wait([task])
    assert [len(record.attempts) for record in journal.records] == [0, 1]
    assert journal.records[-1].attempts[0].outcome == "cancelled"


@pytest.mark.parametrize("seed", range(8))
def test_conservation_whoever_comes_leaves_and_lags_every_attempt_is_on_one_record(seed: int) -> None:
    @virtual
    async def run() -> None:
        rng = Random(seed)
        journal = MemoryJournal()

        def answer(call: Call) -> Stream:
            pieces: list[str | float | CallError] = [rng.expovariate(1.0)]
            for number in range(rng.randrange(1, 6)):
                pieces += [f"{number} ", rng.expovariate(3.0)]
            if rng.random() < 0.3:
                pieces.insert(rng.randrange(len(pieces)), rng.choice([Cut("cut"), Failed("500"), 90.0]))
            return Stream(pieces=pieces)

        leaf = Scripted([answer], repeat=True)
        service = metered(leaf, journal)

        async def caller(number: int) -> None:
            asked = question(f"{rng.randrange(4)}", streamed=rng.random() < 0.5, total=rng.uniform(1, 20))
            asked = msgspec.structs.replace(asked, id=f"{number}")
            pace = rng.choice([0.0, 0.0, 0.3, 2.0])
            try:
                async with service.open(asked) as reply:
                    while chunks := await reply.read():
                        if chunks[-1].last:
                            return
                        await asyncio.sleep(pace)
            except CallError:
                pass

        tasks = []
        for number in range(300):
            task = asyncio.create_task(caller(number))
            if rng.random() < 0.3:
                asyncio.get_running_loop().call_later(rng.expovariate(1.0), task.cancel)
            tasks.append(task)
            await asyncio.sleep(rng.expovariate(8.0))
        await asyncio.wait(tasks)
        assert leaf.in_flight == 0
        assert service.in_flight == 0
        assert not service.inner.journeys  # type: ignore[attr-defined]
        assert len(asyncio.all_tasks()) == 1
        attempts = [attempt for record in journal.records for attempt in record.attempts]
        assert len(attempts) == len(leaf.calls) < 250
        assert all(attempt.outcome for attempt in attempts)
        assert all(len(record.attempts) <= 1 for record in journal.records)
        assert any(record.cache == "coalesced" and record.outcome == "ok" for record in journal.records)

    run()


class Funded:
    """A reservation with or without room for a further attempt."""

    def __init__(self, *, has_room: bool) -> None:
        self.has_room = has_room
        self.amounts = (1,)

    def needed(self, size: int, attempt: object) -> tuple[int, ...] | None:
        return None if self.has_room else (1,)


def costly(leaf: object, journal: MemoryJournal) -> Trace:
    """As `metered`, and every journey begins with an attempt that failed and cost something."""
    service = metered(leaf, journal)
    inside = service.inner.inner  # type: ignore[attr-defined]

    class Failing:
        def open(self, call: Call) -> object:
            failed = call.trail.begin("b/m", "first", now())
            failed.outcome, failed.ended_at = "failed", now()
            return inside.open(call)

    service.inner.inner = Failing()  # type: ignore[attr-defined]
    return service


def funded(asked: Call, *, has_room: bool) -> Call:
    asked.trail.reservation = Funded(has_room=has_room)  # type: ignore[assignment]
    return asked


@virtual
async def test_who_takes_over_has_room_for_every_attempt_that_there_was() -> None:
    journal = MemoryJournal()
    service = costly(Scripted([Stream(pieces=["a", 1.0, "b"])]), journal)
    first = asking(service, funded(question(streamed=True), has_room=True))
    poor = asking(service, funded(question(streamed=True), has_room=False))
    rich = asking(service, funded(question(streamed=True), has_room=True))
    await asyncio.sleep(0.5)
    first.cancel()
    assert (await poor).text == (await rich).text == "ab"
    assert [len(record.attempts) for record in journal.records] == [0, 0, 2]
    assert journal.records[2].outcome == "ok"


@pytest.mark.parametrize("headed", [False, True])
def test_where_nobody_has_room_the_journey_ends_with_its_payer(headed: bool) -> None:
    @virtual
    async def run() -> None:
        journal = MemoryJournal()
        leaf = Scripted([Stream(pieces=["a", 1.0, "b"] if headed else [1.0, "ab"]), "anew"])
        service = costly(leaf, journal)
        first = asking(service, funded(question(streamed=True), has_room=True))
        poor = asking(service, funded(question(streamed=True), has_room=False))
        await asyncio.sleep(0.5)
        first.cancel()
        if headed:
            with pytest.raises(Cut, match="who paid for it left"):
                await poor
        else:
            assert (await poor).text == "anew"
        await asyncio.wait([first])
        left, stayed = journal.records
        assert (left.outcome, len(left.attempts), left.attempts[-1].outcome) == ("cancelled", 2, "cancelled")
        assert len(stayed.attempts) == (0 if headed else 2)
        assert leaf.in_flight == 0

    run()


@virtual
async def test_a_deadline_in_a_queue_for_room_says_so() -> None:
    inner, handle = mock()
    service = both(inner)
    task = asking(service, question(total=1.0))
    (await handle.next_call()).call.trail.waits_at_limit = True
    with pytest.raises(AtLimit):
        await task


class Telling(Reply):
    """A reply with headers of its vendor."""

    def __init__(self, chunks: list[Chunk]) -> None:
        super().__init__(streamed=False, headers=((b"openai-processing-ms", b"7"), (b"x-region", b"eu")))
        self.chunks = chunks
        self.finish = "stop"

    async def read(self) -> list[Chunk]:
        return self.chunks


@virtual
async def test_a_vendors_headers_are_for_who_began_the_call_and_nobody_who_shares_it() -> None:
    class Inner:
        @asynccontextmanager
        async def open(self, call: Call) -> AsyncIterator[Reply]:
            await asyncio.sleep(1)
            body = (
                b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"total_tokens":1}}'
            )
            yield Telling([Chunk(data=body, has_content=True, finish="stop", last=True)])

    service = both(Inner())
    calls = [question() for _ in range(3)]
    answers = await asyncio.gather(*(ask(service, one) for one in calls))
    kept = question()
    later = await ask(service, kept)
    assert [one.trail.cache for one in (*calls, kept)] == ["miss", "coalesced", "coalesced", "hit"]
    assert [len(one.headers) for one in (*answers, later)] == [2, 0, 0, 0]
