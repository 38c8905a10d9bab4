"""How much each setting matters, and the cheapest single change that would meet a missed objective.

Theory. Two runs over the same arrivals and the same random draws differ by what was changed and by little else, so a few pairs
are enough to see a change that many independent runs would drown (common random numbers; Law, Simulation Modeling and
Analysis, ch. 11). A remedy is looked for from the easiest kind to the hardest: what the file alone can do, a limit that
a vendor must grant, another vendor; of a limit's ladder the lowest step that is enough. Of the remedies of one kind the
one with the lowest cost per call is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from headworks.system.schema.requirements import Objective
from headworks.twin.report.report import Effect, Remedy, Sensitivity
from headworks.twin.search.changes import KINDS_BY_EFFORT, Change, remedy_ladders, sensitivity_changes
from headworks.twin.simulation.confidence_interval import mean_interval
from headworks.twin.simulation.replications import Effort, Plan, Run, estimate, replicate
from headworks.twin.simulation.run import Drained
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.verdict import OUTAGE_RUN_CALLS, Judge, Verdict, margin

PAIRS: Final = 3
"""Runs on each side of a comparison."""

FEWER_CALLS: Final = 2
"""A comparison's runs have this many times fewer calls than a verdict's: random draws are shared, so fewer are enough."""

MIN_CALLS: Final = 50
"""Fewest calls of a comparison's run: half of the minimum of `--calls`."""

MIN_CHANGE: Final = 0.002
"""Smallest change of a margin that counts: a setting that moves no missed objective by more is no remedy."""

MAX_CHANGES: Final = 16
"""Most settings that are tried: a system with twenty targets has a hundred."""

MAX_REMEDIES: Final = 16
"""Most single changes that are tried as remedies, for all objectives together."""

DrainedBy = Callable[[Plan], Drained]
"""Gives the counters of a plan's limits whose offered load exceeds their capacity."""


