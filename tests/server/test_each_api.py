"""What a caller of each API is told when its budget is spent, its time is over, or the gateway ends: in its own shape."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from headworks.core.errors import Cut, Draining
from headworks.gateway.leaves import OURS
from headworks.providers.scripted import Answering, Scripted, Stream
from headworks.providers.translating import Translating
from headworks.testing import virtual
from headworks.wire.client_apis import CLIENT_APIS
from tests.server.test_app import OPEN, Answered, Facing
from tests.wire.answering import WORDS

SECRET = "web-secret-0123456789"
BUDGET = "keys: {web: {key: web-secret-0123456789, budget: {amount: $0.000001, every: 1d}}}\n"
TIGHT = "{targets: [vendor/m], retry: {attempts: 1}, price: {input: $100/M, output: $100/M}, timeouts: {total: 5s}}"

TEXT = f"""
version: 1
providers: {{vendor: {{dialect: simulated}}}}
models: {{assistant: {TIGHT}}}
"""

EACH = pytest.mark.parametrize("word", WORDS)
BOTH = pytest.mark.parametrize("streamed", [False, True])


class Shape(NamedTuple):
    """What an error answer has: its status, and the word by which SDKs and clients tell it from others."""

    status: int
    word: str


def told(word: str, body: Any) -> str:
    """The word of an error in this API's shape."""
    error = body["error"]
    assert error["message"]
    if word == "messages":
        assert body["type"] == "error"
        return str(error["type"])
    return str(error["status"] if word == "gemini" else error["code"])


async def asked(word: str, answers: Sequence[Answering], text: str = TEXT, *, streamed: bool = False) -> Answered:
    facing = Facing(Translating(Scripted(answers), OURS, "m"), text)
    return await post(facing, word, streamed=streamed)


async def post(facing: Facing, word: str, *, streamed: bool = False) -> Answered:
    api = CLIENT_APIS[word]
    body = api.written("assistant", "Hi", 64, streamed=streamed)
    headers = {name.decode(): value.decode() for name, value in api.sent_headers(SECRET)}
    return await facing.ask("POST", api.target("assistant", streamed=streamed), body, **headers)


SPENT = {"messages": Shape(402, "billing_error"), "gemini": Shape(429, "RESOURCE_EXHAUSTED")}


@BOTH
@EACH
@virtual
async def test_a_spent_budget_is_told_as_clients_of_the_api_stop_at_it(word: str, streamed: bool) -> None:
    answered = await asked(word, [], TEXT + BUDGET, streamed=streamed)
    shape = SPENT.get(word, Shape(429, "insufficient_quota"))
    assert (answered.status, told(word, answered.json)) == shape
    assert answered.headers[b"x-should-retry"] == b"false"
    assert answered.headers[b"x-request-id"]


LATE = {"messages": "timeout_error", "gemini": "DEADLINE_EXCEEDED"}


@BOTH
@EACH
@virtual
async def test_a_call_whose_time_is_over_is_504_in_every_api(word: str, streamed: bool) -> None:
    answered = await asked(word, [Stream(pieces=[60.0, "late"])], streamed=streamed)
    assert answered.status == 504
    said = told(word, answered.json)
    assert said == LATE.get(word, said)


@EACH
@virtual
async def test_a_stream_whose_time_is_over_ends_with_an_error_event_of_the_api(word: str) -> None:
    answered = await asked(word, [Stream(pieces=["one ", 4.0, "two ", 4.0, "three"])], streamed=True)
    assert answered.status == 200
    assert answered.is_ended
    last = answered.body.decode().strip().splitlines()[-1]
    assert "error" in last
    event = json.loads(last.removeprefix("data: "))
    if word == "responses":
        assert event["type"] in ("error", "response.failed")
    else:
        assert told(word, event)


class Ending:
    """A front of a gateway that ends."""

    def open(self, call: Any) -> Any:
        raise Draining("The gateway is shutting down.", retry_after=1.0)


GONE = {"messages": Shape(529, "overloaded_error"), "gemini": Shape(503, "UNAVAILABLE")}


@BOTH
@EACH
@virtual
async def test_a_gateway_that_ends_says_come_back_in_every_api(word: str, streamed: bool) -> None:
    facing = Facing(Scripted([]), OPEN)
    facing.stack.front = Ending()  # type: ignore[assignment]
    answered = await post(facing, word, streamed=streamed)
    status, said = GONE.get(word, Shape(503, ""))
    assert answered.status == status
    assert told(word, answered.json) == said or not said
    assert answered.headers[b"retry-after"] == b"1"
    assert b"x-should-retry" not in answered.headers, "another gateway may take it"


@EACH
@virtual
async def test_a_stream_that_is_cut_ends_with_an_error_in_every_api(word: str) -> None:
    answered = await asked(word, [Stream(pieces=["one ", Cut("It broke.")])], streamed=True)
    assert "error" in answered.body.decode().strip().splitlines()[-1]
    assert answered.is_ended
