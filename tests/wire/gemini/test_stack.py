"""Gemini's API through the whole stack: its callers at OpenAI's vendors, OpenAI's at Gemini's, and between its own the bytes as they came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.gateway.leaves import Leaves
from tests.server.test_app import Answered, Facing
from tests.stack.speaking import CUT, Speaking, answered, counts, piece, stop, streamed, whole
from tests.stack.speaking import DONE as OPENAI_DONE
from tests.stack.systems import World, system
from tests.wire.gemini.corpus import ANSWERS, RECORDED, STREAMS, user
from tests.wire.gemini.corpus import question as asking
from tests.wire.gemini.test_stream import event

AT = "/v1beta/models/assistant"
SYSTEM = """
version: 1
providers:
  first: {dialect: FIRST_SPEAKS, base_url: "http://127.0.0.1:FIRST/v1beta", api_key: first-key-0123456789}
  second: {dialect: SECOND_SPEAKS, base_url: "http://127.0.0.1:SECOND/v1", api_key: second-key-0123456789}
models:
  assistant:
    targets: [[first/gemini-x], [second/m]]
    retry: {attempts: 1}
    price: {input: $1/M, output: $10/M}
"""
ALONE = "[[first/gemini-x], [second/m]]", "[first/gemini-x]"
RESUMING = SYSTEM.replace("retry:", "mid_stream: restart\n    retry:")
KEEPING = SYSTEM.replace("retry:", "cache: {exact: 1h}\n    retry:")


class Front:
    """The public port over a stack."""

    def __init__(self, facing: Facing, vendors: Sequence[Speaking]) -> None:
        self.facing = facing
        self.vendors = vendors

    async def gemini(self, method: str = "generateContent", **fields: Any) -> Answered:
        return await self.facing.ask("POST", f"{AT}:{method}", msgspec.json.encode({**asking(), **fields}))

    async def openai(self, *, stream: bool = False, **fields: Any) -> Answered:
        body = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **fields}
        return await self.facing.ask("POST", "/v1/chat/completions", msgspec.json.encode(body))


STREAM = "streamGenerateContent?alt=sse"


def play(
    main: Callable[[Front], Coroutine[Any, Any, None]],
    first: Sequence[list[bytes]],
    second: Sequence[list[bytes]] = (),
    *,
    speaks: tuple[str, str] = ("gemini", "openai"),
    text: str = SYSTEM,
) -> Front:
    """Runs `main` against the scripts of two vendors; nothing is held afterwards."""

    async def within() -> Front:
        vendors = [Speaking(first), Speaking(second)]
        servers = [await asyncio.start_server(one.serve, "127.0.0.1", 0) for one in vendors]
        ports = [str(server.sockets[0].getsockname()[1]) for server in servers]
        written = text.replace("FIRST_SPEAKS", speaks[0]).replace("SECOND_SPEAKS", speaks[1])
        loaded = system(written.replace("FIRST", ports[0]).replace("SECOND", ports[1]))
        leaves = Leaves(loaded, Path("."), seed=1)
        front = Front(Facing(World(leaves.leaf, loaded)), vendors)
        try:
            await main(front)
            assert front.facing.world.left_behind() == {}
        finally:
            await leaves.close()
            for server in servers:
                server.close()
                await server.wait_closed()
        return front

    return asyncio.run(asyncio.wait_for(within(), 20.0))


def test_between_gemini_and_gemini_the_bytes_pass_as_they_came() -> None:
    async def main(front: Front) -> None:
        got = await front.gemini(novel={"a": 1})
        assert got.body == ANSWERS["cached.json"]
        got = await front.gemini(STREAM, novel={"a": 1})
        assert got.body == STREAMS["thinking_call.sse"]

    front = play(main, [whole(ANSWERS["cached.json"]), streamed(STREAMS["thinking_call.sse"])])
    assert front.vendors[0].paths == [
        "/v1beta/models/gemini-x:generateContent",
        "/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
    ]
    assert front.vendors[0].asked == [{**asking(), "novel": {"a": 1}}] * 2
    first, second = front.facing.journal.records
    assert (first.outcome, first.cost_nano) == ("ok", 12013 * 1000 + 88 * 10_000)
    assert second.cost_nano == 38 * 1000 + 180 * 10_000


def test_our_key_goes_where_google_reads_it() -> None:
    heads: list[bytes] = []

    class Listening(Speaking):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head.lower())
            writer.write(whole(ANSWERS["cached.json"])[0])
            writer.close()

    async def within() -> None:
        vendor = Listening([])
        server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
        port = str(server.sockets[0].getsockname()[1])
        written = SYSTEM.replace(*ALONE).replace("FIRST_SPEAKS", "gemini").replace("SECOND_SPEAKS", "openai")
        loaded = system(written.replace("FIRST", port).replace("SECOND", port))
        leaves = Leaves(loaded, Path("."), seed=1)
        await Front(Facing(World(leaves.leaf, loaded)), []).gemini()
        await leaves.close()
        server.close()
        await server.wait_closed()

    asyncio.run(asyncio.wait_for(within(), 20.0))
    assert b"x-goog-api-key: first-key-0123456789" in heads[0]
    assert b"authorization" not in heads[0]


def test_a_caller_of_geminis_is_served_by_a_vendor_of_openais() -> None:
    async def main(front: Front) -> None:
        got = await front.gemini(generationConfig={"maxOutputTokens": 20})
        assert got.json["candidates"][0]["content"]["parts"] == [{"text": "Hello"}]
        assert got.json["usageMetadata"]["totalTokenCount"] == 9

    front = play(main, [answered("Hello", {"prompt_tokens": 7, "completion_tokens": 2})], speaks=("openai", "openai"))
    [[asked], _] = [one.asked for one in front.vendors]
    assert (asked["model"], asked["max_completion_tokens"]) == ("gemini-x", 20)
    [record] = front.facing.journal.records
    assert (record.model, record.outcome, record.cost_nano) == ("assistant", "ok", 7 * 1000 + 2 * 10_000)


def test_a_caller_of_geminis_has_openais_stream_as_geminis_events() -> None:
    async def main(front: Front) -> None:
        got = await front.gemini(STREAM)
        said = [json.loads(one[6:]) for one in got.body.split(b"\n\n") if one]
        texts = [part["text"] for one in said for part in one["candidates"][0]["content"]["parts"]]
        assert texts == ["Hel", "lo", ""]
        assert (said[-1]["candidates"][0]["finishReason"], said[-1]["usageMetadata"]["totalTokenCount"]) == ("STOP", 9)
        assert b"DONE" not in got.body

    front = play(
        main, [streamed(piece("Hel"), piece("lo"), stop(), counts(7, 2), OPENAI_DONE)], speaks=("openai", "openai")
    )
    [[asked], _] = [one.asked for one in front.vendors]
    assert (asked["stream"], asked["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_of_openais_is_served_by_a_vendor_of_geminis(stream: bool) -> None:
    async def main(front: Front) -> None:
        got = await front.openai(stream=stream, max_tokens=9)
        if stream:
            assert got.body.endswith(OPENAI_DONE)
            assert b'"usage"' not in got.body
        else:
            assert got.json["choices"][0]["message"]["content"] == "For **directions**."

    script = streamed(STREAMS["short.sse"]) if stream else whole(ANSWERS["cached.json"])
    front = play(main, [script])
    [[asked], _] = [one.asked for one in front.vendors]
    assert asked == {"contents": [user({"text": "hi"})], "generationConfig": {"maxOutputTokens": 9}}
    [record] = front.facing.journal.records
    assert record.cost_nano == (7 * 1000 + 10 * 10_000 if stream else 12013 * 1000 + 88 * 10_000)


def test_errors_of_every_kind_are_googles() -> None:
    async def main(front: Front) -> None:
        got = await front.facing.ask("POST", f"{AT}:generateContent", b"{}")
        assert (got.status, got.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
        got = await front.facing.ask("POST", "/v1beta/models/nobody:generateContent", b'{"contents":[1]}')
        assert (got.status, got.json["error"]["status"]) == (404, "NOT_FOUND")
        got = await front.facing.ask("GET", f"{AT}:generateContent")
        assert (got.status, got.json["error"]["code"]) == (405, 405)
        got = await front.gemini("streamGenerateContent")
        assert (got.status, "?alt=sse" in got.json["error"]["message"]) == (400, True)

    play(main, [])


WRONG = {"error": {"code": 400, "message": "contents: wrong", "status": "INVALID_ARGUMENT"}}


@pytest.mark.parametrize(
    ("code", "said", "shown", "words"),
    [
        (400, WRONG, 400, "contents: wrong"),
        (429, RECORDED["quota.json"], 429, "34.075s"),
        (400, RECORDED["api_key.json"], 502, "its operator has to look"),
    ],
)
def test_a_vendors_error_is_shown_and_a_refused_key_is_not_the_callers(
    code: int, said: Any, shown: int, words: str
) -> None:
    async def main(front: Front) -> None:
        got = await front.gemini()
        assert (got.status, got.json["error"]["code"]) == (shown, shown)
        assert words in got.body.decode()
        assert (b"retry-after" in got.headers) == (shown == 429)

    play(main, [whole(said, code)], text=SYSTEM.replace(*ALONE))


def test_a_stream_that_breaks_ends_with_the_error_alone_on_its_line() -> None:
    async def main(front: Front) -> None:
        got = await front.gemini(STREAM)
        assert got.body.startswith(event({"text": "Hel"}))
        ending = json.loads(got.body.rsplit(b"\n\n", 1)[1])
        assert ending["error"]["status"] == "UNAVAILABLE"

    play(main, [streamed(event({"text": "Hel"}), CUT)])


@pytest.mark.parametrize("speaks", [("gemini", "gemini"), ("gemini", "openai"), ("openai", "gemini")])
def test_a_stream_that_breaks_goes_on_at_the_next_vendor_whatever_it_speaks(speaks: tuple[str, str]) -> None:
    async def main(front: Front) -> None:
        got = await front.gemini(STREAM)
        said = [json.loads(one[6:]) for one in got.body.split(b"\n\n") if one]
        texts = [part["text"] for one in said for part in one["candidates"][0]["content"]["parts"]]
        assert "".join(texts) == "Hello"
        assert said[-1]["candidates"][0]["finishReason"] == "STOP"
        assert len({one["responseId"] for one in said}) == 1

    def script(which: str, *, breaks: bool) -> list[bytes]:
        tokens = {"usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2}, "responseId": f"r{breaks}"}
        if which == "gemini":
            rest = [CUT] if breaks else [event({"text": "lo"}, finish="STOP", **tokens)]
            return streamed(event({"text": "Hel"}, **tokens), *rest)
        return streamed(piece("Hel"), *([CUT] if breaks else [piece("lo"), stop(), counts(7, 2), OPENAI_DONE]))

    play(main, [script(speaks[0], breaks=True)], [script(speaks[1], breaks=False)], speaks=speaks, text=RESUMING)


def test_an_answer_that_was_kept_is_given_again_whole_and_streamed() -> None:
    async def main(front: Front) -> None:
        first = await front.gemini()
        assert first.headers[b"x-headworks-cache"] == b"miss"
        again = await front.gemini()
        assert (again.headers[b"x-headworks-cache"], again.body) == (b"hit", first.body)
        stream = await front.gemini(STREAM)
        assert stream.headers[b"x-headworks-cache"] == b"hit"
        assert json.loads(stream.body[6:]) == first.json

    play(main, [whole(ANSWERS["cached.json"])], text=KEEPING)


def test_a_prompt_that_is_blocked_is_an_answer_and_openais_callers_have_its_reason() -> None:
    async def main(front: Front) -> None:
        assert (await front.gemini()).body == ANSWERS["blocked.json"]
        assert (await front.openai()).json["choices"][0]["finish_reason"] == "content_filter"

    play(main, [whole(ANSWERS["blocked.json"])] * 2)
