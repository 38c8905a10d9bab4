"""Limits, deadlines and tiers in any combination: every call ends by its deadline, nothing goes round, nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Cut, Denied, Failed, Throttled
from headworks.core.vtime import VirtualLoop
from headworks.providers.scripted import Scripted, Stream
from headworks.state.memory import Memory
from headworks.testing import call
from tests.laws import examples
from tests.stack.systems import World

VENDORS: Final = ("a", "b", "c")
BEHAVIOUR: Final = {
    "well": Stream(pieces=["one ", "two"]),
    "slow": Stream(pieces=[4.0, "one ", 1.0, "two"]),
    "silent": Stream(pieces=[1000.0, "late"]),
    "cuts": Stream(pieces=["one ", 1.0, Cut("cut")]),
    "fails": Failed("boom"),
    "asks to wait": Throttled("429", retry_after=3.0),
    "refuses us": Denied("who are you"),
}
LIMITS: Final = st.sampled_from(
    [
        {},
        {"rpm": 1},
        {"rpm": 3},
        {"tpm": 100},
        {"tpm": 6000},
        {"concurrency": 1},
        {"rpm": 2, "tpm": 1000, "concurrency": 2},
    ]
)
TIERS: Final = st.sampled_from(
    [[["a"]], [["a", "b"]], [["a"], ["b"]], [["a"], ["b", "c"]], [["a", "b"], ["c"]], [["a"], ["a"]]]
)
BEHAVIOURS: Final = st.sampled_from(["well", "fails", *BEHAVIOUR])
"""The first two are what is most, or nobody would be asked for long."""


class LimitsMachine(RuleBasedStateMachine):
    """A system over scripted vendors, on a virtual clock that the rules move. `queue` is a vendor that is always well."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(most_turns=20_000))
        self.behaviour: dict[str, str] = {}
        self.calls: list[tuple[Call, asyncio.Task[None]]] = []

    def run(self, coro: Coroutine[Any, Any, None]) -> None:
        self.runner.run(coro)

    def vendor(self, name: str) -> Scripted:
        return Scripted([lambda asked: BEHAVIOUR[self.behaviour.get(name, "well")]], repeat=True)

    @initialize(
        limits=st.fixed_dictionaries(dict.fromkeys(VENDORS, LIMITS)),
        tiers=st.lists(TIERS, min_size=1, max_size=2),
        own=st.sampled_from([{}, {}, {"rpm": 2}]),
        mid_stream=st.sampled_from(["error", "restart"]),
        balance=st.sampled_from(["weighted", "least_busy", "fastest"]),
        behaviour=st.fixed_dictionaries(dict.fromkeys(VENDORS, BEHAVIOURS)),
    )
    def begin(
        self,
        limits: dict[str, dict[str, int]],
        tiers: list[list[list[str]]],
        own: dict[str, int],
        mid_stream: str,
        balance: str,
        behaviour: dict[str, str],
    ) -> None:
        self.behaviour = behaviour
        self.limits: dict[str, dict[str, int]] = {**limits, "queue": {"tpm": 6000}}
        providers = {
            name: {"dialect": "openai", "base_url": f"http://{name}/v1", **limit} for name, limit in self.limits.items()
        }
        models: dict[str, object] = {"queue": {"targets": [["queue/x"]], "timeouts": {"total": "60s"}}}
        for number, found in enumerate(tiers):
            targets = [[{"provider": name, "model": "x", **own} for name in tier] for tier in found]
            models[f"m{number}"] = {
                "targets": targets,
                "timeouts": {"total": "60s"},
                "mid_stream": mid_stream,
                "balance": balance,
                "breaker": {"failures": 50},  # or every circuit is open after two calls
            }
        self.aliases = list(models)
        self.leaves = {name: self.vendor(name) for name in providers}
        text = msgspec.json.encode({"version": 1, "providers": providers, "models": models}).decode()
        self.world = World(lambda provider, model: self.leaves[provider], text)

    @rule(name=st.sampled_from(VENDORS), behaviour=BEHAVIOURS)
    def becomes(self, name: str, behaviour: str) -> None:
        self.behaviour[name] = behaviour

    @rule(
        alias=st.integers(0, 9),
        times=st.sampled_from([1, 1, 2, 4]),
        tokens=st.sampled_from([20, 90, 5000]),
        deadline=st.sampled_from([0.5, 3.0, 10.0, 60.0]),
        streamed=st.booleans(),
    )
    def ask(self, alias: int, times: int, tokens: int, deadline: float, streamed: bool) -> None:
        async def begin() -> None:
            for _ in range(times):
                made = msgspec.structs.replace(
                    call(alias=self.aliases[alias % len(self.aliases)], streamed=streamed),
                    id=f"{len(self.calls)}",
                    body=b"x" * (4 * tokens),
                    arrived_at=now(),
                    deadline_at=now() + deadline,
                )
                self.calls.append((made, asyncio.get_running_loop().create_task(self.read(made))))

        self.run(begin())

    async def read(self, asked: Call) -> None:
        try:
            await self.world.read(asked, 0.0)
        except (CallError, asyncio.CancelledError):
            pass  # how it ends is other tests' matter; here, that it does

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 4.0, 30.0]))
    def passes(self, seconds: float) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            # A tenth of a millisecond, and a turn for who was woken in the same moment.
            await asyncio.sleep(1e-4)
            for asked, task in self.calls:
                assert task.done() or now() < asked.deadline_at + 1e-3, f"call {asked.id} goes on past its deadline"
                if task.done():
                    task.result()

        self.run(wait())

    @precondition(lambda self: bool(self.calls))
    @rule(drawn=st.integers(0, 99))
    def hangs_up(self, drawn: int) -> None:
        self.calls[drawn % len(self.calls)][1].cancel()

    @invariant()
    def nobody_passes(self) -> None:
        came = [int(asked.id) for asked in self.leaves["queue"].calls] if hasattr(self, "leaves") else []
        assert came == sorted(came)

    @invariant()
    def no_vendor_has_more_at_once_than_it_takes(self) -> None:
        for name, limit in getattr(self, "limits", {}).items():
            assert self.leaves[name].in_flight <= limit.get("concurrency", 1000)

    def teardown(self) -> None:
        async def end() -> None:
            await asyncio.gather(*(task for _, task in self.calls))
            await asyncio.sleep(3600.0)

        try:
            if hasattr(self, "world"):
                self.run(end())
                shared = self.world.assembled.shared
                left = {name: held for name, held in self.world.left_behind().items() if not name.startswith("probe")}
                assert left == {}
                assert isinstance(shared.state, Memory)
                assert (shared.state.held, sum(shared.state.in_use.values())) == ({}, 0)
                assert not any(queue.waiters.queues for queue in shared.provider_queues.values())
        finally:
            self.runner.close()


LimitsMachine.TestCase.settings = settings(max_examples=examples(20), stateful_step_count=12)
TestLimits = LimitsMachine.TestCase
