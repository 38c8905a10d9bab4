"""Systems that miss one promise, which one known change would keep: what a search for remedies should find."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System
from headworks.twin.plan import PlanInputs, peak_of, prepare
from headworks.twin.report.report import Remedy
from headworks.twin.search.changes import Change, remedy_ladders
from headworks.twin.search.remedies import joined
from headworks.twin.search.search import ChangeSearch
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan, Run
from headworks.twin.verdicts.verdict import Judge, Verdict
from tests.system.files import right

FILE = """\
requirements:
  traffic: {{peak_rps: {rate:.4g}, peak_for: {seconds}s, {repeated}prompt_tokens: {{p50: 200, p95: 500}}, output_tokens: {{p50: 40, p95: 90}}}}
  objectives: [{objective}]
providers:
  v: {{dialect: simulated, {v}}}
  w: {{dialect: simulated, {w}}}
models:
  a: {{targets: [{targets}], max_output: 200, price: {{input: $1/M, output: $5/M}}{model}}}
{more}
"""
SPEED = "first_token: {p50: 200ms, p99: 500ms}, per_token: {p50: 8ms, p99: 15ms}"
SLOW = "first_token: {p50: 2s, p99: 4s}, per_token: {p50: 8ms, p99: 15ms}"
V, W = (f"{{provider: {name}, expect: {{availability: 100%}}}}" for name in "vw")
UP = "{id: it, metric: availability, at_least: 97%}"
FIRST = "{id: it, metric: time_to_first_token, percentile: 95, at_most: 1s}"
CALL_SECONDS = 0.6
"""About what a call of these takes: 200 ms, and 40 tokens of 8 ms with their spread."""
CALL_TOKENS = 290.0
"""About what a call of these has of tokens, on average."""


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """A system and the name of the change that would do, or of the two."""

    system: System
    knobs: tuple[str, ...]


def _system(rate: float, seconds: int, **parts: str) -> System:
    usual = {"v": SPEED, "w": SPEED, "targets": V, "model": "", "more": "", "repeated": "", "objective": UP}
    return right(FILE.format(rate=rate, seconds=seconds, **{**usual, **parts}))


def retries(rng: np.random.Generator, rate: float, seconds: int) -> Planted:
    faults = f"faults: {{server_error: {rng.uniform(6, 12):.3g}%}}"
    system = _system(rate, seconds, v=f"{SPEED}, {faults}", model=", retry: {attempts: 1}")
    return Planted(system=system, knobs=("retry.attempts of a",))


def order(rng: np.random.Generator, rate: float, seconds: int) -> Planted:
    return Planted(
        system=_system(rate, seconds, v=SLOW, targets=f"{V}, {W}", objective=FIRST), knobs=("order of a's tiers",)
    )


def slots(rng: np.random.Generator, rate: float, seconds: int) -> Planted:
    places = max(1, round(rate * CALL_SECONDS / rng.uniform(1.3, 2.5)))
    system = _system(rate, seconds, v=f"{SPEED}, concurrency: {places}", objective=FIRST)
    return Planted(system=system, knobs=("concurrency of v",))


def requests(rng: np.random.Generator, rate: float, seconds: int) -> Planted:
    keys = f"keys: {{web: {{key: a-key-of-some-length, rpm: {round(rate * 60 / rng.uniform(1.4, 3))}}}}}"
    good = f"{{id: it, metric: goodput, at_least: {rate * 0.95:.4g}rps}}"
    return Planted(system=_system(rate, seconds, more=keys, objective=good), knobs=("rpm of key web",))


def streams(rng: np.random.Generator, rate: float, seconds: int) -> Planted:
    faults = f"faults: {{cut: {rng.uniform(6, 12):.3g}%}}"
    return Planted(
        system=_system(rate, seconds, v=f"{SPEED}, {faults}", targets=f"{V}, {W}"), knobs=("mid_stream of a",)
    )


def cached(rng: np.random.Generator, rate: float, seconds: int) -> Planted:
    objective = "{id: it, metric: cost_per_call, at_most: $0.0003}"
    repeated = f"repeated: {rng.uniform(55, 70):.3g}%, "
    return Planted(system=_system(rate, seconds, repeated=repeated, objective=objective), knobs=("cache of a",))


def both(rng: np.random.Generator, rate: float, seconds: int) -> Planted:
    """Two limits of a key, one behind the other: neither helps enough alone."""
    lack = rng.uniform(1.6, 2.5)
    limits = f"rpm: {round(rate * 60 / lack)}, tpm: {round(rate * 60 * CALL_TOKENS / lack)}"
    keys = f"keys: {{web: {{key: a-key-of-some-length, {limits}}}}}"
    good = f"{{id: it, metric: goodput, at_least: {rate * 0.95:.4g}rps}}"
    return Planted(system=_system(rate, seconds, more=keys, objective=good), knobs=("rpm of key web", "tpm of key web"))


KINDS: dict[str, Callable[[np.random.Generator, float, int], Planted]] = {
    one.__name__: one for one in (retries, order, slots, requests, streams, cached, both)
}


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found for a planted system."""

    plan: Plan
    objective: Objective
    verdict: Verdict
    courses: Courses
    remedies: list[Remedy]
    simulated: int

    def change(self, offer: Remedy) -> Change:
        """The change that an offer is of."""
        known = {(one.name, one.said): one for ladder in remedy_ladders(self.plan) for one in ladder}
        parts = [known[part.knob, part.said] for part in offer.changes]
        return parts[0] if len(parts) == 1 else joined(parts[0], parts[1])

    def checked(self, offer: Remedy, effort: Effort) -> tuple[Verdict, list[Run]]:
        """The verdict after an offer, on seeds of nobody's."""
        turned = self.change(offer).apply(self.plan)
        _, made = self.courses.runs(turned, effort)
        return Judge(turned, made, effort.seed, courses=self.courses).of(self.objective), made


def search(system: System, effort: Effort) -> Searched:
    """Judges a system and searches remedies for what it misses."""
    ready = prepare(system, PlanInputs(read=lambda path: b""))
    plan = Plan(system, ready.modelled.models, ready.demand.workload)
    courses = Courses(peak_of(system, ready.demand), ready.demand.workload.rate)
    course, made = courses.runs(plan, effort)
    [objective] = system.requirements.objectives
    judge = Judge(plan, made, effort.seed, ready.demand.busy, courses=courses)
    verdict = judge.of(objective)
    found = ChangeSearch(plan, effort, ready.demand.busy, courses, made if course.is_whole else ())
    missed = [] if verdict.verdict == "holds" else [objective]
    remedies = found.remedies(missed, [verdict], judge.money)
    return Searched(
        plan=plan, objective=objective, verdict=verdict, courses=courses, remedies=remedies, simulated=found.simulated
    )
