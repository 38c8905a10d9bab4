"""What a call that does not fail pays for everything that stands ready in case it does.

    python bench/resilience.py

Deadline, Admit, Resume, Fallback, Retry, Balance, Breaker and Timeout around a leaf that answers at once, against that leaf
alone; Meter, Limit, keys and the record are not failure's. Processor time, the best of many short rounds that take turns.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from random import Random
from types import TracebackType

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.reply import Chunk, CompleteReply, Reply, Usage
from headworks.core.service import Layer, Opening, Service, stack
from headworks.layers.admit import Admit
from headworks.layers.balance import Balance, Target
from headworks.layers.breaker import Breaker
from headworks.layers.deadline import Deadline
from headworks.layers.fallback import Fallback
from headworks.layers.resume import Resume
from headworks.layers.retry import Retry
from headworks.layers.timeout import Timeout
from headworks.policy.balancing import PICKERS, Candidate
from headworks.policy.budget import AttemptBudget
from headworks.policy.circuit import Breaking, Circuit
from headworks.policy.latency import LatencyWindow
from headworks.policy.retry import Retrying, RetryPolicy
from headworks.policy.shedding import Admission
from headworks.policy.timeouts import Timeouts
from headworks.wire.openai.caller import CHAT

ROUNDS, CALLS = 60, 300
CHUNKS = 46
"""Of a usual answer: a chunk a token."""
LAYERS = ("deadline", "admit", "resume", "fallback", "retry", "breaker", "timeout")


class Pieces(Reply):
    """A stream whose chunks are read one at a time."""

    __slots__ = ("_at", "_chunks")

    def __init__(self, chunks: list[Chunk]) -> None:
        super().__init__(streamed=True)
        self._chunks = chunks
        self._at = 0

    async def read(self) -> list[Chunk]:
        self._at += 1
        return [self._chunks[self._at - 1]]


class Leaf:
    """Answers at once."""

    def __init__(self) -> None:
        data = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
        self.chunks = [Chunk(data=data, has_content=True, text="word ") for _ in range(CHUNKS)]
        self.chunks += [Chunk(data=data, has_content=True, finish="stop"), Chunk(data=b"data: [DONE]\n\n", last=True)]
        self.streamed = False

    def open(self, call: Call) -> Opening:
        self.streamed = call.streamed
        return self  # type: ignore[return-value]

    async def __aenter__(self) -> Reply:
        if self.streamed:
            return Pieces(self.chunks)
        return CompleteReply([Chunk(data=b"x" * 1400, has_content=True, usage=Usage(input=312, output=46), last=True)])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def build(without: str) -> Service:
    """The layers of `gateway/assemble.py` that failure needs, less one."""

    def around(inner: Service, **named: Layer) -> Service:
        return stack(*[layer for name, layer in named.items() if name != without], inside=inner)

    known = [Candidate(f"{name}/bench", Circuit(Breaking(), Random(1)), LatencyWindow()) for name in "ab"]
    targets = [
        Target(
            one,
            around(
                Leaf(),
                breaker=partial(Breaker, circuit=one.circuit, target=one.name),
                timeout=partial(Timeout, timeouts=Timeouts()),
            ),
        )
        for one in known
    ]
    retry_budget = AttemptBudget()
    balance = Balance(targets, PICKERS["weighted"], Random(1), most=3, resort=targets)
    retry = partial(
        Retry, policy=RetryPolicy(Retrying(), Random(1)), tier=known, retry_budget=retry_budget, is_last=True
    )
    return around(
        balance,
        deadline=partial(Deadline, total=120.0),
        admit=partial(Admit, admission=Admission(4096, 1024), max_wait=5.0),
        resume=partial(
            Resume, mode="restart", retry_budget=retry_budget, capabilities={one.name: one.capability for one in known}
        ),
        fallback=lambda inner: Fallback([inner], retry_budget),
        retry=retry,
    )


async def seconds(service: Service, *, streamed: bool) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        call = Call(id="req_0", alias="bench", body=b"x" * 1400, dialect=CHAT, streamed=streamed, arrived_at=now())
        async with service.open(call) as reply:
            while not (await reply.read())[-1].last:
                pass
    return (time.process_time() - began) / CALLS


async def main() -> None:
    services: dict[str, Service] = {"leaf": Leaf(), "": build(""), **{name: build(name) for name in LAYERS}}
    best = {(name, streamed): 1.0 for name in services for streamed in (False, True)}
    for _ in range(ROUNDS):
        for name, service in services.items():
            for streamed in (False, True):
                took = await seconds(service, streamed=streamed)
                best[name, streamed] = min(best[name, streamed], took)
    print(f"| us a call | whole | streamed, {CHUNKS} chunks |\n|---|---|---|")
    rows = [("all of it", "leaf", "")]
    rows += [(f"{name} (what leaving it out saves)", name, "") for name in LAYERS]
    for title, less, more in rows:
        cells = [f"{(best[more, streamed] - best[less, streamed]) * 1e6:.1f}" for streamed in (False, True)]
        print(f"| {title} | {' | '.join(cells)} |")


if __name__ == "__main__":
    asyncio.run(main())
