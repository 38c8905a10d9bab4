"""`probe` and `check --live` ask vendors of every dialect, over sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headworks.drill.fake_target import FakeTarget
from headworks.drill.fake_vendor_server import FakeVendorServer
from headworks.gateway.live_check import LiveCheck
from headworks.gateway.live_verdict import Live
from headworks.gateway.probe import Probe, Probed, ProbeSize
from headworks.system.schema.drills import Fault
from tests.drill.test_fake_apis import TOKENS, VENDORS
from tests.stack.systems import system


async def asked(vendor: str, fault: Fault | None = None) -> tuple[Live, Probed]:
    server = FakeVendorServer({"m": FakeTarget("v/m", TOKENS, 0, lambda target, at: fault)})
    await server.listen()
    provider = VENDORS[vendor].replace("URL", server.url)
    model = "{targets: [v/m], price: {input: $1/M, output: $10/M}}"
    file = system(f"version: 1\nproviders: {{v: {provider}}}\nmodels: {{a: {model}}}\n")
    try:
        async with LiveCheck(file, Path()) as live, Probe(file, Path()) as probe:
            sizes = {"v/m": [ProbeSize(40, 16)] * 2}
            verdict, found = await asyncio.gather(live.by_call("v/m"), probe.ask(sizes, lambda name, done: None))
            return verdict, found["v/m"]
    finally:
        server.close()


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_dialect_is_measured_and_checked(vendor: str) -> None:
    live, probed = asyncio.run(asked(vendor))
    assert (live.verdict, live.why) == ("right", "it answered a call")
    assert live.cost_nano
    for one in probed.samples:
        assert not one.error
        assert one.output == TOKENS
        assert one.prompt > 0
        assert one.first_token is not None
        assert one.per_token is not None


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_refused_key_is_wrong_in_every_dialect(vendor: str) -> None:
    live, probed = asyncio.run(asked(vendor, "denied"))
    assert live.verdict == "wrong"
    assert "the vendor refuses us" in live.why
    assert [one.error for one in probed.samples] == ["Denied"] * 2
