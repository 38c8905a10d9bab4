"""Callers and vendors of Anthropic's API over the assembled stack: served by each other and by OpenAI's, cached, resumed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from headworks.gateway.leaves import Leaves
from headworks.server.app import CALLERS
from headworks.wire.anthropic.forms import as_body
from tests.server.test_app import Answered, Facing
from tests.stack.speaking import CUT, Speaking, answered, counts, piece, stop, streamed, whole
from tests.stack.speaking import DONE as OPENAI_DONE
from tests.stack.systems import World, system
from tests.wire.anthropic.accumulated import accumulated
from tests.wire.anthropic.test_decoder import event

SYSTEM = """
version: 1
providers:
  first: {dialect: FIRSTS, base_url: "http://127.0.0.1:FIRST/v1", api_key: first-secret-0123456789}
  second: {dialect: SECONDS, base_url: "http://127.0.0.1:SECOND/v1", api_key: second-secret-012345678}
models:
  assistant:
    targets: [[first/m], [second/m]]
    retry: {attempts: 1}
    price: {input: $1/M, cached_input: $0.1/M, cache_write: $2/M, cache_write_1h: $3/M, output: $10/M}
"""
RESUMING = SYSTEM.replace("retry:", "mid_stream: restart\n    retry:")
CONTINUING = SYSTEM.replace("[second/m]]", "{provider: second, model: m, prefill: message}]\n    mid_stream: continue")
KEEPING = SYSTEM.replace("retry:", "cache: {exact: 1h}\n    retry:")

USAGE = {
    "input_tokens": 7,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "output_tokens": 1,
}
START = event(
    "message_start",
    message={
        "id": "msg_v",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
    },
)
OPEN = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
CLOSE = event("content_block_stop", index=0)
END = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 2})
STOP = event("message_stop")
MESSAGE = {
    "id": "msg_v",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {**USAGE, "output_tokens": 2},
    "novel": 1,
}
COST = 7 * 1000 + 100 * 100 + 10 * 2000 + 20 * 3000 + 2 * 10_000


def word(text: str, index: int = 0) -> bytes:
    return event("content_block_delta", index=index, delta={"type": "text_delta", "text": text})


class Heard(Speaking):
    """A vendor that keeps the heads of requests too."""

    heads: list[str]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads = self.heads = []
        until = reader.readuntil

        async def kept(separator: Any = b"\n") -> bytes:
            head = await until(separator)
            heads.append(head.decode().lower())
            return head

        reader.readuntil = kept  # type: ignore[method-assign]
        await super().serve(reader, writer)


class Front:
    def __init__(self, facing: Facing, vendors: Sequence[Heard]) -> None:
        self.facing = facing
        self.vendors = vendors

    async def messages(
        self, path: str = "/v1/messages", headers: dict[str, str] | None = None, **fields: Any
    ) -> Answered:
        body = {"model": "assistant", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}], **fields}
        return await self.facing.ask("POST", path, json.dumps(body).encode(), **(headers or {}))

    async def chat(self, **fields: Any) -> Answered:
        body = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}], **fields}
        return await self.facing.ask("POST", "/v1/chat/completions", json.dumps(body).encode())

    @property
    def asked(self) -> list[list[Any]]:
        return [vendor.asked for vendor in self.vendors]

    @property
    def records(self) -> list[Any]:
        return self.facing.journal.records


def play(
    main: Callable[[Front], Coroutine[Any, Any, None]],
    first: Sequence[list[bytes]],
    second: Sequence[list[bytes]] = (),
    *,
    dialects: tuple[str, str] = ("anthropic", "anthropic"),
    text: str = SYSTEM,
) -> Front:
    async def within() -> Front:
        vendors = [Heard(first), Heard(second)]
        servers = [await asyncio.start_server(one.serve, "127.0.0.1", 0) for one in vendors]
        ports = [str(server.sockets[0].getsockname()[1]) for server in servers]
        file = text.replace("FIRSTS", dialects[0]).replace("SECONDS", dialects[1])
        loaded = system(file.replace("FIRST/", f"{ports[0]}/").replace("SECOND/", f"{ports[1]}/"))
        leaves = Leaves(loaded, Path("."), seed=1)
        facing = Facing(World(leaves.leaf, loaded), callers=CALLERS)
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


def test_between_anthropic_and_anthropic_bytes_headers_and_the_key_go_as_that_api_wants() -> None:
    spaced = json.dumps(MESSAGE, indent=1).encode()

    async def main(front: Front) -> None:
        got = await front.messages(novel={"a": 1})
        assert got.body == spaced
        streaming = await front.messages(
            stream=True, headers={"anthropic_version": "2026-10-21", "anthropic_beta": "a-1,b-2", "x_api_key": "mine"}
        )
        assert streaming.body == START + OPEN + word("Hello") + CLOSE + END + STOP
        assert got.headers[b"request-id"] == got.headers[b"x-request-id"]

    front = play(main, [whole(spaced), streamed(START, OPEN, word("Hello"), CLOSE, END, STOP)])
    first, second = front.vendors[0].asked
    assert first == {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}], "novel": {"a": 1}}
    assert second["stream"] is True
    assert front.vendors[0].paths == ["/v1/messages", "/v1/messages"]
    plain, versioned = front.vendors[0].heads
    assert "anthropic-version: 2023-06-01\r\n" in plain
    assert "x-api-key: first-secret-0123456789\r\n" in plain
    assert "authorization" not in plain
    assert "anthropic-version: 2026-10-21\r\n" in versioned
    assert "anthropic-beta: a-1,b-2\r\n" in versioned
    assert versioned.count("anthropic-version") == 1
    assert "mine" not in versioned
    assert [record.cost_nano for record in front.records] == [COST, COST]


@pytest.mark.parametrize("stream", [False, True])
def test_an_anthropic_caller_is_served_by_a_vendor_of_openais_api(stream: bool) -> None:
    async def main(front: Front) -> None:
        got = await front.messages(stream=stream, system="Be brief.")
        made = accumulated(got.body) if stream else got.json
        assert (made["content"], made["stop_reason"]) == ([{"type": "text", "text": "Hello"}], "end_turn")
        assert (made["usage"]["input_tokens"], made["usage"]["output_tokens"]) == (7, 2)

    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    script = (
        streamed(piece("Hel"), piece("lo"), stop(), counts(7, 2), OPENAI_DONE) if stream else answered("Hello", usage)
    )
    front = play(main, [script], dialects=("openai", "openai"))
    [[asked], _] = front.asked
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert [record.cost_nano for record in front.records] == [7 * 1000 + 2 * 10_000]


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_of_openais_api_is_served_by_an_anthropic_vendor(stream: bool) -> None:
    async def main(front: Front) -> None:
        got = await front.chat(stream=stream)
        if stream:
            assert b'"content":"Hello"' in got.body
            assert got.body.endswith(OPENAI_DONE)
            assert b'"usage"' not in got.body
        else:
            assert got.json["choices"][0]["message"]["content"] == "Hello"
            assert got.json["usage"]["prompt_tokens"] == 137

    script = streamed(START, OPEN, word("Hello"), CLOSE, END, STOP) if stream else whole(MESSAGE)
    front = play(main, [script])
    assert [record.cost_nano for record in front.records] == [COST]
    assert "anthropic-version: 2023-06-01\r\n" in front.vendors[0].heads[0]


def test_a_call_of_a_tool_of_free_text_comes_back_as_one() -> None:
    used = {"type": "tool_use", "id": "t", "name": "patch", "input": {"input": "*** x"}}
    opened = event("content_block_start", index=0, content_block={**used, "input": {}})
    grown = event(
        "content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": '{"input":"*** x"}'}
    )
    ending = event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 2})
    tools = [{"type": "custom", "custom": {"name": "patch"}}]

    async def main(front: Front) -> None:
        for stream in (False, True):
            got = await front.chat(stream=stream, tools=tools)
            assert b'"custom":{"name":"patch","input":"' in got.body
            assert b"*** x" in got.body
            assert b'\\"input\\"' not in got.body

    answer = {**MESSAGE, "content": [used], "stop_reason": "tool_use"}
    play(main, [whole(answer), streamed(START, opened, grown, CLOSE, ending, STOP)])


@pytest.mark.parametrize("has_limits", [False, True])
def test_a_vendors_limits_and_ids_come_back_where_they_are_no_second_answer(has_limits: bool) -> None:
    limits = b"anthropic-ratelimit-requests-remaining: 5\r\nanthropic-organization-id: org_1\r\nrequest-id: req_v\r\n"
    [script] = whole(MESSAGE)
    headed = [script.replace(b"content-type", limits + b"content-type", 1)]
    keyed = f"{SYSTEM}keys: {{web: {{key: web-secret-0123456789, rpm: 9}}}}\n"

    async def main(front: Front) -> None:
        bearer = {"authorization": "Bearer web-secret-0123456789"}
        got = await (front.messages(headers=bearer) if has_limits else front.messages())
        assert (b"anthropic-ratelimit-requests-remaining" in got.headers) != has_limits
        assert b"anthropic-organization-id" not in got.headers
        assert got.headers[b"request-id"] == got.headers[b"x-request-id"] != b"req_v"
        [record] = front.records
        assert record.attempts[0].vendor_request_id == "req_v"

    play(main, [headed], text=keyed if has_limits else SYSTEM)


# Errors


def test_an_error_is_in_the_callers_shape_and_of_the_same_api_byte_for_byte() -> None:
    said = b'{"type":"error", "error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}'

    async def main(front: Front) -> None:
        theirs = await front.messages()
        assert (theirs.status, theirs.body) == (400, said)
        crossed = await front.chat()
        assert (crossed.status, crossed.json["error"]["code"]) == (400, "context_length_exceeded")
        missing = await front.messages(messages=[])
        assert (missing.status, missing.json["error"]["type"]) == (400, "invalid_request_error")
        method = await front.facing.ask("GET", "/v1/messages")
        assert (method.status, method.json["type"]) == (405, "error")
        lost = await front.facing.ask("GET", "/v1/nothing", anthropic_version="2023-06-01")
        assert (lost.status, lost.json["error"]["type"]) == (404, "not_found_error")

    script = whole(said, status=400)
    play(main, [script, script], text=SYSTEM.replace("[[first/m], [second/m]]", "[first/m]"))


def test_a_cut_stream_ends_with_an_event_of_this_api() -> None:
    async def main(front: Front) -> None:
        got = await front.messages(stream=True)
        assert got.body.startswith(START + OPEN + word("Hel"))
        last = got.body.rpartition(b"event: ")[2]
        assert last.startswith(b'error\ndata: {"type":"error","error":{"type":"api_error"')

    play(main, [streamed(START, OPEN, word("Hel"), CUT)])


# Resumed, cached, counted


@pytest.mark.parametrize("second", ["anthropic", "openai"])
def test_a_stream_that_broke_goes_on_in_this_apis_events(second: str) -> None:
    async def main(front: Front) -> None:
        got = await front.messages(stream=True)
        made = accumulated(got.body)
        assert made["content"] == [{"type": "text", "text": "Hello"}]
        assert made["stop_reason"] == "end_turn"
        assert as_body(got.body, b"") is not None

    own = streamed(START, OPEN, word("H"), word("ello"), CLOSE, END, STOP)
    other = streamed(piece("Hell"), piece("o"), stop(), counts(7, 2), OPENAI_DONE)
    script = own if second == "anthropic" else other
    broken = streamed(START, OPEN, word("Hel"), CUT)
    play(main, [broken], [script], text=RESUMING, dialects=("anthropic", second))


def test_a_stream_that_broke_goes_on_from_its_middle_behind_a_last_message_of_the_assistant() -> None:
    async def main(front: Front) -> None:
        got = await front.messages(stream=True)
        made = accumulated(got.body)
        assert made["content"] == [{"type": "text", "text": "Hello there"}]
        assert made["usage"]["output_tokens"] > 2

    script = streamed(START, OPEN, word("there"), CLOSE, END, STOP)
    front = play(main, [streamed(START, OPEN, word("Hello "), CUT)], [script], text=CONTINUING)
    [_, [asked]] = front.asked
    assert asked["messages"][-1] == {"role": "assistant", "content": "Hello"}


def test_an_answer_is_given_again_in_the_other_form() -> None:
    async def main(front: Front) -> None:
        first = await front.messages(stream=True)
        again = await front.messages()
        assert again.headers[b"x-headworks-cache"] == b"hit"
        assert accumulated(first.body)["content"] == again.json["content"]
        more = await front.messages(stream=True, metadata={"user_id": "ann"})
        assert more.headers[b"x-headworks-cache"] == b"hit"
        assert accumulated(more.body) == accumulated(first.body)

    play(main, [streamed(START, OPEN, word("Hello"), CLOSE, END, STOP)], text=KEEPING)


def test_tokens_are_counted_by_the_vendor_or_else_estimated_and_nobody_is_billed() -> None:
    async def main(front: Front) -> None:
        assert (await front.messages("/v1/messages/count_tokens")).json == {"input_tokens": 42}
        failed = await front.messages("/v1/messages/count_tokens")
        assert failed.json == {"input_tokens": 1}  # the second target speaks OpenAI's API: an estimate

    front = play(main, [whole({"input_tokens": 42}), whole({"novel": 1})], dialects=("anthropic", "openai"))
    assert front.vendors[0].paths == ["/v1/messages/count_tokens"] * 2
    assert [(record.operation, record.cost_nano) for record in front.records] == [("count", 0), ("count", 0)]
