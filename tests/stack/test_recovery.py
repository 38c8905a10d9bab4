"""How soon a vendor that is well again is asked again, over the assembled stack and its defaults, with a tier below."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Failed
from headworks.core.vtime import run_virtual
from headworks.providers.scripted import Scripted, Stream
from headworks.testing import ask, call
from tests.stack.systems import World

TWO = """
version: 1
providers: {v: {dialect: simulated}, w: {dialect: simulated}}
models: {assistant: {targets: [v/m, w/m]}}
"""
GAP = 2.0
"""Seconds between two calls."""
FIRST_TOKEN = 8.0


class Away:
    """Calls arrive all the time, the vendor is away from 10 s on for so long, and well again."""

    def __init__(self, text: str, seconds: float, *, streamed: bool, silent: bool, seed: int = 1) -> None:
        self.until = 10.0 + seconds
        self.streamed = streamed
        self.silent = silent
        self.back_at = float("inf")
        self.asked_at: list[float] = []
        self.errors = 0
        leaves = {"v": Scripted([self.answer], repeat=True), "w": Scripted(["from w"], repeat=True)}
        self.world = World(lambda provider, model: leaves[provider], text, seed)

    def answer(self, asked: Call) -> str | CallError | Stream:
        self.asked_at.append(now())
        if 10.0 <= now() < self.until:
            return Stream(pieces=[1e6]) if self.silent else Failed("503")
        if now() >= self.until:
            self.back_at = min(self.back_at, now())
        return "from v"

    async def run(self) -> float:
        asking = []
        while self.back_at == float("inf") and now() < self.until + 120.0:
            asking.append(asyncio.create_task(self.one()))
            await asyncio.sleep(GAP)
        await asyncio.gather(*asking)
        return self.back_at - self.until

    async def one(self) -> None:
        try:
            await ask(
                self.world.assembled.front, msgspec.structs.replace(call(streamed=self.streamed), arrived_at=now())
            )
        except CallError:
            self.errors += 1


@pytest.mark.parametrize("seconds", [10.0, 60.0, 305.0])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("silent", [True, False])
def test_with_a_tier_below_a_vendor_that_is_well_again_answers_soon_however_long_it_was_away(
    seconds: float, streamed: bool, silent: bool
) -> None:
    away = Away(TWO, seconds, streamed=streamed, silent=silent)
    assert run_virtual(away.run()) <= 15.0 + FIRST_TOKEN + GAP
    assert away.errors == 0, "the tier below answers the calls whose probe failed"


def test_a_written_range_is_kept_in_the_stack() -> None:
    text = TWO.replace("targets:", "breaker: {open: 40s..50s}, targets:")
    away = Away(text, 300.0, streamed=False, silent=False)
    run_virtual(away.run())
    probes = [at for at in away.asked_at if 20.0 < at < away.until]
    gaps = [after - before for before, after in pairwise(probes)]
    assert gaps
    assert all(40.0 <= gap <= 50.0 + GAP for gap in gaps)


@pytest.mark.parametrize("balance", ["weighted", "least_busy", "fastest"])
def test_in_a_tier_of_several_the_probe_goes_out_when_its_time_has_come_whatever_the_way_of_choosing(
    balance: str,
) -> None:
    targets = "[[{provider: v, model: m, weight: 0.001}, {provider: w, model: m, weight: 1000}], w/other]"
    text = TWO.replace("[v/m, w/m]", targets).replace("targets:", f"balance: {balance}, targets:")
    away = Away(text, 100.0, streamed=False, silent=False)
    circuit = away.world.assembled.shared.circuits["v/m"]
    for _ in range(5):  # it is asked too seldom to fail so often by itself
        circuit.end(circuit.enter(10.0), "failure", 10.0)
    assert run_virtual(away.run()) <= 15.0 + GAP


@pytest.mark.parametrize(
    ("targets", "longest"),
    [("[v/m, w/m]", 15.0), ("[v/m]", 60.0), ("[w/m, v/m]", 60.0), ("[[v/m, w/m]]", 60.0), ("[[v/m, w/m], w/n]", 15.0)],
)
def test_the_upper_end_follows_from_whether_a_tier_stands_below(targets: str, longest: float) -> None:
    world = World(lambda provider, model: Scripted([]), TWO.replace("[v/m, w/m]", targets))
    assert world.assembled.shared.circuits["v/m"].config.open.longest == longest


def test_a_tier_below_in_any_alias_counts_for_the_circuit_that_they_share() -> None:
    text = TWO.replace("models: {", "models: {alone: {targets: [v/m]}, ")
    world = World(lambda provider, model: Scripted([]), text)
    assert world.assembled.shared.circuits["v/m"].config.open.longest == 15.0
