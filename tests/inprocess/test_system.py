"""A system in one's own process: the same answers, errors and records as over HTTP, and nothing left behind."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest

import headworks
from headworks.core.errors import ConfigError, Cut, Expired, Malformed, Unauthenticated, UnknownModel
from headworks.core.service import Service
from headworks.inprocess import System
from headworks.ledger.journal import MemoryJournal
from headworks.providers.scripted import Scripted, Stream
from headworks.system.derived.same_as import SameAs
from headworks.testing import mock, settle, virtual
from tests.stack.systems import World

OPEN = """
version: 1
providers: {vendor: {dialect: simulated}}
models: {assistant: {targets: [vendor/m], retry: {attempts: 1}}}
"""
KEYED = OPEN + "keys: {web: {key: web-secret-0123456789}}\n"
QUICK = """
version: 1
providers: {sim: {dialect: simulated, first_token: {p50: 2ms, p99: 5ms}, per_token: {p50: 20ms, p99: 30ms}}}
models: {assistant: sim}
log: {journal: FOLDER/journal, store: "sqlite:///FOLDER/ledger.db"}
"""
HELLO = [{"role": "user", "content": "Hello!"}]


class Facing:
    """What the system sees of a gateway: a `World` over one leaf."""

    def __init__(self, leaf: Service, text: str = OPEN) -> None:
        self.world = World(lambda provider, model: leaf, text)
        self.front = self.world.assembled.front
        self.same_as = SameAs(self.world.system.models, self.world.system.same_as)

    def aliases(self, credential: str | None) -> Sequence[str]:
        return list(self.world.system.models)

    @property
    def journal(self) -> MemoryJournal:
        return self.world.journal


def over(leaf: Service, text: str = OPEN) -> tuple[System, Facing]:
    facing = Facing(leaf, text)
    return System(facing, Random(1)), facing


@virtual
async def test_a_name_that_means_an_alias_asks_that_alias() -> None:
    system, facing = over(
        Scripted(["Hi."]), OPEN.replace("models: {", "models: {'claude-*': {same_as: assistant}, ", 1)
    )
    await system.chat(model="claude-opus", messages=HELLO)
    assert [record.model for record in facing.journal.records] == ["assistant"]


@virtual
async def test_an_answer_is_parsed_and_its_record_has_the_same_id() -> None:
    leaf = Scripted(["Hello to you."])
    system, facing = over(leaf)
    answer = await system.chat(model="assistant", messages=HELLO, max_tokens=9, extra={"top_k": 3})
    assert (answer.text, answer.finish) == ("Hello to you.", "stop")
    assert answer.usage is not None
    assert msgspec.json.decode(answer.data)["choices"][0]["message"]["content"] == "Hello to you."
    assert [record.request_id for record in facing.journal.records] == [answer.request_id]
    sent = msgspec.json.decode(leaf.calls[0].body)
    assert (sent["max_tokens"], sent["top_k"], sent["messages"]) == (9, 3, HELLO)


@virtual
async def test_a_stream_gives_chunks_until_the_last_and_is_left_then() -> None:
    system, facing = over(Scripted([Stream(pieces=["one ", 1.0, "two"])]))
    stream = await system.chat(model="assistant", messages=HELLO, stream=True)
    assert facing.front.in_flight == 1
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks) == "one two"
    assert (chunks[-1].last, stream.finish, facing.front.in_flight) == (True, "stop", 0)
    assert stream.usage is not None
    assert [chunk async for chunk in stream] == []


@virtual
async def test_a_stream_that_breaks_raises_and_is_recorded_as_cut() -> None:
    system, facing = over(Scripted([Stream(pieces=["one ", 1.0, Cut("the vendor went away")])]))
    stream = await system.chat(model="assistant", messages=HELLO, stream=True)
    said = ""
    with pytest.raises(Cut):
        async for chunk in stream:
            said += chunk.text
    assert said == "one "
    assert [record.outcome for record in facing.journal.records] == ["cut"]
    assert facing.front.in_flight == 0


@virtual
async def test_a_deadline_ends_a_call_that_is_worth_nothing_any_more() -> None:
    system, facing = over(Scripted([Stream(pieces=[50.0, "late"])]))
    with pytest.raises(Expired, match="total"):
        await system.chat(model="assistant", messages=HELLO, deadline=2.5)
    [record] = facing.journal.records
    assert (record.outcome, record.last_at - record.arrived_at) == ("expired", 2.5)


@virtual
async def test_a_system_that_was_closed_takes_no_call() -> None:
    system, facing = over(Scripted(["late"]))
    await system.close()
    with pytest.raises(RuntimeError, match="was closed: ask it inside"):
        await system.chat(model="assistant", messages=HELLO)
    assert facing.journal.records == []


@virtual
async def test_a_stream_that_is_left_early_stops_its_vendor() -> None:
    service, handle = mock()
    system, facing = over(service)
    asking = asyncio.create_task(system.chat(model="assistant", messages=HELLO, stream=True))
    (await handle.next_call()).chunk("one")
    async with await asking as stream:
        assert (await anext(stream)).text == "one"
        was_left = handle.latest.left
    assert (was_left, handle.latest.left, facing.front.in_flight) == (False, True, 0)


@virtual
async def test_closing_the_system_leaves_the_streams_that_nobody_read() -> None:
    service, handle = mock()
    system, _ = over(service)
    asking = asyncio.create_task(system.chat(model="assistant", messages=HELLO, stream=True))
    (await handle.next_call()).chunk("one")
    stream = await asking
    await system.close()
    assert handle.latest.left
    assert [chunk async for chunk in stream] == []


@virtual
async def test_a_cancelled_caller_gives_everything_back() -> None:
    service, handle = mock()
    system, facing = over(service)
    asking = asyncio.create_task(system.chat(model="assistant", messages=HELLO))
    await handle.next_call()
    asking.cancel()
    await settle()
    assert handle.latest.cancelled
    assert facing.front.in_flight == 0


@virtual
async def test_errors_are_ours_and_are_recorded() -> None:
    system, facing = over(Scripted([]))
    with pytest.raises(UnknownModel):
        await system.chat(model="nope", messages=HELLO)
    with pytest.raises(Malformed):
        await system.chat(model="assistant", messages=[])
    assert [record.outcome for record in facing.journal.records] == ["refused", "refused"]


@virtual
async def test_a_system_with_keys_wants_one() -> None:
    system, facing = over(Scripted(["Hello."]), KEYED)
    with pytest.raises(Unauthenticated):
        await system.chat(model="assistant", messages=HELLO)
    answer = await system.chat(model="assistant", messages=HELLO, key="web-secret-0123456789")
    assert answer.text == "Hello."
    assert [record.key for record in facing.journal.records] == ["web"]


@pytest.mark.parametrize("by", ["file", "text"])
def test_a_file_or_its_text_is_opened_asked_and_closed(tmp_path: Path, by: str) -> None:
    text = QUICK.replace("FOLDER", str(tmp_path))
    file = tmp_path / "system.yaml"
    file.write_text(text)

    async def run() -> None:
        async with headworks.open(file) if by == "file" else headworks.open(text=text) as system:
            assert list(system.aliases()) == ["assistant"]
            answer = await system.chat(model="assistant", messages=HELLO, max_tokens=3)
            assert answer.text
            stream = await system.chat(model="assistant", messages=HELLO, stream=True, max_tokens=3)
            assert (await anext(stream)).data.startswith(b"data: ")
        assert [chunk async for chunk in stream] == []

    asyncio.run(run())
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as store:
        found = store.execute("SELECT name FROM calls JOIN names ON names.id = calls.outcome ORDER BY calls.id")
        assert found.fetchall() == [("ok",), ("cancelled",)]


def test_what_is_wrong_with_a_system_is_said_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="models"):
        headworks.open(text="version: 1\nproviders: {sim: {dialect: simulated}}\n")
    with pytest.raises(TypeError, match="not from both"):
        headworks.open("headworks.yaml", text=OPEN)
    with pytest.raises(ConfigError, match="cannot be read"):
        headworks.open("/nonexistent/headworks.yaml")


def test_importing_the_package_loads_none_of_it() -> None:
    script = "import sys, headworks; print([m for m in sys.modules if m.startswith('headworks.') or m == 'msgspec'])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
    with pytest.raises(AttributeError):
        headworks.nothing  # noqa: B018
