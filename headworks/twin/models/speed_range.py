"""A target whose speed nobody wrote and no ledger knows: as it is simulated, and at the fast and the slow end of what it may be."""

from __future__ import annotations

from typing import Literal

import msgspec

from headworks.system.schema.system import Fault
from headworks.twin.models.vendor_model import Latency, VendorModel

SpeedOrigin = Literal["probed", "prior", "unknown"]
"""`headworks probe` measured it; a public source says so; nobody says."""


class TimeRange(msgspec.Struct, frozen=True):
    """One time: as it is simulated, and the ends of its interval."""

    value: Latency
    fast: Latency
    slow: Latency


class KnownSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a target's speed. said: from where, in words. faults: shares that were seen, None where none were."""

    origin: SpeedOrigin
    first_token: TimeRange
    per_token: TimeRange
    said: str
    faults: dict[Fault, float] | None = None


class SpeedRange(msgspec.Struct, frozen=True, kw_only=True):
    """A target's model at both ends of what its speed may be."""

    origin: SpeedOrigin
    said: str
    fast: VendorModel
    slow: VendorModel
