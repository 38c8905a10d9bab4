"""Availability by arithmetic: what outages alone take, in the mean and in single windows, and when that is all there is.

Always true: *does not hold* is said where outages alone forbid it, whatever else happens; *holds* only where the file has
nothing beside them that could lose a call: no limit, no timeout that is near, faults so few that they do not matter. What
is between needs the stack itself (`headworks plan`), which judges by the same rule: of single windows 95 of 100 must keep
the promise, and where fewer than 5 do it does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headworks.system.schema.requirements import Objective
from headworks.system.syntax.scalars import written_duration
from headworks.system.verdicts.availability_windows import SURE, kept, spells
from headworks.system.verdicts.closed_forms import BETA, Cause, Q, unavailability
from headworks.system.verdicts.inputs import Known
from headworks.system.verdicts.verdict import CLOSE, SIMULATION, Finding, percent


class Shares(msgspec.Struct, frozen=True):
    """What is known of one alias: the mean share of answered calls; that every window holds, by the outages alone and
    with single faults beside them (both 0 or 1 where there is no window)."""

    mean: float
    may: float
    does: float


class Answered:
    """Judges availability."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.system = known.system

    def of(self, objective: Objective, aliases: Sequence[str]) -> Finding:
        limit = float(objective.limit.value)
        found = {alias: self.shares(alias, limit, objective.window) for alias in aliases}
        worst = min(found, key=lambda alias: (found[alias].may, found[alias].mean))
        said = f"{percent(found[worst].mean)} by {self.chain(worst)}"
        if len(aliases) > 1:
            said = f"{worst}: {said}"
        if objective.window is not None:
            said += f"; {found[worst].may:.0%} of {written_duration(objective.window)} windows hold"
        if sum(one.may for one in found.values()) <= 1 - SURE:
            more = percent(1 - self.unavailable(worst, and_one_more=True))
            return Finding("does not hold", f"{said}; with one more provider {more}")
        if objective.window is None and (mean := self.mixed(found, limit)) is not None:
            return msgspec.structs.replace(mean, why=f"{mean.why}{said}")
        if sum(1 - one.does for one in found.values()) <= 1 - SURE:
            return Finding("holds", said)
        return Finding("cannot say", f"{said}, by outages alone: {SIMULATION}", "plan")

    def mixed(self, found: dict[str, Shares], limit: float) -> Finding | None:
        """Several aliases of which only some may hold: their mean by their peaks."""
        if all(one.may for one in found.values()):
            return None
        peaks = {alias: self.known.peak(alias) for alias in found}
        known = {alias: peak for alias, peak in peaks.items() if peak is not None}
        if len(known) < len(found):
            return Finding("cannot say", "others may hold: write each alias's `peak_rps`; ", "numbers")
        total = sum(known.values())
        mean = sum(found[alias].mean * peak for alias, peak in known.items()) / total
        lost = [(self.lost(alias), peak) for alias, peak in known.items()]
        less = sum(part * peak for part, peak in lost if part is not None) / total
        said = f"{percent(mean)} of all calls; "
        if mean < limit - CLOSE and not any(self.known.hits(alias) for alias in found):
            return Finding("does not hold", said)
        if mean - less >= limit - CLOSE and all(part is not None for part, _ in lost):
            return Finding("holds", said)
        return Finding("cannot say", f"{said}single calls fail too, which {SIMULATION}; ", "plan")

    def shares(self, alias: str, limit: float, window: float | None) -> Shares:
        out, lost = self.unavailable(alias), self.lost(alias)
        # What a cache answers is answered during an outage too.
        reached = 1 - self.known.repeats([alias])
        if window is None:
            may = float(1 - out * reached >= limit - CLOSE)
            return Shares(1 - out, may, float(lost is not None and 1 - out - lost >= limit - CLOSE))
        known = spells(self.outages(alias), self.causes(alias))
        most = 1 - limit
        may = kept(known, window, most / reached + CLOSE) if reached > 0 else 1.0
        return Shares(1 - out, may, 0.0 if lost is None else kept(known, window, most - lost + CLOSE))

    def lost(self, alias: str) -> float | None:
        """The most calls that are lost while a vendor is up; None where nobody can say it without running the stack."""
        if self.known.has_limits([alias]) or not self.known.fits(alias):
            return None
        return self.known.lost(alias)

    def outages(self, alias: str) -> dict[str, float]:
        """The share of calls that each provider fails: of its models the better one counts, for they fail together."""
        found: dict[str, float] = {}
        for target in self.known.targets(alias):
            expected = target.expect.availability if target.expect is not None else None
            outage = Q if expected is None else 1 - expected
            found[target.provider] = min(outage, found.get(target.provider, 1.0))
        return found

    def causes(self, alias: str) -> list[Cause]:
        """What strikes several at once: as written, or the assumed share of everybody's outages."""
        written = [Cause(frozenset(one.providers), one.share) for one in self.system.requirements.common_causes]
        names = frozenset(self.outages(alias))
        return written or ([Cause(names, BETA)] if len(names) > 1 else [])

    def unavailable(self, alias: str, *, and_one_more: bool = False) -> float:
        outages = self.outages(alias)
        if and_one_more:
            outages["(one more)"] = Q
        written = [Cause(frozenset(one.providers), one.share) for one in self.system.requirements.common_causes]
        return unavailability(outages, written or [Cause(frozenset(outages), BETA)])

    def chain(self, alias: str) -> str:
        """What the figure rests on."""
        providers = list(dict.fromkeys(target.provider for target in self.known.targets(alias)))
        is_assumed = any(
            target.expect is None or target.expect.availability is None for target in self.known.targets(alias)
        )
        said = ", ".join(providers) + (f" ({percent(1 - Q)} each where nothing is expected" if is_assumed else "")
        if len(providers) > 1 and not self.system.requirements.common_causes:
            said += f"{'; ' if is_assumed else ' ('}{BETA:.0%} of outages in common"
            is_assumed = True
        return said + (")" if is_assumed else "")
