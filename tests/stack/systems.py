"""Systems for the tests of the whole stack, and callers who ask, read, and sometimes hang up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import msgspec

from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.core.passage import OwnedIds
from headworks.gateway.assemble import Assembled, Leaf, assemble
from headworks.ledger.journal import MemoryJournal
from headworks.system.load import read
from headworks.system.schema.system import System
from headworks.testing import call
from tests.stack.kept import MemoryAnswers

STARTER = """
version: 1
providers:
  first: {dialect: simulated, seed: 7, concurrency: 40}
  second: {dialect: simulated, seed: 7}
  last: {dialect: simulated, seed: 7}
models:
  assistant:
    targets:
      - [{provider: first, model: m, weight: 3}, {provider: second, model: m}]
      - {provider: last, model: m}
  plain: {targets: [{provider: first, model: m}], balance: least_busy}
server: {max_in_flight: 200}
"""


def system(text: str = STARTER) -> System:
    return read(text.encode(), file="test.yaml", folder=Path("."), env={}).system


class World:
    """An assembled system over given leaves, with its journal."""

    def __init__(self, leaf: Leaf, text: str | System = STARTER, seed: int = 1, ids: OwnedIds | None = None) -> None:
        self.system = text if isinstance(text, System) else system(text)
        self.journal = MemoryJournal()
        self.kept: MemoryAnswers | None = None if self.system.responses.store is None else MemoryAnswers()
        self.assembled: Assembled = assemble(self.system, leaf, self.journal, seed=seed, kept=self.kept, ids=ids)

    async def caller(self, number: int, rng: Random) -> None:
        """One call: asked, read to its end at some pace, and cancelled on the way for one in ten."""
        made = call(
            f"question {rng.randrange(50)}",
            alias=rng.choice(["assistant", "assistant", "plain", "unknown"]),
            streamed=rng.random() < 0.7,
        )
        asked = msgspec.structs.replace(made, id=f"call-{number}")
        pace = rng.choice([0.0, 0.0, 0.05])
        reading = asyncio.create_task(self.read(asked, pace))
        if rng.random() < 0.1:
            await asyncio.sleep(rng.expovariate(1.0))
            reading.cancel()
        try:
            await reading
        except (CallError, asyncio.CancelledError):
            pass  # the record says it; here only that nothing is left behind

    async def read(self, asked: object, pace: float) -> None:
        assert isinstance(asked, msgspec.Struct)
        arrived = msgspec.structs.replace(asked, arrived_at=now())
        async with self.assembled.front.open(arrived) as reply:  # type: ignore[arg-type]
            while True:
                chunks = await reply.read()
                if not chunks or chunks[-1].last:
                    return
                if pace:
                    await asyncio.sleep(pace)

    async def run(self, calls: int, rate: float, seed: int) -> None:
        """So many callers, arriving at random at so many a second."""
        rng = Random(seed)
        callers = []
        for number in range(calls):
            callers.append(asyncio.create_task(self.caller(number, Random(rng.getrandbits(64)))))
            await asyncio.sleep(rng.expovariate(rate))
        await asyncio.gather(*callers)

    def left_behind(self) -> dict[str, int]:
        """Everything that is still held: nothing, once every caller has left."""
        shared = self.assembled.shared
        held = {f"slots of {name}": slots.in_use for name, slots in shared.slots.items()}
        held["admission"] = shared.admission.in_flight
        held["trace"] = self.assembled.front.in_flight
        held |= {f"busy {known.name}": known.busy for known in shared.candidates}
        held |= {f"probe of {name}": int(circuit.state == "half_open") for name, circuit in shared.circuits.items()}
        return {name: count for name, count in held.items() if count}
