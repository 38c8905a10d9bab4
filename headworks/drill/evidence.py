"""The evidence of a drill, and the figures that are computed from it.

Theory. The callers' results show what they got, the records show what it took. The calls *meanwhile* are those that overlap the
fault's window; those that ended before it are the baseline, measured in the same run: so what is added is what the
fault added, and not what the machine was doing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from headworks.core.errors import Unreachable
from headworks.core.record import AttemptRecord, Record
from headworks.drill.call_outcome import Kind
from headworks.drill.traffic import CallResult
from headworks.system.schema.drills import Drill


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One run. dialect: in which callers asked. began_at: loop seconds of the first call; faulted: the targets that a fault was meant for; resumes:
    whether broken streams are to be made whole. recovered: seconds, where something else than an attempt tells it.
    struck: attempts that met a fault. kept: slots that were not released
    (on virtual time, where they can be counted). unrecorded: whole answers without a record of their own. trouble: why the run proves nothing, where it does not."""

    drill: Drill
    alias: str
    dialect: str = "chat"
    results: Sequence[CallResult]
    records: Sequence[Record]
    began_at: float
    faulted: tuple[str, ...]
    resumes: bool
    recovered: float | None = None
    recovers: bool = True
    struck: int = 0
    unrecorded: int = 0
    kept: int = 0
    trouble: str = ""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a drill. Times in seconds; None where there is no measurement.

    calls, and how they ended, in all; `meanwhile` of them during the fault, `excused` of those broken after their head
    where nothing is resumed. added: the most that a whole answer took more than before. struck: attempts that met the fault. attempts: at vendors, in all;
    per_call: in the mean of the calls meanwhile. cost: of a call meanwhile, by what it was before. recovery:
    from the fault's end to the first answer of the target that had it. codes: errors that callers were shown.
    """

    calls: int
    ended: dict[Kind, int]
    meanwhile: int
    whole: int
    excused: int
    unserved: int
    broken: int
    share: float | None
    added: float | None
    struck: int
    attempts: int
    per_call: float | None
    cost: float | None
    recovery: float | None
    codes: dict[str, int]
    unrecorded: int
    kept: int


def figures(evidence: Evidence) -> Figures:
    """The figures of a run."""
    begins, ends = evidence.drill.window
    records = {record.request_id: record for record in evidence.records}
    before = [one for one in evidence.results if one.ended < begins]
    meanwhile = [one for one in evidence.results if one.arrived < ends and one.ended >= begins]
    kinds = Counter(one.outcome.kind for one in meanwhile)
    excused = 0 if evidence.resumes else sum(one.streamed and one.outcome.after_head for one in meanwhile)
    possible = len(meanwhile) - excused - kinds["unserved"]
    tries = [len(records[one.request_id].attempts) for one in meanwhile if one.request_id in records]
    shown = Counter(_shown_error(one) for one in evidence.results if one.outcome.kind == "error")
    return Figures(
        calls=len(evidence.results),
        ended=dict(sorted(Counter(one.outcome.kind for one in evidence.results).items())),
        meanwhile=len(meanwhile),
        whole=kinds["whole"],
        excused=excused,
        unserved=kinds["unserved"],
        broken=kinds["broken"],
        share=kinds["whole"] / possible if possible else None,
        added=_added_latency(before, meanwhile),
        struck=evidence.struck + _failed_connections(evidence, begins, ends),
        attempts=sum(len(record.attempts) for record in evidence.records),
        per_call=sum(tries) / len(tries) if tries else None,
        cost=_cost_ratio(records, before, meanwhile),
        recovery=evidence.recovered if evidence.recovered is not None else _recovery_time(evidence, ends),
        codes=dict(sorted(shown.items())),
        unrecorded=evidence.unrecorded,
        kept=evidence.kept,
    )


def _shown_error(one: CallResult) -> str:
    return f"{one.outcome.status if not one.outcome.after_head else 'event'} {one.outcome.code}".strip()


def _added_latency(before: Sequence[CallResult], meanwhile: Sequence[CallResult]) -> float | None:
    """The most that a whole answer took more than the median before: of its kind, where there was one."""
    usual = [one for one in before if one.outcome.kind == "whole"]
    whole = [one for one in meanwhile if one.outcome.kind == "whole"]
    if not usual or not whole:
        return None
    medians = {
        streamed: median([one.took for one in usual if one.streamed == streamed] or [one.took for one in usual])
        for streamed in (True, False)
    }
    return max(0.0, *(one.took - medians[one.streamed] for one in whole))


def _cost_ratio(
    records: dict[str, Record], before: Sequence[CallResult], meanwhile: Sequence[CallResult]
) -> float | None:
    """The mean cost of a call during the fault, divided by the mean cost before."""
    usual, costs = _mean_cost(records, before), _mean_cost(records, meanwhile)
    return costs / usual if usual and costs is not None else None


def _mean_cost(records: dict[str, Record], some: Sequence[CallResult]) -> float | None:
    """Nano-dollars; None where no call was recorded."""
    known = [records[one.request_id].cost_nano or 0 for one in some if one.request_id in records]
    return sum(known) / len(known) if known else None


def all_attempts(records: Iterable[Record]) -> list[AttemptRecord]:
    return sorted((attempt for record in records for attempt in record.attempts), key=lambda one: one.started_at)


def _failed_connections(evidence: Evidence, begins: float, ends: float) -> int:
    """Attempts at a faulted target that got no connection during the fault: fake targets do not see these."""
    return sum(
        begins <= attempt.started_at - evidence.began_at < ends and attempt.error == Unreachable.__name__
        for attempt in all_attempts(evidence.records)
        if attempt.target in evidence.faulted
    )


def _recovery_time(evidence: Evidence, ends: float) -> float | None:
    """Seconds from the end of the fault to the begin of the first attempt at its target that was answered."""
    for attempt in all_attempts(evidence.records):
        at = attempt.started_at - evidence.began_at - ends
        if at >= 0 and attempt.target in evidence.faulted and attempt.outcome == "ok":
            return at
    return None
