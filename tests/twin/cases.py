"""Systems as the plan and as the independent simulation (`independent.py`) know them, and what each says of them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from headworks.system.schema.system import System
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.plan import PlanInputs, Prepared, peak_of, prepare
from headworks.twin.simulation.confidence_interval import Interval
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan, Run, estimate
from headworks.twin.verdicts.verdict import Judge, Verdict
from tests.system.files import right
from tests.twin.independent import Load, Seen, Tier, Times, simulated, together

FILE = """\
requirements:
  traffic: {{peak_rps: {rate}, burstiness: {burstiness}, peak_for: {seconds}s, prompt_tokens: {{p50: {prompt[0]}, p95: {prompt[1]}}},
    output_tokens: {{p50: {output[0]}, p95: {output[1]}}}{daily}}}
  objectives:
    - {{id: first50, metric: time_to_first_token, percentile: 50, at_most: {first50}s}}
    - {{id: first95, metric: time_to_first_token, percentile: 95, at_most: {first95}s}}
    - {{id: duration95, metric: duration, percentile: 95, at_most: {duration95}s}}
    - {{id: up, metric: availability, at_least: {up}%}}{cost}
providers: {{{providers}}}
models: {{m: {{targets: [{targets}], timeouts: {{total: {deadline}s, first_token: {deadline}s}}{price}}}}}
"""
USUAL: dict[str, float] = {"first50": 1, "first95": 2, "duration95": 20, "up": 0.99}
"""Bounds, where a test is not about them."""

PRICE = (1e-6, 5e-6)
"""Dollars of a token that is read, and of one that is written."""

STEADY_DAY = 3600.0
"""Seconds before the peak for which the other simulation runs at what the day usually asks: its queues and buckets are then
as such a day leaves them."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A system. tiers: the limits of each; prompt, output, first, pace: at the median and at the 95th percentile, first and pace in
    seconds; firsts: of each tier, where they differ; day: the day's mean load by the peak's; broken: the share of answers that break off;
    bounds: of the objectives, in seconds, shares and dollars."""

    rate: float
    seconds: float
    tiers: tuple[dict[str, float], ...]
    prompt: tuple[int, int] = (500, 2000)
    output: tuple[int, int] = (100, 400)
    first: tuple[float, float] = (0.2, 0.4)
    firsts: tuple[tuple[float, float], ...] = ()
    pace: tuple[float, float] = (0.01, 0.02)
    deadline: float = 120.0
    burstiness: float = 1.0
    day: float = 1.0
    broken: float = 0.0
    bounds: dict[str, float] = msgspec.field(default_factory=lambda: dict(USUAL))

    def first_of(self, number: int) -> tuple[float, float]:
        return self.firsts[number] if self.firsts else self.first

    @property
    def call_seconds(self) -> tuple[float, ...]:
        """How long a call takes at each tier on average, where it is whole."""
        writing = Times(*self.pace).mean * max(0.0, Times(*self.output).mean - 1)
        return tuple([Times(*self.first_of(number)).mean + writing for number in range(len(self.tiers))])

    @property
    def capacity(self) -> float:
        """Calls a second that all tiers carry, by the means."""
        tokens = Times(*self.prompt).mean + Times(*self.output).mean
        carried = 0.0
        for limits, lasts in zip(self.tiers, self.call_seconds, strict=True):
            each = {"concurrency": lasts, "rpm": 60.0, "tpm": 60.0 * tokens}
            carried += min(size / each[limit] for limit, size in limits.items())
        return carried

    @property
    def load(self) -> float:
        return self.rate / self.capacity

    @property
    def system(self) -> System:
        names = [f"v{number}" for number in range(len(self.tiers))]
        pace = f"per_token: {{p50: {self.pace[0] * 1000:g}ms, p95: {self.pace[1] * 1000:g}ms}}"
        targets = []
        for number, name in enumerate(names):
            first = self.first_of(number)
            expect = f"{{first_token: {{p50: {first[0]:g}s, p95: {first[1]:g}s}}, {pace}, availability: 100%}}"
            targets.append(f"[{{provider: {name}, model: x, expect: {expect}}}]")
        limits = [", ".join(f"{limit}: {int(size)}" for limit, size in tier.items()) for tier in self.tiers]
        providers = ", ".join(
            f'{name}: {{dialect: openai, base_url: "https://v/v1", {limit}}}'
            for name, limit in zip(names, limits, strict=True)
        )
        bounds = {id: f"{bound:.9f}" for id, bound in self.bounds.items()}
        cost = f"\n    - {{id: cost, metric: cost_per_call, at_most: ${bounds['cost']}}}" if "cost" in bounds else ""
        daily = ", ".join(["100%", *[f"{100 * (24 * self.day - 1) / 23:.9g}%"] * 23])
        return right(
            FILE.format(
                rate=self.rate,
                seconds=self.seconds,
                prompt=self.prompt,
                output=self.output,
                daily=f", daily: [{daily}]" if self.day < 1 else "",
                providers=providers,
                targets=", ".join(targets),
                deadline=self.deadline,
                burstiness=self.burstiness,
                price=", price: {input: $1/M, output: $5/M}" if cost else "",
                **bounds | {"up": f"{100 * self.bounds['up']:.9g}", "cost": cost},
            )
        )

    def prepared(self) -> Prepared:
        return prepare(self.system, PlanInputs(read=lambda path: b""))

    def planned(self, effort: Effort) -> tuple[Courses, Plan, list[Run]]:
        """The runs of a plan whose vendors never fail, but for the answers that break off."""
        ready = self.prepared()
        whole = Plan(self.system, self.models(ready.modelled.models), ready.demand.workload)
        courses = Courses(peak_of(self.system, ready.demand), whole.workload.rate)
        return courses, whole, courses.runs(whole, effort)[1]

    def models(self, known: Mapping[str, VendorModel]) -> dict[str, VendorModel]:
        faults = {"cut": self.broken} if self.broken else {}
        return {name: msgspec.structs.replace(model, faults=faults) for name, model in known.items()}

    def verdicts(self, effort: Effort) -> tuple[dict[str, Verdict], list[Run]]:
        """What a plan says of each objective, and its runs."""
        courses, whole, made = self.planned(effort)
        judge = Judge(whole, made, effort.seed, whole.system.requirements.traffic.busy, courses=courses)
        return {one.id: judge.of(one) for one in whole.system.requirements.objectives}, made

    def other_tiers(self) -> list[Tier]:
        """The tiers, for the other simulation."""
        return [
            Tier(
                Times(*self.first_of(number)),
                Times(*self.pace),
                tier.get("concurrency", np.inf),
                tier.get("rpm"),
                tier.get("tpm"),
            )
            for number, tier in enumerate(self.tiers)
        ]

    def peak(self, seed: int, *, is_empty: bool, warm: float, is_all_at_once: bool = False) -> Seen:
        """One peak, by the other simulation. is_all_at_once: see there."""
        load = Load(
            self.rate,
            Times(*self.prompt),
            Times(*self.output),
            self.seconds,
            self.burstiness,
            warm,
            self.day,
            self.broken,
            is_all_at_once,
        )
        return simulated(load, self.other_tiers(), seed, deadline=self.deadline, is_empty=is_empty)

    def independent(self, runs: int, *, is_empty: bool, is_all_at_once: bool = False) -> Seen:
        """The calls of so many peaks, by the other simulation."""
        warm = 0 if is_empty else 600
        made = [self.peak(seed, is_empty=is_empty, warm=warm, is_all_at_once=is_all_at_once) for seed in range(runs)]
        return together(made)

    def usual_peak(self, seed: int) -> Seen:
        """A peak that begins as docs/plan/run-length.md says: as the day's mean load leaves the system; where every hour is the peak and
        more is asked than it carries, with limits that are used up and without a queue."""
        is_empty = self.load * self.day >= 1
        return self.peak(seed, is_empty=is_empty, warm=0.0 if is_empty else STEADY_DAY)


def predicted(plan: Plan, made: list[Run]) -> dict[str, Interval]:
    found = {one.id: estimate(one, made) for one in plan.system.requirements.objectives}
    return {id: interval for id, interval in found.items() if interval is not None}
