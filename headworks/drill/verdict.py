"""The verdict on a drill: its hypothesis against the figures. Pure.

Always true, whatever the hypothesis says: no incomplete answer may look complete, every call must end, and every answer
that a caller received must be in the ledger.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from headworks.drill.call_outcome import CORRUPT_KINDS, code_in
from headworks.drill.evidence import Evidence, Figures
from headworks.system.schema.drills import Hypothesis

Said: TypeAlias = Literal["holds", "does not hold", "cannot say"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a drill. why: each violation, or why there is no verdict."""

    said: Said
    why: list[str]


def judge(evidence: Evidence, seen: Figures) -> Verdict:
    """Judges the hypothesis of a drill."""
    if evidence.trouble:
        return Verdict(said="cannot say", why=[evidence.trouble])
    if not seen.meanwhile:
        return Verdict(
            said="cannot say", why=["no call was made during the fault: use more `calls`, or an earlier `from`"]
        )
    if evidence.faulted and not seen.struck:
        return Verdict(
            said="cannot say", why=["no attempt met the fault: it is set for another target, or no call was made"]
        )
    hypothesis = evidence.drill.expect
    wrong = [
        *_invariants(seen, restarts=evidence.drill.restarts),
        *_answer_violations(hypothesis, seen, evidence.dialect),
        *_bound_violations(hypothesis, seen),
    ]
    if evidence.recovers:
        if seen.recovery is None and not wrong:
            last = max((one.arrived for one in evidence.results), default=0.0)
            if last < evidence.drill.window[1] + hypothesis.recovery:
                why = "the target was not tried again before the last call: use more `calls` after the fault"
                return Verdict(said="cannot say", why=[why])
        if seen.recovery is None:
            wrong.append(f"the target did not recover within {hypothesis.recovery:g} s")
        elif seen.recovery > hypothesis.recovery:
            wrong.append(f"recovery took {seen.recovery:.1f} s; the limit is {hypothesis.recovery:g} s")
    return Verdict(said="does not hold" if wrong else "holds", why=wrong)


def _invariants(seen: Figures, *, restarts: bool) -> list[str]:
    wrong = []
    if untrue := sum(seen.ended.get(kind, 0) for kind in CORRUPT_KINDS):
        wrong.append(f"{_calls(untrue)} looked complete to the caller but had a wrong or truncated answer")
    if hung := seen.ended.get("hung", 0):
        wrong.append(f"{_calls(hung)} never ended")
    if (unserved := seen.ended.get("unserved", 0)) and not restarts:
        wrong.append(f"{_calls(unserved)} could not connect: the gateway was not listening")
    if seen.unrecorded:
        wrong.append(f"{_calls(seen.unrecorded)} had a complete answer but not exactly one record in the ledger")
    if seen.kept:
        wrong.append(f"{seen.kept} slots were not released")
    return wrong


def _answer_violations(hypothesis: Hypothesis, seen: Figures, dialect: str) -> list[str]:
    wrong = []
    if seen.share is not None and seen.share < hypothesis.whole:
        wrong.append(
            f"{seen.share:.0%} of answerable calls got a complete answer, {hypothesis.whole:.0%} is required"
            f"{_codes_text(seen)}: add a fallback target in a lower tier"
        )
    if seen.broken > hypothesis.broken * seen.meanwhile:
        wrong.append(f"{_calls(seen.broken)} broken off without an error message")
    if hypothesis.error is not None:
        said = code_in(dialect, hypothesis.error)
        others = [code for code in seen.codes if code.rpartition(" ")[2] not in (hypothesis.error, said)]
        if others:
            wrong.append(f"callers got {', '.join(others)}, expected {said}")
    return wrong


def _bound_violations(hypothesis: Hypothesis, seen: Figures) -> list[str]:
    wrong = []
    if hypothesis.added is not None and seen.added is not None and seen.added > hypothesis.added:
        wrong.append(
            f"a complete answer took {seen.added:.1f} s longer than before; the limit is {hypothesis.added:g} s"
        )
    if hypothesis.attempts is not None and seen.per_call is not None and seen.per_call > hypothesis.attempts:
        wrong.append(f"{seen.per_call:.2f} attempts per call; the limit is {hypothesis.attempts:g}")
    if hypothesis.cost is not None and seen.cost is not None and seen.cost > hypothesis.cost:
        wrong.append(f"a call cost {seen.cost:.2f} times as much as before; the limit is {hypothesis.cost:g}")
    return wrong


def _codes_text(seen: Figures) -> str:
    return f" ({', '.join(f'{count} x {code}' for code, count in seen.codes.items())})" if seen.codes else ""


def _calls(count: int) -> str:
    return f"{count} call{'' if count == 1 else 's'}"
