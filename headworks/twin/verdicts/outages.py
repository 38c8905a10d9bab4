"""Availability over long windows: outages are drawn as schedules, and each outage state is simulated by a short run.

Theory. A month of calls cannot be simulated one by one: at 20 a second it has 52 million. But the stack does not care
what day it is: while the same providers are down it answers the same share of calls. So each provider's own outages and
each common cause alternate between down and up (both exponential; a share `q` of the time is down), the month is cut
into stretches in which nothing changes, and each stretch counts with the share of calls that the stack answered in a
short run with exactly these providers away. A common cause takes its share (the beta factor, Fleming 1975) of each
provider's outages, so for n alike the mean is ((1 - beta) q)^n + beta q: 1.08e-3 for two with 1 % and 10 %, 1.00e-3 for
three, as in `system/verdicts/closed_forms.py`, and what is added here is how much single months differ.

Always true: what a short run costs is independent of the window's length; the same seed gives the same months; what strikes two
systems strikes both at the same times, whatever else strikes one of them (as far as it strikes both for the same share of time).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from headworks.system.verdicts.closed_forms import Cause
from headworks.twin.models.random_streams import Floats, generator

WINDOWS: Final = 2000
"""Months that are made: the 5th percentile of them is then known to about half a percentile."""


class OutageCause(msgspec.Struct, frozen=True):
    """A cause that takes its providers down together for `share` of the time. name: that of its random draws, the same in every
    system that it strikes."""

    providers: frozenset[str]
    share: float
    name: str


def outage_causes(outages: Mapping[str, float], causes: Sequence[Cause]) -> list[OutageCause]:
    """The causes that strike these providers, and each one's own outages that are left."""
    met = [(cause, cause.providers & outages.keys()) for cause in causes]
    met = [(cause, struck) for cause, struck in met if struck]
    found = [
        OutageCause(
            struck, cause.share * max(outages[name] for name in struck), f"common/{number}/{'+'.join(sorted(struck))}"
        )
        for number, (cause, struck) in enumerate(met)
    ]
    for name, outage in outages.items():
        common = sum(cause.share for cause, struck in met if name in struck)
        found.append(OutageCause(frozenset({name}), max(0.0, 1 - common) * outage, f"own/{name}"))
    return [source for source in found if source.share > 0]


MAX_CAUSES: Final = 12
"""Sources of which every set is gone through: 4,096 of them take some milliseconds."""


def state_shares(outages: Mapping[str, float], causes: Sequence[Cause]) -> dict[frozenset[str], float] | None:
    """The share of time in which exactly these providers are down, for each set of them; None if there are too many sets."""
    found = outage_causes(outages, causes)
    if len(found) > MAX_CAUSES:
        return None
    shares = {frozenset[str](): 1.0}
    for source in found:
        made: dict[frozenset[str], float] = {}
        for state, share in shares.items():
            made[state] = made.get(state, 0.0) + share * (1 - source.share)
            struck = state | (source.providers & outages.keys())
            made[struck] = made.get(struck, 0.0) + share * source.share
        shares = made
    return shares


class SimulatedWindows(msgspec.Struct, frozen=True):
    """For each window and each set of down providers: its share of the window."""

    states: list[frozenset[str]]
    shares: Floats
    """Windows by states."""

    def share_of(self, state: frozenset[str]) -> float:
        """The share of all time in which exactly these are down."""
        return float(self.shares[:, self.states.index(state)].mean()) if state in self.states else 0.0


def simulate_windows(
    outages: Mapping[str, float],
    causes: Sequence[Cause],
    window: float,
    lasting: float,
    seed: int,
    *,
    windows: int = WINDOWS,
) -> SimulatedWindows:
    """Draws windows. window: seconds of each; lasting: mean seconds of an outage."""
    names = list(outages)
    found = outage_causes(outages, causes)
    whole = window * windows
    times: list[Floats] = [np.arange(windows, dtype=np.float64) * window]
    marks: list[NDArray[np.int64]] = [np.full(windows, -1)]
    steps: list[NDArray[np.int64]] = [np.zeros(windows, dtype=np.int64)]
    for number, source in enumerate(found):
        begun, ended = _alternating_renewal(source.share, lasting, whole, generator(seed, f"outages/{source.name}"))
        times += [begun, ended]
        marks += [np.full(len(begun), number), np.full(len(ended), number)]
        steps += [np.ones(len(begun), dtype=np.int64), -np.ones(len(ended), dtype=np.int64)]
    at, mark, step = np.concatenate(times), np.concatenate(marks), np.concatenate(steps)
    order = np.lexsort((step, at))
    at, mark, step = at[order], mark[order], step[order]
    bits = np.zeros(len(at), dtype=np.int64)
    for name_number, name in enumerate(names):
        down = np.zeros(len(at), dtype=np.int64)
        for number, source in enumerate(found):
            if name in source.providers:
                down += np.cumsum(np.where(mark == number, step, 0)) > 0
        bits |= np.where(down > 0, 1 << name_number, 0)
    lengths = np.diff(np.append(at, whole))
    inside = np.minimum((at // window).astype(np.int64), windows - 1)
    kinds, which = np.unique(bits, return_inverse=True)
    shares = np.zeros((windows, len(kinds)))
    np.add.at(shares, (inside, which), np.maximum(0.0, lengths) / window)
    states = [frozenset(name for number, name in enumerate(names) if int(kind) >> number & 1) for kind in kinds]
    return SimulatedWindows(states, shares)


def _alternating_renewal(share: float, lasting: float, whole: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The start and end times of a cause's outages, over `whole` seconds (an alternating renewal process)."""
    if share >= 1:
        return np.array([0.0]), np.array([whole])
    apart = lasting * (1 - share) / share
    count = int(whole / (lasting + apart) * 1.1 + 8 * (whole / (lasting + apart)) ** 0.5) + 10
    ups, downs = rng.exponential(apart, count), rng.exponential(lasting, count)
    ended = np.cumsum(ups + downs)
    begun = ended - downs
    is_in = begun < whole
    return begun[is_in], np.minimum(ended[is_in], whole)
