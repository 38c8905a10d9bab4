"""A dialect that was added from `docs/architecture/adding-a-dialect.md` alone: three files here, two entries in tables, and every layer serves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from headworks.gateway.leaves import DIALECTS, Leaves
from headworks.server.app import CALLERS
from headworks.system.schema import system as schema
from headworks.wire.sse import events_in
from tests.server.test_app import Answered, Facing
from tests.stack.speaking import CUT, Speaking, answered, counts, piece, stop, streamed, whole
from tests.stack.speaking import DONE as OPENAI_DONE
from tests.stack.systems import World, system
from tests.wire.toy.caller import OVER, TOY, event
from tests.wire.toy.vendor import TOY_VENDOR

PATH = "/toy/say"
OPENAI_PATH = "/v1/chat/completions"

SYSTEM = """
version: 1
providers:
  first: {dialect: openai, base_url: "http://127.0.0.1:FIRST/v1"}
  second: {dialect: openai, base_url: "http://127.0.0.1:SECOND/v1"}
models:
  assistant:
    targets: [[first/m], [second/m]]
    retry: {attempts: 1}
    price: {input: $1/M, output: $10/M}
"""
RESUMING = SYSTEM.replace("retry:", "mid_stream: restart\n    retry:")
KEEPING = SYSTEM.replace("retry:", "cache: {exact: 1h}\n    retry:")
CONTINUING = SYSTEM.replace("[second/m]]", "{provider: second, model: m, prefill: prefix}]\n    mid_stream: continue")
ALONE = "[[first/m], [second/m]]", "[first/m]"


class ToyProvider(schema.OpenAI, frozen=True, kw_only=True, tag="toy"):
    """A provider of the system file with `dialect: toy`."""


class Front:
    """The public port over a stack, with the toy in both tables."""

    def __init__(self, facing: Facing, vendors: Sequence[Speaking]) -> None:
        self.facing = facing
        self.vendors = vendors

    async def toy(self, *say: str, bits: bool = False, **fields: Any) -> Answered:
        body = {"who": "assistant", "say": [["me", one] for one in say or ("Hi",)], "bits": bits, **fields}
        return await self.facing.ask("POST", PATH, msgspec.json.encode(body))

    async def openai(self, text: str = "Hi", *, stream: bool = False, **fields: Any) -> Answered:
        body = {"model": "assistant", "messages": [{"role": "user", "content": text}], "stream": stream, **fields}
        return await self.facing.ask("POST", OPENAI_PATH, msgspec.json.encode(body))

    @property
    def asked(self) -> list[list[Any]]:
        return [vendor.asked for vendor in self.vendors]


def play(
    main: Callable[[Front], Coroutine[Any, Any, None]],
    first: Sequence[list[bytes]],
    second: Sequence[list[bytes]] = (),
    *,
    toys: Sequence[str] = (),
    text: str = SYSTEM,
) -> Front:
    """Runs `main` against the scripts of two vendors, of which `toys` speak toy; nothing is held afterwards."""

    async def within() -> Front:
        vendors = [Speaking(first), Speaking(second)]
        servers = [await asyncio.start_server(one.serve, "127.0.0.1", 0) for one in vendors]
        ports = [str(server.sockets[0].getsockname()[1]) for server in servers]
        loaded = system(text.replace("FIRST", ports[0]).replace("SECOND", ports[1]))
        providers = {name: toy(one) if name in toys else one for name, one in loaded.providers.items()}
        loaded = msgspec.structs.replace(loaded, providers=providers)
        leaves = Leaves(loaded, Path("."), seed=1, dialects={**DIALECTS, "toy": TOY_VENDOR})
        facing = Facing(World(leaves.leaf, loaded), callers={**CALLERS, PATH: TOY}, chance=Random(1).getrandbits)
        front = Front(facing, vendors)
        try:
            await main(front)
            assert facing.world.left_behind() == {}
        finally:
            await leaves.close()
            for server in servers:
                server.close()
                await server.wait_closed()
        return front

    return asyncio.run(asyncio.wait_for(within(), 20.0))


def toy(provider: schema.Provider) -> ToyProvider:
    assert isinstance(provider, schema.OpenAI)
    return ToyProvider(base_url=provider.base_url)


def bit(text: str) -> bytes:
    return event({"bit": text})


def toy_end(why: str = "said", cost: Sequence[int] = (7, 2)) -> bytes:
    return event({"why": why, "cost": list(cost)})


def openai_events(body: bytes) -> list[Any]:
    return [json.loads(one.data) for one in events_in(body) if one.data != b"[DONE]"]


def openai_text(body: bytes) -> str:
    choices = [choice for one in openai_events(body) for choice in one["choices"]]
    return "".join([choice["delta"].get("content") or "" for choice in choices])


# Whom it serves, and who serves it


def test_hints_without_words_at_a_vendor_are_left_out_and_named_on_its_attempt() -> None:
    async def main(front: Front) -> None:
        assert (await front.openai(temperature=0.5, seed=3, user="ann")).status == 200
        assert (await front.openai()).status == 200

    answer = whole({"words": "Hello", "why": "said", "cost": [7, 2]})
    front = play(main, [answer, answer], toys=["first"], text=SYSTEM.replace(*ALONE))
    left_out, nothing = [record.attempts[0].left_out for record in front.facing.journal.records]
    assert sorted(left_out) == ["seed", "temperature", "user"]
    assert nothing == ()


def test_a_toy_caller_is_served_by_a_vendor_of_openais_dialect() -> None:
    async def main(front: Front) -> None:
        got = await front.toy("Hi", most=20)
        assert (got.status, got.json) == (200, {"words": "Hello", "why": "said", "cost": [7, 2]})

    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    front = play(main, [answered("Hello", usage)])
    [[asked], _] = front.asked
    assert asked["model"] == "m"
    assert asked["messages"] == [{"role": "user", "content": "Hi"}]
    assert 20 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))
    [record] = front.facing.journal.records
    assert (record.outcome, record.cost_nano) == ("ok", 7 * 1000 + 2 * 10_000)


def test_a_toy_caller_has_the_vendors_stream_in_toy_bits() -> None:
    async def main(front: Front) -> None:
        got = await front.toy(bits=True)
        assert got.body == bit("Hel") + bit("lo") + toy_end() + OVER

    front = play(main, [streamed(piece("Hel"), piece("lo"), stop(), counts(7, 2), OPENAI_DONE)])
    [[asked], _] = front.asked
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}  # a toy caller is always told the cost


def test_a_caller_of_openais_dialect_is_served_by_a_toy_vendor() -> None:
    async def main(front: Front) -> None:
        got = await front.openai()
        [choice] = got.json["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello", "stop")
        assert got.json["usage"]["completion_tokens"] == 2
        assert got.json["object"] == "chat.completion"

    front = play(main, [whole({"words": "Hello", "why": "said", "cost": [7, 2]})], toys=["first"])
    [[asked], _] = front.asked
    assert asked == {"who": "m", "say": [["me", "Hi"]]}
    assert front.vendors[0].paths == ["/v1/m/say"]


@pytest.mark.parametrize("is_counted", [False, True])
def test_a_caller_of_openais_dialect_has_a_toy_vendors_stream_as_chunks(is_counted: bool) -> None:
    async def main(front: Front) -> None:
        options = {"stream_options": {"include_usage": True}} if is_counted else {}
        got = await front.openai(stream=True, **options)
        assert got.body.endswith(OPENAI_DONE)
        said = openai_events(got.body)
        assert {one["object"] for one in said} == {"chat.completion.chunk"}
        assert openai_text(got.body) == "Hello"
        assert [one["usage"]["completion_tokens"] for one in said if one.get("usage")] == ([2] if is_counted else [])

    front = play(main, [streamed(bit("Hel"), bit("lo"), toy_end(), OVER)], toys=["first"])
    assert front.vendors[0].paths == ["/v1/m/bits"]
    [record] = front.facing.journal.records
    assert record.cost_nano == 7 * 1000 + 2 * 10_000


@pytest.mark.parametrize("bits", [False, True])
def test_between_toy_and_toy_the_bytes_pass_as_they_came(bits: bool) -> None:
    spaced = b'data: {"bit" : "Hello"}\n\n' + toy_end() + OVER
    body = b'{"words" : "Hello", "why": "said", "mood": "good"}'

    async def main(front: Front) -> None:
        got = await front.toy(bits=bits, mood="odd")
        assert got.body == (spaced if bits else body)

    front = play(main, [streamed(spaced) if bits else whole(body)], toys=["first"])
    [[asked], _] = front.asked
    assert asked == {"who": "m", "say": [["me", "Hi"]], "bits": bits, "mood": "odd"}


# Errors, in the toy's shape


def test_every_error_of_a_toy_call_has_the_toys_shape() -> None:
    async def main(front: Front) -> None:
        missing = await front.facing.ask("POST", PATH, b'{"say":[]}')
        assert (missing.status, missing.json) == (
            400,
            {"oops": "`who` is missing: name a model.", "kind": "invalid_request"},
        )
        unknown = await front.toy(who="nobody")
        assert (unknown.status, unknown.json["kind"]) == (404, "model_not_found")
        method = await front.facing.ask("GET", PATH)
        assert (method.status, set(method.json)) == (405, {"oops", "kind"})
        rejected = await front.toy()
        assert (rejected.status, rejected.json["oops"]) == (400, "too odd")
        failed = await front.toy()
        assert (failed.status, set(failed.json)) == (502, {"oops", "kind"})

    said = {"error": {"message": "too odd", "type": "invalid_request_error", "code": None, "param": None}}
    play(main, [whole(said, status=400), whole({"no": "choices"})], text=SYSTEM.replace(*ALONE))


def test_a_cut_stream_ends_with_the_toys_event() -> None:
    async def main(front: Front) -> None:
        got = await front.toy(bits=True)
        assert got.status == 200
        assert got.body.startswith(bit("Hel"))
        last = events_in(got.body)[-1]
        assert (last.name, set(json.loads(last.data))) == (b"oops", {"oops", "kind"})

    play(main, [streamed(piece("Hel"), CUT)])


def test_a_toy_vendors_refusal_has_openais_shape_and_words_for_openais_callers() -> None:
    async def main(front: Front) -> None:
        got = await front.openai()
        error = got.json["error"]
        assert (got.status, error["message"], error["type"]) == (400, "too odd", "invalid_request_error")
        assert error["code"] == "invalid_request"  # and not the vendor's own word for it

    play(main, [whole({"oops": "too odd"}, status=400)], toys=["first"])


def test_a_path_that_is_not_served_names_the_toys_among_those_that_are() -> None:
    async def main(front: Front) -> None:
        got = await front.facing.ask("POST", "/toys")
        assert PATH in got.json["error"]["message"]

    play(main, [])


# What only one of the two can say


def test_what_a_toy_vendor_has_no_words_for_goes_to_one_that_has() -> None:
    async def main(front: Front) -> None:
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        got = await front.openai(tools=tools)
        assert got.json["choices"][0]["message"]["content"] == "Hello"

    front = play(main, [], [answered("Hello")], toys=["first"])
    assert [len(asked) for asked in front.asked] == [0, 1]


def test_what_no_vendor_has_words_for_is_refused_with_the_field_before_anything_is_sent() -> None:
    async def main(front: Front) -> None:
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        got = await front.openai(tools=tools)
        assert (got.status, got.json["error"]["param"]) == (400, "tools")

    front = play(main, [], [], toys=["first", "second"])
    assert front.asked == [[], []]


def test_a_toy_vendor_has_no_embeddings() -> None:
    async def main(front: Front) -> None:
        got = await front.facing.ask("POST", "/v1/embeddings", b'{"model":"assistant","input":"x"}')
        assert (got.status, got.json["error"]["code"]) == (404, "target_unsuited")

    front = play(main, [], [], toys=["first", "second"])
    assert front.asked == [[], []]


# Layers that read bodies and answers


@pytest.mark.parametrize("toys", [(), ("first", "second")])
@pytest.mark.parametrize("was_streamed", [False, True])
def test_a_toy_answer_is_kept_and_given_in_both_forms(was_streamed: bool, toys: Sequence[str]) -> None:
    said = {
        (False, False): answered("Hello", {"prompt_tokens": 7, "completion_tokens": 2}),
        (True, False): streamed(piece("Hello"), stop(), counts(7, 2), OPENAI_DONE),
        (False, True): whole({"words": "Hello", "why": "said", "cost": [7, 2]}),
        (True, True): streamed(bit("Hello"), toy_end(), OVER),
    }

    async def main(front: Front) -> None:
        assert (await front.toy(bits=was_streamed)).headers[b"x-headworks-cache"] == b"miss"
        in_one = await front.toy()
        in_bits = await front.toy(bits=True)
        assert in_one.headers[b"x-headworks-cache"] == in_bits.headers[b"x-headworks-cache"] == b"hit"
        assert in_one.json == {"words": "Hello", "why": "said", "cost": [7, 2]}
        assert in_bits.body == bit("Hello") + toy_end() + OVER

    front = play(main, [said[was_streamed, bool(toys)]], [said[was_streamed, bool(toys)]], toys=toys, text=KEEPING)
    assert sum(map(len, front.asked)) == 1


def test_an_answer_that_is_not_finished_is_not_kept_and_one_dialects_are_not_anothers() -> None:
    async def main(front: Front) -> None:
        for _ in range(2):
            assert (await front.toy()).headers[b"x-headworks-cache"] == b"miss"  # the vendor's own bound cut it
        assert (await front.openai()).headers[b"x-headworks-cache"] == b"miss"
        assert (await front.openai()).headers[b"x-headworks-cache"] == b"hit"

    full = answered("Hel", finish="length")
    text = KEEPING.replace(*ALONE)
    play(main, [full, full, answered("Hello")], text=text)


def test_a_kept_toy_stream_has_the_tokens_for_a_caller_of_openais_dialect_who_asks_for_them_later() -> None:
    async def main(front: Front) -> None:
        assert b"usage" not in (await front.openai(stream=True)).body
        counted = await front.openai(stream=True, stream_options={"include_usage": True})
        in_one = await front.openai()
        assert counted.headers[b"x-headworks-cache"] == in_one.headers[b"x-headworks-cache"] == b"hit"
        assert openai_events(counted.body)[-1]["usage"]["completion_tokens"] == 2
        assert in_one.json["usage"]["prompt_tokens"] == 7

    play(main, [streamed(bit("Hello"), toy_end(), OVER)], toys=["first"], text=KEEPING)


@pytest.mark.parametrize("toys", [(), ("first",), ("second",), ("first", "second")])
def test_a_broken_toy_stream_goes_on_with_another_vendor_whatever_it_speaks(toys: Sequence[str]) -> None:
    async def main(front: Front) -> None:
        got = await front.toy(bits=True)
        text = "".join([json.loads(one.data).get("bit", "") for one in events_in(got.body) if one.data != b"over"])
        assert text == "Hello there"
        assert got.body.endswith(toy_end() + OVER)
        assert b"oops" not in got.body

    broken = streamed(bit("Hello "), CUT) if "first" in toys else streamed(piece("Hello "), CUT)
    toy_rest = streamed(bit("Hel"), bit("lo there"), toy_end(), OVER)
    openai_rest = streamed(piece("Hel"), piece("lo there"), stop(), counts(7, 2), OPENAI_DONE)
    play(main, [broken], [toy_rest if "second" in toys else openai_rest], toys=toys, text=RESUMING)


@pytest.mark.parametrize("toys", [("first",), ("second",)])
def test_a_broken_stream_of_openais_dialect_goes_on_with_a_toy_vendor_and_the_other_way(toys: Sequence[str]) -> None:
    async def main(front: Front) -> None:
        got = await front.openai(stream=True)
        assert openai_text(got.body) == "Hello there"
        assert got.body.endswith(OPENAI_DONE)
        assert len({one["id"] for one in openai_events(got.body)}) == 1

    broken = streamed(bit("Hello "), CUT) if "first" in toys else streamed(piece("Hello "), CUT)
    toy_rest = streamed(bit("Hello there"), toy_end(), OVER)
    openai_rest = streamed(piece("Hello there"), stop(), OPENAI_DONE)
    play(main, [broken], [toy_rest if "second" in toys else openai_rest], toys=toys, text=RESUMING)


def test_a_toy_callers_broken_stream_is_continued_by_a_vendor_in_the_form_that_it_takes() -> None:
    async def main(front: Front) -> None:
        got = await front.toy(bits=True)
        assert got.body == bit("Hello ") + bit("there") + toy_end(cost=[7, 4]) + OVER

    front = play(
        main,
        [streamed(piece("Hello ", usage={"prompt_tokens": 7, "completion_tokens": 2}), CUT)],
        [streamed(piece("there"), stop(), counts(9, 2), OPENAI_DONE)],
        text=CONTINUING,
    )
    [_, [asked]] = front.asked
    assert asked["messages"][-1] == {"role": "assistant", "content": "Hello ", "prefix": True}


# Money, doubt, prompts


KEYED = (
    SYSTEM
    + """
