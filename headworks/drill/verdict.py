"""A drill's hypothesis against its figures: holds, does not hold, or cannot be said. Pure.

Always true, whatever the hypothesis says: no answer may look whole that is not, no call may be without an end, and no
answer that its caller had may be missing in the ledger.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from headworks.drill.call_outcome import CORRUPT_KINDS
from headworks.drill.evidence import Evidence, Figures
from headworks.system.schema.drills import Hypothesis

Said: TypeAlias = Literal["holds", "does not hold", "cannot say"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a drill. why: each thing that does not hold, or why nothing can be said."""

    said: Said
    why: list[str]


def judge(evidence: Evidence, seen: Figures) -> Verdict:
    """Holds the hypothesis of a drill against what came of it."""
    if evidence.trouble:
        return Verdict(said="cannot say", why=[evidence.trouble])
    if not seen.meanwhile:
        return Verdict(said="cannot say", why=["no call was made during the fault: more `calls`, or an earlier `from`"])
    if evidence.faulted and not seen.struck:
        return Verdict(said="cannot say", why=["no attempt met the fault: it is another target's, or nobody called"])
    hypothesis = evidence.drill.expect
    wrong = [
        *_invariants(seen, restarts=evidence.drill.restarts),
        *_answer_violations(hypothesis, seen),
        *_bound_violations(hypothesis, seen),
    ]
    if evidence.recovers:
        if seen.recovery is None and not wrong:
            last = max((one.arrived for one in evidence.results), default=0.0)
            if last < evidence.drill.window[1] + hypothesis.recovery:
                more = "the target was not asked again before the last call"
                return Verdict(said="cannot say", why=[f"{more}: more `calls` after the fault would tell"])
        if seen.recovery is None:
            wrong.append(f"recovery was not noticed within {hypothesis.recovery:g} s")
        elif seen.recovery > hypothesis.recovery:
            wrong.append(f"recovery was noticed after {seen.recovery:.1f} s, not {hypothesis.recovery:g} s")
    return Verdict(said="does not hold" if wrong else "holds", why=wrong)


def _invariants(seen: Figures, *, restarts: bool) -> list[str]:
    wrong = []
    if untrue := sum(seen.ended.get(kind, 0) for kind in CORRUPT_KINDS):
        wrong.append(f"{_calls(untrue)} looked whole to the caller and was not")
    if hung := seen.ended.get("hung", 0):
        wrong.append(f"{_calls(hung)} had no end")
    if (unserved := seen.ended.get("unserved", 0)) and not restarts:
        wrong.append(f"{_calls(unserved)} found nobody listening: the gateway was not there")
    if seen.unrecorded:
        wrong.append(f"{_calls(seen.unrecorded)} answered whole and not recorded once")
    if seen.kept:
        wrong.append(f"{seen.kept} places were not given back")
    return wrong


def _answer_violations(hypothesis: Hypothesis, seen: Figures) -> list[str]:
    wrong = []
    if seen.share is not None and seen.share < hypothesis.whole:
        wrong.append(
            f"{seen.share:.0%} of the calls that could be were answered whole, not {hypothesis.whole:.0%}"
            f"{_codes_text(seen)}: another target in a tier below would answer them"
        )
    if seen.broken > hypothesis.broken * seen.meanwhile:
        wrong.append(f"{_calls(seen.broken)} broken without a word")
    if hypothesis.error is not None:
        others = [code for code in seen.codes if code.rpartition(" ")[2] != hypothesis.error]
        if others:
            wrong.append(f"callers were shown {', '.join(others)}, not {hypothesis.error}")
    return wrong


def _bound_violations(hypothesis: Hypothesis, seen: Figures) -> list[str]:
    wrong = []
    if hypothesis.added is not None and seen.added is not None and seen.added > hypothesis.added:
        wrong.append(f"a whole answer took {seen.added:.1f} s more than before, not {hypothesis.added:g} s at most")
    if hypothesis.attempts is not None and seen.per_call is not None and seen.per_call > hypothesis.attempts:
        wrong.append(f"{seen.per_call:.2f} attempts a call, not {hypothesis.attempts:g} at most")
    if hypothesis.cost is not None and seen.cost is not None and seen.cost > hypothesis.cost:
        wrong.append(f"a call cost {seen.cost:.2f} times as much as before, not {hypothesis.cost:g} at most")
    return wrong


def _codes_text(seen: Figures) -> str:
    return f" ({', '.join(f'{count} x {code}' for code, count in seen.codes.items())})" if seen.codes else ""


def _calls(count: int) -> str:
    return f"{count} call{'' if count == 1 else 's'}"
