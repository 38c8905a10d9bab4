"""Which fault a target has at an instant. Pure: the instant is given, and chance comes from the seed.

Always true: with the same seed the same arrivals at a target have the same faults, on either loop; each target draws
from its own source of chance, so that what one is asked does not shift another.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from headworks.system.schema.drills import EVERY, Drill, DrillFault, Fault, named


class FaultSchedule:
    """The faults of one drill, for targets as `provider/model`. first: the targets of the first tier."""

    def __init__(self, drill: Drill, targets: Sequence[str], first: Sequence[str], seed: int) -> None:
        self.faulted: dict[str, list[DrillFault]] = {}
        for fault in drill.faults:
            for target in targets:
                if _is_selected(fault, target, first):
                    self.faulted.setdefault(target, []).append(fault)
        self._chance = {target: Random(f"{seed}/{target}/fault") for target in self.faulted}

    def of(self, target: str, at: float) -> Fault | None:
        """The fault of an attempt that begins `at` seconds after the first call. Draws only where a share is written."""
        for fault in self.faulted.get(target, ()):
            if fault.from_ <= at < fault.until:
                if fault.share < 1 and self._chance[target].random() >= fault.share:
                    return None
                return fault.fault
        return None

    def downtimes(self, provider: str) -> list[tuple[float, float]]:
        """When a provider accepts no connection at all: from, until."""
        return [
            (fault.from_, fault.until)
            for target, faults in self.faulted.items()
            if target.partition("/")[0] == provider
            for fault in faults
            if fault.fault == "refused" and fault.share == 1
        ]


def _is_selected(fault: DrillFault, target: str, first: Sequence[str]) -> bool:
    if not fault.targets:
        return target in first
    return any(text == EVERY or named(text, target) for text in fault.targets)
