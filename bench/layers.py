"""What each layer costs: the stack in process over a leaf that answers at once, and the same without one layer.

    python bench/layers.py

In process the caches are hot; over sockets the same layers cost about twice as much. Processor time, best of many short
rounds that take turns, because the machine's speed drifts. The key has no limits and the call is not streamed: then Quota, Fund and
Resume only look. Prints a table.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType

import uvloop

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.key import UNLIMITED, Key, secret_digest
from headworks.core.reply import Chunk, CompleteReply, Reply, Usage
from headworks.core.service import Opening, Service, stack
from headworks.core.state import Bounds, Places
from headworks.layers.admit import Admit
from headworks.layers.auth import Auth, Keyring
from headworks.layers.balance import Balance, Target
from headworks.layers.breaker import Breaker
from headworks.layers.deadline import Deadline
from headworks.layers.fallback import Fallback
from headworks.layers.limit import Limit, ProviderQueue
from headworks.layers.meter import Meter
from headworks.layers.quota import Quota
from headworks.layers.reservations import Terms
from headworks.layers.reserve import Reserve
from headworks.layers.resume import Resume
from headworks.layers.retry import Retry
from headworks.layers.route import Route
from headworks.layers.timeout import Timeout
from headworks.layers.trace import Trace
from headworks.ledger.journal import Journal
from headworks.policy.balancing import PICKERS, Candidate
from headworks.policy.budget import AttemptBudget
from headworks.policy.circuit import Breaking, Circuit
from headworks.policy.concurrency import Slots
from headworks.policy.latency import LatencyWindow
from headworks.policy.retry import Retrying, RetryPolicy
from headworks.policy.shedding import Admission
from headworks.policy.timeouts import Timeouts
from headworks.state.memory import Memory
from headworks.wire.openai.caller import CHAT

LAYERS = (
    *("trace", "auth", "deadline", "quota", "admit", "fallback", "retry", "resume"),
    *("fund", "breaker", "limit", "timeout", "meter"),
)
BODY = b"x" * 1400
ROUNDS, CALLS = 60, 300


class Leaf:
    """Answers at once, with a body of a usual size."""

    def open(self, call: Call) -> Opening:
        return self  # type: ignore[return-value]

    async def __aenter__(self) -> Reply:
        usage = Usage(input=312, output=46)
        return CompleteReply([Chunk(data=BODY, has_content=True, finish="stop", usage=usage, last=True)])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def build(without: str, folder: Path) -> Service:
    """The stack of `gateway/assemble.py`, in its order, less one layer."""

    def around(inner: Service, *named: tuple[str, Callable[[Service], Service]]) -> Service:
        return stack(*[layer for name, layer in named if name != without], inside=inner)

    state = Memory()
    candidates = [Candidate(f"{name}/bench", Circuit(Breaking(), Random(1)), LatencyWindow()) for name in "ab"]
    targets = [
        Target(
            known,
            around(
                Leaf(),
                ("fund", Reserve),
                ("breaker", partial(Breaker, circuit=known.circuit, target=known.name)),
                (
                    "limit",
                    partial(
                        Limit,
                        state=state,
                        bounds=Bounds(places=(Places("places/provider/a", 1000),)),
                        slots=Slots(1000),
                        line=ProviderQueue(),
                        target=known.name,
                    ),
                ),
                ("timeout", partial(Timeout, timeouts=Timeouts())),
                ("meter", partial(Meter, candidate=known)),
            ),
        )
        for known in candidates
    ]
    retry_budget = AttemptBudget()
    balance = Balance(targets, PICKERS["weighted"], Random(1), most=3, resort=targets)
    retrying = partial(
        Retry, policy=RetryPolicy(Retrying(), Random(1)), tier=candidates, retry_budget=retry_budget, is_last=True
    )
    keys = Keyring([Key(name=f"key-{number}", digest=secret_digest(f"secret-{number}")) for number in range(1000)])
    journal = Journal(folder, started_at=time.time(), sync=1.0)
    terms = Terms(alias="bench", config="c" * 32)
    quota = partial(Quota, terms=terms, state=state, journal=journal, group=lambda name: UNLIMITED)
    pool = around(
        balance,
        ("deadline", partial(Deadline, total=120.0)),
        ("quota", quota),
        ("admit", partial(Admit, admission=Admission(4096))),
        ("resume", partial(Resume, mode="restart", retry_budget=retry_budget, capabilities={})),
        ("fallback", lambda inner: Fallback([inner], retry_budget)),
        ("retry", retrying),
    )
    return around(
        Route({"bench": pool}),
        ("trace", partial(Trace, journal=journal, config="c" * 32)),
        ("auth", partial(Auth, keys=keys)),
    )


async def seconds(service: Service) -> float:
    began = time.thread_time()
    for _ in range(CALLS):
        call = Call(
            id="req_0", alias="bench", body=BODY, dialect=CHAT, credential="secret-5", arrived_at=now(), digest="0" * 32
        )
        async with service.open(call) as reply:
            await reply.read()
    return (time.thread_time() - began) / CALLS


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        services = {name: build(name, Path(folder) / (name or "all")) for name in ("", *LAYERS)}
        best = dict.fromkeys(services, 1.0)
        for _ in range(ROUNDS):
            for name, service in services.items():
                best[name] = min(best[name], await seconds(service))
        print("| in process | us a call |\n|---|---|")
        print(f"| all layers, the journal's write too | {best[''] * 1e6:.1f} |")
        for name in LAYERS:
            print(f"| {name} (what leaving it out saves) | {(best[''] - best[name]) * 1e6:.1f} |")


if __name__ == "__main__":
    uvloop.run(main())
