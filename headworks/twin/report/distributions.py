"""How the value of each objective is spread: a latency over calls, an availability over windows of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headworks.system.schema.requirements import Objective
from headworks.twin.report.report import PERCENTS, Distribution
from headworks.twin.simulation.replications import Run
from headworks.twin.verdicts.verdict import Judge


def distributions(objectives: Sequence[Objective], made: Sequence[Run], judge: Judge) -> list[Distribution]:
    """Of those objectives that have one; a mean or a sum has an interval only."""
    found = []
    for one in objectives:
        if one.metric in ("time_to_first_token", "duration"):
            mine = [run.seen.of(one.alias) for run in made]
            values = np.concatenate(
                [seen.first if one.metric == "time_to_first_token" else seen.duration for seen in mine]
            )
            values = values[~np.isnan(values)]
            over = "calls"
        elif one.metric == "availability" and one.window is not None:
            values = np.array(judge.availability(one).values)
            over = "windows"
        else:
            continue
        if len(values):
            spread = [float(value) for value in np.percentile(values, PERCENTS)]
            found.append(Distribution(objective=one.id, over="calls" if over == "calls" else "windows", values=spread))
    return found
