"""How much each knob matters, and the cheapest single change that would meet what is missed.

Theory. Two runs over the same arrivals and the same luck differ by what was changed and by little else, so a few pairs
are enough to see a change that many independent runs would drown (common random numbers; Law, Simulation Modeling and
Analysis, ch. 11). A remedy is looked for from the easiest kind to the hardest: what the file alone can do, a limit that
a vendor must grant, another vendor; of a limit's ladder the lowest step that is enough. Of the remedies of one kind the
cheapest by a call's cost is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from headworks.system.schema.requirements import Objective
from headworks.twin.interval import mean
from headworks.twin.knobs import EFFORT, Knob, remedies, sensitivities
from headworks.twin.report import Effect, Remedy, Sensitivity
from headworks.twin.simulate import Effort, Plan, Run, estimate, run
from headworks.twin.verdict import SHORT, Judge, Verdict, margin
from headworks.twin.world import Drained

PAIRS: Final = 3
"""Runs on each side of a comparison."""

SHORTER: Final = 2
"""A comparison's runs have so many times fewer calls than a verdict's: luck is shared, so less is enough."""

LEAST_CALLS: Final = 50
"""Calls of a comparison's run at least: half of what `--calls` may be at least."""

NOTHING: Final = 0.002
"""A change of a margin that is none: a knob that moves no missed objective by more is no remedy, however far it goes."""

MOST_KNOBS: Final = 16
"""Knobs that are turned: a system with twenty targets has a hundred."""

MOST_REMEDIES: Final = 16
"""Single changes that are tried for all objectives together."""

Draining = Callable[[Plan], Drained]
"""Gives the counters of a plan's limits that are asked for more than they admit."""


