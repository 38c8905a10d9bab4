"""What `headworks probe` measured of a system's targets, for their models.

Always true: a measurement of another address, model or place in the file is not used, and then a note says so.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from headworks.system.schema.system import OpenAI, System
from headworks.system.speeds.measurements import Measurement, Measurements, Spread, usable
from headworks.twin.models.building import HOSTED_FIRST, Assumption
from headworks.twin.models.probed import latencies, measured_faults
from headworks.twin.models.speed_range import KnownSpeed, TimeRange


class Speeds(msgspec.Struct, frozen=True, kw_only=True):
    """Measured speeds by target, and notes on them."""

    known: dict[str, KnownSpeed] = {}
    notes: list[Assumption] = []


def measured_speeds(system: System, measurements: Measurements) -> Speeds:
    """The measurements of a system's targets that are usable."""
    found = usable(system, measurements)
    targets = {str(one): one for model in system.models.values() for tier in model.targets for one in tier}
    known: dict[str, KnownSpeed] = {}
    notes: list[Assumption] = []
    for name in targets:
        one = measurements.targets.get(name)
        if name in found:
            is_hosted = isinstance(system.providers[targets[name].provider], OpenAI)
            known[name] = _speed(found[name], HOSTED_FIRST.tail if is_hosted else None)
        elif one is not None:
            why = "too few answers" if not one.is_enough else "it was of another address, model or settings"
            said = f"what `headworks probe` measured on {date_of(one)} is not used: {why}"
            notes.append(Assumption(about=name, assumed=said, instead="run `headworks probe` again"))
    return Speeds(known=known, notes=notes)


def date_of(measured: Measurement) -> str:
    """The day on which it was measured."""
    return datetime.fromtimestamp(measured.at, UTC).strftime("%Y-%m-%d")


def _speed(measured: Measurement, tail: float | None) -> KnownSpeed:
    first, pace = measured.first_token, measured.per_token
    assert first is not None, "what is usable has both"
    assert pace is not None, "what is usable has both"
    return KnownSpeed(
        origin="probed",
        first_token=_range(first, tail),
        per_token=_range(pace, None),
        said=f"measured by `headworks probe` on {date_of(measured)} at {measured.place}, {measured.answered} of {measured.calls} calls answered",
        faults=measured_faults(measured) or None,
    )


def _range(spread: Spread, tail: float | None) -> TimeRange:
    return TimeRange(*latencies(spread, tail))
