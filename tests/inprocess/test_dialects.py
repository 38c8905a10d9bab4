"""A system in one's own process, asked in each API: whole answers, streams, errors and records."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from headworks.core.errors import Cut, Expired, InsufficientQuota, Malformed, Throttled, UnknownModel, VendorSaid
from headworks.core.service import Service
from headworks.gateway.leaves import OURS
from headworks.inprocess import Answer, System
from headworks.inprocess import Stream as Streamed
from headworks.providers.scripted import Scripted, Stream
from headworks.providers.translating import Translating
from headworks.testing import virtual
from tests.inprocess.test_system import OPEN, over

Asking: TypeAlias = Callable[..., Awaitable[Any]]

HELLO = [{"role": "user", "content": "Hello!"}]


def messages(system: System, **more: Any) -> Awaitable[Any]:
    return system.messages(**{"model": "assistant", "max_tokens": 64, "messages": HELLO, "system": "Be brief.", **more})


def responses(system: System, **more: Any) -> Awaitable[Any]:
    asked = {"model": "assistant", "input": "Hello!", "instructions": "Be brief.", "max_output_tokens": 64}
    return system.responses(**{**asked, **more})


def generate(system: System, **more: Any) -> Awaitable[Any]:
    contents = [{"role": "user", "parts": [{"text": "Hello!"}]}]
    config = {"generationConfig": {"maxOutputTokens": 64}}
    return system.generate(**{"model": "assistant", "contents": contents, **config, **more})


def message_text(answer: Any) -> str:
    assert (answer["type"], answer["stop_reason"]) == ("message", "end_turn")
    return str(answer["content"][0]["text"])


def response_text(answer: Any) -> str:
    assert (answer["object"], answer["status"]) == ("response", "completed")
    return str(answer["output"][-1]["content"][0]["text"])


def generated_text(answer: Any) -> str:
    assert answer["candidates"][0]["finishReason"] == "STOP"
    return str(answer["candidates"][0]["content"]["parts"][0]["text"])


EACH = pytest.mark.parametrize("ask", [messages, responses, generate])


def vendor(*answers: Any) -> Service:
    return Translating(Scripted(answers), OURS, "m")


@pytest.mark.parametrize(
    ("ask", "read", "finish"),
    [
        (messages, message_text, "end_turn"),
        (responses, response_text, "completed"),
        (generate, generated_text, "STOP"),
    ],
)
@virtual
async def test_an_answer_has_the_json_of_the_api_that_was_asked(
    ask: Asking, read: Callable[[Any], str], finish: str
) -> None:
    system, facing = over(vendor("Hello to you."))
    answer: Answer = await ask(system)
    assert (answer.text, answer.finish) == ("Hello to you.", finish)
    assert read(json.loads(answer.data)) == "Hello to you."
    assert answer.usage is not None
    assert answer.usage.output_tokens == 3
    [record] = facing.journal.records
    assert (record.request_id, record.model, record.outcome) == (answer.request_id, "assistant", "ok")


@pytest.mark.parametrize(
    ("ask", "last"),
    [
        (messages, b"event: message_stop"),
        (responses, b"event: response.completed"),
        (generate, b'"finishReason":"STOP"'),
    ],
)
@virtual
async def test_a_stream_gives_the_events_of_the_api_and_its_text(ask: Asking, last: bytes) -> None:
    system, facing = over(vendor(Stream(pieces=["Hello ", "to you."])))
    stream: Streamed = await ask(system, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks) == "Hello to you."
    assert last in b"".join(chunk.data for chunk in chunks)
    assert chunks[-1].last
    assert stream.usage is not None
    assert [record.outcome for record in facing.journal.records] == ["ok"]


@EACH
@virtual
async def test_a_stream_that_breaks_raises_whatever_the_api(ask: Asking) -> None:
    system, facing = over(vendor(Stream(pieces=["Hello ", Cut("It broke.")])))
    stream = await ask(system, stream=True)
    with pytest.raises(Cut):
        async for _ in stream:
            pass
    assert [record.outcome for record in facing.journal.records] == ["cut"]


@EACH
@virtual
async def test_errors_are_the_same_classes_in_every_api(ask: Asking) -> None:
    said = VendorSaid(status=429, message="slow down", type="rate_limit_error")
    system, facing = over(vendor(Throttled("slow down", said=said)))
    with pytest.raises(UnknownModel):
        await ask(system, model="nobody")
    with pytest.raises(Throttled) as caught:
        await ask(system)
    assert caught.value.status == 429
    with pytest.raises(Malformed):
        await ask(system, **{"contents" if ask is generate else "input" if ask is responses else "messages": 7})
    assert len(facing.journal.records) == 3


@EACH
@virtual
async def test_a_deadline_ends_a_call_in_any_api(ask: Asking) -> None:
    system, _ = over(vendor(Stream(pieces=[60.0, "late"])))
    with pytest.raises(Expired) as caught:
        await ask(system, deadline=2.0)
    assert caught.value.phase == "total"


@EACH
@virtual
async def test_a_spent_budget_is_the_same_error_in_every_api(ask: Asking) -> None:
    key = "keys: {web: {key: web-secret-0123456789, budget: {amount: $0.000001, every: 1d}}}\n"
    priced = OPEN.replace("retry: {attempts: 1}", "retry: {attempts: 1}, price: {input: $100/M, output: $100/M}")
    system, facing = over(vendor("never"), priced + key)
    with pytest.raises(InsufficientQuota):
        await ask(system, key="web-secret-0123456789")
    assert [record.status for record in facing.journal.records] == [429 if ask is not messages else 402]


@virtual
async def test_a_body_that_names_its_session_is_recorded_with_it() -> None:
    system, facing = over(vendor("Hello."))
    await responses(system, prompt_cache_key="conversation-1")
    [record] = facing.journal.records
    assert record.session == "conversation-1"