class Search:
    """Tries changes of one plan, each over the same few seeds."""

    def __init__(self, plan: Plan, effort: Effort, busy: float, draining: Draining) -> None:
        self.plan = plan
        self.calls = max(LEAST_CALLS, effort.calls // SHORTER)
        self.short = max(50, min(SHORT, effort.calls) // 3)
        self.busy = busy
        self.draining = draining
        drained = draining(plan)
        self.base = [run(plan, effort.seed + number, self.calls, drained=drained) for number in range(PAIRS)]
        self.simulated = sum(one.calls for one in self.base)
        self._idle: set[str] = set()
        """Knobs that moved nothing."""
        self._turned: dict[str, tuple[Plan, list[Run]]] = {}

    def turned(self, knob: Knob) -> tuple[Plan, list[Run]]:
        """The plan with this knob turned, and its runs."""
        name = f"{knob.name}: {knob.said}"
        if name not in self._turned:
            self._turned[name] = self._run(knob)
        return self._turned[name]

    def _run(self, knob: Knob) -> tuple[Plan, list[Run]]:
        plan = knob.turn(self.plan)
        drained = self.draining(plan)
        made = [run(plan, one.seed, self.calls, drained=drained) for one in self.base]
        self.simulated += sum(one.calls for one in made)
        return plan, made

    def sensitivities(self, objectives: Sequence[Objective]) -> list[Sensitivity]:
        """Each knob's effects; the knob that moves a margin most comes first."""
        found: list[Sensitivity] = []
        for number, knob in enumerate(sensitivities(self.plan)):
            if number >= MOST_KNOBS:
                break
            plan, made = self.turned(knob)
            # More calls are more good ones: what counts is whether as many of those that arrive are good.
            more = plan.workload.rate / self.plan.workload.rate if knob.kind == "traffic" else 1.0
            effects = [one for objective in objectives if (one := self.effect(objective, made, more)) is not None]
            if all(effect.change < NOTHING for effect in effects):
                self._idle.add(knob.name)
            found.append(Sensitivity(knob=knob.name, said=knob.said, kind=knob.kind, path=knob.path, effects=effects))
        found.sort(key=lambda one: -max((abs(effect.change) for effect in one.effects), default=0.0))
        return found

    def effect(self, objective: Objective, made: Sequence[Run], more: float = 1.0) -> Effect | None:
        """What turning a knob does to an objective's margin. more: so many times the calls arrive, which is never a gain."""
        is_share = objective.metric == "goodput" and more != 1.0
        part = more if is_share else 1.0
        pairs = [
            margin(objective, after.values[objective.id] / part) - margin(objective, before.values[objective.id])
            for before, after in zip(self.base, made, strict=True)
            if objective.id in before.values and objective.id in after.values
        ]
        if len(pairs) < len(self.base) or objective.metric == "cost":
            return None
        change = mean([min(0.0, pair) for pair in pairs] if is_share else pairs)
        return Effect(objective=objective.id, change=change.value, low=change.low, high=change.high)

    def remedies(self, missed: Sequence[Objective], verdicts: Sequence[Verdict]) -> list[Remedy]:
        """For each missed objective the easiest, then cheapest, change that meets it; where there is none, the one that
        comes nearest, if it helps at all."""
        left = {one.id: one for one in missed}
        before = {one.id: one for one in verdicts}
        offers: dict[str, list[Remedy]] = {one.id: [] for one in missed}
        nearest: dict[str, Remedy] = {}
        kind = ""
        tried = 0
        for ladder in sorted(remedies(self.plan), key=lambda knobs: EFFORT.index(knobs[0].kind)):
            if ladder[0].kind != kind:  # an easier kind has done: no harder one is asked for
                kind = ladder[0].kind
                left = {id: one for id, one in left.items() if not offers[id]}
            if not left or tried >= MOST_REMEDIES:
                break
            if self.is_idle(ladder[0], left.values()):
                continue
            tried += 1
            top = self.tried(ladder[-1], left, before)
            for id, (remedy, gained) in top.items():
                if remedy.is_enough:
                    offers[id].append(self.lowest(ladder, left[id], before) or remedy)
                elif gained > NOTHING and (id not in nearest or gained > nearest[id].gained):
                    nearest[id] = remedy
        found = []
        for one in missed:
            if offers[one.id]:
                found.append(min(offers[one.id], key=dearness))
            elif one.id in nearest:
                found.append(nearest[one.id])
        return found

    def is_idle(self, knob: Knob, wanted: Iterable[Objective]) -> bool:
        """Whether it was turned already and moved nothing; months depend on more than a run at the peak shows."""
        return knob.name in self._idle and not any(one.window for one in wanted)

    def lowest(self, ladder: Sequence[Knob], objective: Objective, before: dict[str, Verdict]) -> Remedy | None:
        """The least of a ladder, its last step aside, that meets an objective."""
        for step in ladder[:-1]:
            remedy, _ = self.tried(step, {objective.id: objective}, before)[objective.id]
            if remedy.is_enough:
                return remedy
        return None

    def tried(
        self, knob: Knob, wanted: dict[str, Objective], before: dict[str, Verdict]
    ) -> dict[str, tuple[Remedy, float]]:
        """What the change makes of each wanted objective, and how much of its bound that gains. It meets one by the
        number itself (few runs have wide intervals), and a month's only if nine in ten months do."""
        plan, made = self.turned(knob)
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
                knob=knob.name,
                said=knob.said,
                kind=knob.kind,
                path=knob.path,
                value=verdict.value,
                cost_before=per_call(self.base),
                cost_after=per_call(made),
                breaks=broken,
            )
            found[id] = remedy, verdict.margin - was
        return found

    def is_broken(self, objective: Objective, made: Sequence[Run]) -> bool:
        """Whether an objective that was met is so no longer, while every provider is up."""
        found = estimate(objective, made) if objective.metric != "cost" else None
        return found is not None and margin(objective, found.value) < 0


def dearness(offer: Remedy) -> tuple[int, float, float]:
    """What it breaks, then what a call costs (to two digits: the rest is chance), then how far it does not reach."""
    return len(offer.breaks), float(f"{offer.cost_after or 0.0:.1e}"), -offer.gained


def per_call(made: Sequence[Run]) -> float | None:
    """The mean cost of a call in dollars; None where a price is unknown."""
    costs = [float(one.seen.cost.mean()) for one in made if len(one.seen)]
    known = mean(costs).value if costs else float("nan")
    return known if known == known else None
