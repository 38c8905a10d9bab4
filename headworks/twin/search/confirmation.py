"""Confirms changes that a search found, on seeds that it did not use.

Theory. The best of many changes, by the runs that chose it, looks better than it is: chance helped it to be the best. So each is
run again on fresh seeds, beside the system as it is and over the same arrivals and draws (common random numbers), over the
course that a verdict on the changed system needs.

Always true: a change is confirmed for an objective only where its verdict on the fresh seeds is "holds", is clear at the
confidence at which runs stop, and the interval of the paired difference is above zero; and where it is not met by
serving less: neither a smaller share that is let in nor, without a promise about answers, fewer of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf, isfinite
from typing import Final

import msgspec

from headworks.system.schema.requirements import Objective
from headworks.twin.screening.course import Course
from headworks.twin.search.changes import Change
from headworks.twin.simulation.confidence_interval import Interval, mean_interval
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import MIN_RUNS, MIN_WHOLE, Effort, Plan, Run, is_clear, replicate
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.verdict import OUTAGE_RUN_CALLS, Judge, Verdict, margin

FRESH: Final = 1_000_000
"""How far the seeds that confirm are from the first one: no verdict has so many runs (`--runs` ends at 1000)."""

FEWEST: Final = 2
"""Pairs after which a change may be found not to do: two have an interval."""

MOST_CONFIRMED: Final = 120_000
"""Calls that are simulated at most to confirm changes: twenty seconds of one core, as much as effects may take."""

MONTH: Final = 30 * 86400.0

LESS: Final = 0.002
"""The smallest share of answers that counts as fewer: the resolution of a margin in a search."""

FLAT: Final = 1e-9
"""A difference that is rounding."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a change does on fresh seeds. verdict: on the changed system; gained: the paired difference of margins; is_met: whether
    the objective holds then, clearly; is_better: whether the difference is clear of zero, and nobody is served less."""

    verdict: Verdict
    gained: Interval
    is_met: bool
    is_better: bool


class JudgeAgain(Judge):
    """A judge of a plan that was judged before, by other runs: those with providers down are `shared`."""

    shared: dict[frozenset[str], Run]

    def outage_run(self, down: frozenset[str]) -> Run:
        if down not in self.shared:
            self.shared[down] = super().outage_run(down)
        return self.shared[down]


class Trial:
    """A change and the runs that confirm it: of the plan as it is and of the changed one, pair by pair."""

    def __init__(self, change: Change, plans: tuple[Plan, Plan], course: Course | None) -> None:
        self.change = change
        self.plan, self.changed = plans
        self.course = course
        self.is_settled = True
        """Whether the runs are as long as they turned out to need."""
        self.before: list[Run] = []
        self.after: list[Run] = []
        self.outages: dict[frozenset[str], Run] = {}
        self.judges: tuple[JudgeAgain, JudgeAgain] | None = None


class Confirmation:
    """Confirms changes of one plan."""

    def __init__(self, plan: Plan, effort: Effort, busy: float, courses: Courses | None) -> None:
        self.plan = plan
        self.effort = effort
        self.busy = busy
        self.courses = courses
        self.left = MOST_CONFIRMED
        self.simulated = 0
        self._trials: dict[str, Trial] = {}
        self._before: dict[tuple[Course | None, int], Run] = {}
        self._outages: dict[frozenset[str], Run] = {}

    # Runs.

    def trial(self, change: Change) -> Trial:
        """The runs of a change so far."""
        key = f"{change.name}: {change.said}"
        if key not in self._trials:
            changed = change.apply(self.plan)
            self._trials[key] = Trial(change, (self.plan, changed), self.course_of(changed))
        return self._trials[key]

    def course_of(self, changed: Plan) -> Course | None:
        """The course of a verdict on the changed plan; of two that are a whole peak the longer one."""
        if self.courses is None:
            return None
        found, mine = self.courses.of(changed, self.effort.calls), self.courses.of(self.plan, self.effort.calls)
        if found.is_whole and mine.is_whole and mine.stretch is not None and found.stretch is not None:
            return max(found, mine, key=lambda one: one.stretch.seconds if one.stretch else 0.0)
        return found

    def _as_before(self, course: Course | None) -> Course | None:
        """The same stretch of the plan as it is, whose limits begin as they do there."""
        if self.courses is None or course is None:
            return course
        return msgspec.structs.replace(course, drained=self.courses.of(self.plan, self.effort.calls).drained)

    def grow(self, trial: Trial, objective: Objective) -> bool:
        """Pairs until an objective is clear; False where the calls are used up before there are enough."""
        least = MIN_WHOLE if trial.course is not None and trial.course.is_whole else MIN_RUNS
        most = max(least, self.effort.runs)
        while len(trial.after) < most:
            if len(trial.after) >= least and is_clear(objective, trial.after):
                break
            if len(trial.after) >= FEWEST and self._fails(objective, trial):
                return False
            if not self._add_pair(trial):
                return False
            if len(trial.after) == least and not self._lengthen(trial):
                return False
        return trial.is_settled

    def _fails(self, objective: Objective, trial: Trial) -> bool:
        """Whether the objective is clearly missed by what has been run."""
        if objective.metric in ("availability", "cost") or not is_clear(objective, trial.after):
            return False
        values = [one.values[objective.id] for one in trial.after if objective.id in one.values]
        return bool(values) and margin(objective, sum(values) / len(values)) < 0

    def _add_pair(self, trial: Trial) -> bool:
        """One more pair, if there are calls left for it."""
        number, course = len(trial.after), trial.course
        seed = self.effort.seed + FRESH + number
        known = (self._as_before(course), seed)
        cost = self.effort.calls if course is None else course.simulated
        if cost * (1 if known in self._before else 2) > self.left:
            return False
        if known not in self._before:
            self._before[known] = self._run(self.plan, seed, known[0])
        trial.before.append(self._before[known])
        trial.after.append(self._run(trial.changed, seed, course))
        trial.judges = None
        return True

    def _run(self, plan: Plan, seed: int, course: Course | None) -> Run:
        made = replicate(plan, seed, self.effort.calls, course=course)
        self.left -= made.calls
        self.simulated += made.calls
        return made

    def _lengthen(self, trial: Trial) -> bool:
        """Begins again with longer runs where these were taken for steady and are not."""
        if self.courses is None or trial.course is None:
            return True
        longer = self.courses.longer(trial.course, trial.after)
        if longer is None:
            return True
        trial.course, trial.before, trial.after, trial.judges = longer, [], [], None
        trial.is_settled = longer.simulated * 2 * MIN_WHOLE <= self.left
        return trial.is_settled

    def judges(self, trial: Trial) -> tuple[JudgeAgain, JudgeAgain]:
        """Judges of the plan as it is and of the changed one, by the same seeds."""
        if trial.judges is None:
            seed, short = self.effort.seed + FRESH, min(OUTAGE_RUN_CALLS, self.effort.calls)
            course_of = None if self.courses is None else self.courses.of
            before = JudgeAgain(trial.plan, trial.before, seed, self.busy, short, course_of)
            before.shared = self._outages
            after = JudgeAgain(trial.changed, trial.after, seed, self.busy, short, course_of)
            after.shared = trial.outages
            trial.judges = before, after
        return trial.judges

    # What they say.

    def outcome(self, change: Change, objective: Objective) -> Outcome | None:
        """What a change does to an objective; None where it cannot be confirmed, or is of no use."""
        trial = self.trial(change)
        self.grow(trial, objective)
        return self.known_outcome(trial, objective)

    def known_outcome(self, trial: Trial, objective: Objective) -> Outcome | None:
        """What the runs so far say; None where they are too few for a number."""
        if len(trial.after) < FEWEST or not trial.is_settled:
            return None
        before, after = self.judges(trial)
        simulated = before.simulated + after.simulated
        verdict, was = after.of(objective), before.of(objective)
        if verdict.margin is None or was.margin is None:
            return None
        gained = self.gained(objective, trial, verdict.margin - was.margin)
        extra = before.simulated + after.simulated - simulated
        self.simulated += extra
        self.left -= extra
        least = MIN_WHOLE if trial.course is not None and trial.course.is_whole else MIN_RUNS
        is_met = verdict.verdict == "holds" and is_clear(objective, trial.after) and len(trial.after) >= least
        is_better = gained.low > 0 and verdict.served >= was.served - FLAT and not self.answers_less(trial, objective)
        return Outcome(verdict=verdict, gained=gained, is_met=is_met, is_better=is_better)

    def gained(self, objective: Objective, trial: Trial, value: float) -> Interval:
        """The difference of margins. Its width is that of the pairs' differences; of a month, that of its windows'."""
        before, after = self.judges(trial)
        if objective.metric == "availability" and objective.window is not None:
            months = zip(before.availability(objective).values, after.availability(objective).values, strict=True)
            return mean_interval([margin(objective, two) - margin(objective, one) for one, two in months])
        pairs = [
            margin(objective, two) - margin(objective, one)
            for one, two in zip(self.each(objective, before), self.each(objective, after), strict=True)
        ]
        found = mean_interval(pairs)
        half = found.high - found.value
        return Interval(value, value - half, value + half) if isfinite(half) else Interval(value, -inf, inf)

    def each(self, objective: Objective, judge: Judge) -> list[float]:
        """An objective's value in each run; of a bill, that of each run alone."""
        if objective.metric != "cost" or objective.window is None:
            return [one.values.get(objective.id, 0.0) for one in judge.made]
        bills = [Money(judge.plan, [one], self.busy).window(objective.alias, objective.window) for one in judge.made]
        return [0.0 if bill is None else bill.cost.value for bill in bills]

    def answers_less(self, trial: Trial, objective: Objective) -> bool:
        """Whether fewer calls are answered, where no promise says how many must be."""
        promised = [
            one
            for one in self.plan.system.requirements.objectives
            if one.metric in ("availability", "goodput") and one.alias in (None, objective.alias)
        ]
        if promised:
            return False
        lost = mean_interval(
            [
                answered(one, objective.alias) - answered(two, objective.alias)
                for one, two in zip(trial.before, trial.after, strict=True)
            ]
        )
        return lost.low > 0 and lost.value > LESS

    def turned(self, change: Change, missed: Collection[Objective]) -> list[str]:
        """The missed objectives that hold after a change, by the runs that confirmed it."""
        trial = self.trial(change)
        found = []
        for one in missed:
            outcome = self.known_outcome(trial, one)
            if outcome is not None and outcome.is_met and outcome.is_better:
                found.append(one.id)
        return found

    def broken(self, change: Change, held: Sequence[Objective]) -> list[str]:
        """The objectives that held and are missed after a change."""
        _, after = self.judges(self.trial(change))
        verdicts = [after.of(one) for one in held]
        return [
            one.id for one in verdicts if one.verdict == "does not hold" or (one.margin is not None and one.margin < 0)
        ]

    def money(self, change: Change) -> tuple[Money, Money]:
        before, after = self.judges(self.trial(change))
        return before.money, after.money


def answered(run: Run, alias: str | None) -> float:
    """The share of calls that were let in and got a whole answer."""
    mine = run.measured.of(alias)
    let_in = int(mine.is_let_in.sum())
    return float((mine.is_whole & mine.is_let_in).sum()) / let_in if let_in else 0.0


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars of a call that is let in, and of a month; None where a price is unknown."""

    call: float | None
    month: float | None


def price_of(money: Money) -> Price:
    call, month = money.cost_per_call(None), money.window(None, MONTH)
    return Price(call=None if call is None else call.value, month=None if month is None else month.cost.value)


def price_after(known: Price, before: Price, after: Price, *, is_paired: bool) -> Price:
    """The price after a change: what is known of the plan as it is, and the difference of the pairs. is_paired: whether both of a
    pair are what they stand for; a growing queue is cheaper at its end than a stretch of it shows."""

    def one(known: float | None, before: float | None, after: float | None) -> float | None:
        if after is None or known is None or before is None or not is_paired:
            return after
        return max(0.0, known + after - before)

    return Price(call=one(known.call, before.call, after.call), month=one(known.month, before.month, after.month))
