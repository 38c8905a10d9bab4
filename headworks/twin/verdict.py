"""What is said of each objective, and what binds.

Always true: *holds* and *does not hold* are said only where the whole interval lies on one side of the bound; in between it
cannot be said. For a window (30 days) the interval is what nine in ten single windows lie between, because that is what
will be measured: a mean that holds while every third month does not is no promise kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

import msgspec
import numpy as np

from headworks.core.money import NANO, written_dollars
from headworks.gateway.prices import Prices
from headworks.system.schema.requirements import Objective
from headworks.system.syntax.scalars import written_duration
from headworks.system.verdicts.availability_windows import LASTING
from headworks.system.verdicts.closed_forms import BETA, Cause
from headworks.system.verdicts.judge import Bench
from headworks.system.verdicts.verdict import Said, percent
from headworks.twin.interval import Interval, quantiles
from headworks.twin.outages import Stretches, lasting, stretches
from headworks.twin.simulate import Plan, Run, estimate, run
from headworks.twin.use import Use

NEAR: Final = 0.7
"""The share of a limit from which it is named as what binds: below, bursts seldom reach it."""

CLOSE_TO_ALL: Final = 0.98
"""The share of what arrives beyond which a bound on goodput asks for all of it: vendors lose one call in a hundred."""

LONG: Final = 0.01
"""Seconds of waiting for a limit, on average, that are worth saying."""

STATES: Final = 8
RARE: Final = 1e-5
"""The sets of providers that are down for which the stack is run: the most frequent, and none that is rarer. What is left
counts as if nobody answered, which errs to the safe side."""

OVER_ALL: Final = 30 * 86400.0
"""Seconds of the windows from which the mean over all time is taken; any would do."""

SHORT: Final = 600
"""Measured calls of a run with providers down."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is predicted of one objective. value, low, high, limit: in seconds, shares, calls a second or dollars, null
    where there is no number. margin: how far the value is on the good side of the bound, by the bound. windows: the
    share of single windows that hold, and mean: over all of them, where the objective has a window."""

    id: str
    objective: str
    alias: str | None
    metric: str
    verdict: Said
    limit: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    mean: float | None = None
    windows: float | None = None
    why: str = ""


class Months(msgspec.Struct, frozen=True):
    """A windowed objective's number in each of many windows."""

    values: tuple[float, ...]
    why: str


def said(objective: Objective, found: Interval) -> Said:
    """On which side of the bound the interval lies."""
    limit = float(objective.limit.value)
    if objective.at_most is not None:
        return "holds" if found.high <= limit else "does not hold" if found.low > limit else "cannot say"
    return "holds" if found.low >= limit else "does not hold" if found.high < limit else "cannot say"


def margin(objective: Objective, value: float) -> float:
    """How far a value is on the good side of the bound, as a share of the bound; of availability, of what may fail."""
    limit = float(objective.limit.value)
    if objective.metric == "availability":
        return (value - limit) / (1 - limit) if limit < 1 else value - limit
    return (limit - value) / limit if objective.at_most is not None else (value - limit) / limit


def written(metric: str, value: float) -> str:
    """A number in its unit, to the digits that a prediction has."""
    match metric:
        case "time_to_first_token" | "duration":
            return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
        case "availability":
            return percent(round(value, 7))
        case "goodput":
            return f"{value:.2f} rps" if value < 10 else f"{value:.1f} rps"
    if value < 1:
        return written_dollars(int(float(f"{value * NANO:.2e}")))
    return f"${value:,.2f}" if value < 1000 else f"${value:,.0f}"


