"""What a run says: a row for each condition, the gates, and what stands out. Everything that reports shows is made here.

Always true: a number has its interval; a share under a condition is held against plain's on the same samples; what has no
verdict is shown beside what has, never left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from headworks.evals.conditions import PLAIN, REPETITION, Condition
from headworks.evals.statistics import gate as gates
from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics.clusters import Clusters
from headworks.evals.statistics.exact import Floats
from headworks.evals.statistics.gate import Evidence, Gate, Judged
from headworks.evals.statistics.intervals import Estimate
from headworks.evals.statistics.table import FAIL, FAILED, PASS, UNJUDGED, Table, Tally
from headworks.evals.suites.suite import Sample, Suite

Rows: TypeAlias = NDArray[np.bool_] | NDArray[np.intp] | list[int]

CONFIDENCE = 0.95


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """An objective of the system file that names the suite."""

    id: str
    at_least: float
    confidence: float = CONFIDENCE


class CostAndLatency(msgspec.Struct, frozen=True, kw_only=True):
    """What answers took and cost under a condition. p50, p95: seconds. cost_nano: of all calls; None where unknown."""

    p50: float
    p95: float
    cost_nano: int | None
    calls: int
    input_tokens: int
    output_tokens: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One condition. samples: that it changed and that were asked. share: of those that pass; None where nothing has a
    verdict. drop: plain's share less this one's, on the same samples; None for plain, and where one of them has no share.
    drop_p: that so large a drop is chance, two-sided; None where nothing can be said."""

    condition: str
    claim: str
    samples: int
    calls: int
    passed: int
    unjudged: int
    failed: int
    share: Estimate | None
    drop: Estimate | None = None
    drop_p: float | None = None
    spread: CostAndLatency


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A task's or a tag's samples, undisturbed. share: None where none of them has a verdict."""

    kind: str
    name: str
    samples: int
    share: Estimate | None


class Repeatability(msgspec.Struct, frozen=True, kw_only=True):
    """The same question several times. at_least_one, all_of: pass@k and pass^k by k. unsteady: samples that were sometimes
    right and sometimes not."""

    asked: int
    at_least_one: dict[int, float]
    all_of: dict[int, float]
    unsteady: Estimate


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run. no_verdict: why nothing can be said of it, or "": too much of it has no verdict, or nothing was asked.

    clusters: of the samples; 0 where none are named. effective: the independent samples that these are worth. gap_seen: the
    smallest difference between two systems that can be detected with them (80 % power), if differences belong together as
    much as the answers do; None where the clusters say nothing.
    """

    suite: str
    model: str
    system: str
    samples: int
    is_complete: bool
    why: str
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    scorers: dict[str, Tally]
    flicker: Repeatability | None
    gates: tuple[Judged, ...]
    cost_nano: int | None
    gap_seen: float | None
    results: str
    no_verdict: str = ""
    clusters: int = 0
    effective: float = 0.0


def summarize(table: Table, suite: Suite, conditions: Sequence[Condition], promises: Sequence[Promise]) -> Summary:
    """The summary of a run, with verdicts for all its gates together."""
    samples = {sample.id: sample for sample in suite.samples}
    clusters = clusters_of(table, samples) if suite.has_clusters else None
    rows = tuple(_row(table, one, clusters) for one in conditions if table.asked(one.title))
    made = [*_promised(table, suite, clusters, promises), *_conditional(table, suite, conditions, clusters)]
    plain = table.scores(PLAIN, unknown=0.0)
    seen = ~np.isnan(plain)
    asked = int(seen.sum())
    power = stats.power_of(plain[seen], clusters_of_rows(clusters, seen))
    costs = [row.spread.cost_nano for row in rows]
    return Summary(
        suite=suite.name,
        model=table.header.model,
        system=table.header.system,
        samples=asked,
        is_complete=table.is_complete,
        why=table.why,
        rows=rows,
        groups=tuple(_groups(table, samples, clusters)),
        scorers={name: tally for (condition, name), tally in table.tallies.items() if condition == PLAIN},
        flicker=_repeatability(table, conditions, clusters),
        gates=tuple(gates.judge(made)),
        cost_nano=None if None in costs else sum(cost or 0 for cost in costs),
        gap_seen=power.gap_seen,
        clusters=power.clusters,
        effective=power.effective,
        results=str(table.path),
        no_verdict=no_verdict(table, suite, conditions),
    )


