"""What is shipped for tests does what its docstrings promise."""

import asyncio

import msgspec
import pytest

from headworks.core.clock import now
from headworks.core.errors import Cut, Expired, Throttled
from headworks.core.reply import Usage
from headworks.core.vtime import Deadlock
from headworks.testing import ask, call, mock, run_virtual, settle, virtual


@virtual
async def test_a_call_is_seen_answered_and_given_back() -> None:
    service, handle = mock()
    asked = call("what?")
    asking = asyncio.create_task(ask(service, asked))
    arrival = await handle.next_call()
    assert arrival.call is asked
    assert handle.open_calls == 1
    arrival.reply("that", usage=Usage(input=3, output=1))
    answer = await asking
    assert (answer.text, answer.finish, answer.usage) == ("that", "stop", Usage(input=3, output=1))
    assert msgspec.json.decode(answer.data)["choices"][0]["message"]["content"] == "that"
    assert arrival.left
    assert not arrival.cancelled
    assert handle.open_calls == 0


@virtual
async def test_calls_are_answered_in_any_order() -> None:
    service, handle = mock()
    asking = [asyncio.create_task(ask(service, call())) for _ in range(2)]
    first, second = await handle.next_call(), await handle.next_call()
    second.reply("second")
    await settle()
    assert [task.done() for task in asking] == [False, True]
    first.reply("first")
    assert [(await task).text for task in asking] == ["first", "second"]


@virtual
async def test_an_error_takes_the_place_of_the_head() -> None:
    service, handle = mock()
    asking = asyncio.create_task(ask(service, call()))
    arrival = await handle.next_call()
    handle.error(error := Throttled("slow down"))
    with pytest.raises(Throttled) as caught:
        await asking
    assert arrival.left
    assert arrival.left_with is caught.value
    assert repr(caught.value) == repr(error)
    assert error.__traceback__ is None, "what a test wrote and keeps knows nothing of the call"


@virtual
async def test_a_stream_is_told_chunk_by_chunk() -> None:
    service, handle = mock()
    opening = service.open(call(streamed=True, include_usage=True))
    entering = asyncio.create_task(opening.__aenter__())
    arrival = await handle.next_call()
    await settle()
    assert not entering.done()
    arrival.chunk("a b")
    reply = await entering
    assert [chunk.text for chunk in await reply.read()] == ["a b"]
    reading = asyncio.create_task(reply.read())
    await settle()
    assert not reading.done()
    arrival.chunk(" c")
    arrival.end("length")
    chunks = await reading
    assert [chunk.last for chunk in chunks] == [False, False, True]
    assert reply.finish == "length"
    assert reply.usage is not None
    assert reply.usage.output == 3
    assert await reply.read() == []
    assert handle.open_calls == 1
    await opening.__aexit__(None, None, None)
    assert arrival.left


@virtual
async def test_a_stream_breaks_after_what_was_said() -> None:
    service, handle = mock()
    asking = asyncio.create_task(ask(service, call(streamed=True)))
    arrival = await handle.next_call()
    arrival.chunk("a")
    arrival.fail(Cut("gone"))
    with pytest.raises(Cut):
        await asking
    assert isinstance(arrival.left_with, Cut)


@virtual
async def test_a_cancellation_is_seen_before_the_head_and_after() -> None:
    service, handle = mock()
    for answered in (False, True):
        asking = asyncio.create_task(ask(service, call(streamed=True)))
        arrival = await handle.next_call()
        if answered:
            arrival.chunk("a")
            await settle()
        asking.cancel()
        await arrival.gone()
        assert arrival.cancelled
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert handle.open_calls == 0


@virtual
async def test_it_keeps_the_bounds_of_the_attempt() -> None:
    service, handle = mock()
    asked = call(streamed=True)
    attempt = asked.trail.begin("mock", "first", 0.0)
    attempt.head_by, attempt.gap = 2.0, 3.0
    asked = msgspec.structs.replace(asked, attempt=attempt)
    with pytest.raises(Expired) as caught:
        await ask(service, asked)
    assert (caught.value.phase, now()) == ("first_token", 2.0)
    attempt.head_by = 0.0
    asking = asyncio.create_task(ask(service, asked))
    await handle.next_call()
    (await handle.next_call()).chunk("a")
    with pytest.raises(Expired) as caught:
        await asking
    assert (caught.value.phase, now()) == ("between_tokens", 5.0)
    assert attempt.head_at == 2.0


def test_a_call_that_never_comes_is_a_deadlock() -> None:
    async def scene() -> None:
        _, handle = mock()
        await handle.next_call()

    with pytest.raises(Deadlock):
        run_virtual(scene())


@virtual
async def test_an_answer_is_given_once() -> None:
    service, handle = mock()
    asking = asyncio.create_task(ask(service, call()))
    arrival = await handle.next_call()
    arrival.reply()
    with pytest.raises(AssertionError, match="answered already"):
        arrival.reply()
    assert (await asking).text == "ok"


def test_virtual_gives_back_what_the_test_returns_and_keeps_its_name() -> None:
    @virtual
    async def three(addend: int) -> int:
        await asyncio.sleep(3600)
        return addend + 1

    assert three(2) == 3
    assert three.__name__ == "three"
