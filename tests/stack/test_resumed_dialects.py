"""A stream that breaks goes on in the caller's events, whatever the caller and the two vendors speak: every pair, on virtual time."""

from __future__ import annotations

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Cut
from headworks.testing import Answer, ask, virtual
from headworks.wire.client_apis import CLIENT_APIS
from tests.stack.dialect_vendors import BREAKS, VENDORS, DialectVendor, begun_with, ended, text, thought, tool
from tests.stack.stream_grammar import GRAMMARS, Said
from tests.stack.systems import World
from tests.wire.answering import called

TWO = """
version: 1
providers: {first: {dialect: simulated}, second: {dialect: simulated}}
models:
  assistant:
    targets: [first/m, {provider: second, model: m, prefill: message}]
    mid_stream: MODE
    retry: {attempts: 1}
"""

WHOLE = "one two three four"
FINISHES = {"chat": "stop", "messages": "end_turn", "responses": "completed", "gemini": "STOP"}

PAIRS = [(caller, vendor) for caller in GRAMMARS for vendor in VENDORS]
EACH_PAIR = pytest.mark.parametrize(("caller", "vendor"), PAIRS)
NEXT = dict(zip(VENDORS, [*list(VENDORS)[1:], "chat"], strict=True))
"""The second vendor speaks another dialect than the first."""


async def asked(caller: str, mode: str, first: DialectVendor, second: DialectVendor) -> tuple[Answer, World]:
    world = World(lambda provider, model: first if provider == "first" else second, TWO.replace("MODE", mode))
    call = called(CLIENT_APIS[caller], streamed=True, model="assistant")
    answer = await ask(world.assembled.front, msgspec.structs.replace(call, arrived_at=now()))
    assert world.left_behind() == {}
    assert [one.why for record in world.journal.records for one in record.attempts][1:] == ["resume"]
    return answer, world


def rest(call: Call) -> list[bytes]:
    """What a vendor says that goes on with the beginning that it is given."""
    begun = begun_with(call)
    assert WHOLE.startswith(begun)
    return ended(*[text(piece) for piece in (WHOLE[len(begun) :][:5], WHOLE[len(begun) :][5:])])


@pytest.mark.parametrize("is_same", [True, False])
@EACH_PAIR
@virtual
async def test_a_restarted_stream_is_one_unbroken_stream_of_the_caller(caller: str, vendor: str, is_same: bool) -> None:
    first = DialectVendor(vendor, [text("one "), text("two "), BREAKS])
    again = ended(text("one t"), text("wo th"), text("ree "), text("four"))
    answer, world = await asked(caller, "restart", first, DialectVendor(vendor if is_same else NEXT[vendor], again))
    assert GRAMMARS[caller](answer.data) == Said(WHOLE, "", FINISHES[caller])
    assert answer.text == WHOLE
    assert [record.outcome for record in world.journal.records] == ["ok"]


@EACH_PAIR
@virtual
async def test_a_continued_stream_is_one_unbroken_stream_of_the_caller(caller: str, vendor: str) -> None:
    first = DialectVendor(vendor, [text("one "), text("two "), BREAKS])
    second = DialectVendor(NEXT[vendor], rest)
    answer, _ = await asked(caller, "continue", first, second)
    assert GRAMMARS[caller](answer.data) == Said(WHOLE, "", FINISHES[caller])
    # An answer of Responses cannot be continued from its middle, so it is begun anew: `done` would lack what came before.
    begun = "" if caller == "responses" else "one two"
    assert [begun_with(call).rstrip() for call in second.chat.asked] == [begun]


@EACH_PAIR
@virtual
async def test_reasoning_before_the_break_is_not_said_twice(caller: str, vendor: str) -> None:
    thoughts = [thought("hm, "), thought("yes.")]
    first = DialectVendor(vendor, [*thoughts, text("one "), text("two "), BREAKS])
    second = DialectVendor(vendor, ended(*thoughts, text("one two "), text("three four")))
    answer, _ = await asked(caller, "restart", first, second)
    said = GRAMMARS[caller](answer.data)
    assert said == Said(WHOLE, said.reasoning, FINISHES[caller])
    assert said.reasoning in ("", "hm, yes.")


@pytest.mark.parametrize("vendor", ["chat", "responses", "anthropic"])  # others tell a tool call at once, or not here
@pytest.mark.parametrize("caller", GRAMMARS)
@virtual
async def test_once_a_tool_call_has_begun_nothing_is_asked_again(caller: str, vendor: str) -> None:
    first = DialectVendor(vendor, [text("one "), tool("f", '{"a"'), BREAKS])
    world = World(lambda provider, model: first, TWO.replace("MODE", "restart"))
    call = called(CLIENT_APIS[caller], streamed=True, model="assistant")
    data = b""
    with pytest.raises(CallError) as caught:
        async with world.assembled.front.open(msgspec.structs.replace(call, arrived_at=now())) as reply:
            while chunks := await reply.read():
                data += b"".join(chunk.data for chunk in chunks)
    assert isinstance(caught.value, Cut)
    assert len(first.chat.asked) == 1
    assert b"one " in data
