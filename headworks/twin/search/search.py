"""How much each setting matters, and what would meet a missed objective.

Theory. Each change is compared with the plan as it is, over the same random numbers (`comparison.py`). Remedies are searched for in
`remedies.py`, and confirmed on fresh seeds (`confirmation.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from headworks.system.schema.requirements import Objective
from headworks.twin.report.report import Effect, Remedy, Sensitivity
from headworks.twin.search.changes import sensitivity_changes
from headworks.twin.search.comparison import Comparison
from headworks.twin.search.remedies import MIN_CHANGE, RemedySearch
from headworks.twin.simulation.confidence_interval import mean_interval
from headworks.twin.simulation.replications import Run
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.verdict import Verdict, margin

MAX_CHANGES: Final = 16
"""Most settings that are tried: a system with twenty targets has a hundred."""


class ChangeSearch(Comparison):
    """Tries changes of one plan."""

    def sensitivities(self, objectives: Sequence[Objective]) -> list[Sensitivity]:
        """Each setting's effects; the setting that moves a margin most comes first."""
        found: list[Sensitivity] = []
        self.left = self.most
        changes = list(islice(sensitivity_changes(self.plan), MAX_CHANGES))
        if self.is_whole:
            changes = sorted((one for one in changes if not self.leaves_the_queue(one)), key=self.cost_of)
        self.ahead(changes)
        for change in changes:
            if not self.affords(change):
                continue
            plan, made = self.changed(change)
            # More calls are more good ones: what counts is whether as many of those that arrive are good.
            more = plan.workload.rate / self.plan.workload.rate if change.kind == "traffic" else 1.0
            effects = [one for objective in objectives if (one := self.effect(objective, made, more)) is not None]
            if all(effect.change < MIN_CHANGE for effect in effects):
                self.without_effect.add(change.name)
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
        after = sum(one.values[objective.id] for one in made) / len(made)
        return Effect(objective=objective.id, change=change.value, low=change.low, high=change.high, after=after)

    def remedies(
        self, missed: Sequence[Objective], verdicts: Sequence[Verdict], money: Money | None = None
    ) -> list[Remedy]:
        """For each missed objective the easiest, then cheapest, change that meets it, or two changes where none does alone; otherwise
        the one that comes closest, if it helps at all. Only what fresh seeds confirm. money: what the verdicts' runs cost."""
        from_verdicts = self.money if money is None else money
        return RemedySearch(self, missed, verdicts, from_verdicts).found()
