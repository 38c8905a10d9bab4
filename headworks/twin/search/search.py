"""How much each setting matters, and the cheapest single change that would meet a missed objective.

Theory. Two runs over the same arrivals and the same random draws differ by what was changed and by little else, so a few pairs
are enough to see a change that many independent runs would drown (common random numbers; Law, Simulation Modeling and
Analysis, ch. 11). A remedy is looked for from the easiest kind to the hardest: what the file alone can do, a limit that
a vendor must grant, another vendor; of a limit's ladder the lowest step that is enough. Of the remedies of one kind the
one with the lowest cost per call is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from headworks.system.schema.requirements import Objective
from headworks.twin.report.report import Effect, Remedy, Sensitivity
from headworks.twin.screening.course import Course
from headworks.twin.search.changes import KINDS_BY_EFFORT, Change, remedy_ladders, sensitivity_changes
from headworks.twin.simulation.confidence_interval import mean_interval
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan, Run, estimate, replicate
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.quality import quality_up
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

MOST_COMPARED: Final = 120_000
MOST_WHOLE: Final = 60_000
"""Calls that are simulated at most for effects, and again as many for remedies, where the system is steady and where each run
is a whole peak: twenty and ten seconds of one core. What closed forms say to change nothing is not run then, and the
cheapest is first."""

MAX_FINALISTS: Final = 3
"""Offers for one objective that are run as long as a verdict, until one is enough."""

SAME: Final = 0.01
"""The change of a growing queue, by its growth, below which a change of the system leaves it as it is."""


class ChangeSearch:
    """Tries changes of one plan, each over the same few seeds. whole: the verdict's own runs, where each is a whole peak:
    changes are compared with them."""

    def __init__(
        self, plan: Plan, effort: Effort, busy: float, courses: Courses | None = None, whole: Sequence[Run] = ()
    ) -> None:
        self.plan = plan
        self.effort = effort
        self.calls = max(MIN_CALLS, effort.calls // FEWER_CALLS)
        self.short = max(50, min(OUTAGE_RUN_CALLS, effort.calls) // 3)
        self.busy = busy
        self.courses = courses
        self.is_whole = bool(whole)
        course = None if courses is None else courses.compared(plan, self.calls)
        self.base = list(whole[:PAIRS])
        self.simulated = 0
        if not whole:
            seeds = [effort.seed + number for number in range(PAIRS)]
            self.base = [replicate(plan, seed, self.calls, course=course) for seed in seeds]
            self.simulated = sum(one.calls for one in self.base)
        self.course = self.base[0].course
        self.is_surprising = self.is_whole and course is not None and not course.is_whole
        """Whether the whole peak was run because what closed forms say of this system is wrong."""
        self.most = MOST_WHOLE if self.is_whole else MOST_COMPARED
        self.left = self.most
        self.money = Money(plan, self.base, busy)
        self._without_effect: set[str] = set()
        """Settings that changed nothing."""
        self._changed: dict[str, tuple[Plan, list[Run]]] = {}

    def course_of(self, plan: Plan) -> Course | None:
        """The course of the runs of a changed plan."""
        if self.courses is None:
            return None
        return self.course if self.is_surprising else self.courses.compared(plan, self.calls)

    def cost_of(self, change: Change) -> int:
        """How many calls it takes to try a change."""
        if self._key(change) in self._changed:
            return 0
        course = self.course_of(change.apply(self.plan))
        return PAIRS * (self.calls if course is None or course.stretch is None else course.simulated)

    def leaves_the_queue(self, change: Change) -> bool:
        """Whether a queue that grows would grow as before, by closed forms."""
        if not self.is_whole or self.is_surprising or self.courses is None:
            return False
        before, after = self.courses.capacity_of(self.plan), self.courses.capacity_of(change.apply(self.plan))
        if before.growing is None or after.growing is None:
            return False
        is_same = abs(after.growing.excess - before.growing.excess) < SAME * before.growing.excess
        return is_same and abs(after.use - before.use) < SAME * (before.use - 1)

    def affords(self, change: Change) -> bool:
        """Whether there are calls left to try a change; if so they are spent."""
        cost = self.cost_of(change)
        if cost > self.left:
            return False
        self.left -= cost
        return True

    @staticmethod
    def _key(change: Change) -> str:
        return f"{change.name}: {change.said}"

    def changed(self, change: Change, *, is_final: bool = False) -> tuple[Plan, list[Run]]:
        """The plan after this change, and its runs. is_final: as long as a verdict's."""
        name = self._key(change)
        if is_final and (course := self.final_course(change)) is not None:
            name += " (final)"
            if name not in self._changed:
                self._changed[name] = self._run(change, course)
        elif name not in self._changed:
            self._changed[name] = self._run(change, self.course_of(change.apply(self.plan)))
        return self._changed[name]

    def final_course(self, change: Change) -> Course | None:
        """The course of a verdict on a changed plan; None where what was compared was as long."""
        if self.courses is None or self.is_surprising:
            return None
        plan = change.apply(self.plan)
        course = self.courses.of(plan, self.effort.calls)
        return None if course.is_whole or course.stretch is None else course

    def _run(self, change: Change, course: Course | None) -> tuple[Plan, list[Run]]:
        plan = change.apply(self.plan)
        made = [replicate(plan, one.seed, self.calls, course=course) for one in self.base]
        self.simulated += sum(one.calls for one in made)
        return plan, made

    def sensitivities(self, objectives: Sequence[Objective]) -> list[Sensitivity]:
        """Each setting's effects; the setting that moves a margin most comes first."""
        found: list[Sensitivity] = []
        self.left = self.most
        changes = list(islice(sensitivity_changes(self.plan), MAX_CHANGES))
        if self.is_whole:
            changes = sorted((one for one in changes if not self.leaves_the_queue(one)), key=self.cost_of)
        for change in changes:
            if not self.affords(change):
                continue
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
        after = sum(one.values[objective.id] for one in made) / len(made)
        return Effect(objective=objective.id, change=change.value, low=change.low, high=change.high, after=after)

    def remedies(self, missed: Sequence[Objective], verdicts: Sequence[Verdict]) -> list[Remedy]:
        """For each missed objective the easiest, then cheapest, change that meets it; otherwise the one that comes closest,
        if it helps at all."""
        left = {one.id: one for one in missed}
        before = {one.id: one for one in verdicts}
        offers: dict[str, list[tuple[Remedy, Change]]] = {one.id: [] for one in missed}
        nearest: dict[str, tuple[Remedy, Change]] = {}
        kind = ""
        tried = 0
        self.left = self.most
        for ladder in sorted(remedy_ladders(self.plan), key=lambda changes: KINDS_BY_EFFORT.index(changes[0].kind)):
            if ladder[0].kind != kind:  # an easier kind has done: no harder one is asked for
                kind = ladder[0].kind
                left = {id: one for id, one in left.items() if not offers[id]}
            if not left or tried >= MAX_REMEDIES:
                break
            if self.is_without_effect(ladder[0], left.values()) or self.leaves_the_queue(ladder[-1]):
                continue
            if not self.affords(ladder[-1]):
                continue
            tried += 1
            top = self.try_change(ladder[-1], left, before)
            for id, (remedy, gained) in top.items():
                if remedy.is_enough:
                    offers[id].append(self.smallest_enough(ladder, left[id], before) or (remedy, ladder[-1]))
                elif gained > MIN_CHANGE and (id not in nearest or gained > nearest[id][0].gained):
                    nearest[id] = remedy, ladder[-1]
        found = []
        for one in missed:
            final = self.confirmed(one, offers[one.id], before)
            if final is None and one.id in nearest:
                final = self.confirmed(one, [nearest[one.id]], before)
            if final is not None and (final.is_enough or final.gained > MIN_CHANGE):
                found.append(final)
        return found

    def confirmed(
        self, objective: Objective, offers: Sequence[tuple[Remedy, Change]], before: dict[str, Verdict]
    ) -> Remedy | None:
        """The best offer that is enough over runs as long as a verdict's; where none is, the best, which then is not enough."""
        ranked = sorted(offers, key=lambda offer: remedy_rank(offer[0]))[:MAX_FINALISTS]
        best: Remedy | None = None
        for _, change in ranked:
            wanted = {objective.id: objective}
            found = self.try_change(change, wanted, before, is_final=True).get(objective.id)
            if found is None:
                continue
            if found[0].is_enough:
                return found[0]
            best = best or found[0]
        return best

    def is_without_effect(self, change: Change, wanted: Iterable[Objective]) -> bool:
        """Whether the setting was tried and changed nothing; months depend on more than a run at the peak shows."""
        return change.name in self._without_effect and not any(one.window for one in wanted)

    def smallest_enough(
        self, ladder: Sequence[Change], objective: Objective, before: dict[str, Verdict]
    ) -> tuple[Remedy, Change] | None:
        """The smallest step of a ladder, the last one aside, that meets an objective."""
        for step in ladder[:-1]:
            if not self.affords(step):
                continue
            remedy, _ = self.try_change(step, {objective.id: objective}, before)[objective.id]
            if remedy.is_enough:
                return remedy, step
        return None

    def try_change(
        self, change: Change, wanted: dict[str, Objective], before: dict[str, Verdict], *, is_final: bool = False
    ) -> dict[str, tuple[Remedy, float]]:
        """The result of a change for each wanted objective, and the gain as a share of the limit. An objective is met by its
        value alone (few runs have wide intervals); one over a month only if nine in ten months meet it."""
        plan, made = self.changed(change, is_final=is_final)
        course_of = self.courses.of if self.courses is not None and is_final else None
        judge = Judge(plan, made, self.base[0].seed, self.busy, self.short, course_of)
        broken = [
            one.id
            for one in self.plan.system.requirements.objectives
            if before[one.id].verdict == "holds" and one.id not in wanted and self.is_broken(one, plan, made)
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

    def is_broken(self, objective: Objective, plan: Plan, made: Sequence[Run]) -> bool:
        """Whether an objective that was met is now missed, while every provider is up."""
        if objective.metric == "quality":
            worth = quality_up(plan.system, objective, plan.quality, [one.seen for one in made])
            return worth is not None and worth < float(objective.limit.value)
        found = estimate(objective, made) if objective.metric != "cost" else None
        return found is not None and margin(objective, found.value) < 0


def remedy_rank(offer: Remedy) -> tuple[int, float, float]:
    """Sort key: how many objectives it breaks, then the cost of a call (to two digits: the rest is noise), then its gain."""
    return len(offer.breaks), float(f"{offer.cost_after or 0.0:.1e}"), -offer.gained


def cost_per_call(money: Money) -> float | None:
    """The mean cost of a call that was let in, in dollars; None where a price is unknown."""
    found = money.cost_per_call(None)
    return None if found is None else found.value
