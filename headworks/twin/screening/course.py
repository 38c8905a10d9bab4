"""How much of the peak one run simulates: a stretch of a stable system, the whole peak of one that is not.

Theory. What a stable queue shows in a stretch of many relaxations is what it shows in the whole peak, so a stretch is
enough, after a warm-up in which it forgets that it began empty. Near its capacity a queue takes longer to settle than the
peak lasts, and beyond it never settles: then the peak is simulated from its first call to its last, from the state in
which the day's mean load leaves the system. A queue beyond its capacity is bounded all the same, by deadlines and by
what the gateway holds: once it is full nothing changes, and a stretch of that stands for the rest of the peak.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, isfinite, sqrt
from typing import Final

import msgspec

from headworks.system.schema.system import System
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.capacity import Capacity, capacity, relaxed_after
from headworks.twin.screening.shorts import Short
from headworks.twin.workload.arrivals import Stretch
from headworks.twin.workload.mix import Mix

RELAXATIONS: Final = 20
"""Relaxations in a stretch that is judged: the variance of its mean is then within 5 % of 1/n, as if its parts were independent."""

RELAXATIONS_COMPARED: Final = 5
"""In one of two that are compared over the same random numbers: their common course is in no difference."""

WARM: Final = 3
"""Relaxations before what is measured: exp(-3), a twentieth of the start, is left."""

BATCH: Final = 5
"""Relaxations in a batch at least: neighbours are then correlated by a tenth at most. A queue that is full remembers a whole
wait: what is let in now was turned away or not by what was answered a wait ago."""

BATCH_CALLS: Final = 500
BATCHES: Final = 4
"""Calls of a batch at least, and batches of a run at most: with four runs sixteen, from where Student's t changes little
(Schmeiser, Batch size effects in the analysis of simulation output, 1982: ten to thirty)."""

LATE: Final = 2.0
"""Standard deviations by which a queue may be full later than the fluid says: of forty peaks one is later."""

STABLE: Final = 0.97
"""The use from which a queue is never taken for stable: the means that it rests on are known to some hundredths."""

SHORTEST_WARM: Final = 20.0
"""Seconds before what is measured at least: the first calls of a run have ended by then."""

AFTER: Final = 30.0
"""Seconds of arrivals after what is measured at most: answers slow each other, and most last no longer."""


MOST_CALLS: Final = 100_000
"""Calls of a run at most: twenty seconds of one core, and some hundreds of megabytes. An hour at 27 calls a second has fewer."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """One run. drained: counters of limits that begin used up. batches: parts of a run that count as independent. is_whole:
    the peak is simulated from its beginning. full_from: seconds into the peak from which on nothing changes, and the rest
    of the run stands for the rest of the `peak`; None where every call of it was simulated, or it is stationary. longest: seconds that a
    call waits then at most.
    stretch: None for a trace, which is replayed as it was. is_cut: whether the peak has more calls than a run may have, so that
    only its beginning is simulated."""

    stretch: Stretch | None
    calls: int
    drained: tuple[tuple[str, int], ...] = ()
    batches: int = 1
    is_whole: bool = False
    full_from: float | None = None
    longest: float = 0.0
    peak: float = 0.0
    is_cut: bool = False

    @property
    def simulated(self) -> int:
        """About how many calls it simulates."""
        if self.stretch is None:
            return self.calls
        rate = self.calls / self.stretch.seconds
        return ceil(rate * (self.stretch.before * self.stretch.load + self.stretch.seconds + self.stretch.after))


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """What a course is made from: the load, and how long it lasts. busy: a day's mean load by the peak's."""

    mix: tuple[Mix, ...]
    burstiness: float
    seconds: float
    busy: float
    slowest: float = 0.0
    """Seconds for which single events reach, as bursts of failures and open circuits: batches are longer."""

    def scaled(self, factor: float) -> Peak:
        """The same at so many times the rate."""
        return msgspec.structs.replace(
            self, mix=tuple([msgspec.structs.replace(one, rate=one.rate * factor) for one in self.mix])
        )


def course_of(
    system: System,
    models: Mapping[str, VendorModel],
    peak: Peak,
    calls: int,
    relaxations: int = RELAXATIONS,
    down: frozenset[str] = frozenset(),
) -> Course:
    """The course of a run that measures `calls` calls at least. relaxations: of its slowest queue, as many at least."""
    load = capacity(system, models, peak.mix, peak.burstiness, down)
    wanted = max(float(calls), relaxations * load.relaxation)
    most = max(float(calls), min(MOST_CALLS, load.rate * peak.seconds))
    if load.use < STABLE and wanted + WARM * load.relaxation <= most:
        return steady_course(load, peak, ceil(wanted))
    return whole_course(system, models, peak, load, calls, down)


def steady_course(load: Capacity, peak: Peak, calls: int) -> Course:
    """A stretch of a stable system, at the rate of the peak."""
    seconds = calls / load.rate
    before = max(SHORTEST_WARM, 0.15 * seconds, WARM * load.relaxation / load.rate)
    least = max(BATCH_CALLS, BATCH * max(load.relaxation, peak.slowest * load.rate))
    return Course(
        stretch=Stretch(before=before, seconds=seconds, after=min(0.1 * seconds, AFTER)),
        calls=calls,
        drained=load.drained,
        batches=max(1, min(BATCHES, int(calls / least))),
    )


def whole_course(
    system: System,
    models: Mapping[str, VendorModel],
    peak: Peak,
    load: Capacity,
    calls: int,
    down: frozenset[str],
) -> Course:
    """The peak from its beginning, to its end or until a queue that is full has been seen for long enough."""
    day = max(0.01, min(peak.busy, 1 / load.use if load.use > 1 else 1.0))
    usual = capacity(system, models, peak.scaled(peak.busy).mix, peak.burstiness, down)
    warm = (
        WARM * relaxed_after(min(0.9, load.use * day), 1.0) / load.rate / day if load.use < 1 or peak.busy < 1 else 0.0
    )
    seconds, full_from, longest = peak.seconds, None, 0.0
    if (growing := load.growing) is not None and isfinite(growing.full_after):
        full = full_by(growing, peak)
        tail = max(calls / load.rate, BATCH * max(load.relaxation / load.rate, growing.longest))
        if full + tail < peak.seconds:
            seconds, full_from, longest = full + tail, full, growing.longest
    if is_cut := seconds * load.rate > MOST_CALLS:
        seconds, full_from = MOST_CALLS / load.rate, None
    return Course(
        stretch=Stretch(before=max(SHORTEST_WARM, warm), load=day, seconds=seconds, after=min(0.1 * seconds, AFTER)),
        calls=ceil(seconds * load.rate),
        drained=usual.drained,
        is_whole=True,
        full_from=full_from,
        longest=longest,
        peak=peak.seconds,
        is_cut=is_cut,
    )


def full_by(growing: Short, peak: Peak) -> float:
    """Seconds after which a growing queue is full, though chance makes it late: its length varies by as many calls as come and are
    served in a time (a diffusion about the fluid: Newell 1982), and what is missing comes at the rate of its growth."""
    variation = peak.burstiness + max((one.output_variation for one in peak.mix), default=0.0)
    late = sqrt(variation * growing.offered * growing.full_after) / growing.excess
    return growing.full_after + LATE * late
