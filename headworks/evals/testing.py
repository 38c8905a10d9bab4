"""Evaluations in pytest: the fixture `headworks_eval`.

Always true: it is the same run as `headworks eval`, with the same statistics; where it is not true, its text says why and
shows the samples that did not pass.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import msgspec

from headworks.evals.plan import RunOptions
from headworks.evals.report import pass_rate, results_of, with_interval
from headworks.evals.scorers import KINDS
from headworks.evals.session import Session, SessionOptions, quality_targets, suites_of
from headworks.evals.statistics import summary
from headworks.evals.statistics.compare import why_of
from headworks.evals.statistics.summary import Promise, Summary
from headworks.evals.statistics.table import Table
from headworks.evals.suites.suite import LoadedSuite, Suite
from headworks.evals.suites.suite_file import load, prepare_suite
from headworks.system.load import Loaded
from headworks.system.load import load as load_system
from headworks.system.starter import starter

MAX_SHOWN_SAMPLES = 10
"""Samples that did not pass, in the text of a test that fails."""


class Options(TypedDict, total=False):
    """How a suite is run in a test.

    system: a system file; the starter system where none is named. at_least: the share that must pass, in place of the
    system's objectives. own: functions that scorers name by their `kind`.
    """

    system: str | os.PathLike[str] | Loaded
    model: str
    at_least: float
    confidence: float
    conditions: Sequence[str]
    samples: int
    seed: int
    own: Sequence[Callable[..., Any]]


class EvaluationResult:
    """The result of a run in a test: true if every gate holds or, without gates, if every sample passed. A run without a
    verdict is not true."""

    def __init__(self, said: Summary, table: Table) -> None:
        self.summary = said
        # Now, because the results file does not outlive the run.
        self.text = result_text(said, table)

    def __bool__(self) -> bool:
        if self.summary.gates:
            return all(gate.verdict == "holds" for gate in self.summary.gates)
        return not self.summary.no_verdict and all(row.passed == row.calls for row in self.summary.rows)

    def __repr__(self) -> str:
        return self.text


def result_text(said: Summary, table: Table) -> str:
    """Verdicts, shares, and the first samples that did not pass."""
    lines = [f"{gate.what}: {gate.verdict}, {with_interval(gate.estimate)}, {gate.why}" for gate in said.gates]
    lines += [f"{row.condition}: {row.passed} of {row.calls} pass, {pass_rate(row.share)}" for row in said.rows]
    if said.no_verdict:
        lines.append(f"no verdict: {said.no_verdict}")
    wrong = (result for result in results_of(table) if result.outcome != "pass")
    for _, result in zip(range(MAX_SHOWN_SAMPLES), wrong, strict=False):
        lines.append(f"  {result.sample} {result.condition} {result.outcome}: {why_of(result)}")
    return "\n".join([f"evaluation of {said.suite}", *lines])


class Evaluate:
    """Runs suites. Not for use inside a running loop: a test of it is an ordinary function."""

    def __call__(self, suite: str | os.PathLike[str] | Suite, /, **options: Unpack[Options]) -> EvaluationResult:
        """Runs a suite: a file, a name in the system file, or a Suite. Raises ConfigError and EvalError."""
        system = options.get("system")
        loaded = system if isinstance(system, Loaded) else self.loaded(system)
        read = self.read(suite, loaded, options.get("own", ()))
        choices = RunOptions(
            conditions=tuple(options.get("conditions", ())) or ("none",),
            samples=options.get("samples"),
            seed=options.get("seed", 1),
            model=options.get("model", ""),
        )
        with tempfile.TemporaryDirectory(prefix="headworks-eval-") as folder:
            session = Session(loaded, read, SessionOptions(choices=choices, out=Path(folder) / "results.jsonl"))
            written = session.results()
            asyncio.run(session.run(written, lambda progress: None))
            table = Table(written.path)
            at_least = options.get("at_least")
            promises = quality_targets(loaded.system, read.suite.name)
            if at_least is not None:
                confidence = options.get("confidence", summary.CONFIDENCE)
                promises = [Promise(id="at-least", at_least=at_least, confidence=confidence)]
            said = summary.summarize(table, session.plan.suite, session.plan.conditions, promises)
            return EvaluationResult(said, table)

    def loaded(self, system: str | os.PathLike[str] | None) -> Loaded:
        return starter(Path()) if system is None else load_system(Path(system), os.environ)

    def read(
        self, suite: str | os.PathLike[str] | Suite, loaded: Loaded, own: Sequence[Callable[..., Any]]
    ) -> LoadedSuite:
        if isinstance(suite, Suite):
            return prepare_suite(suite, {one.__name__: one for one in own if one.__name__ not in KINDS})
        if isinstance(suite, str) and (suite in loaded.system.suites):
            return suites_of(loaded, (suite,))[suite]
        read = load(Path(suite))
        return msgspec.structs.replace(read, own={**read.own, **{one.__name__: one for one in own}})
