"""Runs a choice of drills: on virtual time one after the other, on the real loop some at a time.

Always true: outcomes come in the order of the choice, each as soon as it and those before it are there; a drill that
could not be run has an outcome too, which says why.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping

import msgspec

from headworks.core.errors import HeadworksError
from headworks.drill.evidence import Evidence
from headworks.drill.real_time import drill_in_real_time
from headworks.drill.report import DrillOutcome, drill_outcome
from headworks.drill.system_copy import DrilledSystem
from headworks.drill.virtual_time import drill_in_virtual_time
from headworks.system.schema.drills import Drill
from headworks.wire.client_apis import OWN_API

JOBS = 6
"""Drills at once on the real loop. Each waits most of its time: on two cores six of them are nowhere near busy."""


OVERHEAD = 5.0
"""Seconds of a drill beside its calls: a copy starts, the last answers come, the copy ends."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a run. alias: the alias to call where a drill names none. dialect: the API in which callers ask."""

    drilled: DrilledSystem
    drills: Mapping[str, Drill]
    seed: int = 0
    alias: str | None = None
    jobs: int = JOBS
    dialect: str = OWN_API.word


def run_in_virtual_time(run: Run) -> Iterator[DrillOutcome]:
    """The outcomes of drills of vendors, on virtual time."""
    for name, drill in run.drills.items():
        asked = _with_alias(drill, run)
        yield drill_outcome(name, drill_in_virtual_time(run.drilled, name, asked, run.seed, run.dialect))


def run_in_real_time(run: Run, told: Callable[[DrillOutcome], None]) -> list[DrillOutcome]:
    """The outcomes in real time; `told` gets each as it comes. SIGTERM, as Ctrl-C, ends every copy and is a KeyboardInterrupt."""
    try:
        return asyncio.run(_run_in_real_time(run, told))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def expected_seconds(run: Run) -> float:
    """Estimated seconds of a run in real time."""
    spans = [drill.traffic.calls / drill.traffic.rate + OVERHEAD for drill in run.drills.values()]
    return max(max(spans, default=0.0), sum(spans) / run.jobs)


async def _run_in_real_time(run: Run, told: Callable[[DrillOutcome], None]) -> list[DrillOutcome]:
    main = asyncio.current_task()
    assert main is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    starting, places = asyncio.Lock(), asyncio.Semaphore(run.jobs)

    async def one(name: str, drill: Drill) -> DrillOutcome:
        async with places:
            drilling = drill_in_real_time(run.drilled, name, drill, run.seed, starting, run.dialect)
            return drill_outcome(name, await _evidence(run, drill, drilling))

    tasks = [asyncio.ensure_future(one(name, _with_alias(drill, run))) for name, drill in run.drills.items()]
    outcomes = []
    try:
        for task in tasks:
            outcomes.append(await task)
            told(outcomes[-1])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return outcomes


async def _evidence(run: Run, drill: Drill, drilling: Awaitable[Evidence]) -> Evidence:
    """The evidence of a drill, or why it could not run."""
    try:
        return await drilling
    except (HeadworksError, OSError) as error:
        return Evidence(
            drill=drill,
            alias=run.drilled.alias(drill.traffic.alias),
            results=(),
            records=(),
            began_at=0.0,
            faulted=(),
            resumes=False,
            trouble=f"the drill could not run: {error}",
        )


def _with_alias(drill: Drill, run: Run) -> Drill:
    """The drill with the alias that is called."""
    alias = run.drilled.alias(drill.traffic.alias or run.alias)
    return msgspec.structs.replace(drill, traffic=msgspec.structs.replace(drill.traffic, alias=alias))
