"""An evaluation asks in chat, whatever its vendors speak, and one target alone is asked the same way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random

import pytest

from headworks.drill.fake_target import FakeTarget, expected_answer
from headworks.drill.fake_vendor_server import FakeVendorServer
from headworks.evals.caller import Caller, CallResult
from headworks.evals.one_target import targets_of, with_one_target
from headworks.gateway.leaves import Leaves
from headworks.inprocess import System
from headworks.system.schema.system import System as Written
from headworks.testing import call
from tests.drill.test_fake_apis import TOKENS, VENDORS
from tests.inprocess.test_system import Facing
from tests.stack.systems import World, system

QUESTION = "What does the keeper measure?"


class Opened(Facing):
    """A gateway over the leaves of a system."""

    def __init__(self, written: Written, leaves: Leaves) -> None:
        self.world = World(leaves.leaf, written)
        self.front = self.world.assembled.front
        self.same_as = None


async def asked(vendor: str) -> list[CallResult]:
    """The answers of a system of two targets, and of each alone."""
    server = FakeVendorServer({name: FakeTarget(f"v/{name}", TOKENS, 0, lambda target, at: None) for name in "mn"})
    await server.listen()
    provider = VENDORS[vendor].replace("URL", server.url)
    price = "price: {input: $1/M, output: $10/M}"
    written = system(f"version: 1\nproviders: {{v: {provider}}}\nmodels: {{a: {{targets: [[v/m, v/n]], {price}}}}}\n")
    alone = [with_one_target(written, "a", name) for name in targets_of(written, "a")]
    results = []
    try:
        for alias, one in (("a", written), *alone):
            leaves = Leaves(one, Path(), seed=0)
            opened = System(Opened(one, leaves), Random(1))
            body = json.dumps({"model": alias, "messages": [{"role": "user", "content": QUESTION}]}).encode()
            results.append(await Caller(opened.front, opened.call, None).ask(body))
            await leaves.close()
        return results
    finally:
        server.close()


@pytest.mark.parametrize("vendor", ["responses", "anthropic", "gemini", "bedrock"])
def test_vendors_of_every_dialect_are_evaluated(vendor: str) -> None:
    results = asyncio.run(asked(vendor))
    assert len(results) == 3
    for one in results:
        assert one.reply.text == expected_answer(call(QUESTION), TOKENS, 0)
        assert one.reply.cost_nano
