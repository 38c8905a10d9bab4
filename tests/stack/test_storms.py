"""A vendor's outage must not become a storm: how many attempts there are for how many calls, over whole runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import msgspec
import pytest

from headworks.core.clock import now
from headworks.core.errors import CallError, Cut, Failed, Garbled, Throttled, Unreachable
from headworks.core.service import Service
from headworks.core.vtime import run_virtual
from headworks.providers.scripted import Scripted, Stream
from headworks.testing import ask, call
from tests.stack.systems import World

ONE = """
version: 1
providers: {a: {dialect: simulated}, b: {dialect: simulated}}
models: {assistant: {targets: [a/m], mid_stream: restart}}
"""
TWO = ONE.replace("[a/m]", "[a/m, b/m]")
TIER = ONE.replace("[a/m]", "[[a/m, b/m]]")
RESERVE = 10.0
"""Attempts a second that need no deposit."""

ProviderQueue = Stream | CallError
Vendor = Callable[[Random], ProviderQueue]


def well(rng: Random) -> ProviderQueue:
    return Stream(pieces=[rng.expovariate(20.0), "one ", "two"])


def often(share: float, *faults: Vendor) -> Vendor:
    return lambda rng: rng.choice(faults)(rng) if rng.random() < share else well(rng)


def broken(rng: Random) -> ProviderQueue:
    return rng.choice([Failed, Unreachable, Garbled, Throttled])("as they come")  # a new one each time


def cut(rng: Random) -> ProviderQueue:
    return Stream(pieces=["one ", Cut("cut")])


FAULTS: dict[str, Vendor] = {
    "down": broken,
    "cut": cut,
    "half": often(0.5, broken, broken, cut),
    "some": often(0.2, broken, broken, cut),
    "flapping": lambda rng: well(rng) if int(now()) % 20 < 10 else Failed("500"),
}


class Storm:
    """So many calls a second for so long; `calls` and `attempts` are instants, `opened_at` when a circuit first opened."""

    def __init__(self, text: str, a: Vendor, b: Vendor, rate: float, seconds: float) -> None:
        rng = Random(5)
        leaves: dict[str, Service] = {
            name: Scripted([lambda asked, vendor=vendor: vendor(rng)], repeat=True)
            for name, vendor in (("a", a), ("b", b))
        }
        self.world = World(lambda provider, model: leaves[provider], text)
        self.calls: list[float] = []
        self.opened_at = float("inf")
        run_virtual(self.run(rate, seconds))

    async def run(self, rate: float, seconds: float) -> None:
        rng = Random(6)
        asking = []
        while now() < seconds:
            asking.append(asyncio.create_task(self.one(len(asking))))
            await asyncio.sleep(rng.expovariate(rate))
        await asyncio.gather(*asking)

    async def one(self, number: int) -> None:
        self.calls.append(now())
        asked = msgspec.structs.replace(call(f"{number}", streamed=True), arrived_at=now())
        try:
            await ask(self.world.assembled.front, asked)
        except CallError:
            pass
        circuits = self.world.assembled.shared.circuits.values()
        if self.opened_at > now() and any(circuit.state != "closed" for circuit in circuits):
            self.opened_at = now()

    @property
    def attempts(self) -> list[float]:
        return [attempt.started_at for record in self.world.journal.records for attempt in record.attempts]


SHAPES = [(ONE, "as bad"), (TWO, "well"), (TWO, "as bad"), (TIER, "as bad")]


@pytest.mark.parametrize(("text", "other"), SHAPES, ids=["alone", "a fallback", "two tiers", "one tier of two"])
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_attempts_are_at_most_twice_the_calls_and_ten_a_second(text: str, fault: str, other: str) -> None:
    vendor = FAULTS[fault]
    storm = Storm(text, vendor, well if other == "well" else vendor, rate=40.0, seconds=12.0)
    attempts, calls = storm.attempts, storm.calls
    lasted = max(attempts) + 1.0
    assert len(attempts) <= 2.0 * len(calls) + RESERVE * lasted
    assert storm.world.left_behind() == {}


@pytest.mark.parametrize("text", [ONE, TWO, TIER], ids=["one target", "two tiers", "one tier of two"])
@pytest.mark.parametrize("fault", ["down", "cut"])
def test_once_circuits_are_open_it_is_a_fifth_more_than_the_calls_and_ten_a_second(text: str, fault: str) -> None:
    storm = Storm(text, FAULTS[fault], FAULTS[fault], rate=60.0, seconds=12.0)
    since = storm.opened_at
    assert since < 10.0
    attempts = [at for at in storm.attempts if at > since]
    calls = [at for at in storm.calls if at > since]
    assert len(calls) > 500
    assert len(attempts) <= 1.2 * len(calls) + RESERVE * (max(attempts) - since + 1.0)


def test_a_vendor_that_comes_back_is_noticed_within_15_s() -> None:
    down_until = 14.0
    storm = Storm(TWO, lambda rng: well(rng) if now() >= down_until else Failed("500"), well, rate=10.0, seconds=34.0)
    records = storm.world.journal.records
    back = [
        attempt.started_at
        for record in records
        for attempt in record.attempts
        if attempt.target == "a/m" and attempt.outcome == "ok"
    ]
    assert down_until <= min(back) <= down_until + 15.0
    assert all(record.outcome == "ok" for record in records), "its outage was nobody's"
    late = [record.attempts[0].target for record in records if record.arrived_at > down_until + 15.0]
    assert set(late) == {"a/m"}, "and everybody comes back to it"