keys:
  web: {key: web-secret-0123456789, budget: {amount: $1, every: 1d}}
"""
)


def test_a_toy_call_under_a_budget_must_have_a_bound_by_the_toys_name_and_is_paid_for() -> None:
    async def main(front: Front) -> None:
        key = {"authorization": "Bearer web-secret-0123456789"}
        said = [["me", "Hi"]]
        unbounded = await front.facing.ask("POST", PATH, msgspec.json.encode({"who": "assistant", "say": said}), **key)
        assert unbounded.json["oops"].endswith("by `most`.")
        body = msgspec.json.encode({"who": "assistant", "say": said, "most": 5})
        assert (await front.facing.ask("POST", PATH, body, **key)).json["words"] == "Hello"
        stranger = await front.facing.ask("POST", PATH, body)
        assert (stranger.status, stranger.json["kind"]) == (401, "invalid_api_key")

    play(main, [answered("Hello")], text=KEYED.replace(*ALONE))


def test_an_ordinary_toy_call_proves_that_a_model_is_gone() -> None:
    async def main(front: Front) -> None:
        for mood in ({"mood": "odd"}, {}):  # the first may be why; the second is an ordinary call
            await front.toy(**mood)
            set_aside.append(front.facing.world.assembled.shared.circuits["first/m"].blocked_until > 0)

    set_aside: list[bool] = []
    gone = whole({"error": {"message": "no such thing", "type": "invalid_request_error", "code": None}}, status=404)
    play(main, [gone, gone], text=SYSTEM.replace(*ALONE))
    assert set_aside == [False, True]
