"""Simulated loads: one short run, as `headworks load` would send it.

Always true: the gateway starts as after a restart, all limits free, as it does before a load.
"""

from __future__ import annotations

from collections.abc import Mapping

from headworks.core.record import Record
from headworks.system.schema.system import System
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.simulation.run import simulate
from headworks.twin.workload.arrivals import Arrivals


def simulate_load(system: System, models: Mapping[str, VendorModel], arrivals: Arrivals, seed: int) -> list[Record]:
    """The records of the calls that arrived in the measured stretch."""
    sink = simulate(system, models, arrivals, seed).sink
    return [one for one in sink.records if one is not None and arrivals.begins <= one.arrived_at <= arrivals.ends]
