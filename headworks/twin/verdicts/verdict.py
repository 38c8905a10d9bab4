"""The verdict on each objective.

Always true: *holds* and *does not hold* need the whole interval on one side of the limit; otherwise the verdict is *cannot
say*. For a window (30 days) the interval contains nine in ten single windows, because one window is what will be measured:
a mean that holds while every third month fails is not good enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import inf
from typing import Final

import msgspec
import numpy as np

from headworks.core.figures import written_figure
from headworks.core.money import NANO, written_dollars
from headworks.gateway.prices import Prices
from headworks.system.schema.requirements import Objective
from headworks.system.syntax.scalars import written_duration
from headworks.system.verdicts.availability import AvailabilityJudge
from headworks.system.verdicts.availability_windows import MEAN_OUTAGE_SECONDS
from headworks.system.verdicts.closed_forms import BETA_FACTOR, Cause
from headworks.system.verdicts.judge import ArithmeticJudge
from headworks.system.verdicts.quality import blocked_by, measured_for, points, rests_on
from headworks.system.verdicts.verdict import (
    ALL_SERVED,
    Assessment,
    Served,
    VerdictWord,
    on_which_side,
    percent,
    said_of,
    served_words,
)
from headworks.twin.simulation.confidence_interval import CONFIDENCE, Interval, proportion_interval, quantile_interval
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Plan, Run, Task, done, estimate
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.outages import SimulatedWindows, simulate_windows, state_shares
from headworks.twin.verdicts.overload import how_long, left_open
from headworks.twin.verdicts.quality import QualityMix, answer_mix, mix_quality
from headworks.twin.workload.arrivals import Shape

NEAR_OFFERED_LOAD: Final = 0.98
"""A goodput target above this share of the offered load needs all of it: vendors lose one call in a hundred."""

MAX_STATES: Final = 8
MIN_STATE_SHARE: Final = 1e-5
"""The sets of providers that are down for which the stack is run: the most frequent, and none that is rarer. What is left
counts as if no call was answered, which errs on the safe side."""

MEAN_WINDOW: Final = 30 * 86400.0
"""Seconds of the windows from which the mean over all time is taken; any would do."""

OUTAGE_RUN_CALLS: Final = 600
"""Measured calls of a run with providers down."""


PER_SESSION: Final = " per session"
"""How the metric of a verdict on whole sessions ends."""

HELD: Final = frozenset({"time_to_first_token", "duration", "availability", "goodput"})
"""Metrics of which a report says how long they hold, where more arrives than the system carries."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The prediction for one objective. value, low, high, limit: in seconds, shares, calls a second or dollars, null
    where there is no number. margin: how far the value is on the good side of the bound, by the bound. windows: the
    share of single windows that hold, and mean: over all of them, where the objective has a window. served: of what is asked,
    the share that the limits and budgets of keys, groups and aliases let in: the verdict is about that share. quality: what
    a quality rests on."""

    id: str
    objective: str
    alias: str | None
    metric: str
    verdict: VerdictWord
    limit: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    mean: float | None = None
    windows: float | None = None
    served: float = 1.0
    why: str = ""
    quality: QualityMix | None = None

    @property
    def said(self) -> str:
        """The verdict in words: of which share of what is asked it holds."""
        return said_of(self.verdict, self.served)


class WindowValues(msgspec.Struct, frozen=True):
    """A windowed objective's number in each of many windows."""

    values: tuple[float, ...]
    why: str


def unjudged(objective: Objective, why: str) -> Verdict:
    """`cannot say`, with nothing predicted."""
    return Verdict(
        id=objective.id,
        objective=str(objective),
        alias=objective.alias,
        metric=objective.metric,
        verdict="cannot say",
        limit=float(objective.limit.value),
        why=why,
    )


def verdict_of(objective: Objective, found: Interval) -> VerdictWord:
    """On which side of the bound the interval lies."""
    return on_which_side(objective, found.low, found.high)


def margin(objective: Objective, value: float) -> float:
    """The distance of a value from the limit, as a share of the limit (of availability: of 1 - limit). Positive is good."""
    limit = float(objective.limit.value)
    if objective.metric == "availability":
        return (value - limit) / (1 - limit) if limit < 1 else value - limit
    return (limit - value) / limit if objective.at_most is not None else (value - limit) / limit


