"""Callers of any API at a leaf that speaks one: a simulated vendor."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.errors import HeadworksError, Rejected, Throttled, Unsuited
from headworks.core.reply import Chunk, Reply
from headworks.gateway.leaves import OURS
from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState
from headworks.providers.translating import Translating
from headworks.system.schema.drills import Fault
from headworks.testing import call, virtual
from headworks.wire.anthropic.count_tokens import COUNT
from headworks.wire.openai.caller import EMBEDDINGS
from headworks.wire.sse import events_in
from tests.wire.toy.caller import OVER, TOY


def leaf(**faults: float) -> Translating:
    settings = VendorSettings(seed=7, faults=faults)  # type: ignore[arg-type]
    return Translating(Simulated(VendorState("vendor", settings), "m"), OURS, "m")


def toy(*, bits: bool = False, **fields: Any) -> Call:
    body = msgspec.json.encode({"who": "assistant", "say": [["me", "Hi"]], "bits": bits, **fields})
    asked = TOY.read(body)
    plain = call("Hi")
    return msgspec.structs.replace(
        plain, body=body, dialect=TOY, streamed=bits, include_usage=True, max_output=asked.max_output
    )


async def read(leaf: Translating, asked: Call) -> tuple[Reply, list[Chunk]]:
    async with leaf.open(asked) as reply:
        chunks: list[Chunk] = []
        while not (chunks and chunks[-1].last):
            got = await reply.read()
            assert got, "a reply ends with its last chunk"
            chunks += got
        return reply, chunks


def test_a_call_in_another_api_is_answered_in_that_api_and_says_the_same() -> None:
    async def main() -> None:
        _, [plain] = await read(leaf(), call("Hi"))
        _, [told] = await read(leaf(), toy())
        answer = json.loads(told.data)
        assert answer["words"] == json.loads(plain.data)["choices"][0]["message"]["content"]
        assert plain.usage is not None
        assert answer["cost"] == [plain.usage.input_tokens, plain.usage.output_tokens]
        assert (told.finish, told.usage, told.last) == ("said", plain.usage, True)

    virtual(main)()


def test_a_stream_in_another_api_is_that_apis_from_the_first_chunk_to_the_last() -> None:
    async def main() -> None:
        _, [plain] = await read(leaf(), call("Hi"))
        reply, chunks = await read(leaf(), toy(bits=True))
        data = b"".join([chunk.data for chunk in chunks])
        said = [json.loads(one.data) for one in events_in(data) if one.data != b"over"]
        assert "".join([one.get("bit", "") for one in said]) == plain.text
        assert data.endswith(OVER)
        assert (reply.finish, reply.usage) == ("said", plain.usage)

    virtual(main)()


def test_the_bound_of_a_budget_is_kept_in_another_api() -> None:
    async def main() -> None:
        _, [told] = await read(leaf(), msgspec.structs.replace(toy(), bound=3))
        assert told.finish == "full"
        assert told.usage is not None
        assert told.usage.output_tokens == 3

    virtual(main)()


@pytest.mark.parametrize(("fault", "kind"), [("rate_limited", Throttled), ("context_length", Rejected)])
def test_a_fault_is_the_same_error_in_another_api(fault: Fault, kind: type[HeadworksError]) -> None:
    async def main() -> None:
        failing = leaf(**{fault: 1.0})
        with pytest.raises(kind):
            await read(failing, toy())
        assert isinstance(failing.inner, Simulated)
        assert failing.inner.state.in_flight == 0

    virtual(main)()


def test_a_stream_that_breaks_raises_and_holds_nothing() -> None:
    async def main() -> None:
        failing = leaf(cut=1.0)
        with pytest.raises(HeadworksError):
            await read(failing, toy(bits=True))
        assert isinstance(failing.inner, Simulated)
        assert failing.inner.state.in_flight == 0

    virtual(main)()


def test_an_operation_that_cannot_be_translated_is_refused() -> None:
    class Foreign(type(EMBEDDINGS)):  # type: ignore[misc]
        name = "toy.embed"

    async def main() -> None:
        with pytest.raises(Unsuited, match="no embeddings"):
            await read(leaf(), msgspec.structs.replace(call("Hi"), dialect=Foreign()))

    virtual(main)()


def test_tokens_are_estimated_without_asking_the_leaf_and_left_without_a_fault() -> None:
    async def main() -> None:
        body = b'{"model":"m","messages":[{"role":"user","content":"Hi there"}]}'
        _, [told] = await read(leaf(), msgspec.structs.replace(call("Hi"), body=body, dialect=COUNT))
        assert json.loads(told.data) == {"input_tokens": 2}

    virtual(main)()
