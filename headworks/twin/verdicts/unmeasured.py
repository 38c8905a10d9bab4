"""Targets whose speed has to be measured before a verdict can be given, and what `headworks probe` of them costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from headworks.core.record import Record
from headworks.gateway.prices import Prices
from headworks.gateway.probe import probe_cost
from headworks.system.schema.system import System
from headworks.system.speeds.measurements import PROBE_CALLS
from headworks.twin.verdicts.speed_ends import RestsOn
from headworks.twin.verdicts.verdict import Verdict
from headworks.twin.workload.probe_sizes import probe_sizes


class Unmeasured(msgspec.Struct, frozen=True, kw_only=True):
    """A target that `headworks probe` would have to ask. objectives: those that wait for it; is_known: whether public sources say how
    fast it is, too roughly; calls: as many as a probe makes; cost_nano: of all of them at most, None where its price is unknown."""

    target: str
    objectives: list[str]
    is_known: bool
    calls: int
    cost_nano: int | None


def unmeasured(
    system: System,
    verdicts: Sequence[Verdict],
    rests_on: Sequence[RestsOn],
    read: Callable[[str], bytes],
    records: Sequence[Record],
) -> list[Unmeasured]:
    """The targets of objectives that cannot be judged without their speed. read, records: as of `probe_sizes`."""
    unclear = {one.id for one in verdicts if one.verdict == "cannot say"}
    waiting: dict[str, list[RestsOn]] = {}
    for one in rests_on:
        if one.objective in unclear:
            waiting.setdefault(one.target, []).append(one)
    prices, found = Prices(system), []
    for alias, model in system.models.items():
        for target in (one for tier in model.targets for one in tier):
            mine = waiting.pop(str(target), None)
            if mine is None:
                continue
            sizes = probe_sizes(system, alias, PROBE_CALLS, read, records)
            found.append(
                Unmeasured(
                    target=str(target),
                    objectives=[one.objective for one in mine],
                    is_known=mine[0].origin != "unknown",
                    calls=PROBE_CALLS,
                    cost_nano=probe_cost(prices, model, target, sizes),
                )
            )
    return found
