"""After a failed call nothing of it is left: no body, no piece, no answer, and nothing for the garbage collector.

A gateway runs the collector seldom (`server/serve.py`): what waits for it is memory that grows with every failure. So the
collector is off here, and looks only at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

from headworks.core.errors import CallError
from headworks.providers.remote import MOST_ANSWER
from headworks.providers.scripted import Scripted, Stream
from headworks.testing import run_virtual, settle
from tests.server.test_app import KEYED, Facing, chat
from tests.stack.leftovers import uncollected
from tests.stack.speaking import (
    CUT,
    DONE,
    STREAM,
    Spoken,
    event,
    piece,
    play,
    stop,
    streamed,
    whole,
)

SIZE = 40_000
LARGE = "x" * SIZE
ONE = """
version: 1
providers:
  first: {dialect: openai, base_url: "http://127.0.0.1:FIRST/v1"}
models:
  assistant: {targets: [first/m], retry: {attempts: 1}}
"""
RETRIED = ONE.replace("attempts: 1", "attempts: 3, backoff: 1ms..2ms")
TIERS = """
version: 1
providers:
  first: {dialect: openai, base_url: "http://127.0.0.1:FIRST/v1"}
  second: {dialect: openai, base_url: "http://127.0.0.1:SECOND/v1"}
models:
  assistant:
    targets: [first/m, second/m]
    mid_stream: MODE
    retry: {attempts: 2, backoff: 1ms..2ms}
    timeouts: {connect: 1s, first_token: 20ms, between_tokens: 20ms, answer: 20ms, total: 5s}
    breaker: {failures: 2}