def no_verdict(table: Table, suite: Suite, conditions: Sequence[Condition]) -> str:
    """Why a run says nothing, whatever its numbers are; "" where it says something."""
    asked = [one for one in conditions if table.asked(one.title)]
    if not asked:
        return f"no sample was asked: {table.why}" if table.why else "no sample was asked"
    for one in asked:
        if found := reason_for_no_verdict(table, suite, one.title):
            return found if one.kind == PLAIN else f"under {one.title} {found}"
    return ""


def clusters_of(table: Table, samples: Mapping[str, Sample]) -> Clusters:
    """A number for each row's cluster; a sample without one is a cluster of its own."""
    names: dict[str, int] = {}
    found = np.zeros(table.header.samples, dtype=np.intp)
    for name, row in table.rows.items():
        cluster = samples[name].cluster if name in samples else ""
        found[row] = names.setdefault(f"cluster {cluster}" if cluster else f"sample {name}", len(names))
    return found


def _row(table: Table, condition: Condition, clusters: Clusters | None) -> Row:
    title = condition.title
    values = table.scores(title, unknown=0.0)
    seen = ~np.isnan(values)
    drop = p = None
    if condition.kind != PLAIN and condition.claim != "must_refuse":
        plain = table.scores(PLAIN, unknown=0.0)
        both = seen & ~np.isnan(plain)
        if both.any() and table.is_judged(title) and table.is_judged(PLAIN):
            lost, groups = plain[both] - values[both], clusters_of_rows(clusters, both)
            drop = stats.difference(lost, groups, CONFIDENCE)
            p = None if drop.cannot_say else stats.p_of_change(lost, groups)
    return Row(
        condition=title,
        claim=condition.claim,
        samples=int(seen.sum()),
        calls=table.asked(title),
        passed=table.count(title, PASS),
        unjudged=table.count(title, UNJUDGED),
        failed=table.count(title, FAILED),
        share=stats.share(values[seen], clusters_of_rows(clusters, seen), CONFIDENCE)
        if table.is_judged(title)
        else None,
        drop=drop,
        drop_p=p,
        spread=cost_and_latency(table, title),
    )


def cost_and_latency(table: Table, condition: str) -> CostAndLatency:
    """What answers took and cost under a condition."""
    spent = table.spent[condition]
    times = table.latencies(condition)
    return CostAndLatency(
        p50=float(np.quantile(times, 0.5)) if len(times) else 0.0,
        p95=float(np.quantile(times, 0.95)) if len(times) else 0.0,
        cost_nano=spent.cost_nano,
        calls=spent.calls,
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
    )


def clusters_of_rows(clusters: Clusters | None, rows: Rows) -> Clusters | None:
    """The clusters of some rows."""
    return None if clusters is None else clusters[rows]


def share_evidence(table: Table, suite: Suite, condition: str, clusters: Clusters | None) -> Evidence:
    """What a gate on a condition's share looks at."""
    low, high = table.scores(condition, unknown=0.0), table.scores(condition, unknown=1.0)
    seen = ~np.isnan(low)
    return Evidence(
        low=low[seen],
        high=high[seen],
        clusters=clusters_of_rows(clusters, seen),
        many_looks=suite.looks == "many" or not table.is_complete,
        reason_for_no_verdict=reason_for_no_verdict(table, suite, condition),
    )


def reason_for_no_verdict(table: Table, suite: Suite, condition: str) -> str:
    """Why nobody can say whatever the share is: more items without a verdict than their budgets admit; or ""."""
    asked = table.asked(condition)
    unjudged, failed = table.count(condition, UNJUDGED), table.count(condition, FAILED)
    if asked and failed == asked:
        return f"none of {asked} calls had an answer"
    if waiting := unlabeled_samples(table, suite, condition):
        return f"not enough: nobody has said what is right: {waiting}"
    if unjudged > suite.judge_failures * asked:
        return f"{unjudged} of {asked} answers were not judged: more than `judge_failures: {suite.judge_failures:.0%}`"
    if failed > suite.call_failures * asked:
        return f"{failed} of {asked} calls had no answer: more than `call_failures: {suite.call_failures:.0%}`"
    return ""