class ChangeSearch:
    """Tries changes of one plan, each over the same few seeds."""

    def __init__(self, plan: Plan, effort: Effort, busy: float, drained_by: DrainedBy) -> None:
        self.plan = plan
        self.calls = max(MIN_CALLS, effort.calls // FEWER_CALLS)
        self.short = max(50, min(OUTAGE_RUN_CALLS, effort.calls) // 3)
        self.busy = busy
        self.drained_by = drained_by
        drained = drained_by(plan)
        self.base = [replicate(plan, effort.seed + number, self.calls, drained=drained) for number in range(PAIRS)]
        self.simulated = sum(one.calls for one in self.base)
        self.money = Money(plan, self.base, busy)
        self._without_effect: set[str] = set()
        """Settings that changed nothing."""
        self._changed: dict[str, tuple[Plan, list[Run]]] = {}

    def changed(self, change: Change) -> tuple[Plan, list[Run]]:
        """The plan after this change, and its runs."""
        name = f"{change.name}: {change.said}"
        if name not in self._changed:
            self._changed[name] = self._run(change)
        return self._changed[name]

    def _run(self, change: Change) -> tuple[Plan, list[Run]]:
        plan = change.apply(self.plan)
        drained = self.drained_by(plan)
        made = [replicate(plan, one.seed, self.calls, drained=drained) for one in self.base]
        self.simulated += sum(one.calls for one in made)
        return plan, made

    def sensitivities(self, objectives: Sequence[Objective]) -> list[Sensitivity]:
        """Each setting's effects; the setting that moves a margin most comes first."""
        found: list[Sensitivity] = []
        for number, change in enumerate(sensitivity_changes(self.plan)):
            if number >= MAX_CHANGES:
                break
            plan, made = self.changed(change)
            # More calls are more good ones: what counts is whether as many of those that arrive are good.
            more = plan.workload.rate / self.plan.workload.rate if change.kind == "traffic" else 1.0
            effects = [one for objective in objectives if (one := self.effect(objective, made, more)) is not None]
            if all(effect.change < MIN_CHANGE for effect in effects):
                self._without_effect.add(change.name)
            found.append(
                Sensitivity(knob=change.name, said=change.said, kind=change.kind, path=change.path, effects=effects)
            )
        found.sort(key=lambda one: -max((abs(effect.change) for effect in one.effects), default=0.0))
        return found

    def effect(self, objective: Objective, made: Sequence[Run], more: float = 1.0) -> Effect | None:
        """The effect of a change on an objective's margin. more: the factor by which the load grows, which is never a gain."""
        is_share = objective.metric == "goodput" and more != 1.0
        part = more if is_share else 1.0
        pairs = [
            margin(objective, after.values[objective.id] / part) - margin(objective, before.values[objective.id])
            for before, after in zip(self.base, made, strict=True)
            if objective.id in before.values and objective.id in after.values
        ]
        if len(pairs) < len(self.base) or objective.metric == "cost":
            return None
        change = mean_interval([min(0.0, pair) for pair in pairs] if is_share else pairs)
        return Effect(objective=objective.id, change=change.value, low=change.low, high=change.high)

    def remedies(self, missed: Sequence[Objective], verdicts: Sequence[Verdict]) -> list[Remedy]:
        """For each missed objective the easiest, then cheapest, change that meets it; otherwise the one that comes closest,
        if it helps at all."""
        left = {one.id: one for one in missed}
        before = {one.id: one for one in verdicts}
        offers: dict[str, list[Remedy]] = {one.id: [] for one in missed}
        nearest: dict[str, Remedy] = {}
        kind = ""
        tried = 0
        for ladder in sorted(remedy_ladders(self.plan), key=lambda changes: KINDS_BY_EFFORT.index(changes[0].kind)):
            if ladder[0].kind != kind:  # an easier kind has done: no harder one is asked for
                kind = ladder[0].kind
                left = {id: one for id, one in left.items() if not offers[id]}
            if not left or tried >= MAX_REMEDIES:
                break
            if self.is_without_effect(ladder[0], left.values()):
                continue
            tried += 1
            top = self.try_change(ladder[-1], left, before)
            for id, (remedy, gained) in top.items():
                if remedy.is_enough:
                    offers[id].append(self.smallest_enough(ladder, left[id], before) or remedy)
                elif gained > MIN_CHANGE and (id not in nearest or gained > nearest[id].gained):
                    nearest[id] = remedy
        found = []
        for one in missed:
            if offers[one.id]:
                found.append(min(offers[one.id], key=remedy_rank))
            elif one.id in nearest:
                found.append(nearest[one.id])
        return found

    def is_without_effect(self, change: Change, wanted: Iterable[Objective]) -> bool:
        """Whether the setting was tried and changed nothing; months depend on more than a run at the peak shows."""
        return change.name in self._without_effect and not any(one.window for one in wanted)

    def smallest_enough(
        self, ladder: Sequence[Change], objective: Objective, before: dict[str, Verdict]
    ) -> Remedy | None:
        """The smallest step of a ladder, the last one aside, that meets an objective."""
        for step in ladder[:-1]:
            remedy, _ = self.try_change(step, {objective.id: objective}, before)[objective.id]
            if remedy.is_enough:
                return remedy
        return None

    def try_change(
        self, change: Change, wanted: dict[str, Objective], before: dict[str, Verdict]
    ) -> dict[str, tuple[Remedy, float]]:
        """The result of a change for each wanted objective, and the gain as a share of the limit. An objective is met by its
        value alone (few runs have wide intervals); one over a month only if nine in ten months meet it."""
        plan, made = self.changed(change)
        judge = Judge(plan, made, self.base[0].seed, self.busy, self.short)
        broken = [
            one.id
            for one in self.plan.system.requirements.objectives
            if before[one.id].verdict == "holds" and one.id not in wanted and self.is_broken(one, made)
        ]
        verdicts = {id: judge.of(one) for id, one in wanted.items()}
        self.simulated += judge.simulated - sum(one.calls for one in made)
        found: dict[str, tuple[Remedy, float]] = {}
        for id, objective in wanted.items():
            verdict, was = verdicts[id], before[id].margin
            if verdict.margin is None or verdict.value is None or was is None:
                continue
            is_month = objective.window is not None and objective.metric == "availability"
            is_enough = verdict.verdict == "holds" if is_month else verdict.margin >= 0
            remedy = Remedy(
                objective=id,
                is_enough=is_enough,
                gained=verdict.margin - was,
                knob=change.name,
                said=change.said,
                kind=change.kind,
                path=change.path,
                value=verdict.value,
                cost_before=cost_per_call(self.money),
                cost_after=cost_per_call(judge.money),
                breaks=broken,
            )
            found[id] = remedy, verdict.margin - was
        return found

    def is_broken(self, objective: Objective, made: Sequence[Run]) -> bool:
        """Whether an objective that was met is now missed, while every provider is up."""
        found = estimate(objective, made) if objective.metric != "cost" else None
        return found is not None and margin(objective, found.value) < 0


def remedy_rank(offer: Remedy) -> tuple[int, float, float]:
    """Sort key: how many objectives it breaks, then the cost of a call (to two digits: the rest is noise), then its gain."""
    return len(offer.breaks), float(f"{offer.cost_after or 0.0:.1e}"), -offer.gained


def cost_per_call(money: Money) -> float | None:
    """The mean cost of a call that was let in, in dollars; None where a price is unknown."""
    found = money.cost_per_call(None)
    return None if found is None else found.value