"""
SHARED = TIERS.replace("    retry:", "    cache: {exact: 1h}\n    retry:")

Script = list[bytes]
ERROR = {"error": {"message": LARGE, "type": "t", "code": "c"}}
BEFORE: dict[str, Script] = {
    "400": whole(ERROR, 400),
    "401": whole(ERROR, 401),
    "413": whole(ERROR, 413),
    "422": whole({"detail": [{"loc": 5, "msg": LARGE}]}, 422),
    "429": whole(ERROR, 429),
    "500": whole(ERROR, 500),
    "599": whole(ERROR, 599),
    "200, no JSON": whole(b'{"choices":"' + LARGE.encode()),
    "200, HTML": whole(b"<html>" + LARGE.encode()),
    "200, an error": whole(ERROR),
    "200, no choices": whole({"choices": [], "x": LARGE}),
    "a half body": [whole({"x": LARGE})[0][:-1000], CUT],
    "a half head": [b"HTTP/1.1 200 OK\r\nx: y", CUT],
    "no HTTP": [b"nonsense\r\n\r\n" + LARGE.encode()],
    "hung up": [CUT],
    "silence": [],
    "a stream that says nothing": streamed(b": " + LARGE.encode() + b"\n\n", ends=False),
    "a stream of an error": streamed(event(ERROR)),
    "a stream of no JSON": streamed(b"data: {" + LARGE.encode() + b"\n\n", b'data: {"choices"\n\n'),
    "a stream that is empty": streamed(event({"id": LARGE, "choices": []}), DONE),
    "a stream that is cut": streamed(b"data: " + LARGE.encode(), CUT),
}
AFTER: dict[str, Script] = {
    "cut": streamed(piece(LARGE), CUT),
    "cut inside an event": streamed(piece("Hi"), b"data: " + LARGE.encode(), CUT),
    "an error": streamed(piece("Hi"), event(ERROR)),
    "no JSON": streamed(piece(LARGE), b'data: {"choices"\n\n'),
    "silence": streamed(piece(LARGE), ends=False),
    "no end": streamed(piece(LARGE), DONE),
    "a failed finish": streamed(piece(LARGE), stop("error")),
    "no chunks": [STREAM, b"%x\r\n%b\r\nzzz\r\n" % (len(piece(LARGE)), piece(LARGE))],
}


async def fails(spoken: Spoken, *, streamed: bool) -> None:
    """One call, and it fails. Its body is made here and nowhere kept."""
    with contextlib.suppress(CallError):
        await spoken.ask(text=LARGE, streamed=streamed)
        raise AssertionError("it did not fail")


def left_by(
    first: Sequence[Script], second: Sequence[Script], *, text: str, mode: str = "error", is_streamed: bool, calls: int
) -> tuple[set[str], list[str]]:
    """What of ours is left for the collector, and who still holds what is large, after so many equal calls at once."""
    left: list[tuple[set[str], list[str]]] = []

    async def main(spoken: Spoken) -> None:
        asking = [asyncio.create_task(fails(spoken, streamed=is_streamed)) for _ in range(calls)]
        for one in asking:
            await one
        del asking, one
        for vendor in spoken.vendors.values():
            vendor.asked.clear()
            vendor.scripts.clear()
        for _ in range(10):
            await asyncio.sleep(0)
        spoken.world.journal.records.clear()
        left.append((watch.garbage(), watch.large(SIZE // 2)))

    with uncollected() as watch:
        play(main, first, second, text=text, mode=mode)
    return left[0]


def unreached(first: Script, second: Script, *, streamed: bool, text: str, mode: str = "error", calls: int = 1) -> None:
    attempts = 4 * calls
    assert left_by(
        [first] * attempts,
        [second] * attempts,
        text=text,
        mode=mode,
        is_streamed=streamed,
        calls=calls,
    ) == (set(), [])


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("said", BEFORE)
def test_a_call_that_fails_before_its_head_leaves_nothing(said: str, streamed: bool) -> None:
    unreached(BEFORE[said], BEFORE[said], streamed=streamed, text=TIERS)


@pytest.mark.parametrize(
    ("said", "mode"),
    [*[(one, "restart") for one in AFTER], ("cut", "error"), ("an error", "error"), ("cut", "continue")],
)
def test_a_stream_that_fails_after_its_head_leaves_nothing(said: str, mode: str) -> None:
    unreached(AFTER[said], AFTER["cut"], streamed=True, text=TIERS, mode=mode)


@pytest.mark.parametrize("said", ["500", "hung up", "200, no JSON"])
def test_a_call_that_is_tried_three_times_at_one_target_leaves_nothing(said: str) -> None:
    unreached(BEFORE[said], [], streamed=True, text=RETRIED)
    unreached(BEFORE[said], [], streamed=False, text=RETRIED)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("said", ["400", "a half body", "200, an error"])
def test_callers_who_share_a_journey_that_fails_leave_nothing(said: str, streamed: bool) -> None:
    unreached(BEFORE[said], BEFORE["hung up"], streamed=streamed, text=SHARED, mode="restart", calls=3)


@pytest.mark.parametrize("said", ["cut", "an error", "silence"])
def test_callers_who_share_a_stream_that_fails_leave_nothing(said: str) -> None:
    unreached(AFTER[said], AFTER["cut"], streamed=True, text=SHARED, mode="error", calls=3)


# Whole answers and requests as large as they may be


def test_an_answer_without_an_end_leaves_nothing_once_it_is_too_long() -> None:
    million = b"f4240\r\n" + bytes(1_000_000) + b"\r\n"
    script = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *[million] * (MOST_ANSWER // 1_000_000 + 2)]
    unreached(script, BEFORE["500"], streamed=False, text=ONE)


def test_a_request_of_nine_megabytes_that_is_answered_400_leaves_nothing() -> None:
    left: list[tuple[set[str], list[str]]] = []
    said = b"A" * 9_500_000

    async def main(spoken: Spoken) -> None:
        facing = Facing(spoken.leaves.leaf("first", "m"))
        answered = await facing.ask("POST", "/v1/chat/completions", chat(messages=[{"role": "user", "content": said}]))
        assert answered.status == 400
        del answered
        spoken.vendors["first"].asked.clear()
        await settle()
        left.append((watch.garbage(), watch.large(SIZE // 2)))

    with uncollected() as watch:
        play(main, [BEFORE["400"]], text=ONE)
    assert left == [(set(), [])]


# What the gateway refuses itself, and callers who leave


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/chat/completions", b"{" + LARGE.encode(), {}),
        ("/v1/chat/completions", chat(messages=[{"content": LARGE}]), {}),
        ("/v1/chat/completions", chat(model="nope", user=LARGE), {}),
        ("/v1/chat/completions", chat(user=LARGE), {"x_headworks_deadline": "soon"}),
        ("/v1/chat/completions", chat(user=LARGE), {"content_encoding": "gzip"}),
        ("/v1/chat/completions", chat(user=LARGE), {"content_encoding": "nope"}),
        ("/v1/chat/completions", chat(user=LARGE), {"authorization": "Bearer nobody"}),
        ("/v1/embeddings", chat(user=LARGE), {}),
        ("/v1/nothing", chat(user=LARGE), {}),
    ],
)
def test_what_the_gateway_refuses_leaves_nothing(path: str, body: bytes, headers: dict[str, str]) -> None:
    left: list[set[str]] = []

    async def main() -> None:
        shown = {"authorization": "Bearer web-secret-0123456789", **headers}
        facing = Facing(Scripted([]), KEYED)
        answered = await facing.ask("POST", path, body, **shown)
        assert 400 <= answered.status < 500
        left.append(watch.garbage())

    with uncollected() as watch:
        run_virtual(main())
    assert left == [set()]


@pytest.mark.parametrize("when", ["before the head", "after the head", "queued", "shared", "expired"])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("text", [TIERS, SHARED], ids=["alone", "coalesced"])
def test_callers_who_leave_or_whose_time_is_over_leave_nothing(when: str, streamed: bool, text: str) -> None:
    left: list[set[str]] = []

    async def main() -> None:
        leaf = Scripted([Stream(pieces=["Hi", 1.0, "there"] if when == "after the head" else [1.0, "Hi"])] * 3)
        made = text.replace("MODE", "restart").replace("FIRST", "1").replace("SECOND", "2")
        if when != "expired":
            made = made.replace("20ms", "5s")
        places = 5 if when == "shared" else 1
        facing = Facing(leaf, f"{made}\nserver: {{max_in_flight: {places}, max_queued: 1, max_wait: 3s}}\n")
        body = chat(user=LARGE, stream=streamed)
        asking = [asyncio.create_task(facing.ask("POST", "/v1/chat/completions", body))]
        await settle()
        if when in ("queued", "shared"):
            asking.append(asyncio.create_task(facing.ask("POST", "/v1/chat/completions", body)))
            await settle()
        assert len(leaf.calls) == (2 if when == "shared" and text is TIERS else 1)
        if when != "expired":
            for one in reversed(asking):
                one.cancel()
                del one
        await asyncio.gather(*asking, return_exceptions=True)
        del asking
        leaf.calls.clear()
        await settle()
        left.append(watch.garbage())

    with uncollected() as watch:
        run_virtual(main())
    assert left == [set()]
