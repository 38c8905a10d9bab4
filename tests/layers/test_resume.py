"""A stream that breaks goes on as one unbroken answer, or ends with a clean error: over the assembled stack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Crowded, Cut, Diverged, Expired, Failed, Rejected, VendorSaid
from headworks.core.record import Record
from headworks.core.reply import Chunk, Usage
from headworks.core.service import Service
from headworks.layers.resume import Unbroken
from headworks.providers.scripted import Answering, Scripted, Stream
from headworks.testing import Answer, Handle, ask, call, mock, settle, virtual
from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.sse import Splitter, events_in
from tests.stack.systems import World

TWO = """
version: 1
providers: {first: {dialect: simulated}, second: {dialect: simulated}}
models:
  assistant:
    targets: [first/m, second/m]
    mid_stream: MODE
    price: {input: $1/M, output: $10/M}
"""
ONE = TWO.replace("targets: [first/m, second/m]", "targets: [first/m]")
CUT = Cut("the vendor went away")
TEXT = "one two three four"
WHOLE = Stream(pieces=["one ", "two ", "three ", "four"])


def cut(*pieces: str | float, error: CallError = CUT) -> Stream:
    return Stream(pieces=[*pieces, error])


class Resumed:
    """A world over one scripted leaf a provider."""

    def __init__(self, mode: str, *answers: Sequence[Answering], text: str = TWO) -> None:
        self.leaves = {name: Scripted(some) for name, some in zip(("first", "second"), answers, strict=False)}
        self.world = World(self.leaf, text.replace("MODE", mode))

    def leaf(self, provider: str, model: str) -> Service:
        return self.leaves[provider]

    async def ask(self, asked: Call | None = None, **fields: Any) -> Answer:
        return await ask(self.world.assembled.front, asked or call(streamed=True, **fields))

    async def broken(self, **fields: Any) -> tuple[str, CallError]:
        """What was read of a stream before its error, and the error."""
        text = ""
        with pytest.raises(CallError) as caught:
            async with self.world.assembled.front.open(call(streamed=True, **fields)) as reply:
                while chunks := await reply.read():
                    text += "".join(chunk.text for chunk in chunks)
        return text, caught.value

    @property
    def record(self) -> Record:
        [record] = self.world.journal.records
        return record

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        return [(attempt.target, attempt.why, attempt.outcome) for attempt in self.record.attempts]

    def is_clean(self) -> bool:
        return self.world.left_behind() == {} and not any(leaf.in_flight for leaf in self.leaves.values())


def events(data: bytes) -> list[Any]:
    return [json.loads(one.data) for one in Splitter().feed(data) if one.data != b"[DONE]"]


# Restart


@pytest.mark.parametrize("end", range(1, 5))
@virtual
async def test_a_cut_stream_is_told_again_and_its_reader_sees_one(end: int) -> None:
    pieces = ["one ", "two ", "three ", "four"]
    system = Resumed("restart", [cut(*pieces[:end]), WHOLE], [])
    answer = await system.ask(include_usage=True)
    assert answer.text == TEXT
    seen = events(answer.data)
    assert len({(one["id"], one["created"], one["model"]) for one in seen}) == 1
    assert [choice["delta"].get("role") for one in seen for choice in one["choices"]].count("assistant") == 1
    said = "".join(choice["delta"].get("content") or "" for one in seen for choice in one["choices"])
    assert said == TEXT
    assert answer.data.endswith(b"data: [DONE]\n\n")
    assert answer.finish == "stop"
    assert answer.usage == system.record.tokens == Usage(input=30, output=4)
    assert [one["usage"]["completion_tokens"] for one in seen if one.get("usage")] == [4]
    assert system.steps == [("first/m", "first", "cut"), ("first/m", "resume", "ok")]
    assert system.is_clean()


@virtual
async def test_the_broken_attempt_is_left_with_its_error_so_that_its_circuit_hears_of_it() -> None:
    system = Resumed("restart", [cut("one ") for _ in range(5)], [WHOLE] * 5)
    circuit = system.world.assembled.shared.circuits["first/m"]
    for number in range(5):
        assert (await system.ask(call(f"question {number}", streamed=True))).text == TEXT
        if circuit.state == "open":
            break
    assert circuit.state == "open"
    assert len(system.leaves["first"].calls) == 5


@virtual
async def test_every_attempt_is_counted_and_costs() -> None:
    system = Resumed("restart", [cut("one ", "two "), WHOLE], [])
    await system.ask()
    first, second = system.record.attempts
    assert (first.error, first.reason) == ("Cut", "the vendor went away")
    assert first.estimated
    assert first.tokens == Usage(input=-(-len(call(streamed=True).body) // 4), output=2)  # 8 bytes of text
    assert second.tokens == system.record.tokens
    costs = [attempt.cost_nano for attempt in (first, second)]
    assert None not in costs
    assert system.record.cost_nano == sum(cost for cost in costs if cost)


@virtual
async def test_a_stall_goes_on_with_another_target_after_between_tokens() -> None:
    system = Resumed("restart", [Stream(pieces=["one ", 1000.0, "two"])], [WHOLE])
    assert (await system.ask()).text == TEXT
    assert now() == pytest.approx(8.0)
    assert system.steps == [("first/m", "first", "expired"), ("second/m", "resume", "ok")]


@virtual
async def test_the_only_target_is_asked_again_after_a_stall() -> None:
    system = Resumed("restart", [Stream(pieces=["one ", 1000.0]), WHOLE], text=ONE)
    assert (await system.ask()).text == TEXT


@virtual
async def test_a_target_that_breaks_twice_is_left_for_another() -> None:
    system = Resumed("restart", [cut("one "), cut("one ", "two ")], [WHOLE])
    assert (await system.ask()).text == TEXT
    assert system.steps == [
        ("first/m", "first", "cut"),
        ("first/m", "resume", "cut"),
        ("second/m", "resume", "ok"),
    ]
    assert [attempt.tokens.output for attempt in system.record.attempts if attempt.tokens] == [1, 2, 4]


@virtual
async def test_a_second_attempt_that_breaks_before_it_says_anything_new_is_no_harm() -> None:
    system = Resumed("restart", [cut("one ", "two "), cut("one ")], [Stream(pieces=["one two three", " four"])])
    assert (await system.ask()).text == TEXT


@virtual
async def test_an_attempt_that_says_something_else_ends_the_stream_with_an_error() -> None:
    system = Resumed("restart", [cut("one "), Stream(pieces=["uno ", "due"])], [])
    text, error = await system.broken()
    assert text == "one "
    assert isinstance(error, Diverged)
    assert error.code == "stream_diverged"
    assert (system.record.outcome, system.record.error) == ("cut", "Diverged")
    assert system.steps == [("first/m", "first", "cut"), ("first/m", "resume", "cancelled")]
    assert system.world.assembled.shared.circuits["first/m"].state == "closed"
    assert system.is_clean()


@virtual
async def test_what_still_fitted_is_shown_before_the_difference() -> None:
    system = Resumed("restart", [cut("one two "), Stream(pieces=["one ", "two three"], finish="length")], [])
    assert (await system.ask()).text == "one two three"
    system = Resumed("restart", [cut("one two "), Stream(pieces=["one "])], [])
    text, error = await system.broken()
    assert (text, error.code) == ("one two ", "stream_diverged")


@virtual
async def test_where_nobody_can_be_asked_again_the_first_error_stands() -> None:
    system = Resumed("restart", [cut("one "), *[Failed("500")] * 3], text=ONE)
    text, error = await system.broken()
    assert (text, repr(error)) == ("one ", repr(CUT))
    assert [step[1] for step in system.steps] == ["first", "resume", "retry"]
    assert system.record.outcome == "cut"
    assert system.is_clean()


@virtual
async def test_a_reader_that_is_slow_has_not_used_up_the_deadline() -> None:
    system = Resumed("restart", [cut("one "), WHOLE], [])
    text = ""
    async with system.world.assembled.front.open(call(streamed=True)) as reply:
        while chunks := await reply.read():
            text += "".join(chunk.text for chunk in chunks)
            await asyncio.sleep(200.0)
    assert text == TEXT


@virtual
async def test_past_the_deadline_nothing_is_begun() -> None:
    system = Resumed("restart", [Stream(pieces=["one ", 7.0, "two ", 7.0, CUT])], [])
    asked = msgspec.structs.replace(call(streamed=True), deadline_at=14.0)
    with pytest.raises(CallError):
        await system.ask(asked)
    assert len(system.record.attempts) == 1


# Never


@pytest.mark.parametrize(
    "fields", [{"n": 2}, {"logprobs": True}, {"modalities": ["text", "audio"], "audio": {"voice": "x"}}]
)
@virtual
async def test_never_for_several_choices_or_logprobs(fields: dict[str, Any]) -> None:
    system = Resumed("restart", [cut("one ")], [])
    text, error = await system.broken(fields=fields)
    assert (text, repr(error)) == ("one ", repr(CUT))


def tool_call(data: bytes = b"data: {}\n\n") -> Chunk:
    return Chunk(data=data, has_content=True, begins_tool_call=True)


@pytest.mark.parametrize(
    "chunk",
    [
        tool_call(),
        Chunk(data=b"data: {}\n\n", has_content=True, finish="stop"),
        Chunk(data=b'data: {"choices":[{"delta":{"refusal":"no"}}]}\n\n', has_content=True),
    ],
)
@virtual
async def test_never_once_a_tool_call_has_begun_or_something_else_was_sent(chunk: Chunk) -> None:
    service, handle = mock()
    world = World(lambda provider, model: service, TWO.replace("MODE", "restart"))
    asking = asyncio.create_task(ask(world.assembled.front, call(streamed=True)))
    arrival = await handle.next_call()
    arrival.chunk("one ")
    arrival.put(chunk)
    await settle()
    arrival.fail(CUT)
    with pytest.raises(Cut) as caught:
        await asking
    assert caught.value.args == CUT.args
    assert len(handle.arrivals) == 1
    assert world.left_behind() == {}


@pytest.mark.parametrize(
    "error", [Cut("policy", said=VendorSaid(status=400, code="content_filter")), Expired(phase="total")]
)
@virtual
async def test_never_for_an_error_that_another_attempt_would_meet_too(error: CallError) -> None:
    system = Resumed("restart", [cut("one ", error=error)], [])
    text, met = await system.broken()
    assert (text, repr(met)) == ("one ", repr(error))


@virtual
async def test_without_mid_stream_the_stack_has_no_such_layer_and_the_error_stands() -> None:
    system = Resumed("error", [cut("one ")], [])
    text, met = await system.broken()
    assert (text, repr(met)) == ("one ", repr(CUT))
    layers = []
    service: Any = system.world.assembled.front
    service = service.inner.aliases["assistant"]
    while hasattr(service, "inner"):
        layers.append(type(service).__name__)
        service = service.inner
    assert layers == ["Deadline", "Admit"]


@virtual
async def test_a_call_that_is_not_streamed_passes_by() -> None:
    system = Resumed("restart", [TEXT], [])
    assert (await ask(system.world.assembled.front, call())).text == TEXT


@virtual
async def test_it_pays_from_the_purse_of_the_alias() -> None:
    asks = 60
    system = Resumed("restart", [lambda call: cut("one ")], text=ONE)
    system.leaves["first"]._repeat = True
    system.world.assembled.shared.circuits["first/m"].config = msgspec.structs.replace(
        system.world.assembled.shared.circuits["first/m"].config, failures=10_000
    )
    for number in range(asks):
        with pytest.raises(CallError):
            await system.ask(call(f"{number}", streamed=True))
    attempts = len(system.leaves["first"].calls)
    assert asks < attempts <= 2 * asks + 10


# Hanging up


@pytest.mark.parametrize("moment", ["while the first answers", "while the second begins", "while it is told again"])
@virtual
async def test_a_caller_who_hangs_up_leaves_nothing_behind(moment: str) -> None:
    service, handle = mock()
    world = World(lambda provider, model: service, TWO.replace("MODE", "restart"))
    asking = asyncio.create_task(ask(world.assembled.front, call(streamed=True)))
    arrival = await handle.next_call()
    arrival.chunk("one two ")
    await settle()
    if moment != "while the first answers":
        arrival.fail(CUT)
        arrival = await handle.next_call()
        if moment == "while it is told again":
            arrival.chunk("one ")
            await settle()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert handle.open_calls == 0
    assert world.left_behind() == {}
    assert [record.outcome for record in world.journal.records] == ["cancelled"]


# Continue


def said_before(made: Call) -> str:
    last = json.loads(made.body)["messages"][-1]
    return str(last["content"]) if last["role"] == "assistant" else ""


@virtual
async def test_the_next_target_goes_on_with_what_was_said() -> None:
    rest: Callable[[Call], Stream] = lambda made: Stream(pieces=[TEXT.removeprefix(said_before(made))])  # noqa: E731
    system = Resumed("continue", [cut("one ", "two "), rest], [])
    answer = await system.ask(include_usage=True)
    assert answer.text == TEXT
    assert said_before(system.leaves["first"].calls[1]) == "one two "
    usage = events(answer.data)[-1]["usage"]
    vendor = system.record.attempts[1].tokens
    assert vendor is not None
    assert usage["completion_tokens"] == vendor.output + 2  # the 8 bytes that were told are answer, not question
    assert usage["prompt_tokens"] == vendor.input - 2
    assert system.record.tokens == Usage(input=vendor.input - 2, output=vendor.output + 2)
    assert [step[1] for step in system.steps] == ["first", "resume"]


@virtual
async def test_a_target_that_refuses_a_prefill_is_remembered_and_restarted_instead() -> None:
    refused = Rejected("no prefill", said=VendorSaid(status=400, message="prefill is not supported"))
    text = ONE.replace("MODE", "continue")
    system = Resumed("continue", [cut("one "), refused, WHOLE, cut("one ", "two "), WHOLE], text=text)
    assert (await system.ask()).text == TEXT
    assert system.steps == [
        ("first/m", "first", "cut"),
        ("first/m", "resume", "refused"),
        ("first/m", "resume", "ok"),
    ]
    assert (await system.ask(call("again", streamed=True))).text == TEXT
    asked = system.leaves["first"].calls
    assert [bool(said_before(made)) for made in asked] == [False, True, False, False, False]


@virtual
async def test_only_targets_that_can_are_asked_to_continue() -> None:
    text = TWO.replace("[first/m, second/m]", "[{provider: first, model: m, prefill: none}, second/m]")
    system = Resumed("continue", [cut("one ", "two ")], [Stream(pieces=["three ", "four"])], text=text)
    assert (await system.ask()).text == TEXT
    assert system.steps == [("first/m", "first", "cut"), ("second/m", "resume", "ok")]
    assert said_before(system.leaves["second"].calls[0]) == "one two "


@virtual
async def test_where_the_vendor_repeats_what_was_said_it_is_left_out() -> None:
    text = ONE.replace("[first/m]", "[{provider: first, model: m, prefill: repeated_prefix}]")
    system = Resumed("continue", [cut("one ", "two "), WHOLE], text=text)
    assert (await system.ask()).text == TEXT
    assert json.loads(system.leaves["first"].calls[1].body)["messages"][-1]["prefix"] is True


@virtual
async def test_a_grammar_is_restarted_and_not_continued() -> None:
    system = Resumed("continue", [cut("one "), WHOLE], [])
    assert (await system.ask(fields={"response_format": {"type": "json_object"}})).text == TEXT
    assert said_before(system.leaves["first"].calls[1]) == ""


# What is not text, and lines that end otherwise


def said(delta: dict[str, Any], finish: str | None = None, end: bytes = b"\n\n") -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"id": "c", "created": 1, "model": "m", "choices": choices}).encode() + end


def decoded(stream: bytes, asked: Call) -> list[Chunk]:
    decoder = OpenAIChat().decoder(asked)
    return decoder.feed(stream) + (decoder.end() if b"[DONE]" in stream else [])


class SentAnswer:
    """A reader of a stream whose first attempt breaks behind these bytes."""

    def __init__(self, mode: str, first: bytes) -> None:
        self.service, self.handle = mock()
        self.world = World(lambda provider, model: self.service, TWO.replace("MODE", mode))
        self.first = first

    async def told(self, second: bytes) -> bytes:
        """What the reader has in the end; `second` is what another attempt says. Raises what the reader is told."""
        asking = asyncio.create_task(ask(self.world.assembled.front, call(streamed=True)))
        arrival = await self.handle.next_call()
        for chunk in decoded(self.first, arrival.call):
            arrival.put(chunk)
        await settle()
        arrival.fail(CUT)
        await settle()
        for again in self.handle.arrivals[1:]:
            for chunk in decoded(second, again.call):
                again.put(chunk)
        answer = await asking
        return answer.data


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


@pytest.mark.parametrize("mode", ["restart", "continue"])
@pytest.mark.parametrize(
    "delta",
    [
        {"content": "one", "images": [PICTURE]},
        {"images": [PICTURE]},
        {"content": [{"type": "text", "text": "one"}, PICTURE]},
        {"content": "one", "refusal": "no"},
        {"content": "one", "audio": {"data": "AA"}},
        {"content": "one", "reasoning_details": [{"type": "t", "text": "hm"}]},
    ],
)
@virtual
async def test_what_is_not_text_is_never_repeated_and_the_error_stands(mode: str, delta: dict[str, Any]) -> None:
    reader = SentAnswer(mode, said({"content": "zero "}) + said(delta))
    with pytest.raises(Cut) as caught:
        await reader.told(said({"content": "zero one"}, "stop") + b"data: [DONE]\n\n")
    assert caught.value.args == CUT.args
    assert len(reader.handle.arrivals) == 1
    assert reader.world.left_behind() == {}


@virtual
async def test_reasoning_beside_text_in_one_event_is_not_repeated() -> None:
    both = said({"reasoning": "hm ", "content": "one "})
    reader = SentAnswer("restart", said({"reasoning": "well, "}) + both)
    data = await reader.told(
        said({"reasoning": "well, hm "}) + said({"content": "one two"}, "stop") + b"data: [DONE]\n\n"
    )
    told = [one["choices"][0]["delta"] for one in events(data)]
    assert "".join(one.get("reasoning") or "" for one in told) == "well, hm "
    assert "".join(one.get("content") or "" for one in told) == "one two"


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
@virtual
async def test_a_vendor_that_ends_lines_otherwise_is_told_again_like_any_other(end: bytes) -> None:
    reader = SentAnswer("restart", said({"role": "assistant", "content": "one "}, end=2 * end))
    second = (
        said({"role": "assistant", "content": "one two "}) + said({"content": "three"}, "stop") + b"data: [DONE]\n\n"
    )
    data = await reader.told(second.replace(b"\n", end))
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in map_events(data)) == "one two three"


def map_events(data: bytes) -> list[Any]:
    return [json.loads(one.data) for one in events_in(data) if one.data != b"[DONE]"]


@virtual
async def test_the_names_of_the_answer_are_those_of_its_first_words_and_not_of_an_event_about_the_prompt() -> None:
    about = b'data: {"id":"","model":"","created":0,"choices":[],"prompt_filter_results":[{}]}\n\n'
    reader = SentAnswer("restart", about + said({"content": "one "}))
    data = await reader.told(said({"content": "one two"}, "stop").replace(b'"c"', b'"other"') + b"data: [DONE]\n\n")
    assert {one["id"] for one in events(data)} == {"", "c"}


@virtual
async def test_a_large_event_is_not_kept_as_it_came() -> None:
    service, handle = mock()
    world = World(lambda provider, model: service, TWO.replace("MODE", "restart"))
    async with asyncio.TaskGroup() as group:
        group.create_task(arrived(handle))
        async with world.assembled.front.open(call(streamed=True)) as reply:
            chunks = await reply.read()
            assert chunks[-1].last
            unbroken = reply
            while not isinstance(unbroken, Unbroken):
                unbroken = unbroken.inner  # type: ignore[attr-defined]
            assert unbroken._seen == []


async def arrived(handle: Handle) -> None:
    arrival = await handle.next_call()
    arrival.put(Chunk(data=said({"images": ["A" * 70_000]}), has_content=True, is_mixed=True))
    arrival.end()


@pytest.mark.parametrize("mode", ["error", "restart", "continue"])
@pytest.mark.parametrize("has_head", [False, True])
@virtual
async def test_where_answers_fill_the_memory_nobody_else_is_asked_and_no_target_is_marked(
    mode: str, has_head: bool
) -> None:
    service, handle = mock()
    world = World(lambda provider, model: service, TWO.replace("MODE", mode))
    asking = asyncio.create_task(ask(world.assembled.front, call(streamed=True)))
    arrival = await handle.next_call()
    if has_head:
        arrival.chunk("one ")
        await settle()
    arrival.fail(Crowded("no room", was_sent=True, retry_after=1.0))
    with pytest.raises(Crowded):
        await asking
    [record] = world.journal.records
    assert (len(handle.arrivals), record.outcome, record.status) == (1, "shed", 503)
    assert record.cost_nano, "its vendor was asked"
    assert "0 failures in a row" in repr(world.assembled.shared.circuits["first/m"])
    assert world.left_behind() == {}