def format_value(metric: str, value: float) -> str:
    """A number in its unit, to the digits that a prediction has."""
    match metric.removesuffix(PER_SESSION):
        case "calls":
            return f"{value:,.3g}"
        case "time_to_first_token" | "duration":
            return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:,.1f} s"
        case "availability":
            return percent(round(value, 7))
        case "goodput":
            return f"{value:.2f} rps" if value < 10 else f"{value:,.1f} rps"
        case "quality":
            return points(value)
    if value < 1:
        return written_dollars(int(float(f"{value * NANO:.2e}")))
    return f"${value:,.2f}" if value < 1000 else f"${value:,.0f}"


class Judge:
    """Judges each objective of a plan by its simulation runs."""

    def __init__(
        self,
        plan: Plan,
        made: Sequence[Run],
        seed: int,
        busy: float = 1.0,
        short: int = OUTAGE_RUN_CALLS,
        courses: Courses | None = None,
    ) -> None:
        self.plan = plan
        self.made = made
        self.seed = seed
        self.busy = busy
        """The mean load over a window, by the load at the peak."""
        self.short = short
        self.courses = courses
        """Gives the course of a run with providers down; without it, `short` calls."""
        self.simulated = sum(one.calls for one in made)
        self.money = Money(plan, made, busy)
        self._outage_runs: dict[frozenset[str], Run] = {}
        self._arithmetic = ArithmeticJudge(plan.system, Prices(plan.system).of, plan.quality)
        self._is_fitted = any({"fitted", "probed"} & set(one.origins.values()) for one in plan.models.values())

    def of(self, objective: Objective) -> Verdict:
        """The verdict by the runs or, where arithmetic settles it, the verdict of `headworks check`; of the calls that are let in."""
        return self.with_served(objective, self.with_arithmetic(objective, self.from_runs(objective)))

    def served(self, objective: Objective) -> Served:
        """Of what is asked of an objective's aliases, the share that is let in."""
        share = self.money.served_share(objective.alias)
        return Served(share, tuple(self.money.names)) if share < 1 else ALL_SERVED

    def with_served(self, objective: Objective, seen: Verdict) -> Verdict:
        """The same verdict, and of which share of what is asked it is. A promise to nobody does not hold."""
        served = self.served(objective)
        if served.is_all or seen.verdict == "not judged":
            return seen
        verdict: VerdictWord = seen.verdict if served.share > 0 else "does not hold"
        why = served_words(verdict, served)
        return msgspec.structs.replace(
            seen, verdict=verdict, served=served.share, why=f"{why}; {seen.why}" if seen.why else why
        )

    def with_arithmetic(self, objective: Objective, seen: Verdict) -> Verdict:
        """The same verdict as `check` gives. What was measured of vendors (`--fit`, `headworks probe`) is more than what the file expects of them."""
        found = self._arithmetic.of(objective)
        if found.verdict not in ("holds", "does not hold") or found.verdict == seen.verdict:
            return seen
        if self._is_fitted and seen.verdict != "cannot say":
            return seen
        why = f"by arithmetic, as in `headworks check`: {found.why}"
        return msgspec.structs.replace(seen, verdict=found.verdict, why=f"{why}; {seen.why}" if seen.why else why)

    def from_runs(self, objective: Objective) -> Verdict:
        """The verdict by the runs alone."""
        blank = unjudged(objective, "")
        if objective.metric == "quality":
            return self.quality(blank, objective)
        if objective.window is not None and objective.metric == "availability":
            return window_verdict(blank, objective, self.availability(objective))
        found, why = self.cost(objective) if objective.metric == "cost" else (self.estimate(objective), "")
        if found is None:
            return msgspec.structs.replace(blank, why=self.unknown(objective))
        why = why or self.rests_on(objective)
        if objective.metric == "availability":
            found, why = self.with_outages(objective, found, why)
        if objective.metric in ("time_to_first_token", "duration"):
            why += self.late_calls(objective)
        if objective.metric == "goodput":
            why += self.offered_note(objective)
        if objective.metric in HELD:
            found, note = left_open(objective, found, self.made)
            why += note
        verdict = verdict_of(objective, found)
        if verdict != "holds" and objective.metric in HELD:
            why += how_long(objective, self.plan.system.requirements.objectives, self.made)
        mean = found.value if objective.metric == "cost" else None
        return msgspec.structs.replace(
            blank,
            verdict=verdict,
            value=found.value,
            low=None if found.low == -inf else found.low,
            high=None if found.high == inf else found.high,
            margin=margin(objective, found.value),
            mean=mean,
            why=why,
        )

    def estimate(self, objective: Objective) -> Interval | None:
        """The number of an objective without a window, while budgets have room."""
        if objective.metric == "cost_per_call":
            return self.money.cost_per_call(objective.alias)
        if objective.metric == "goodput" and isinstance(self.plan.workload, Shape):
            return self.goodput(objective)
        return estimate(objective, self.made)

    def goodput(self, objective: Objective, confidence: float = CONFIDENCE) -> Interval | None:
        """The share of calls that are good, of the load that the traffic says: not of what the runs happened to draw."""
        rate = sum(one for alias, one in self.plan.workload.rates.items() if objective.alias in (None, alias))
        counts = [len(one.seen.of(objective.alias)) for one in self.made]
        if not all(counts) or any(objective.id not in one.values for one in self.made):
            return None
        pairs = zip(self.made, counts, strict=True)
        shares = [one.values[objective.id] * one.seen.seconds / count for one, count in pairs]
        counted = sum(len(one.measured.of(objective.alias)) for one in self.made)
        found = proportion_interval(shares, counted, confidence)
        return Interval(found.value * rate, found.low * rate, found.high * rate)

    def rests_on(self, objective: Objective) -> str:
        """How many runs, and calls of the objective's that were let in."""
        mine = [one.measured.of(objective.alias) for one in self.made]
        let_in, calls = sum(int(one.is_let_in.sum()) for one in mine), sum(map(len, mine))
        return f"{len(self.made)} runs, {calls if let_in == calls else f'{let_in} of {calls}'} calls"

    def unknown(self, objective: Objective) -> str:
        mine = [one.seen.of(objective.alias) for one in self.made]
        if not any(map(len, mine)):
            return "no call came for it"
        if not any(one.is_let_in.any() for one in mine):
            return "no call was let in"
        if objective.metric in ("cost", "cost_per_call"):
            return "a target's price is unknown: set `price: {input: $0.25/M, output: $2/M}` under its model"
        if objective.metric == "time_to_first_token":
            return "no streamed call was answered"
        return "no call was answered"

    def late_calls(self, objective: Objective) -> str:
        """Whether the calls over the limit were retried, or slow at the first attempt."""
        limit, late, again = float(objective.limit.value), 0, 0
        for one in self.made:
            mine = one.measured.of(objective.alias)
            column = mine.first if objective.metric == "time_to_first_token" else mine.duration
            is_late = column > limit
            late += int(is_late.sum())
            again += int((is_late & (mine.attempts > 1)).sum())
        if not late:
            return ""
        return f"; {late} calls over the limit, {again / late:.0%} of them retried"

    def offered_note(self, objective: Objective) -> str:
        """A note where the target is as high as the offered load: then only fewer failed calls would help."""
        offered = self.needed_load(objective)
        if offered is None:
            return ""
        return f"; the target equals the offered load ({written_figure(offered, 6)} calls/s at peak), so no call may fail or be late: lower it"

    def needed_load(self, objective: Objective) -> float | None:
        """The offered load, where a goodput target needs all of it; else None."""
        aliases = [objective.alias] if objective.alias is not None else list(self.plan.system.models)
        offered = self._arithmetic.offered_rate(aliases)
        return None if offered is None or float(objective.limit.value) <= offered * NEAR_OFFERED_LOAD else offered

    def at_offered_load(self) -> frozenset[str]:
        """The goodput objectives, by id, whose target equals the offered load."""
        objectives = self.plan.system.requirements.objectives
        return frozenset(one.id for one in objectives if one.metric == "goodput" and self.needed_load(one) is not None)

    # Quality.

    def quality(self, blank: Verdict, objective: Objective) -> Verdict:
        """What the targets that answer are worth together, by what evaluations found of each."""
        system = self.plan.system
        measured = measured_for(system, objective, self.plan.quality)
        if isinstance(measured, Assessment):
            return msgspec.structs.replace(blank, verdict=measured.verdict, why=measured.why)
        runs = [answer_mix(one.seen, measured.alias) for one in self.made]
        if not any(one.count for one in runs):
            return msgspec.structs.replace(blank, why="no call was answered")
        likely = self.likely_states(msgspec.structs.replace(objective, alias=measured.alias))
        self.outages_ahead([down for down, _ in likely])
        states = [(share, answer_mix(self.outage_run(down).seen, measured.alias)) for down, share in likely if down]
        tiers = [[str(target) for target in tier] for tier in system.models[measured.alias].targets]
        met = {name for one in (*runs, *(mix for _, mix in states)) for name in one.by}
        answering = [name for name in dict.fromkeys(chain.from_iterable(tiers)) if name in met]
        if (blocked := blocked_by(objective, measured, answering)) is not None:
            return msgspec.structs.replace(blank, verdict=blocked.verdict, why=blocked.why)
        made = mix_quality(objective, measured.by_target, runs, states, tiers[0])
        return msgspec.structs.replace(
            blank,
            verdict=verdict_of(objective, made.found),
            value=made.found.value,
            low=made.found.low,
            high=made.found.high,
            why=f"{made.why}; {rests_on(measured, answering)}",
            quality=made.mix,
        )

    def likely_states(self, objective: Objective) -> list[tuple[frozenset[str], float]]:
        """The most frequent sets of providers that are down, with the share of time of each; none down is one of them."""
        _, outages, causes = self.outage_scope(objective)
        shares = state_shares(outages, causes)
        if shares is None:  # too many for a sum: the mean of windows that are drawn
            made = simulate_windows(outages, causes, MEAN_WINDOW, MEAN_OUTAGE_SECONDS, self.seed)
            shares = {state: made.share_of(state) for state in made.states}
        likely = sorted(shares, key=lambda state: (-shares[state], sorted(state)))[: MAX_STATES + 1]
        return [(state, shares[state]) for state in likely if shares[state] >= MIN_STATE_SHARE]

    # Windows.

    def outages(self, aliases: Sequence[str]) -> dict[str, float]:
        """The share of time in which each provider of these aliases is down: the better of its models counts."""
        found: dict[str, float] = {}
        for alias in aliases:
            for tier in self.plan.system.models[alias].targets:
                for target in tier:
                    outage = self.plan.models[str(target)].outage
                    found[target.provider] = min(outage, found.get(target.provider, 1.0))
        return found

    def with_outages(self, objective: Objective, found: Interval, why: str) -> tuple[Interval, str]:
        """Availability over all time: outages count for as much of it as they last."""
        aliases, outages, causes = self.outage_scope(objective)
        shares = state_shares(outages, causes)
        if shares is None:  # too many for a sum: the mean of windows that are drawn
            value = float(np.mean(self.availability(objective, MEAN_WINDOW).values))
        else:
            likely = sorted(shares, key=lambda state: (-shares[state], sorted(state)))[: MAX_STATES + 1]
            self.outages_ahead([state for state in likely if shares[state] >= MIN_STATE_SHARE], aliases)
            value = sum(
                shares[state] * self.answered_share(aliases, state)
                for state in likely
                if shares[state] >= MIN_STATE_SHARE
            )
        low, high = max(0.0, value - (found.value - found.low)), min(1.0, value + (found.high - found.value))
        up = percent(round(found.value, 7))
        alone = AvailabilityJudge(self._arithmetic).outages_alone(aliases)
        return Interval(value, low, high), f"{why}, {up} with all providers up; {alone}"

    def outage_scope(self, objective: Objective) -> tuple[list[str], dict[str, float], list[Cause]]:
        """The aliases of an objective, the share of time in which each provider is down, and the common causes."""
        system = self.plan.system
        aliases = [objective.alias] if objective.alias is not None else list(system.models)
        outages = self.outages(aliases)
        written_causes = [Cause(frozenset(one.providers), one.share) for one in system.requirements.common_causes]
        return (
            aliases,
            outages,
            written_causes or ([Cause(frozenset(outages), BETA_FACTOR)] if len(outages) > 1 else []),
        )

    def availability(self, objective: Objective, window: float | None = None) -> WindowValues:
        aliases, outages, causes = self.outage_scope(objective)
        window = objective.window if window is None else window
        assert window is not None
        made = simulate_windows(outages, causes, window, MEAN_OUTAGE_SECONDS, self.seed)
        common = sorted(made.states, key=lambda state: (-made.share_of(state), sorted(state)))
        likely = [state for state in common[: MAX_STATES + 1] if made.share_of(state) >= MIN_STATE_SHARE]
        self.outages_ahead(likely, aliases)
        known = set(likely)
        answered = np.array([self.answered_share(aliases, state) if state in known else 0.0 for state in made.states])
        values = made.shares @ answered
        return WindowValues(tuple(float(value) for value in values), self.failure_causes(made, aliases, answered))

    def failure_causes(
        self,
        made: SimulatedWindows,
        aliases: Sequence[str],
        answered: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    ) -> str:
        """The set of down providers that causes most of the failed calls."""
        lost = [
            (made.share_of(state) * (1 - float(part)), state) for state, part in zip(made.states, answered, strict=True)
        ]
        total = sum(share for share, _ in lost)
        share, worst = max(lost, key=lambda one: (one[0], sorted(one[1])))
        if total <= 0:
            return f"{len(made.shares)} windows simulated"
        by = f"with {', '.join(sorted(worst))} down" if worst else "with all providers up"
        return f"{len(made.shares)} windows simulated; {share / total:.0%} of failures happen {by}"

    def answered_share(self, aliases: Sequence[str], down: frozenset[str]) -> float:
        """The share of these aliases' calls that are answered while these providers are down."""
        away = self.away(aliases, down)
        if not down:
            seen = [one.seen for one in self.made]
        elif len(away) == len(aliases):
            return 0.0
        else:
            seen = [self.outage_run(down).seen]
        counted = whole = 0
        for one in seen:
            for alias in aliases:
                mine = one.of(alias)
                counted += int(mine.is_counted.sum())
                whole += 0 if alias in away else int((mine.is_whole & mine.is_counted).sum())
        return whole / counted if counted else 0.0

    def away(self, aliases: Sequence[str], down: frozenset[str]) -> set[str]:
        """The aliases of which every provider is down."""
        models = self.plan.system.models
        return {name for name in aliases if {one.provider for tier in models[name].targets for one in tier} <= down}

    def outages_ahead(self, states: Sequence[frozenset[str]], aliases: Sequence[str] = ()) -> None:
        """Has the runs of these states made ahead, but for those in which all of these aliases are away: they need none."""
        if self.courses is not None:
            new = [state for state in states if state and state not in self._outage_runs]
            needed = [state for state in new if not aliases or len(self.away(aliases, state)) < len(aliases)]
            self.courses.replicator.ahead([self.outage_task(state) for state in needed])

    def outage_run(self, down: frozenset[str]) -> Run:
        """A run in which these providers are away, as long as what is left needs to show whether it carries the load."""
        if down not in self._outage_runs:
            task = self.outage_task(down)
            self._outage_runs[down] = done(task) if self.courses is None else self.courses.replicator.run(task)
            self.simulated += self._outage_runs[down].calls
        return self._outage_runs[down]

    def outage_task(self, down: frozenset[str]) -> Task:
        course = None if self.courses is None else self.courses.of(self.plan, self.short, down)
        return Task(self.plan, self.seed, self.short, course, down)

    def cost(self, objective: Objective) -> tuple[Interval | None, str]:
        """A window's bill."""
        assert objective.window is not None
        found, each = self.money.window(objective.alias, objective.window), self.money.cost_per_call(objective.alias)
        if found is None or each is None:
            return None, ""
        return found.cost, f"{found.calls:,.0f} calls at {format_value('cost_per_call', each.value)} each"


def window_verdict(blank: Verdict, objective: Objective, months: WindowValues) -> Verdict:
    """The verdict that many windows give."""
    limit = float(objective.limit.value)
    values = np.array(months.values)
    found = quantile_interval(values.tolist())
    hold = float((values >= limit).mean())
    assert objective.window is not None
    return msgspec.structs.replace(
        blank,
        verdict=verdict_of(objective, found),
        value=float(found.value),
        low=float(found.low),
        high=float(found.high),
        margin=margin(objective, float(found.value)),
        mean=float(values.mean()),
        windows=hold,
        why=f"{hold:.0%} of {written_duration(objective.window)} windows meet it; {months.why}",
    )
