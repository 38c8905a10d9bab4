"""Confirms changes that a search found, on seeds that it did not use.

Theory. The best of many changes, by the runs that chose it, looks better than it is: chance helped it to be the best. So each is
run again on fresh seeds, beside the system as it is and over the same arrivals and draws (common random numbers), over the
course that a verdict on the changed system needs. A system that is asked for more than it carries is an exception: only a whole
peak shows what it is, and what was changed needs less. It is then compared with the verdict's own runs, which no search has
chosen, and the interval is that of a difference of independent means.

Always true: a change is confirmed for an objective only where its verdict on the fresh seeds is "holds", is clear at the
confidence at which runs stop, and the interval of the difference is above zero; where it holds at both ends of every speed that
is not sure, as a verdict does; and where it is not met by serving less: neither a smaller share that is let in nor, without a
promise about answers, fewer of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import hypot, inf, sqrt
from typing import Final

import msgspec

from headworks.system.schema.requirements import Objective
from headworks.twin.screening.course import Course
from headworks.twin.search.changes import Change
from headworks.twin.search.comparison import Comparison
from headworks.twin.simulation.confidence_interval import Interval, mean_interval
from headworks.twin.simulation.replications import (
    MIN_RUNS,
    MIN_WHOLE,
    STOP_CONFIDENCE,
    Plan,
    Run,
    Task,
    fewest,
    is_clear,
)
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.speed_ends import SpeedEnds, judged_over_speeds
from headworks.twin.verdicts.verdict import OUTAGE_RUN_CALLS, Judge, Verdict, margin
from headworks.twin.workload.arrivals import Shape

FRESH: Final = 1_000_000
"""How far the seeds that confirm are from the first one: no verdict has so many runs (`--runs` ends at 1000)."""

FEWEST: Final = 2
"""Pairs after which a change may be found not to do: two have an interval."""

MONTH: Final = 30 * 86400.0

MOST_CONFIRMED: Final = 40_000
"""Calls that are simulated at most to confirm changes: eight seconds of one core, or so many that one change can be (a long trace)."""

MOST_ENDS: Final = 3
"""Speeds at which a change is judged: the fast end, the slow one, and the slowest that a timeout lets through."""

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

    def outages_ahead(self, states: Sequence[frozenset[str]], aliases: Sequence[str] = ()) -> None:
        super().outages_ahead([one for one in states if one not in self.shared], aliases)


class Trial:
    """A change and the runs that confirm it: of the plan as it is, none where the verdict's are taken, and of the changed one."""

    def __init__(self, change: Change, plan: Plan, course: Course | None) -> None:
        self.change = change
        self.plan = plan
        self.course = course
        self.is_settled = True
        """Whether the runs are as long as they turned out to need."""
        self.before: list[Run] = []
        self.after: list[Run] = []
        self.outages: dict[frozenset[str], Run] = {}
        self.judges: dict[str, JudgeAgain] = {}
        self.over: dict[str, Verdict] = {}
        """The verdicts over all speeds, by objective id, once they were asked for."""

    @property
    def least(self) -> int:
        """Runs that a verdict needs at least."""
        return fewest(self.course)


