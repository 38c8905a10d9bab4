"""What a run of one target found, as `plan` and `check` read it (`system/verdicts/quality_file.py`).

Always true: the limits are those of the gate of `eval`, at every confidence that an objective may ask for, so the same objective
has the same verdict whoever judges it; what the gate cannot say is kept as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from headworks.core.digest import digest
from headworks.evals.conditions import PLAIN
from headworks.evals.session import Session
from headworks.evals.statistics import gate
from headworks.evals.statistics.summary import clusters_of, share_evidence
from headworks.evals.statistics.table import FAIL, PASS, Table
from headworks.evals.suites.suite import Suite
from headworks.evals.suites.yaml_document import Problems, parse_yaml, read_text
from headworks.system.schema.system import TargetOf
from headworks.system.verdicts.quality_file import Limit, TargetQuality, file_digests, reached

CONFIDENCES: Final = (0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999)
"""Confidences for which limits are kept, beside those of the file's own objectives."""

LEAST_CONFIDENCE: Final = 0.5
"""Below, neither side would be tested."""


def measured(session: Session, table: Table) -> TargetQuality | None:
    """What a run found of its target; None where nothing was judged, so that there is nothing to keep."""
    plan = session.plan
    suite = plan.suite
    if not table.is_judged(PLAIN):
        return None
    samples = {sample.id: sample for sample in suite.samples}
    clusters = clusters_of(table, samples) if suite.has_clusters else None
    evidence = share_evidence(table, suite, PLAIN, clusters)
    why = evidence.reason_for_no_verdict or gate.cannot_say(evidence)
    names, scores = _scores(table)
    target = _target(session)
    return TargetQuality(
        suite=suite.name,
        suite_digest=session.read.suite.digest,
        files=file_digests(session.loaded.folder, source_files(suite, session.loaded.folder)),
        model=plan.model,
        alias=plan.alias,
        prompt=table.header.prompt,
        target=plan.target,
        reached=reached(session.loaded.system, target),
        at=table.header.at,
        samples=len(names),
        planned=table.header.samples,
        value=float(evidence.low.mean()),
        limits=() if why else tuple(limits(session, evidence)),
        cannot_say=why,
        scores=scores,
        clusters=() if clusters is None else _clusters(names, samples),
        same=digest("\n".join(names).encode("utf-8", "surrogatepass")),
        results=table.path.name,
        cost_nano=table.spent[PLAIN].cost_nano,
    )


def limits(session: Session, evidence: gate.Evidence) -> list[Limit]:
    """The limits of the share at each confidence."""
    objectives = session.loaded.system.requirements.objectives
    asked = [
        one.confidence for one in objectives if one.suite == session.plan.suite.name and one.confidence is not None
    ]
    wanted = sorted({*CONFIDENCES, *(one for one in asked if LEAST_CONFIDENCE < one < 1)})
    found = []
    for confidence in wanted:
        one = gate.estimate(evidence, 2 * confidence - 1)  # so much on either side
        found.append(Limit(confidence=confidence, low=one.low, high=one.high))
    return found


def known_measurement(session: Session, kept: Sequence[TargetQuality]) -> TargetQuality | None:
    """What is kept already of this session's target, by the same suite, prompt version and samples: it need not be asked again."""
    plan = session.plan
    header = plan.header()
    for one in kept:
        is_same = (one.suite, one.suite_digest, one.model, one.prompt) == (
            plan.suite.name, session.read.suite.digest, plan.model, header.prompt
        )  # fmt: skip
        is_target = one.target == plan.target and one.reached == reached(session.loaded.system, _target(session))
        if is_same and is_target and one.is_complete and not one.cannot_say and one.planned >= header.samples:
            files = file_digests(session.loaded.folder, source_files(plan.suite, session.loaded.folder))
            return msgspec.structs.replace(one, files=files)  # another layout of the same suite is the same suite
    return None


def source_files(suite: Suite, folder: Path) -> list[str]:
    """The files that a suite is read from, as seen from a folder."""
    path = Path(suite.file)
    found = [path]
    if path.suffix.lower() in (".yaml", ".yml"):
        problems = Problems(str(path))
        root: Any = parse_yaml(read_text(path, problems), problems).value
        tasks = [root, *(root.get("tasks") or {}).values()]
        named = [root.get("samples"), root.get("python"), *(task.get("system_file") for task in tasks)]
        found += [path.parent / name for name in named if isinstance(name, str)]
    return sorted({str(one.relative_to(folder) if one.is_relative_to(folder) else one.absolute()) for one in found})


def _scores(table: Table) -> tuple[list[str], str]:
    """The ids of the samples that were asked, in order, and a letter for each one's outcome."""
    codes = table.of(PLAIN)[:, 0]
    letters = {PASS: "1", FAIL: "0"}
    asked = sorted((name, int(codes[row])) for name, row in table.rows.items() if codes[row] >= 0)
    return [name for name, _ in asked], "".join(letters.get(code, "?") for _, code in asked)


def _clusters(names: Sequence[str], samples: Any) -> tuple[int, ...]:
    numbers: dict[str, int] = {}
    found = []
    for name in names:
        cluster = samples[name].cluster if name in samples else ""
        key = f"cluster {cluster}" if cluster else f"sample {name}"
        found.append(numbers.setdefault(key, len(numbers)))
    return tuple(found)


def _target(session: Session) -> TargetOf:
    return session.plan.model_behind(session.plan.alias).targets[0][0]
