"""Systems drawn at random, what is true of each by the independent simulation, and what the plan says.

Truth. Peaks are simulated until the truth's own 95 % half width is a third of the plan's, for each number. An interval that covers 95 %
of exact truths then covers 93.7 % of these: sqrt(1 + 1/9) is 1.05. How many peaks there are follows from the widths and not
from where the plan's numbers lie, so that it favours nobody. Eight at least, `MOST_CALLS` calls at most; where that is too few the row says so.

Bounds. Drawn around the truth of `PILOT` peaks of other seeds, at most twice and half of it, so that the plan cannot know on which side.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, inf, log

import msgspec
import numpy as np

from headworks.twin.simulation.replications import Effort
from headworks.twin.verdicts.verdict import Verdict
from tests.twin.cases import PRICE, Case
from tests.twin.independent import Seen, Times, together

NUMBERS = ("first50", "first95", "duration95", "up", "cost")
LATENCIES = {"first50": ("first", 50), "first95": ("first", 95), "duration95": ("duration", 95)}

SEED = 20261130
PILOT = 8
FARTHEST = 2.0
MOST_CALLS = 600_000
"""Calls of a truth's peaks at most: six to ten seconds of a core."""
AS_SURE = 3.0
"""How many times narrower the truth's half width is than the plan's."""

FAR = 0.1
"""The distance of the truth from the bound, by the bound (of availability: of the share that may fail), beyond which a verdict is due."""


def drawn(number: int, *, calls: float = 0.0) -> Case:
    """A system. calls: of its peak, where it should be a short one."""
    rng = np.random.default_rng([SEED, number])
    rate = exp(rng.uniform(log(0.5), log(6)))
    seconds = round(rng.uniform(1, 3) * 3600)
    load = rng.uniform(0.3, 1.5)
    burstiness = 1.0 if rng.random() < 0.5 else round(rng.uniform(2, 6), 1)
    prompt, output = spread(rng, 200, 1500, (2, 4)), spread(rng, 40, 250, (2, 4))
    pace = (round(rng.uniform(0.008, 0.03), 3), 0.0)
    count = int(rng.choice([1, 2, 3], p=[0.5, 0.4, 0.1]))
    firsts = []
    for _ in range(count):
        median = round(rng.uniform(0.15, 1.2), 2)
        firsts.append((median, round(median * rng.uniform(1.5, 3), 2)))
    case = Case(
        rate=round(rate, 3),
        seconds=seconds if not calls else max(60, round(calls / rate)),
        tiers=({},) * count,
        prompt=prompt,
        output=output,
        firsts=tuple(firsts),
        pace=(pace[0], round(pace[0] * rng.uniform(1.3, 2), 4)),
        deadline=float(rng.choice([30, 60, 120])),
        burstiness=burstiness,
        day=1.0 if rng.random() < 0.5 else round(rng.uniform(0.3, 0.8), 2),
        broken=round(rng.uniform(0.002, 0.03), 4),
    )
    parts = rng.uniform(0.3, 0.7, count)
    tiers = tuple([limits(rng, case, number, rate / load * part / parts.sum()) for number, part in enumerate(parts)])
    return msgspec.structs.replace(case, tiers=tiers)


def spread(rng: np.random.Generator, low: float, high: float, by: tuple[float, float]) -> tuple[int, int]:
    """A median and a 95th percentile."""
    median = exp(rng.uniform(log(low), log(high)))
    return round(median), round(median * rng.uniform(*by))


def limits(rng: np.random.Generator, case: Case, number: int, carried: float) -> dict[str, float]:
    """Limits with which a tier carries so many calls a second."""
    tokens = Times(*case.prompt).mean + Times(*case.output).mean
    exact = {
        "concurrency": max(1, round(carried * case.call_seconds[number])),
        "rpm": max(1, round(carried * 60)),
        "tpm": round(carried * 60 * tokens),
    }
    kinds = (("concurrency",), ("rpm",), ("tpm",), ("rpm", "tpm"), ("concurrency", "tpm"))
    return {kind: exact[kind] for kind in kinds[int(rng.integers(len(kinds)))]}


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of many peaks, and the half width of each at 95 %."""

    peaks: int
    values: dict[str, float]
    halves: dict[str, float]


def truth(made: list[Seen]) -> Truth:
    """By sectioning: what each peak says is independent of the others."""
    whole = together(made)
    values, halves = {}, {}
    for id, (column, percent) in LATENCIES.items():
        value = whole.percentile(column, percent)
        parts = [getattr(one, column)[one.is_whole] for one in made]
        half = 1.96 * weighted_error([float((part <= value).mean()) for part in parts], [len(part) for part in parts])
        every = np.concatenate(parts)
        ends = np.quantile(every, np.clip([percent / 100 - half, percent / 100 + half], 0, 1))
        values[id], halves[id] = value, float(ends[1] - ends[0]) / 2
    sizes = [len(one.first) for one in made]
    values["up"], values["cost"] = whole.availability, whole.cost(PRICE)
    halves["up"] = 1.96 * weighted_error([one.availability for one in made], sizes)
    halves["cost"] = 1.96 * weighted_error([one.cost(PRICE) for one in made], sizes)
    return Truth(peaks=len(made), values=values, halves=halves)


def weighted_error(values: list[float], sizes: list[int]) -> float:
    """The standard error of a mean over parts of different sizes (a ratio estimate)."""
    weights = np.array(sizes, dtype=float)
    mean = float((weights * values).sum() / weights.sum())
    count = len(values)
    return float(np.sqrt(((weights * (np.array(values) - mean)) ** 2).sum() * count / (count - 1)) / weights.sum())


def bounds(number: int, values: dict[str, float]) -> dict[str, float]:
    """Bounds around these values; of availability, of the share that fails."""
    rng = np.random.default_rng([SEED, number, 1])
    factors = {id: exp(rng.uniform(-log(FARTHEST), log(FARTHEST))) for id in NUMBERS}
    found = {id: round(values[id] * factors[id], 9) for id in (*LATENCIES, "cost")}
    return found | {"up": round(max(0.0, 1 - (1 - values["up"]) * factors["up"]), 9)}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One number of one system. half: the truth's half width at 95 %."""

    system: int
    load: float
    id: str
    verdict: str
    value: float
    low: float
    high: float
    bound: float
    known: float
    half: float

    @property
    def is_inside(self) -> bool:
        return self.low <= self.known <= self.high

    @property
    def holds(self) -> bool:
        """Whether the truth meets the bound."""
        return self.known >= self.bound if self.id == "up" else self.known <= self.bound

    @property
    def is_far(self) -> bool:
        room = 1 - self.bound if self.id == "up" else self.bound
        return abs(self.known - self.bound) > FAR * room

    @property
    def half_width(self) -> float:
        """By the value."""
        return (self.high - self.low) / 2 / self.value if self.value else inf

    @property
    def is_exact(self) -> bool:
        """Whether the truth's own error is small beside the interval."""
        return self.half * AS_SURE <= (self.high - self.low) / 2