class Confirmation:
    """Confirms changes of the plan of a comparison. verdicts: on the plan as it is, by objective id."""

    def __init__(self, compared: Comparison, verdicts: Mapping[str, Verdict]) -> None:
        self.plan = compared.plan
        self.effort = compared.effort
        self.busy = compared.busy
        self.courses = compared.courses
        self.replicator = compared.replicator
        self.verdicts = verdicts
        self.whole = compared.base if compared.is_whole else None
        """The verdict's own runs, where each is a whole peak."""
        self.left = (
            MOST_CONFIRMED if self.whole is not None else max(MOST_CONFIRMED, 2 * MIN_RUNS * self._calls_of_a_run())
        )
        self.ranges = compared.ranges
        self.left_of_ends = max(MOST_CONFIRMED, MOST_ENDS * MIN_RUNS * self._calls_of_a_run())
        """Calls that are left for speeds that are not sure."""
        self.simulated = 0
        self._trials: dict[str, Trial] = {}
        self._before: dict[tuple[Course | None, int], Run] = {}
        self._outages: dict[frozenset[str], Run] = {}

    # Runs.

    def _calls_of_a_run(self) -> int:
        """About how many calls a verdict's run simulates: of a trace all that it has."""
        return self.effort.calls if self.courses is None else self.courses.of(self.plan, self.effort.calls).simulated

    def trial(self, change: Change) -> Trial:
        """The runs of a change so far."""
        key = f"{change.name}: {change.said}"
        if key not in self._trials:
            changed = change.apply(self.plan)
            course = None if self.courses is None else self.courses.of(changed, self.effort.calls)
            self._trials[key] = Trial(change, changed, course)
        return self._trials[key]

    def _as_before(self, course: Course | None) -> Course | None:
        """The same stretch of the plan as it is, whose limits begin as they do there."""
        if self.courses is None or course is None:
            return course
        return msgspec.structs.replace(course, drained=self.courses.of(self.plan, self.effort.calls).drained)

    def grow(self, trial: Trial, objective: Objective) -> bool:
        """Pairs until an objective is clear; False where the calls are used up before there are enough."""
        least, most = trial.least, max(trial.least, self.effort.runs)
        self._ahead(trial, least)
        while len(trial.after) < most:
            if len(trial.after) >= least and self.is_clear(objective, trial):
                break
            if len(trial.after) >= FEWEST and self._fails(objective, trial):
                return False
            if not self._add_pair(trial):
                return False
            if len(trial.after) == least and not self._lengthen(trial):
                return False
        return trial.is_settled

    def is_clear(self, objective: Objective, trial: Trial) -> bool:
        """Whether more runs would not change the verdict. Of goodput the share counts that is good: how many calls a run happened to
        draw is the noise of short runs."""
        if objective.metric != "goodput" or not isinstance(trial.plan.workload, Shape):
            return is_clear(objective, trial.after)
        found = self.judge(trial).goodput(objective, STOP_CONFIDENCE)
        return found is not None and not found.low <= float(objective.limit.value) <= found.high

    def _fails(self, objective: Objective, trial: Trial) -> bool:
        """Whether the objective is clearly missed by what has been run."""
        if objective.metric in ("availability", "cost", "goodput") or not is_clear(objective, trial.after):
            return False
        values = [one.values[objective.id] for one in trial.after if objective.id in one.values]
        return bool(values) and margin(objective, sum(values) / len(values)) < 0

    def _ahead(self, trial: Trial, least: int) -> None:
        """Has the first pairs of a trial made ahead, as far as there are calls left for them."""
        left, course, tasks = self.left, trial.course, []
        for number in range(len(trial.after), least):
            pair = [Task(trial.plan, self.effort.seed + FRESH + number, self.effort.calls, course)]
            before = self._as_before(course)
            if self.whole is None and (before, pair[0].seed) not in self._before:
                pair.insert(0, Task(self.plan, pair[0].seed, self.effort.calls, before))
            left -= pair[-1].cost * len(pair)
            if left < 0:
                break
            tasks += pair
        self.replicator.ahead(tasks)

    def _add_pair(self, trial: Trial) -> bool:
        """One more pair, if there are calls left for it."""
        seed, course = self.effort.seed + FRESH + len(trial.after), trial.course
        known = (self._as_before(course), seed)
        is_alone = self.whole is not None or known in self._before
        cost = self.effort.calls if course is None else course.simulated
        if cost * (1 if is_alone else 2) > self.left:
            return False
        if self.whole is None:
            if known not in self._before:
                self._before[known] = self._run(self.plan, seed, known[0])
            trial.before.append(self._before[known])
        trial.after.append(self._run(trial.plan, seed, course))
        trial.judges, trial.over = {}, {}
        return True

    def _run(self, plan: Plan, seed: int, course: Course | None) -> Run:
        made = self.replicator.run(Task(plan, seed, self.effort.calls, course))
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
        trial.course, trial.before, trial.after = longer, [], []
        trial.judges, trial.over = {}, {}
        trial.is_settled = longer.simulated * 2 * MIN_WHOLE <= self.left
        return trial.is_settled

    def judge(self, trial: Trial) -> JudgeAgain:
        """The judge of the changed plan."""
        return self._judge("after", trial, trial.plan, trial.after, trial.outages)

    def judge_before(self, trial: Trial) -> JudgeAgain:
        """The judge of the plan as it is, by the same seeds."""
        return self._judge("before", trial, self.plan, trial.before, self._outages)

    def _judge(
        self, name: str, trial: Trial, plan: Plan, made: Sequence[Run], outages: dict[frozenset[str], Run]
    ) -> JudgeAgain:
        if name not in trial.judges:
            seed, short = self.effort.seed + FRESH, min(OUTAGE_RUN_CALLS, self.effort.calls)
            trial.judges[name] = JudgeAgain(plan, made, seed, self.busy, short, self.courses)
            trial.judges[name].shared = outages
        return trial.judges[name]

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
        after = self.judge(trial)
        runs = sum(one.calls for one in (*trial.outages.values(), *self._outages.values()))
        verdict = after.of(objective)
        was = self.verdicts[objective.id] if self.whole is not None else self.judge_before(trial).of(objective)
        if verdict.margin is None or was.margin is None:
            return None
        gained = self.gained(objective, trial, was, verdict.margin - was.margin)
        more = sum(one.calls for one in (*trial.outages.values(), *self._outages.values())) - runs
        self.simulated += more
        self.left -= more
        is_met = verdict.verdict == "holds" and self.is_clear(objective, trial) and len(trial.after) >= trial.least
        is_met = is_met and self.holds_over_speeds(trial, objective)
        is_better = gained.low > 0 and verdict.served >= was.served - FLAT and not self.answers_less(trial, objective)
        return Outcome(verdict=verdict, gained=gained, is_met=is_met, is_better=is_better)

    def holds_over_speeds(self, trial: Trial, objective: Objective) -> bool:
        """Whether an objective that is met is met at both ends of every speed that is not sure; not where that would take too long."""
        if not self.ranges or self.courses is None:
            return True
        if not trial.over:
            cost = self.effort.calls if trial.course is None else trial.course.simulated
            if MOST_ENDS * trial.least * cost > self.left_of_ends:
                return False
            runs = min(trial.least, self.effort.runs)
            effort = msgspec.structs.replace(self.effort, seed=self.effort.seed + FRESH, runs=runs)
            ends = SpeedEnds(self.plan, effort, self.busy, self.courses, trial.change.apply)
            after, system = self.judge(trial), trial.plan.system
            known = [after.of(one) for one in system.requirements.objectives]
            found = judged_over_speeds(system, self.plan.models, self.ranges, known, ends.judged)
            trial.over = {one.id: one for one in found.verdicts}
            self.left_of_ends -= ends.simulated
            self.simulated += ends.simulated
        return trial.over[objective.id].verdict == "holds"

    def gained(self, objective: Objective, trial: Trial, was: Verdict, value: float) -> Interval:
        """The difference of margins. Its width is that of the pairs' differences; of a month, that of its windows'."""
        if objective.metric == "availability" and objective.window is not None:
            return self.gained_months(objective, trial, was)
        if self.whole is not None:
            return difference(margins(objective, was), margins(objective, self.judge(trial).of(objective)))
        pairs = zip(
            self.each(objective, self.plan, trial.before), self.each(objective, trial.plan, trial.after), strict=True
        )
        half = half_width([margin(objective, two) - margin(objective, one) for one, two in pairs])
        return Interval(value, value - half, value + half)

    def gained_months(self, objective: Objective, trial: Trial, was: Verdict) -> Interval:
        """The difference of the means over many windows."""
        after = [margin(objective, one) for one in self.judge(trial).availability(objective).values]
        if self.whole is not None and was.mean is not None:
            value = sum(after) / len(after) - margin(objective, was.mean)
            half = sqrt(2) * half_width(after)  # as many windows on both sides
            return Interval(value, value - half, value + half)
        before = [margin(objective, one) for one in self.judge_before(trial).availability(objective).values]
        return mean_interval([two - one for one, two in zip(before, after, strict=True)])

    def each(self, objective: Objective, plan: Plan, made: Sequence[Run]) -> list[float]:
        """An objective's value in each run; of a bill, that of each run alone."""
        if objective.metric != "cost" or objective.window is None:
            return [one.values.get(objective.id, 0.0) for one in made]
        bills = [Money(plan, [one], self.busy).window(objective.alias, objective.window) for one in made]
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
        before, after = (
            [answered(one, objective.alias) for one in made] for made in (self.whole or trial.before, trial.after)
        )
        lost = sum(before) / len(before) - sum(after) / len(after)
        if self.whole is None:
            half = half_width([one - two for one, two in zip(before, after, strict=True)])
        else:
            half = hypot(half_width(before), half_width(after))
        return lost > LESS and lost - half > 0

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
        after = self.judge(self.trial(change))
        verdicts = [after.of(one) for one in held]
        return [
            one.id for one in verdicts if one.verdict == "does not hold" or (one.margin is not None and one.margin < 0)
        ]

    def price(self, change: Change, known: Price) -> Price:
        """The price after a change. known: of the plan as it is; to that the difference of the pairs is added."""
        trial = self.trial(change)
        after = price_of(self.judge(trial).money)
        if self.whole is not None:
            return after
        before = price_of(self.judge_before(trial).money)
        return Price(
            call=changed_price(known.call, before.call, after.call),
            month=changed_price(known.month, before.month, after.month),
        )


def margins(objective: Objective, verdict: Verdict) -> Interval:
    """The interval of an objective's margin, by that of its verdict; an end that nobody knows is infinite."""
    ends = [None if end is None else margin(objective, end) for end in (verdict.low, verdict.high)]
    low, high = ends if objective.at_most is None else reversed(ends)
    assert verdict.margin is not None
    return Interval(verdict.margin, -inf if low is None else low, inf if high is None else high)


def difference(one: Interval, two: Interval) -> Interval:
    """The second minus the first, of independent estimates whose intervals need not be symmetric (the method of variance
    estimates recovery: Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27, 2008)."""
    value = two.value - one.value
    return Interval(
        value,
        value - hypot(two.value - two.low, one.high - one.value),
        value + hypot(two.high - two.value, one.value - one.low),
    )


def half_width(values: Sequence[float]) -> float:
    """Half of the interval of the mean of independent values."""
    found = mean_interval(values)
    return found.high - found.value


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


def changed_price(known: float | None, before: float | None, after: float | None) -> float | None:
    """A price and the difference of a pair."""
    if known is None or before is None or after is None:
        return None
    return max(0.0, known + after - before)
