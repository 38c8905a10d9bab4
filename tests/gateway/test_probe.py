"""Asking targets how fast they are: on virtual time, with what is seen of each call."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import Rejected, Throttled, VendorSaid
from headworks.core.service import Opening
from headworks.gateway.probe import IN_FLIGHT, Probe, ProbeSize
from headworks.testing import virtual
from tests.system.files import right

FAST = "first_token: {p50: 200ms, p99: 200ms}, per_token: {p50: 10ms, p99: 10ms}"
SIZES = [ProbeSize(100, 12)] * 20


def probe(provider: str = FAST) -> Probe:
    return Probe(right(f"providers: {{s: {{dialect: simulated, {provider}}}}}\nmodels: {{m: s}}\n"), Path())


def unheard(target: str, done: int) -> None:
    """Nobody watches."""


@virtual
async def test_first_token_and_pace_are_what_the_vendor_takes() -> None:
    async with probe() as asking:
        found = await asking.ask({"s/simulated": SIZES}, unheard)
    samples = found["s/simulated"].samples
    assert len(samples) == 20
    for one in samples:
        assert one.first_token == pytest.approx(0.2, rel=0.01)
        assert one.per_token == pytest.approx(0.01, rel=0.05)
        assert 80 < one.prompt < 130
        assert not one.error


@virtual
async def test_a_call_that_fails_is_a_sample_with_its_error() -> None:
    told: list[int] = []
    async with probe(f"{FAST}, faults: {{server_error: 100%}}") as asking:
        found = await asking.ask({"s/simulated": SIZES}, lambda target, done: told.append(done))
    assert [one.error for one in found["s/simulated"].samples] == ["Failed"] * 20
    assert told == list(range(1, 21))


class Watching:
    """A service that notes when it is asked and what, and refuses."""

    def __init__(self, error: Exception) -> None:
        self.at: list[float] = []
        self.bodies: list[bytes] = []
        self.error = error

    def open(self, call: Call) -> Opening:
        self.at.append(now())
        self.bodies.append(call.body)
        raise self.error


async def starts(limits: str, calls: int = 10) -> list[float]:
    """When calls begin at a vendor with these limits that answers in no time."""
    async with probe(f"{FAST}, {limits}") as asking:
        watching = Watching(Throttled("slow down"))
        asking._leaves._made[("s", "simulated")] = watching
        await asking.ask({"s/simulated": [ProbeSize(100, 20)] * calls}, unheard)
    return watching.at


@virtual
async def test_no_more_calls_a_minute_are_made_than_the_file_admits() -> None:
    at = await starts("rpm: 60")
    assert [round(later - earlier, 6) for earlier, later in pairwise(at)] == [1.0] * 9


@virtual
async def test_nor_more_tokens() -> None:
    at = await starts("tpm: 3600")  # 120 tokens a call: one every two seconds
    assert at[-1] - at[0] == pytest.approx(18.0)


@virtual
async def test_a_vendor_that_wants_to_be_left_alone_is() -> None:
    async with probe() as asking:
        watching = Watching(Throttled("slow down", retry_after=7.0))
        asking._leaves._made[("s", "simulated")] = watching
        found = await asking.ask({"s/simulated": SIZES[:9]}, unheard)
    assert [one.error for one in found["s/simulated"].samples] == ["Throttled"] * 9
    assert watching.at[-1] - watching.at[0] >= 7.0


@virtual
async def test_at_most_four_calls_are_under_way_at_a_provider() -> None:
    begun = now()
    async with probe() as asking:
        await asking.ask({"s/simulated": SIZES}, unheard)
    # Twenty calls of 0.2 s and some tokens, four at a time, take five times as long as one.
    assert now() - begun >= 20 / IN_FLIGHT * 0.2


@virtual
async def test_a_model_that_knows_only_the_newer_bound_is_asked_with_it() -> None:
    refused = VendorSaid(status=400, message="Use max_completion_tokens.", param="max_tokens")
    async with probe() as asking:
        watching = Watching(Rejected("no", said=refused))
        asking._leaves._made[("s", "simulated")] = watching
        found = await asking.ask({"s/simulated": SIZES[:1]}, unheard)
    assert [b'"max_tokens"' in body for body in watching.bodies] == [True, False]
    assert b'"max_completion_tokens":12' in watching.bodies[1]
    assert found["s/simulated"].samples[0].error == "Rejected"


@virtual
async def test_no_two_prompts_begin_alike() -> None:
    async with probe() as asking:
        watching = Watching(Throttled("no"))
        asking._leaves._made[("s", "simulated")] = watching
        await asking.ask({"s/simulated": SIZES}, unheard)
    assert len({body.partition(b"content")[2][:10] for body in watching.bodies}) == 20


def test_the_cost_is_that_of_the_prompts_and_the_longest_answers() -> None:
    asking = Probe(
        right(
            f"providers: {{s: {{dialect: simulated, {FAST}}}}}\n"
            "models: {m: {targets: [s], price: {input: $1/M, output: $5/M}}}\n"
        ),
        Path(),
    )
    assert asking.cost("s/simulated", SIZES) == 20 * (100 * 1000 + 12 * 5000)
    assert probe().cost("s/simulated", SIZES) == 0  # nobody bills for a simulated vendor


def test_a_target_is_asked_once_however_many_aliases_have_it_and_never_outside_the_constraints() -> None:
    system = right(
        "requirements: {constraints: [{region: eu}]}\n"
        "providers: {s: {dialect: simulated, region: eu}, w: {dialect: simulated}}\n"
        "models: {m: {targets: [s, w]}, n: {targets: [w, s]}}\n"
    )
    assert list(Probe(system, Path()).targets) == ["s/simulated"]
    assert list(Probe(system, Path(), ["w/simulated"]).targets) == []
