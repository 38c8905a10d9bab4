"""Availability by arithmetic: what outages alone take, in the mean and in single windows, and when that is all there is.

Always true: *does not hold* is said where outages alone forbid it, whatever else happens; *holds* only where the file has
nothing beside them that could lose a call: no limit, no timeout that is near, faults so few that they do not matter. What
is between needs the stack itself (`headworks plan`), which judges by the same rule: of single windows 95 of 100 must keep
the promise, and where fewer than 5 do it does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from headworks.system.schema.requirements import Objective
from headworks.system.syntax.scalars import written_duration
from headworks.system.verdicts.availability_windows import CERTAIN_SHARE, joint_outages, share_of_windows_kept
from headworks.system.verdicts.closed_forms import ASSUMED_UNAVAILABILITY, BETA_FACTOR, Cause, unavailability
from headworks.system.verdicts.inputs import StatedInputs
from headworks.system.verdicts.verdict import (
    NEEDS_SIMULATION,
    ROUNDING,
    Assessment,
    VerdictWord,
    on_which_side,
    percent,
)


class AnsweredShares(msgspec.Struct, frozen=True):
    """Answered calls of one alias. mean: their expected share. outages_only, with_faults: the share of windows that meet the
    bound, counting only outages, and also single faults (0 or 1 where there is no window)."""

    mean: float
    outages_only: float
    with_faults: float


class AvailabilityJudge:
    """Judges availability."""

    def __init__(self, inputs: StatedInputs) -> None:
        self.inputs = inputs
        self.system = inputs.system

    def of(self, objective: Objective, aliases: Sequence[str]) -> Assessment:
        limit = float(objective.limit.value)
        found = {alias: self.shares(alias, limit, objective.window) for alias in aliases}
        worst = min(found, key=lambda alias: (found[alias].outages_only, found[alias].mean))
        said = self.said(worst, aliases)
        if objective.window is not None:
            said += f"; {found[worst].outages_only:.0%} of {written_duration(objective.window)} windows meet it"
        if sum(one.outages_only for one in found.values()) <= 1 - CERTAIN_SHARE:
            more = percent(1 - self.unavailable(worst, and_one_more=True))
            return Assessment("does not hold", f"{said}; with one more provider: {more}")
        if objective.window is None and (mean := self.over_several_aliases(found, limit)) is not None:
            return msgspec.structs.replace(mean, why=f"{mean.why}{said}")
        if sum(1 - one.with_faults for one in found.values()) <= 1 - CERTAIN_SHARE:
            return Assessment("holds", said)
        return Assessment("cannot say", f"{said}, counting only outages; {NEEDS_SIMULATION}", "plan")

    def said(self, worst: str, aliases: Sequence[str]) -> str:
        """The availability of an alias that outages alone leave, and its basis."""
        said = f"{percent(1 - self.unavailable(worst))} expected with {self.basis(worst)}"
        return f"{worst}: {said}" if len(aliases) > 1 else said

    def outages_alone(self, aliases: Sequence[str]) -> str:
        """The same for the worst alias, as `plan` and `load` say it beside their own numbers."""
        return f"counting only outages: {self.said(max(aliases, key=self.unavailable), aliases)}"

    def up(self, calls: Mapping[str, float]) -> float:
        """The share of calls that arrive while a provider or a cache can answer them. calls: by alias, how many."""
        down = sum(
            count * self.unavailable(alias) * (1 - self.inputs.repeated_share([alias]))
            for alias, count in calls.items()
        )
        return 1 - down / sum(calls.values())

    def measured(self, objective: Objective, calls: Mapping[str, float], low: float, high: float) -> VerdictWord:
        """The verdict from a measured share of answered calls while all providers are up (from `low` to `high`): the outages
        that arithmetic assumes are added, because a measurement of minutes has none. calls: by alias, how many."""
        if objective.window is None:
            up = self.up(calls)
            return on_which_side(objective, low * up, high * up)
        most = 1 - float(objective.limit.value)
        outages_only = with_faults = 0.0
        for alias in calls:
            known = joint_outages(self.outages(alias), self.causes(alias))
            reached = max(ROUNDING, 1 - self.inputs.repeated_share([alias]))
            outages_only += share_of_windows_kept(known, objective.window, (most - (1 - high)) / reached + ROUNDING)
            with_faults += 1 - share_of_windows_kept(known, objective.window, most - (1 - low) + ROUNDING)
        if outages_only <= 1 - CERTAIN_SHARE:
            return "does not hold"
        return "holds" if with_faults <= 1 - CERTAIN_SHARE else "cannot say"

    def over_several_aliases(self, found: dict[str, AnsweredShares], limit: float) -> Assessment | None:
        """Several aliases of which only some may meet it: their mean, weighted by peak rates."""
        if all(one.outages_only for one in found.values()):
            return None
        peaks = {alias: self.inputs.peak_rate(alias) for alias in found}
        known = {alias: peak for alias, peak in peaks.items() if peak is not None}
        if len(known) < len(found):
            return Assessment("cannot say", "other models may meet it: write `peak_rps` of each alias; ", "numbers")
        total = sum(known.values())
        mean = sum(found[alias].mean * peak for alias, peak in known.items()) / total
        lost = [(self.lost_share(alias), peak) for alias, peak in known.items()]
        less = sum(part * peak for part, peak in lost if part is not None) / total
        said = f"{percent(mean)} of all calls; "
        if mean < limit - ROUNDING and not any(self.inputs.hit_share(alias) for alias in found):
            return Assessment("does not hold", said)
        if mean - less >= limit - ROUNDING and all(part is not None for part, _ in lost):
            return Assessment("holds", said)
        return Assessment("cannot say", f"{said}single calls fail too; {NEEDS_SIMULATION}; ", "plan")

    def shares(self, alias: str, limit: float, window: float | None) -> AnsweredShares:
        out, lost = self.unavailable(alias), self.lost_share(alias)
        # What a cache answers is answered during an outage too.
        reached = 1 - self.inputs.repeated_share([alias])
        if window is None:
            may = float(1 - out * reached >= limit - ROUNDING)
            return AnsweredShares(1 - out, may, float(lost is not None and 1 - out - lost >= limit - ROUNDING))
        known = joint_outages(self.outages(alias), self.causes(alias))
        most = 1 - limit
        may = share_of_windows_kept(known, window, most / reached + ROUNDING) if reached > 0 else 1.0
        return AnsweredShares(
            1 - out, may, 0.0 if lost is None else share_of_windows_kept(known, window, most - lost + ROUNDING)
        )

    def lost_share(self, alias: str) -> float | None:
        """The most calls that are lost while a vendor is up; None where nobody can say it without running the stack."""
        if self.inputs.has_limits([alias]) or not self.inputs.fits_timeouts(alias):
            return None
        return self.inputs.lost_share(alias)

    def outages(self, alias: str) -> dict[str, float]:
        """The share of calls that each provider fails: of its models the better one counts, for they fail together."""
        found: dict[str, float] = {}
        for target in self.inputs.targets(alias):
            expected = target.expect.availability if target.expect is not None else None
            outage = ASSUMED_UNAVAILABILITY if expected is None else 1 - expected
            found[target.provider] = min(outage, found.get(target.provider, 1.0))
        return found

    def causes(self, alias: str) -> list[Cause]:
        """Common causes: as written, else the assumed share of everyone's outages."""
        written = [Cause(frozenset(one.providers), one.share) for one in self.system.requirements.common_causes]
        names = frozenset(self.outages(alias))
        return written or ([Cause(names, BETA_FACTOR)] if len(names) > 1 else [])

    def unavailable(self, alias: str, *, and_one_more: bool = False) -> float:
        outages = self.outages(alias)
        if and_one_more:
            outages["(one more)"] = ASSUMED_UNAVAILABILITY
        written = [Cause(frozenset(one.providers), one.share) for one in self.system.requirements.common_causes]
        return unavailability(outages, written or [Cause(frozenset(outages), BETA_FACTOR)])

    def basis(self, alias: str) -> str:
        """The providers and assumptions behind the figure, in words."""
        providers = list(dict.fromkeys(target.provider for target in self.inputs.targets(alias)))
        is_assumed = any(
            target.expect is None or target.expect.availability is None for target in self.inputs.targets(alias)
        )
        said = ", ".join(providers) + (
            f" ({percent(1 - ASSUMED_UNAVAILABILITY)} assumed where not stated" if is_assumed else ""
        )
        if len(providers) > 1 and not self.system.requirements.common_causes:
            said += f"{'; ' if is_assumed else ' ('}{BETA_FACTOR:.0%} of outages shared"
            is_assumed = True
        return said + (")" if is_assumed else "")
