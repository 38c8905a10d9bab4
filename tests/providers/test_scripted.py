"""Scripted answers from its list, and keeps the bounds that every leaf keeps."""

import asyncio

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import Cut, Expired, Failed
from headworks.core.reply import Usage
from headworks.providers.scripted import Scripted, Stream
from headworks.testing import ask, call, virtual


def attempted(asked: Call, *, head_by: float = 0.0, gap: float = 0.0) -> Call:
    attempt = asked.trail.begin("scripted", "first", 0.0)
    attempt.head_by = head_by
    attempt.gap = gap
    return msgspec.structs.replace(asked, attempt=attempt)


@virtual
async def test_answers_come_in_the_order_of_the_list_and_calls_are_kept() -> None:
    vendor = Scripted(["one", Failed("two"), lambda asked: f"three for {asked.alias}"])
    first, second, third = call("a"), call("b"), call("c", alias="x")
    assert (await ask(vendor, first)).text == "one"
    with pytest.raises(Failed, match="two"):
        await ask(vendor, second)
    assert vendor.left_over == 1
    assert (await ask(vendor, third)).text == "three for x"
    assert vendor.calls == [first, second, third]
    assert vendor.left_over == 0
    assert vendor.in_flight == 0


@virtual
async def test_a_call_past_the_end_of_the_list_fails_the_test() -> None:
    vendor = Scripted(["one"])
    await ask(vendor, call())
    with pytest.raises(AssertionError, match="only 1 answers"):
        await ask(vendor, call())


@virtual
async def test_the_last_answer_is_given_again_when_asked_to() -> None:
    vendor = Scripted(["one", "two"], repeat=True)
    assert [(await ask(vendor, call())).text for _ in range(4)] == ["one", "two", "two", "two"]
    assert vendor.left_over == 0


@virtual
async def test_a_text_is_a_body_or_a_stream_as_the_call_asks() -> None:
    whole = await ask(Scripted(["hi there"]), call())
    assert msgspec.json.decode(whole.data)["choices"][0]["message"]["content"] == "hi there"
    assert whole.usage is not None
    assert whole.usage.output == 2
    asked = call(streamed=True)
    streamed = await ask(Scripted(["hi there"]), asked)
    assert (streamed.text, streamed.finish) == ("hi there", "stop")
    assert streamed.usage is not None
    assert streamed.usage.output == 2
    assert streamed.data.startswith(b"data: ")
    assert streamed.data.endswith(b"data: [DONE]\n\n")
    assert b'"usage"' not in streamed.data
    told = await ask(Scripted(["hi"]), call(streamed=True, include_usage=True))
    assert b'"usage"' in told.data


@virtual
async def test_pauses_take_their_time_before_the_head_and_after() -> None:
    vendor = Scripted([Stream(pieces=[1.0, "a", 2.0, "b", 0.5], usage=Usage(input=7, output=9))])
    asked = attempted(call(streamed=True))
    async with vendor.open(asked) as reply:
        assert now() == 1.0
        assert asked.attempt is not None
        assert asked.attempt.head_at == 1.0
        assert [chunk.text for chunk in await reply.read()] == ["a"]
        assert [chunk.text for chunk in await reply.read()] == ["b"]
        assert now() == 3.0
        ending = await reply.read()
        assert now() == 3.5
        assert [chunk.last for chunk in ending] == [False, True]
        assert await reply.read() == []
        assert reply.usage == asked.attempt.usage == Usage(input=7, output=9)
        assert vendor.in_flight == 1
    assert vendor.in_flight == 0


@virtual
async def test_a_stream_breaks_where_its_error_stands() -> None:
    async with Scripted([Stream(pieces=["a", Cut("gone")])]).open(call(streamed=True)) as reply:
        assert [chunk.text for chunk in await reply.read()] == ["a"]
        with pytest.raises(Cut):
            await reply.read()
        assert await reply.read() == []
        assert reply.usage is None


@virtual
async def test_a_stream_without_text_has_its_finish_for_a_head() -> None:
    answer = await ask(Scripted([Stream(pieces=[], finish="content_filter")]), call(streamed=True))
    assert answer.text == ""
    assert answer.finish == "content_filter"
    assert b'"role":"assistant"' in answer.chunks[0].data


@pytest.mark.parametrize(("streamed", "phase"), [(True, "first_token"), (False, "answer")])
def test_a_pause_past_the_bound_is_an_expired_at_the_bound(streamed: bool, phase: str) -> None:
    @virtual
    async def scene() -> None:
        vendor = Scripted([Stream(pieces=[5.0, "late"])])
        with pytest.raises(Expired) as caught:
            await ask(vendor, attempted(call(streamed=streamed), head_by=2.0))
        assert (caught.value.phase, now(), vendor.in_flight) == (phase, 2.0, 0)

    scene()


@virtual
async def test_a_gap_and_a_deadline_bind_the_reading() -> None:
    vendor = Scripted([Stream(pieces=["a", 5.0, "b"])], repeat=True)
    with pytest.raises(Expired) as caught:
        await ask(vendor, attempted(call(streamed=True), gap=3.0))
    assert (caught.value.phase, now()) == ("between_tokens", 3.0)
    with pytest.raises(Expired) as caught:
        await ask(vendor, msgspec.structs.replace(attempted(call(streamed=True), gap=3.0), deadline_at=4.0))
    assert (caught.value.phase, now()) == ("total", 4.0)
    assert vendor.in_flight == 0


@virtual
async def test_a_cancelled_wait_gives_the_call_back() -> None:
    vendor = Scripted([Stream(pieces=[5.0, "late"])])
    asking = asyncio.create_task(ask(vendor, call()))
    await asyncio.sleep(1)
    assert vendor.in_flight == 1
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert vendor.in_flight == 0
