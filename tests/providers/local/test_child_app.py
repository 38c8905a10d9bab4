"""The child's HTTP side over an engine that a test drives: no model, real sockets."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.http.server import Edge
from headworks.providers.local.chat_template import OWN_TEMPLATE
from headworks.providers.local.child_app import JSON, App, ModelSizes

pytestmark = pytest.mark.e2e

LONG = 30.0
SIZES = ModelSizes(slots=2, context=4096, threads=1, prompt_threads=1)


def event(content: str | None = None, finish: str | None = None) -> bytes:
    return msgspec.json.encode({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]})


PROGRESS = event()
STOP = event(finish="stop")
USAGE = msgspec.json.encode({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})
FAULT = msgspec.json.encode({"error": {"code": 500, "message": "broken", "type": "server_error"}})
TOO_LONG = msgspec.json.encode(
    {"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 9999, "n_ctx": 4096}}
)


class Driven:
    """An engine whose generations say what the test puts into `events`; None ends one."""

    def __init__(self, *events: bytes | None) -> None:
        self.events: queue.Queue[bytes | None] = queue.Queue()
        for each in events:
            self.events.put(each)
        self.started = 0
        self.most = 0
        self.running = 0
        self._lock = threading.Lock()

    def generate(self, generation: bytes, hear: Callable[[bytes], bool]) -> None:
        with self._lock:
            self.started += 1
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            while (said := self.events.get(timeout=LONG)) is not None and not hear(said):
                pass
        finally:
            with self._lock:
                self.running -= 1


class Gated(Driven):
    """An engine whose generations each wait for one turn, and then say the same."""

    def generate(self, generation: bytes, hear: Callable[[bytes], bool]) -> None:
        super().generate(generation, lambda turn: any(hear(each) for each in (event("x"), STOP)) or True)


class Refusing:
    def generate(self, generation: bytes, hear: Callable[[bytes], bool]) -> None:
        raise ValueError("no template can do this")


def serve(folder: Path, app: Callable[[], App], main: Callable[[App, str], Awaitable[None]]) -> None:
    async def within() -> None:
        path = str(folder / "s.sock")
        made = app()
        edge = Edge(made.handle, lambda status, message: (JSON, message.encode()))
        await edge.start_unix(path)
        try:
            async with asyncio.timeout(2 * LONG):
                await main(made, path)
        finally:
            await edge.stop(0.0)

    asyncio.run(within())


async def begin(path: str, **fields: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(path)
    body = msgspec.json.encode({"messages": [{"role": "user", "content": "Hi"}], **fields})
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    return reader, writer


async def ask(path: str, **fields: Any) -> tuple[int, bytes]:
    reader, writer = await begin(path, **fields)
    try:
        answer = await reader.read()
    finally:
        await hang_up(writer)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.001)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def go_on(engine: Driven, app: App) -> None:
    """Batch after batch, until the slots are free."""
    while app.busy:
        engine.events.put(PROGRESS)
        await asyncio.sleep(0.005)


def test_a_whole_answer(tmp_path: Path) -> None:
    async def main(app: App, path: str) -> None:
        status, body = await ask(path, model="m")
        answer = msgspec.json.decode(body)
        assert status == 200
        assert answer["choices"][0]["message"]["content"] == "Hello"
        assert answer["choices"][0]["finish_reason"] == "stop"
        assert answer["usage"]["total_tokens"] == 9
        assert answer["model"] == "m"
        assert answer["id"].startswith("chatcmpl-")

    serve(
        tmp_path,
        lambda: App(Driven(PROGRESS, event(" Hel"), event("lo"), STOP, USAGE, None), OWN_TEMPLATE, SIZES),
        main,
    )


@pytest.mark.parametrize("asked", [True, False])
def test_a_stream_has_usage_only_for_those_who_ask(tmp_path: Path, asked: bool) -> None:
    async def main(app: App, path: str) -> None:
        status, body = await ask(path, stream=True, stream_options={"include_usage": asked})
        events = [line.split(b"data: ")[1] for line in body.split(b"\r\n") if b"data: " in line]
        text = b"".join(line for line in body.split(b"\r\n") if line.startswith((b"data", b"\n")) or b"data: " in line)
        assert status == 200
        assert events
        assert text.count(b'"usage"') == asked
        assert text.rstrip().endswith(b"data: [DONE]")
        assert b'"content":"Hel"' in text
        assert b'"finish_reason":"stop"' in text

    serve(
        tmp_path, lambda: App(Driven(PROGRESS, event("Hel"), event("lo"), STOP, USAGE, None), OWN_TEMPLATE, SIZES), main
    )


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("fault", "status", "code"), [(TOO_LONG, 400, "context_length_exceeded"), (FAULT, 500, "internal_error")]
)
def test_an_error_before_the_first_text_has_its_own_status(
    tmp_path: Path, stream: bool, fault: bytes, status: int, code: str
) -> None:
    async def main(app: App, path: str) -> None:
        answered, body = await ask(path, stream=stream)
        assert answered == status
        assert msgspec.json.decode(body)["error"]["code"] == code

    serve(tmp_path, lambda: App(Driven(PROGRESS, fault, None), OWN_TEMPLATE, SIZES), main)


def test_an_error_after_the_first_text_ends_the_stream_without_its_end_mark(tmp_path: Path) -> None:
    async def main(app: App, path: str) -> None:
        status, body = await ask(path, stream=True)
        assert status == 200
        assert b'data: {"error":{"message":"llama.cpp failed: broken"' in body
        assert b"[DONE]" not in body

    serve(tmp_path, lambda: App(Driven(event("Hel"), FAULT, None), OWN_TEMPLATE, SIZES), main)


def test_an_answer_without_a_reason_to_end_is_no_answer(tmp_path: Path) -> None:
    async def main(app: App, path: str) -> None:
        assert (await ask(path))[0] == 500

    serve(tmp_path, lambda: App(Driven(event("Hel"), None), OWN_TEMPLATE, SIZES), main)


def test_what_llama_cpp_refuses_is_the_callers_fault(tmp_path: Path) -> None:
    async def main(app: App, path: str) -> None:
        status, body = await ask(path)
        assert status == 400
        assert b"no template can do this" in body

    serve(tmp_path, lambda: App(Refusing(), OWN_TEMPLATE, SIZES), main)


def test_a_bad_request_never_reaches_the_engine(tmp_path: Path) -> None:
    engine = Driven()

    async def main(app: App, path: str) -> None:
        status, body = await ask(path, tools=[{"type": "function"}])
        assert (status, msgspec.json.decode(body)["error"]["param"]) == (400, "tools")
        assert engine.started == 0

    serve(tmp_path, lambda: App(engine, OWN_TEMPLATE, SIZES), main)


@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_hangs_up_stops_the_engine_and_frees_the_slot(tmp_path: Path, stream: bool) -> None:
    engine = Driven()

    async def main(app: App, path: str) -> None:
        _, writer = await begin(path, stream=stream)
        await until(lambda: engine.running == 1)
        await hang_up(writer)
        await asyncio.sleep(0.02)
        assert app.busy == 1  # llama.cpp is in a batch: its slot is not free yet
        await go_on(engine, app)
        assert engine.running == 0

    serve(tmp_path, lambda: App(engine, OWN_TEMPLATE, SIZES), main)


def test_no_more_generations_than_slots(tmp_path: Path) -> None:
    engine = Gated()

    async def main(app: App, path: str) -> None:
        asking = [asyncio.create_task(ask(path)) for _ in range(5)]
        await until(lambda: engine.running == 2)
        await asyncio.sleep(0.02)
        assert engine.started == 2
        for _ in asking:
            engine.events.put(PROGRESS)
        assert [status for status, _ in await asyncio.gather(*asking)] == [200] * 5
        assert (engine.started, engine.most) == (5, 2)
        await until(lambda: app.busy == 0)

    serve(tmp_path, lambda: App(engine, OWN_TEMPLATE, SIZES), main)


def test_a_call_ends_the_warming_up(tmp_path: Path) -> None:
    engine = Driven()

    async def main(app: App, path: str) -> None:
        warming = asyncio.create_task(app.warm())
        await until(lambda: engine.running == 1)
        _, writer = await begin(path)
        await until(lambda: engine.running == 2)
        while not warming.done():  # either of the two takes an event
            engine.events.put(PROGRESS)
            await asyncio.sleep(0.005)
        await hang_up(writer)
        await go_on(engine, app)

    serve(tmp_path, lambda: App(engine, OWN_TEMPLATE, SIZES), main)


def test_health_tells_how_busy_it_is_and_nothing_else_is_served(tmp_path: Path) -> None:
    async def main(app: App, path: str) -> None:
        for target, expected in ((b"/health", b'{"slots":2,"busy":0}'), (b"/slots", b"POST /v1/chat/completions")):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET %b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" % target)
            assert expected in await reader.read()
            await hang_up(writer)

    serve(tmp_path, lambda: App(Driven(), OWN_TEMPLATE, SIZES), main)
