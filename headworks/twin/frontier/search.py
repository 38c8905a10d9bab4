"""Searches the frontier of a file: tries systems in short runs, and confirms those that are worth it on fresh seeds.

Theory. Closed forms first: what its limits can never carry is not simulated. Then short runs on common random numbers choose few systems
(`trial.py`, `finalists.py`). Who is chosen out of many looks better than he is, so each of the few gets a whole plan on seeds that
the search did not use, and all are compared on the same calls (`compare.py`).

Always true: the same file, seed and effort give the same answer, whatever the number of processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from headworks.core.errors import PlanError
from headworks.system.schema.system import System
from headworks.twin.compare import compare_judged
from headworks.twin.frontier.axes import Axes, axes_of
from headworks.twin.frontier.batches import mapped
from headworks.twin.frontier.candidates import Candidate, Parse, SourceFile
from headworks.twin.frontier.confirmed import confirmed
from headworks.twin.frontier.finalists import finalists, goals, reserves
from headworks.twin.frontier.points import Found, frontier_of
from headworks.twin.frontier.sampler import Sampler, SamplerOf, WholeSpace
from headworks.twin.frontier.space import Space, space_of
from headworks.twin.frontier.trial import Bench, Tried
from headworks.twin.plan import Judged, PlanInputs, judged
from headworks.twin.report.frontier import Frontier
from headworks.twin.search.confirmation import FRESH
from headworks.twin.simulation.replications import Effort
from headworks.twin.workers.workers import Workers

NEAREST: Final = 3
"""Systems that are simulated all the same where the limits of none carry the load: those that are short of least."""

Told = Callable[[str], None]
"""Takes a line of progress."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched, and how. wanted: systems to look at."""

    source: SourceFile
    system: System
    known: PlanInputs
    parse: Parse
    effort: Effort
    wanted: int


class Judging(msgspec.Struct, frozen=True):
    """Gives a candidate its whole plan, on fresh seeds."""

    bench: Bench
    effort: Effort

    def __call__(self, one: Candidate) -> Judged:
        return judged(self.bench.system(one), self.bench.known, self.effort, lambda line: None)


def search(asked: Search, workers: Workers, proposals: SamplerOf, told: Told = lambda line: None) -> Frontier:
    """The frontier of a file. proposals: makes the sampler where there are more systems than are wanted. Raises HeadworksError."""
    axes = axes_of(asked.system)
    space = asked.source.without_defaults(space_of(asked.system, asked.source.tree), asked.parse, asked.system.digest)
    if space.size < 2:
        raise PlanError(
            "there is nothing to choose from: name two targets or more, or write `choices:` with what may vary "
            "(`headworks init --vendors openai,groq,mistral` writes an example)"
        )
    bench = Bench(asked.parse, asked.known, asked.effort, axes)
    tried = _tried(asked, space, bench, workers, proposals, told)
    if not any(one.numbers for one in tried):
        raise PlanError(_nothing_left(tried))
    chosen = finalists(tried)
    fresh = msgspec.structs.replace(asked.effort, seed=asked.effort.seed + FRESH)
    told(f"confirming {len(chosen)} systems on fresh seeds")
    plans = mapped(workers, Judging(bench, fresh), [one.candidate for one in chosen])
    if not any(_meets_all(one, bench.axes) for one in plans) and (more := reserves(tried, chosen)):
        told(f"confirming {len(more)} more")
        plans += mapped(workers, Judging(bench, fresh), [one.candidate for one in more])
        chosen += more
    names = [f"system {number}" for number in range(1, len(chosen) + 1)]
    found = dict(zip(names, plans, strict=True))
    systems = {name: bench.system(one.candidate) for name, one in zip(names, chosen, strict=True)}
    told("comparing")
    whole = confirmed(compare_judged(systems, found, fresh), found, systems, axes)
    return frontier_of(
        Found(
            source=asked.source,
            system=asked.system,
            space=space,
            axes=axes,
            tried=tried,
            chosen=dict(zip(names, chosen, strict=True)),
            plans=found,
            whole=whole,
            seed=asked.effort.seed,
        )
    )


def _meets_all(one: Judged, axes: Axes) -> bool:
    """Whether a system keeps every promise of the file, before what is paid beside calls."""
    added = {objective.id for objective in axes.added}
    return all(verdict.verdict in ("holds", "not judged") for verdict in one.verdicts if verdict.id not in added)


# The trials.


def _tried(
    asked: Search, space: Space, bench: Bench, workers: Workers, proposals: SamplerOf, told: Told
) -> list[Tried]:
    """The systems that were looked at; each of them once, those with numbers that were worth a run."""
    count = 3 + (bench.axes.quality is not None)
    is_whole = space.size <= asked.wanted
    sampler: Sampler = WholeSpace(space) if is_whole else proposals(space, asked.wanted, asked.effort.seed, count)
    found: list[Tried] = []
    digests: set[str] = set()
    while chosen := sampler.ask():
        made = [asked.source.candidate(space, one) for one in chosen]
        screened = mapped(workers, bench.estimated, made)
        told(f"{len(found)} of {min(asked.wanted, space.size)} systems looked at")
        worth = [one for one in screened if _is_worth_a_run(one) and one.digest not in digests]
        digests |= {one.digest for one in worth}
        ran = {one.candidate.chosen: one for one in mapped(workers, bench.tried, worth)}
        batch = [ran.get(one.candidate.chosen, one) for one in screened]
        sampler.tell([(one.candidate.chosen, goals(one, count)) for one in batch])
        found += batch
    return found if any(one.numbers for one in found) else _nearest(found, bench, workers)


def _is_worth_a_run(one: Tried) -> bool:
    """Whether formulas leave it open what it is worth."""
    known = one.estimate
    return known is not None and known.is_settled and not known.unknown and not known.unpriced


def _nearest(found: Sequence[Tried], bench: Bench, workers: Workers) -> list[Tried]:
    """Where none is worth a run: those that are unknown in some way and have room, else those that are short of least."""
    known = [one for one in found if one.estimate is not None]
    with_room = [one for one in known if one.estimate is not None and one.estimate.is_settled]
    short = sorted(known, key=lambda one: 0.0 if one.estimate is None else one.estimate.shortage)
    worth = {one.digest: one for one in reversed(with_room or short[:NEAREST])}
    ran = {one.candidate.chosen: one for one in mapped(workers, bench.tried, list(reversed(worth.values())))}
    return [ran.get(one.candidate.chosen, one) for one in found]


def _nothing_left(tried: Sequence[Tried]) -> str:
    refused = Counter(one.refused.why for one in tried if one.refused is not None)
    [(why, count)] = refused.most_common(1)
    return f"none of {len(tried)} systems can be built: {count} of them because of {why}"