class Judge:
    """Says of each objective of a plan what its runs show."""

    def __init__(self, plan: Plan, made: Sequence[Run], seed: int, busy: float = 1.0, short: int = SHORT) -> None:
        self.plan = plan
        self.made = made
        self.seed = seed
        self.busy = busy
        """The mean load over a window, by the load at the peak."""
        self.short = short
        self.simulated = sum(one.calls for one in made)
        self._states: dict[frozenset[str], Run] = {}
        self._bench = Bench(plan.system, Prices(plan.system).of)
        self._is_fitted = any("fitted" in one.origins.values() for one in plan.models.values())

    def of(self, objective: Objective) -> Verdict:
        """What is said of an objective: by the runs, and where arithmetic settles it by that, as `headworks check` says."""
        return self.agreed(objective, self.seen(objective))

    def agreed(self, objective: Objective, seen: Verdict) -> Verdict:
        """One word with `check`. What was measured of vendors (`--fit`) is more than what the file expects of them."""
        found = self._bench.of(objective)
        if found.verdict not in ("holds", "does not hold") or found.verdict == seen.verdict:
            return seen
        if self._is_fitted and seen.verdict != "cannot say":
            return seen
        why = f"by arithmetic, as `headworks check` says: {found.why}"
        return msgspec.structs.replace(seen, verdict=found.verdict, why=f"{why}; {seen.why}" if seen.why else why)

    def seen(self, objective: Objective) -> Verdict:
        """What the runs show."""
        made = self.made
        blank = Verdict(
            id=objective.id,
            objective=str(objective),
            alias=objective.alias,
            metric=objective.metric,
            verdict="cannot say",
            limit=float(objective.limit.value),
        )
        if objective.metric == "quality":
            return msgspec.structs.replace(blank, verdict="not judged", why=self._bench.of(objective).why)
        if objective.window is not None and objective.metric in ("availability", "cost"):
            months = self.availability(objective) if objective.metric == "availability" else self.cost(objective)
            return blank_with(blank, objective, months)
        found = estimate(objective, made)
        if found is None:
            return msgspec.structs.replace(blank, why=self.unknown(objective))
        calls = sum(len(one.seen.of(objective.alias)) for one in made)
        why = f"{len(made)} runs, {calls} calls"
        if objective.metric == "availability":
            found, why = self.with_outages(objective, found, why)
        if objective.metric in ("time_to_first_token", "duration"):
            why += self.late(objective)
        if objective.metric == "goodput":
            why += self.arriving(objective)
        return msgspec.structs.replace(
            blank,
            verdict=said(objective, found),
            value=found.value,
            low=None if found.low == -inf else found.low,
            high=None if found.high == inf else found.high,
            margin=margin(objective, found.value),
            why=why,
        )

    def unknown(self, objective: Objective) -> str:
        if objective.metric in ("cost", "cost_per_call"):
            return "a target's price is unknown: write `price: {input: $0.25/M, output: $2/M}` under its model"
        if objective.metric == "time_to_first_token":
            return "no streamed call was answered"
        return "no call was answered"

    def late(self, objective: Objective) -> str:
        """What the calls beyond the bound have in common: tried again, or slow at the first try."""
        limit, late, again = float(objective.limit.value), 0, 0
        for one in self.made:
            mine = one.seen.of(objective.alias)
            column = mine.first if objective.metric == "time_to_first_token" else mine.duration
            is_late = column > limit
            late += int(is_late.sum())
            again += int((is_late & (mine.attempts > 1)).sum())
        if not late:
            return ""
        return f"; of {late} calls beyond the bound {again / late:.0%} were tried more than once"

    def arriving(self, objective: Objective) -> str:
        """That a bound asks for as good as everything that arrives: then nothing but fewer lost calls would help."""
        aliases = [objective.alias] if objective.alias is not None else list(self.plan.system.models)
        offered = self._bench.offered(aliases)
        if offered is None or float(objective.limit.value) <= offered * CLOSE_TO_ALL:
            return ""
        return f"; {offered:g} a second arrive at the peak, so none of them may be lost or late: ask for less"

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
        aliases, outages, causes = self.struck(objective)
        shares = lasting(outages, causes)
        if shares is None:  # too many for a sum: the mean of windows that are drawn
            value = float(np.mean(self.availability(objective, OVER_ALL).values))
        else:
            likely = sorted(shares, key=lambda state: (-shares[state], sorted(state)))[: STATES + 1]
            value = sum(shares[state] * self.answered(aliases, state) for state in likely if shares[state] >= RARE)
        low, high = max(0.0, value - (found.value - found.low)), min(1.0, value + (found.high - found.value))
        up = percent(round(found.value, 7))
        return Interval(value, low, high), f"{why}, {up} while every provider is up; outages taken in the mean"

    def struck(self, objective: Objective) -> tuple[list[str], dict[str, float], list[Cause]]:
        """The aliases of an objective, for how much of the time each of their providers is down, and what strikes several."""
        system = self.plan.system
        aliases = [objective.alias] if objective.alias is not None else list(system.models)
        outages = self.outages(aliases)
        written_causes = [Cause(frozenset(one.providers), one.share) for one in system.requirements.common_causes]
        return aliases, outages, written_causes or ([Cause(frozenset(outages), BETA)] if len(outages) > 1 else [])

    def availability(self, objective: Objective, window: float | None = None) -> Months:
        aliases, outages, causes = self.struck(objective)
        window = objective.window if window is None else window
        assert window is not None
        made = stretches(outages, causes, window, LASTING, self.seed)
        common = sorted(made.states, key=lambda state: (-made.share_of(state), sorted(state)))
        known = {state for state in common[: STATES + 1] if made.share_of(state) >= RARE}
        answered = np.array([self.answered(aliases, state) if state in known else 0.0 for state in made.states])
        values = made.shares @ answered
        return Months(tuple(float(value) for value in values), self.shared(made, aliases, answered))

    def shared(
        self, made: Stretches, aliases: Sequence[str], answered: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> str:
        """What the unanswered calls of all windows are due to."""
        lost = [
            (made.share_of(state) * (1 - float(part)), state) for state, part in zip(made.states, answered, strict=True)
        ]
        total = sum(share for share, _ in lost)
        share, worst = max(lost, key=lambda one: (one[0], sorted(one[1])))
        if total <= 0:
            return f"{len(made.shares)} windows"
        by = f"{', '.join(sorted(worst))} down together" if len(worst) > 1 else f"{''.join(worst)} down"
        return (
            f"{len(made.shares)} windows; {share / total:.0%} of what fails is due to {by if worst else 'single calls'}"
        )

    def answered(self, aliases: Sequence[str], down: frozenset[str]) -> float:
        """The share of these aliases' calls that are answered while these providers are down."""
        system = self.plan.system
        away = {
            alias
            for alias in aliases
            if {target.provider for tier in system.models[alias].targets for target in tier} <= down
        }
        if not down:
            seen = [one.seen for one in self.made]
        elif len(away) == len(aliases):
            return 0.0
        else:
            seen = [self.state(down).seen]
        counted = whole = 0
        for one in seen:
            for alias in aliases:
                mine = one.of(alias)
                counted += int(mine.is_counted.sum())
                whole += 0 if alias in away else int((mine.is_whole & mine.is_counted).sum())
        return whole / counted if counted else 0.0

    def state(self, down: frozenset[str]) -> Run:
        """A short run in which these providers are away."""
        if down not in self._states:
            self._states[down] = run(self.plan, self.seed, self.short, down=down)
            self.simulated += self._states[down].calls
        return self._states[down]

    def cost(self, objective: Objective) -> Months | None:
        """A window's bill: the mean cost of a call by the calls of a window; its chance is the mean's own."""
        found = estimate(objective, self.made)
        if found is None:
            return None
        assert objective.window is not None
        seen = [one.seen for one in self.made]
        rate = sum(len(one.of(objective.alias)) for one in seen) / sum(one.seconds for one in seen)
        calls = rate * self.busy * objective.window
        why = f"{calls:,.0f} calls of {written('cost_per_call', found.value)}"
        return Months((found.low * calls, found.value * calls, found.high * calls), why)


def blank_with(blank: Verdict, objective: Objective, months: Months | None) -> Verdict:
    """The verdict that many windows give."""
    if months is None:
        why = "a target's price is unknown: write `price: {input: $0.25/M, output: $2/M}` under its model"
        return msgspec.structs.replace(blank, why=why)
    limit = float(objective.limit.value)
    values = np.array(months.values)
    is_cost = objective.metric == "cost"
    found = Interval(values[1], values[0], values[2]) if is_cost else quantiles(values.tolist())
    hold = float((values <= limit).mean() if objective.at_most is not None else (values >= limit).mean())
    assert objective.window is not None
    why = months.why
    if not is_cost:
        why = f"{hold:.0%} of {written_duration(objective.window)} windows hold; {why}"
    return msgspec.structs.replace(
        blank,
        verdict=said(objective, found),
        value=float(found.value),
        low=float(found.low),
        high=float(found.high),
        margin=margin(objective, float(found.value)),
        mean=float(values.mean()),
        windows=None if is_cost else hold,
        why=why,
    )


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What gives way first. name: the limit, or "" where none is near."""

    name: str
    at_peak: float
    said: str


def averaged(made: Sequence[Run]) -> list[Use]:
    """The use of each limit, as the mean over the runs; its course is the first run's."""
    found: list[Use] = []
    for number, first in enumerate(made[0].uses):
        same = [one.uses[number] for one in made]
        found.append(
            msgspec.structs.replace(
                first,
                at_peak=float(np.mean([one.at_peak for one in same])),
                mean=float(np.mean([one.mean for one in same])),
                waits=float(np.mean([one.waits for one in same])),
                refused=float(np.mean([one.refused for one in same])),
            )
        )
    return found


def binding(using: Sequence[Use], verdicts: Sequence[Verdict], models: Mapping[str, object]) -> Binding:
    """The limit that is used most; where none is near, what the tightest objective rests on."""
    most = max(using, key=lambda one: (one.refused > 0.001 or one.waits > LONG, one.at_peak), default=None)
    if most is not None and (most.at_peak >= NEAR or most.refused > 0.001):
        said = f"{most.name}, {most.at_peak:.0%} used at peak"
        if most.name.startswith("budget of "):
            said = f"{most.name}: a window of this traffic takes {most.at_peak:.0%} of it"
        if most.waits > LONG:
            said += f"; calls wait {written('duration', most.waits)} for it on average"
        if most.refused > 0:
            said += f"; it turns away {most.refused:.1%} of what asks for it"
            if most.name.startswith("tpm of ") and most.at_peak < NEAR:
                said += ", since a call holds its bound on the answer (`max_tokens`, or `max_output`) until it ends"
        return Binding(name=most.name, at_peak=most.at_peak, said=said)
    judged = [one for one in verdicts if one.margin is not None]
    tight = min(judged, key=lambda one: one.margin or 0.0, default=None)
    nearest = "" if most is None else f"; the most used is {most.name}, {most.at_peak:.0%} at peak"
    if tight is None:
        return Binding(name="", at_peak=0.0, said=f"no limit is near{nearest}")
    rests = {
        "time_to_first_token": "how fast the vendors themselves begin to answer",
        "duration": "how fast the vendors themselves write",
        "availability": "how often the vendors fail together",
        "cost": "the price of the tokens",
        "cost_per_call": "the price of the tokens",
        "goodput": "how few of the calls that arrive are lost or late",
    }.get(tight.metric, tight.metric)
    return Binding(name="", at_peak=0.0, said=f"no limit is near{nearest}. {tight.id} is tightest: it rests on {rests}")
