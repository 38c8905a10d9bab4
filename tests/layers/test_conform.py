"""An answer that must fit a schema: native first, in words where that is refused, mended once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.errors import Failed, Rejected, Unfit, VendorSaid
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.layers.conform import MOST_HELD, Conform
from headworks.prompts.frames import Source
from headworks.prompts.output import Output
from headworks.providers.scripted import Scripted, Stream
from headworks.testing import ask, call, virtual
from headworks.wire.openai.caller import CHAT

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
GOOD = '{"n": 1}'
NO_FORMAT = Rejected("no", said=VendorSaid(status=400, message="response_format json_schema is not supported"))


def asked(*, streamed: bool = False) -> Call:
    output = Output(Source(name="p", version="0", file="p.md", turns=[], output=SCHEMA))
    said = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "one"}]
    made = call(streamed=streamed)
    whole = CHAT.turns.prompted(b'{"model":"m"}', said, {}, output.schema)
    return msgspec.structs.replace(made, body=whole, output=output)


def bodies(leaf: Scripted) -> list[dict[str, Any]]:
    return [msgspec.json.decode(one.body) for one in leaf.calls]


@virtual
async def test_what_fits_passes_and_a_call_without_a_schema_is_not_looked_at() -> None:
    leaf = Scripted([GOOD, "any words"])
    layer = Conform(leaf)
    assert (await ask(layer, asked())).text == GOOD
    assert (await ask(layer, call())).text == "any words"
    assert len(leaf.calls) == 2


@pytest.mark.parametrize("streamed", [False, True])
@virtual
async def test_what_does_not_fit_is_asked_for_once_more_with_the_reason(streamed: bool) -> None:
    leaf = Scripted(
        [Stream(pieces=['{"n":', '"x"}']) if streamed else '{"n": "x"}', Stream(pieces=[GOOD]) if streamed else GOOD]
    )
    assert (await ask(Conform(leaf), asked(streamed=streamed))).text == GOOD
    first, second = bodies(leaf)
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2]["role"] == "assistant"
    assert "`n` must be of type integer" in second["messages"][3]["content"]
    assert second["response_format"] == first["response_format"]


@virtual
async def test_what_is_not_mended_is_a_clean_error() -> None:
    leaf = Scripted(["words", "more words"])
    with pytest.raises(Unfit, match="it is not JSON") as raised:
        await ask(Conform(leaf), asked())
    assert (raised.value.status, raised.value.code) == (502, "output_schema_mismatch")
    assert len(leaf.calls) == 2


@virtual
async def test_a_vendor_that_takes_no_schema_is_remembered_and_asked_in_words() -> None:
    leaf = Scripted([NO_FORMAT, GOOD, "words", GOOD])
    layer = Conform(leaf)
    assert (await ask(layer, asked())).text == GOOD
    assert (await ask(layer, asked())).text == GOOD
    native, words, third, mended = bodies(leaf)
    assert "response_format" in native
    for body in (words, third, mended):
        assert "response_format" not in body
        assert body["messages"][0]["content"].startswith("Be short.\n\nAnswer with JSON only")
    assert '"required":["n"]' in words["messages"][0]["content"]


@virtual
async def test_another_refusal_or_failure_is_passed_on() -> None:
    other = Rejected("no", said=VendorSaid(status=400, message="too long", param="messages"))
    layer = Conform(Scripted([other, Failed("500")]))
    with pytest.raises(Rejected):
        await ask(layer, asked())
    with pytest.raises(Failed):
        await ask(layer, asked())
    assert layer.is_native


class Says:
    """Answers every call with these chunks."""

    def __init__(self, *chunks: Chunk) -> None:
        self.chunks = chunks

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[Reply]:
        yield CompleteReply(list(self.chunks), streamed=call.streamed)


@pytest.mark.parametrize(
    "ours",
    [Chunk(data=b"{}", is_refusal=True, last=True), Chunk(data=b"{}", begins_tool_call=True, last=True)],
)
@virtual
async def test_a_refusal_or_a_tool_call_is_the_models_own_word(ours: Chunk) -> None:
    async with Conform(Says(ours)).open(asked()) as reply:
        assert await reply.read() == [ours]


@virtual
async def test_an_answer_that_is_too_long_to_hold_is_an_error() -> None:
    leaf = Scripted([Stream(pieces=["x" * (MOST_HELD // 2)] * 3)])
    with pytest.raises(Unfit, match="too long"):
        await ask(Conform(leaf), asked(streamed=True))
