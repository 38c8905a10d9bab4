"""What each client goes through at each vendor, and what counts as passed."""

from __future__ import annotations

from typing import Final, NamedTuple

from tools.clients.client import Outcome
from tools.clients.vendor.script import Fault, Run, Script


class Scenario(NamedTuple):
    """calls: tool calls of the vendor. fault: of the first call, or of every one."""

    name: str
    calls: int = 0
    fault: Fault | None = None
    is_every: bool = False

    def script(self, run: str, *, is_agent: bool, is_signed: bool) -> Script:
        return Script(
            run=run,
            words=12,
            calls=self.calls,
            faults={1: self.fault} if self.fault and not self.is_every else {},
            every=self.fault if self.is_every else None,
            is_agent=is_agent,
            is_signed=is_signed,
        )


TURNS: Final = 20

ROUNDS: Final = (Scenario("text"), Scenario("tool", 1), Scenario(f"{TURNS} turns", TURNS))
FAULTS: Final = (
    Scenario("cut", fault="cut"),
    Scenario("429", fault="429"),
    Scenario("529", fault="529"),
    Scenario("silence", fault="silence"),
    Scenario("budget spent", fault="spent", is_every=True),
)
SCENARIOS: Final = (*ROUNDS, *FAULTS)

DOWN: Final = Scenario("always 529", fault="529", is_every=True)
"""A vendor that stays down: how often a client asks before it stops."""


class Result(NamedTuple):
    """One run. why: empty where it passed. calls: at the vendor. asked: of the gateway, or the same where there is none."""

    scenario: str
    is_streamed: bool
    why: str
    got: str
    calls: int
    asked: int
    signed: int
    returned: int
    seconds: float


def is_whole(outcome: Outcome, script: Script) -> bool:
    """The caller got the answer, and nothing but the answer."""
    return outcome.text.strip() == script.text


def why_not(scenario: Scenario, outcome: Outcome, run: Run) -> str:
    """Why the run did not pass; empty where it did."""
    if run.problems:
        return f"the vendor: {'; '.join(run.problems[:3])}"
    if run.is_paid_twice:
        turns = ", ".join(str(turn) for turn, times in run.paid.items() if times > 1)
        return f"paid twice: turns {turns}"
    if scenario is DOWN:
        return ""  # it is counted how often a client asks, whatever it does then
    if is_whole(outcome, run.script):
        return "answered though the budget is spent" if scenario.fault == "spent" else ""
    if outcome.text:
        return f"another answer: {outcome.text[:200]!r}"
    if scenario.fault is None:
        return f"{outcome.error}: {outcome.message[:300]}"
    if outcome.is_late:
        return "the client neither answered nor gave up in time"
    return "" if outcome.is_own else f"no class of the SDK's: {outcome.error}: {outcome.message[:200]}"
