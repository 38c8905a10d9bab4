"""The calls of one run of the plan, given to the independent simulation: the same arrivals, sizes, speeds and broken answers."""

from __future__ import annotations

import msgspec
import numpy as np

from headworks.twin.models.random_streams import CallDraws
from headworks.twin.simulation.replications import Plan
from headworks.twin.simulation.run import Simulation, simulate
from headworks.twin.workload.arrivals import Arrivals, Stretch
from tests.twin.cases import Case
from tests.twin.independent import Calls, Peak, Seen


class Replay(msgspec.Struct, frozen=True):
    """What both say of the same calls, in their order. ours: nan where there is no whole answer."""

    first: np.ndarray
    duration: np.ndarray
    other: Seen

    @property
    def apart(self) -> float:
        """The largest difference of a call's times, in seconds; infinite where only one has a whole answer."""
        if not np.array_equal(np.isnan(self.first), ~self.other.is_whole):
            return float("inf")
        pairs = ((self.first, self.other.first), (self.duration, self.other.duration))
        return max(float(np.nanmax(np.abs(mine - theirs))) for mine, theirs in pairs)


def replayed(case: Case, seed: int) -> Replay:
    """One peak that begins with an empty system."""
    whole = Plan(case.system, case.models(case.prepared().modelled.models), case.prepared().demand.workload)
    arrivals = whole.workload.draw(seed, 0, Stretch(before=0.0, seconds=case.seconds, after=0.0))
    run = simulate(whole.system, whole.models, arrivals, seed)
    tiers = case.other_tiers()
    for tier in tiers:
        tier.begin(is_empty=False)
    records = [one for one in run.sink.records if one is not None]
    first = np.array([one.head_at - one.arrived_at if one.outcome == "ok" else np.nan for one in records])
    duration = np.array([one.last_at - one.arrived_at if one.outcome == "ok" else np.nan for one in records])
    return Replay(first, duration, Peak(calls_of(whole, arrivals, run, seed), tiers, case.deadline).run())


def calls_of(plan: Plan, arrivals: Arrivals, run: Simulation, seed: int) -> Calls:
    """The same calls as the other simulation knows them. The gateway takes a token for four bytes of the body when a call begins, and
    the rest when it is known what was read and written. What it took too much is refilled by then."""
    count = len(arrivals.at)
    prompt, output = [one.prompt for one in arrivals.sizes], [one.output for one in arrivals.sizes]
    takes = [-(-len(run.call(index).body) // 4) for index in range(count)]
    made = Calls(
        at=arrivals.at,
        takes=[float(one) for one in takes],
        writes=[float(max(0, one + other - taken)) for one, other, taken in zip(prompt, output, takes, strict=True)],
        prompt=[float(one) for one in prompt],
        output=[float(one) for one in output],
        heads=[],
        paces=[],
        lefts=[],
        breaks=[],
    )
    for model in plan.models.values():
        draws = CallDraws(model, count, seed)
        rows = [draws.of(index, 0) for index in range(count)]
        broken = [chance < sum(model.faults.values()) for _, _, chance, _ in rows]
        made.heads.append([model.first.median * first for first, _, _, _ in rows])
        made.paces.append([model.pace.median * pace for _, pace, _, _ in rows])
        made.breaks.append(broken)
        made.lefts.append(
            [
                float(int(row[3] * (size - 1)) if is_broken else size - 1)
                for row, size, is_broken in zip(rows, output, broken, strict=True)
            ]
        )
    return made
