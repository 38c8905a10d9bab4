"""The layer of stored answers, over one mock: what it leaves alone, and what it gives back however a call ends."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.errors import Cut, Malformed, Unkept
from headworks.core.reply import Chunk
from headworks.layers.stored import Stored
from headworks.testing import ask, call, mock, settle, virtual
from headworks.wire.openai.responses.caller import RESPONSES
from tests.stack.kept import MemoryAnswers

WHOLE = b'{"id":"theirs","status":"completed","output":[]}'


def asked(previous: str = "", **fields: object) -> Call:
    refusal = Unkept.naming(previous, "keeps none", "previous_response_id") if previous else None
    said = {"model": "m", "input": "hi", **fields, **({"previous_response_id": previous} if previous else {})}
    body = msgspec.json.encode(said)
    return msgspec.structs.replace(call(streamed="stream" in fields), dialect=RESPONSES, body=body, refusal=refusal)


async def kept_one(answers: MemoryAnswers) -> str:
    """Keeps an answer, and says its id."""
    service, handle = mock()
    asking = asyncio.create_task(ask(Stored(service, answers, 10_000), asked()))
    (await handle.next_call()).put(Chunk(data=WHOLE, has_content=True, last=True))
    await asking
    [id] = answers.answers
    return id


@virtual
async def test_callers_of_other_apis_and_refused_bodies_pass_as_they_are() -> None:
    service, handle = mock()
    layer = Stored(service, MemoryAnswers(), 10_000)
    refused = msgspec.structs.replace(asked(), refusal=Malformed("no"))
    for one in (call(), refused):
        asking = asyncio.create_task(ask(layer, one))
        arrival = await handle.next_call()
        assert arrival.call is one
        arrival.reply("hi")
        await asking


@virtual
async def test_a_caller_who_leaves_before_the_head_or_after_it_gives_back_what_was_held() -> None:
    answers = MemoryAnswers()
    service, handle = mock()
    layer = Stored(service, answers, 10_000)
    id = await kept_one(answers)
    for has_begun in (False, True):
        asking = asyncio.create_task(ask(layer, asked(id, stream=True)))
        arrival = await handle.next_call()
        assert layer.held > 0
        if has_begun:
            arrival.chunk("begun")
            await settle()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (layer.held, arrival.left) == (0, True)


@virtual
async def test_a_break_after_the_head_is_the_callers_to_see_and_nothing_is_kept() -> None:
    answers = MemoryAnswers()
    service, handle = mock()
    layer = Stored(service, answers, 10_000)
    asking = asyncio.create_task(ask(layer, asked(stream=True)))
    arrival = await handle.next_call()
    arrival.chunk("begun")
    await settle()
    arrival.fail(Cut("cut"))
    with pytest.raises(Cut):
        await asking
    assert answers.answers == {}
