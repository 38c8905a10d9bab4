"""What becomes of targets is in the gateway's log: each change once, however many calls meet it."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import pytest

from headworks.core.clock import now
from headworks.core.errors import CallError, Denied, Failed, Throttled
from headworks.core.service import Service
from headworks.gateway.assemble import assemble
from headworks.gateway.target_log import TargetLog
from headworks.http.client import Client
from headworks.http.dial import Origin
from headworks.ledger.journal import MemoryJournal
from headworks.providers.remote import Remote, account_headers
from headworks.providers.scripted import Scripted
from headworks.telemetry.metrics import Metrics
from headworks.testing import ask, call, virtual
from headworks.wire.openai.dialect import OPENAI
from tests.stack.systems import system

ONE = """
version: 1
providers: {vendor: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}}
models: {assistant: {targets: [vendor/m], retry: {attempts: 1}, breaker: {failures: 5, open: 5s}}}
"""
DOWN = Failed("The server had an error.")


class World:
    """A gateway's stack over one vendor that does as it is told."""

    def __init__(self) -> None:
        self.answer: object = "hello"
        self.targets = TargetLog()
        made = assemble(system(ONE), self.leaf, MemoryJournal(), seed=1)
        self.front = made.front
        self.circuits = made.shared.circuits
        self.targets.watch(self.circuits)

    def leaf(self, provider: str, model: str) -> Service:
        world = self

        class Leaf:
            def open(self, asked: object) -> object:
                return Scripted([world.answer]).open(asked)  # type: ignore[list-item, arg-type]

        return Leaf()  # type: ignore[return-value]

    async def asked(self, times: int = 1, every: float = 0.0) -> None:
        for _ in range(times):
            try:
                await ask(self.front, msgspec.structs.replace(call(alias="assistant"), arrived_at=now()))
            except CallError:
                pass
            await asyncio.sleep(every)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "headworks.targets"]


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.partition(":")[0] for line in lines(caplog)]


@virtual
async def test_a_vendor_that_is_down_for_all_is_a_handful_of_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    await world.asked()
    assert lines(caplog) == []
    world.answer = DOWN
    await world.asked(times=360, every=5.0)
    world.answer = "hello"
    await world.asked(times=90, every=1.0)
    assert events(caplog) == [
        "target_failing",
        "circuit_opened",
        "circuit_half_open",
        "circuit_opened",
        "circuit_closed",
    ]
    first, opened, _, again, closed = lines(caplog)
    assert first == "target_failing: vendor/m: Failed: The server had an error."
    assert opened.startswith("circuit_opened: vendor/m: is not asked for ")
    assert opened.endswith(" s: Failed: The server had an error.")
    assert "its probe failed, too" in again
    assert closed.startswith("circuit_closed: vendor/m: it is asked again, after 1")
    assert caplog.records[-1].__dict__["fields"]["probes"] > 20
    assert caplog.records[1].levelno == logging.ERROR


@virtual
async def test_a_target_that_flaps_for_twenty_minutes_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    for _ in range(120):
        world.answer = DOWN
        await world.asked(times=5)
        await asyncio.sleep(8.0)
        world.answer = "hello"
        await world.asked(times=3)
        await asyncio.sleep(2.0)
    assert len(lines(caplog)) < 20
    world.targets.close()
    assert lines(caplog)[-1].startswith("circuit_closed: vendor/m: ")


@virtual
async def test_one_failure_in_many_is_said_now_and_then_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    for _ in range(90):
        world.answer = DOWN
        await world.asked()
        world.answer = "hello"
        await world.asked(times=3, every=0.35)
    await asyncio.sleep(200.0)
    assert events(caplog) == ["target_failing"] * 3
    assert "more changes in the last 60 s" in lines(caplog)[1]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Denied("The vendor refuses us: 401 (invalid_api_key)."), 60.0),
        (Throttled("Slow down.", retry_after=30.0), 30.0),
    ],
)
def test_a_target_that_is_set_aside_is_said_once_and_that_it_is_back(
    error: CallError, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    @virtual
    async def test() -> None:
        caplog.set_level(logging.INFO)
        world = World()
        world.answer = error
        await world.asked()
        assert events(caplog) == ["target_failing", "target_set_aside"]
        await asyncio.sleep(seconds + 1.0)
        assert lines(caplog)[1:] == [
            f"target_set_aside: vendor/m: is not asked for {seconds:.1f} s: {type(error).__name__}: {error.message}",
            "target_back: vendor/m: it is asked again",
        ]

    test()


@virtual
async def test_who_is_set_aside_for_longer_meanwhile_is_said_once_and_is_back_when_that_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    circuit = world.circuits["vendor/m"]
    for until in (10.0, 20.0, 30.0):
        circuit.set_aside(until, now())
        await asyncio.sleep(1.0)
    await asyncio.sleep(25.0)
    assert events(caplog) == ["target_set_aside"]
    await asyncio.sleep(5.0)
    assert events(caplog) == ["target_set_aside", "target_back"]


@virtual
async def test_what_the_log_says_of_a_failure_has_no_key_in_it(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.answer = Denied("Incorrect API key provided: sk-abcdefghijklmnop1234567890.")
    await world.asked()
    assert len(lines(caplog)) == 2
    assert "sk-abc" not in caplog.text


@virtual
async def test_a_circuit_that_another_stack_takes_over_tells_each_change_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    made = assemble(system(ONE), world.leaf, MemoryJournal(), seed=1)
    world.targets.watch(made.shared.circuits)
    again = assemble(system(ONE), world.leaf, MemoryJournal(), seed=1, before=made.shared)
    world.targets.watch(again.shared.circuits)
    world.front, world.answer = again.front, DOWN
    await world.asked()
    assert events(caplog) == ["target_failing"]


def test_a_vendors_new_model_is_a_line_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    targets, metrics = TargetLog(), Metrics()
    client = Client(Origin.parse("http://127.0.0.1:9/v1"))
    remote = Remote(client, OPENAI, "m", account_headers(None, {}))
    targets.watch_models({"vendor/m": remote}, metrics)
    with caplog.at_level(logging.WARNING, "headworks.targets"):
        for model in ("a", "a", "b\n\x1b[31m", "a"):
            remote.reported.look(msgspec.json.encode({"model": model}, order=None))
    assert dict(metrics.model_changes) == {("vendor/m", "model"): 1}
    [line] = lines(caplog)
    assert line.startswith("vendor_model_changed: vendor/m: `model` in its vendor's answers is now ")
    assert line.isprintable()