def judged(number: int, case: Case | None = None, effort: Effort | None = None) -> list[Row]:
    """The rows of a system: the plan beside the truth."""
    case = drawn(number) if case is None else case
    pilot = truth([case.usual_peak(1_000_000 * (number + 1) + seed) for seed in range(PILOT)])
    case = msgspec.structs.replace(case, bounds=bounds(number, pilot.values))
    verdicts, _ = case.verdicts(Effort(seed=1 + number) if effort is None else effort)
    known = known_well_enough(number, case, verdicts)
    return [
        Row(
            system=number,
            load=case.load,
            id=id,
            verdict=one.verdict,
            value=one.value,
            low=-inf if one.low is None else one.low,
            high=inf if one.high is None else one.high,
            bound=case.bounds[id],
            known=known.values[id],
            half=known.halves[id],
        )
        for id, one in verdicts.items()
        if one.value is not None
    ]


def known_well_enough(number: int, case: Case, verdicts: dict[str, Verdict]) -> Truth:
    """The truth by as many peaks as the plan's widths ask for."""
    made = [case.usual_peak(2_000_000_000 + 1_000_000 * number + seed) for seed in range(PILOT)]
    while True:
        known = truth(made)
        lacks = max((times_short(known, id, one) for id, one in verdicts.items()), default=0.0)
        most = max(PILOT, int(MOST_CALLS / (case.rate * case.seconds)))
        if lacks <= 1 or len(made) >= most:
            return known
        wanted = min(most, max(len(made) + 4, round(len(made) * lacks**2)))
        made += [case.usual_peak(2_000_000_000 + 1_000_000 * number + seed) for seed in range(len(made), wanted)]


def times_short(known: Truth, id: str, verdict: Verdict) -> float:
    """By how much the truth's half width is too wide."""
    if verdict.low is None or verdict.high is None or verdict.high <= verdict.low:
        return 0.0
    return known.halves[id] * AS_SURE / ((verdict.high - verdict.low) / 2)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How many of how many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else 0.0

    @property
    def error(self) -> float:
        """One standard error, of the Monte Carlo kind."""
        return (self.value * (1 - self.value) / self.of) ** 0.5 if self.of else 0.0

    def __str__(self) -> str:
        return f"{self.hits} of {self.of}: {100 * self.value:.1f} % (+-{100 * self.error:.1f})"


def share(hits: Iterable[bool]) -> Share:
    known = list(hits)
    return Share(hits=sum(known), of=len(known))


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What many rows say together. inside: of each number, how often the interval has the truth in it; missed: of the verdicts on promises
    that the truth misses, how many are "holds"; wrong: of the verdicts "holds", how many are wrong; given: of those whose truth
    is far from the bound, how many are no "cannot say"; half_width: the median of a p95's, by its value; exact: how many truths
    are as exact as they should be."""

    inside: dict[str, Share]
    missed: Share
    wrong: Share
    given: Share
    half_width: float
    exact: Share

    @property
    def table(self) -> str:
        """Rows of docs/plan/accuracy.md."""
        rows = [f"| {WORDS[id]} | {one} |" for id, one in self.inside.items()]
        rows += [
            f"| said to hold, of what is missed | {self.missed} |",
            f"| missed, of what is said to hold | {self.wrong} |",
            f"| a verdict, where the truth is more than 10 % from the bound | {self.given} |",
            f"| median half width of a p95 | {100 * self.half_width:.1f} % |",
            f"| truths that are known to a third of the interval | {self.exact} |",
        ]
        return "\n".join(rows)


WORDS = {
    "first50": "first token p50",
    "first95": "first token p95",
    "duration95": "whole answer p95",
    "up": "availability",
    "cost": "cost of a call",
}


def tally(rows: list[Row]) -> Tally:
    return Tally(
        inside={id: share(one.is_inside for one in rows if one.id == id) for id in NUMBERS},
        missed=share(one.verdict == "holds" for one in rows if not one.holds),
        wrong=share(not one.holds for one in rows if one.verdict == "holds"),
        given=share(one.verdict != "cannot say" for one in rows if one.is_far),
        half_width=float(np.median([one.half_width for one in rows if one.id in ("first95", "duration95")])),
        exact=share(one.is_exact for one in rows),
    )
