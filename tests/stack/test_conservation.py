"""Calls with every fault that a vendor can have, and callers who hang up: in the end nothing is held, and nobody was fooled."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import msgspec
import pytest

from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.core.vtime import run_virtual
from headworks.gateway.leaves import Leaves
from headworks.providers.simulated.answer_text import Percentiles, TokenCounts
from headworks.providers.simulated.chat_answer import chat_answer
from headworks.providers.simulated.faults import FAULTS
from headworks.testing import call
from tests.stack.systems import World, system

REFUSALS = ("denied", "unknown_model", "out_of_credit")
"""Each sets its target aside for a minute, so that they are rare, or nobody would be left most of the time."""

FAULTY = ", ".join(f"{fault}: {'0.03%' if fault in REFUSALS else '1%'}" for fault in FAULTS)
"""Nearly every fourth attempt has one of the 26 faults."""
SYSTEM = f"""
version: 1
providers:
  first: {{dialect: simulated, seed: 7, concurrency: 60, faults: {{{FAULTY}}}}}
  second: {{dialect: simulated, seed: 7, faults: {{{FAULTY}}}}}
  last: {{dialect: simulated, seed: 7, faults: {{{FAULTY}}}}}
models:
  restart: {{targets: [[first/m, second/m], last/m], mid_stream: restart}}
  continue: {{targets: [first/m, last/m], mid_stream: continue}}
  error: {{targets: [second/m]}}
server: {{max_in_flight: 150, max_queued: 20, max_wait: 2s}}
"""


class Callers:
    """So many calls over a faulty system; one caller in ten hangs up. `told` has what was read whole, by alias."""

    def __init__(self, calls: int, seed: int, rate: float = 25.0) -> None:
        self.leaves = Leaves(system(SYSTEM), Path("."), seed=seed)
        self.world = World(self.leaves.leaf, SYSTEM, seed=seed)
        self.ends: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.tasks_left = 0
        run_virtual(self.run(calls, seed, rate))

    async def run(self, calls: int, seed: int, rate: float) -> None:
        rng = Random(seed)
        asking = []
        for number in range(calls):
            asking.append(asyncio.create_task(self.one(number, Random(rng.getrandbits(64)))))
            await asyncio.sleep(rng.expovariate(rate))
        await asyncio.gather(*asking)
        self.tasks_left = len(asyncio.all_tasks()) - 1

    async def one(self, number: int, rng: Random) -> None:
        made = call(
            f"question {number}", alias=rng.choice(["restart", "continue", "error"]), streamed=rng.random() < 0.7
        )
        asked = msgspec.structs.replace(made, id=f"call-{number}", arrived_at=now())
        reading = asyncio.create_task(self.read(asked, rng.choice([0.0, 0.0, 0.5])))
        if rng.random() < 0.1:
            await asyncio.sleep(rng.expovariate(1.0))
            reading.cancel()
        try:
            text, finish = await reading
        except CallError as error:
            self.ends[type(error).__name__] += 1
        except asyncio.CancelledError:
            self.ends["hung up"] += 1
        else:
            self.ends["whole"] += 1
            wanted = chat_answer(made, 7, TokenCounts(Percentiles(p50=40, p99=200))).choices[0]
            whole = "".join(wanted.pieces)
            if (text != whole) if finish == "stop" else not whole.startswith(text):
                self.wrong.append(f"{made.alias}: {text!r} in place of {whole!r}")

    async def read(self, asked: msgspec.Struct, pace: float) -> tuple[str, str | None]:
        text = ""
        async with self.world.assembled.front.open(asked) as reply:  # type: ignore[arg-type]
            while True:
                chunks = await reply.read()
                assert chunks, "a reply ended without a last chunk"
                text += "".join(chunk.text for chunk in chunks)
                if chunks[-1].last:
                    return text, reply.finish
                await asyncio.sleep(pace)

    def check(self, calls: int) -> None:
        records = self.world.journal.records
        assert self.world.left_behind() == {}
        assert self.world.assembled.shared.admission.queued == 0
        assert self.tasks_left == 0
        states = {name: made.inner.state.in_flight for (name, _), made in self.leaves._made.items()}  # type: ignore[attr-defined]
        assert set(states.values()) == {0}
        assert sum(self.ends.values()) == calls
        assert max(Counter(record.request_id for record in records).values()) == 1
        assert self.wrong == []
        assert sum(record.outcome == "ok" for record in records) == self.ends["whole"]
        whys = Counter(attempt.why for record in records for attempt in record.attempts)
        assert {"first", "retry", "fallback", "resume"} <= set(whys)
        assert all(attempt.outcome for record in records for attempt in record.attempts)
        for record in records:
            if record.outcome == "ok" and len({attempt.target for attempt in record.attempts}) > 1:
                assert record.attempts[-1].outcome == "ok"


def test_conservation_with_every_fault_and_every_way_to_go_on() -> None:
    callers = Callers(2500, seed=1)
    callers.check(2500)
    assert callers.ends["whole"] > 1800


def test_determinism_with_resumed_streams_too() -> None:
    first, second = (Callers(300, seed=3).world.journal.lines() for _ in range(2))
    assert first == second


@pytest.mark.soak
def test_conservation_over_20_000_calls() -> None:
    Callers(20_000, seed=2).check(20_000)
