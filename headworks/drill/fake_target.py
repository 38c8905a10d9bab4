"""A fake target for drills: a simulated vendor whose answers and times are constant, for callers of any API.

Always true: every target gives the same answer to the same question, so that the exact answer is known
and an answer that was put together from two attempts can be judged; a fault breaks it where the seed says, on either
loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.service import Opening
from headworks.gateway.leaves import OURS
from headworks.providers.simulated.answer_text import Percentiles, TokenCounts
from headworks.providers.simulated.chat_answer import chat_answer
from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState
from headworks.providers.translating import Translating
from headworks.system.schema.drills import Fault

FIRST_TOKEN: Final = 0.05
PER_TOKEN: Final = 0.02
"""Seconds: a fast vendor, so that the latency that a fault adds is visible."""


class FakeTarget:
    """One target as a Service. fault_at: which fault an attempt has that begins now (loop seconds)."""

    def __init__(self, target: str, tokens: int, seed: int, fault_at: Callable[[str, float], Fault | None]) -> None:
        self.target = target
        self.tokens = tokens
        self.seed = seed
        self.fault_at = fault_at
        self.struck = 0
        """Attempts that had a fault."""
        self._vendors: dict[Fault | None, Translating] = {}

    def open(self, call: Call) -> Opening:
        return self.attempt(call)[1]

    def attempt(self, call: Call) -> tuple[Fault | None, Opening]:
        """The fault that this attempt has, and the attempt."""
        fault = self.fault_at(self.target, now())
        self.struck += fault is not None
        return fault, self._vendor(fault).open(call)

    def _vendor(self, fault: Fault | None) -> Translating:
        if fault not in self._vendors:
            provider, _, model = self.target.partition("/")
            vendor = VendorSettings(
                first_token=constant(FIRST_TOKEN),
                per_token=constant(PER_TOKEN),
                output_tokens=constant(self.tokens),
                faults={} if fault is None else {fault: 1.0},
                seed=self.seed,
            )
            self._vendors[fault] = Translating(Simulated(VendorState(provider, vendor), model), OURS, model)
        return self._vendors[fault]


def constant(amount: float) -> Percentiles:
    return Percentiles(p50=amount, p99=amount)


def expected_answer(call: Call, tokens: int, seed: int) -> str:
    """The answer of every fake target to this call."""
    return "".join(chat_answer(call, seed, TokenCounts(constant(tokens))).choices[0].pieces)