def unlabeled_samples(table: Table, suite: Suite, condition: str) -> str:
    """How many of the samples that were asked wait for their `expected`; "" for fewer than a judge may leave open."""
    if not suite.open or any(one.title == condition and one.claim == "must_refuse" for one in table.header.conditions):
        return ""
    asked = ~np.isnan(table.scores(condition, unknown=0.0))
    waiting = sum(name in suite.open and bool(asked[row]) for name, row in table.rows.items())
    most = int(asked.sum())
    if waiting <= suite.judge_failures * most:
        return ""
    return f"{waiting} of {most} samples wait for their `expected`{f' in {suite.file}' if suite.file else ''}"


def _promised(table: Table, suite: Suite, clusters: Clusters | None, promises: Sequence[Promise]) -> list[Gate]:
    return [
        Gate(
            id=one.id,
            what=f"quality of {suite.name} >= {one.at_least:.4g}",
            bound=one.at_least,
            confidence=one.confidence,
            evidence=share_evidence(table, suite, PLAIN, clusters),
        )
        for one in promises
    ]


def _conditional(table: Table, suite: Suite, conditions: Sequence[Condition], clusters: Clusters | None) -> list[Gate]:
    made = []
    for one in conditions:
        if one.at_least is not None:
            what = f"{one.title} >= {one.at_least:.4g}"
            seen = share_evidence(table, suite, one.title, clusters)
            made.append(Gate(id=one.title, what=what, bound=one.at_least, confidence=CONFIDENCE, evidence=seen))
        if one.most_drop is not None:
            what = f"drop under {one.title} <= {one.most_drop:.4g}"
            seen = drop_evidence(table, suite, one.title, clusters)
            made.append(
                Gate(id=f"{one.title}-drop", what=what, bound=-one.most_drop, confidence=CONFIDENCE, evidence=seen)
            )
    return made


def drop_evidence(table: Table, suite: Suite, condition: str, clusters: Clusters | None) -> Evidence:
    """What a gate on a drop looks at: the share under the condition less plain's, sample by sample."""
    values = {unknown: table.scores(condition, unknown=unknown) for unknown in (0.0, 1.0)}
    plain = {unknown: table.scores(PLAIN, unknown=unknown) for unknown in (0.0, 1.0)}
    both = ~np.isnan(values[0.0]) & ~np.isnan(plain[0.0])
    return Evidence(
        low=(values[0.0] - plain[1.0])[both],
        high=(values[1.0] - plain[0.0])[both],
        clusters=clusters_of_rows(clusters, both),
        is_difference=True,
        many_looks=suite.looks == "many" or not table.is_complete,
        reason_for_no_verdict=reason_for_no_verdict(table, suite, condition)
        or reason_for_no_verdict(table, suite, PLAIN),
    )


def _groups(table: Table, samples: Mapping[str, Sample], clusters: Clusters | None) -> list[Group]:
    values = table.scores(PLAIN, unknown=0.0)
    rows: dict[tuple[str, str], list[int]] = {}
    for name, row in table.rows.items():
        if name not in samples or np.isnan(values[row]):
            continue
        sample = samples[name]
        if sample.task:
            rows.setdefault(("task", sample.task), []).append(row)
        for tag in sample.tags:
            rows.setdefault(("tag", tag), []).append(row)
    return [
        Group(
            kind=kind,
            name=name,
            samples=len(found),
            share=stats.share(values[found], clusters_of_rows(clusters, found), CONFIDENCE)
            if table.is_judged(PLAIN, found)
            else None,
        )
        for (kind, name), found in sorted(rows.items())
    ]


def _repeatability(table: Table, conditions: Sequence[Condition], clusters: Clusters | None) -> Repeatability | None:
    repeated = [one for one in conditions if one.kind == REPETITION]
    if not repeated or repeated[0].repeats < 2:
        return None
    codes = table.of(repeated[0].title)
    k = repeated[0].repeats
    judged = ((codes == PASS) | (codes == FAIL)).all(axis=1)
    whole = codes[judged]
    if not len(whole):
        return None
    right = [int(one) for one in (whole == PASS).sum(axis=1)]
    unsteady: Floats = np.array([0 < one < k for one in right], dtype=np.float64)
    return Repeatability(
        asked=k,
        at_least_one={n: float(np.mean([stats.pass_at(one, k, n) for one in right])) for n in (1, k)},
        all_of={n: float(np.mean([stats.pass_all(one, k, n) for one in right])) for n in (1, k)},
        unsteady=stats.share(unsteady, clusters_of_rows(clusters, judged), CONFIDENCE),
    )
