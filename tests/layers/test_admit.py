"""Waiting for a place: in order, in time, and nothing is lost when a caller leaves the queue."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import Expired, Overloaded
from headworks.core.key import Priority
from headworks.layers.admit import Admit
from headworks.policy.shedding import Admission
from headworks.providers.scripted import Scripted, Stream
from headworks.testing import ask, call, mock, settle, virtual


def of(priority: Priority = "normal", **fields: float) -> Call:
    return msgspec.structs.replace(call(priority, streamed=True), priority=priority, **fields)


@virtual
async def test_a_call_that_finds_no_place_waits_for_one_and_is_answered() -> None:
    leaf = Scripted([Stream(pieces=["one ", 2.0, "two"])], repeat=True)
    admit = Admit(leaf, Admission(1, 9), max_wait=5.0)
    answers = await asyncio.gather(*[ask(admit, of("high")) for _ in range(3)])
    assert [answer.text for answer in answers] == ["one two"] * 3
    assert now() == pytest.approx(6.0)
    assert (admit.admission.in_flight, admit.admission.queued, leaf.in_flight) == (0, 0, 0)


@virtual
async def test_who_has_waited_too_long_is_told_when_to_come_back() -> None:
    service, handle = mock()
    admit = Admit(service, Admission(1, 9), max_wait=5.0)
    first = asyncio.create_task(ask(admit, of("high")))
    arrival = await handle.next_call()
    with pytest.raises(Overloaded) as caught:
        await ask(admit, of("high"))
    assert (now(), caught.value.retry_after, caught.value.shown_status) == (5.0, 1.0, 503)
    with pytest.raises(Expired, match="total"):
        await ask(admit, of("high", deadline_at=6.0))
    assert now() == 6.0
    assert admit.admission.queued == 0
    arrival.reply()
    await first
    assert len(handle.arrivals) == 1, "nobody was asked for them"


@virtual
async def test_past_the_queue_the_oldest_low_priority_call_is_turned_away_first() -> None:
    service, handle = mock()
    admit = Admit(service, Admission(1, 2), max_wait=5.0)
    inside = asyncio.create_task(ask(admit, of("high")))
    arrival = await handle.next_call()
    old, young = (asyncio.create_task(ask(admit, of("low"))) for _ in range(2))
    await settle()
    important = asyncio.create_task(ask(admit, of("normal")))
    await settle()
    assert [task.done() for task in (old, young, important)] == [True, False, False]
    assert isinstance(old.exception(), Overloaded)
    arrival.reply()
    (await handle.next_call()).reply("normal first")
    (await handle.next_call()).reply("then low")
    assert ((await important).text, (await young).text) == ("normal first", "then low")
    await inside
    assert (admit.admission.in_flight, admit.admission.queued) == (0, 0)


@pytest.mark.parametrize("moment", ["while it waits", "as it is called in", "as its time is up"])
@virtual
async def test_a_caller_who_leaves_the_queue_takes_no_place_with_it(moment: str) -> None:
    service, handle = mock()
    admit = Admit(service, Admission(1, 9), max_wait=5.0)
    first = asyncio.create_task(ask(admit, of("high")))
    arrival = await handle.next_call()
    waiting = asyncio.create_task(ask(admit, of("high")))
    behind = asyncio.create_task(ask(admit, of("high")))
    await settle()
    if moment == "as its time is up":
        await asyncio.sleep(5.0)
    arrival.reply()
    if moment == "as it is called in":
        while (
            admit.admission.queued == 2
        ):  # the place is passed on in some turn of the loop; whoever got it runs in the next
            await settle(1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    while not behind.done():
        for each in handle.arrivals:
            if not each.left and not each.answered:
                each.reply()
        await settle(1)
    await asyncio.gather(first, behind, return_exceptions=True)
    assert (admit.admission.in_flight, admit.admission.queued, handle.open_calls) == (0, 0, 0)


@virtual
async def test_a_place_that_comes_in_the_same_instant_in_which_the_time_is_up_is_not_lost() -> None:
    leaf = Scripted([Stream(pieces=["one ", 5.0, "two"]), "hi"])
    admit = Admit(leaf, Admission(1, 9), max_wait=5.0)
    await asyncio.gather(*[ask(admit, of("high")) for _ in range(2)], return_exceptions=True)
    assert (admit.admission.in_flight, admit.admission.queued) == (0, 0)
