"""Checks the consistency of a suite, however it was made."""

from __future__ import annotations

from typing import Any

from headworks.evals import scorers
from headworks.evals.suites.suite import LoadedSuite
from headworks.evals.suites.template import TemplateProblem, Templates
from headworks.evals.suites.yaml_document import Problems
from headworks.system.syntax.findings import suggestion


def check(made: LoadedSuite, problems: Problems, place: Any = None) -> None:
    """Checks the ids, tasks, templates and expected values of a suite."""
    suite = made.suite
    seen: dict[str, int] = {}
    templates = Templates()
    if not suite.samples:
        problems.add("the suite has no samples", "add at least one", line=1, column=1)
    for index, sample in enumerate(suite.samples):
        at = place(index) if place else {"path": f"samples[{index}]"}
        first = seen.setdefault(sample.id, index)
        if first != index:
            problem = f"sample {first} has the id `{sample.id}` too" if made.suite else ""
            problems.add(problem, "give each sample its own id, equal samples too", **at)
        if sample.task and sample.task not in suite.tasks:
            problems.add(f"there is no task `{sample.task}`", suggestion(sample.task, suite.tasks, "tasks"), **at)
            continue
        task = suite.task(sample)
        try:
            templates.messages(task, sample, sample.variables, sample.options, is_of_prompt=suite.is_of_prompt)
        except TemplateProblem as problem:
            problems.add(str(problem), problem.remedy, **at)
        if not task.scorers:
            problems.add("no scorer judges this sample", "add `scorers:` to the suite or to its task", **at)
        for scorer in task.scorers if sample.id not in suite.open else ():
            if scorer.kind in scorers.WITHOUT_EXPECTED or scorer.kind in made.own or scorer.value is not None:
                continue
            if sample.expected is None and not scorer.pattern:
                problems.add(f"`{scorer.kind}` needs `expected`", "add it to the sample", **at)
        if len(problems.found) > 50:
            problems.add("and more: only the first 50 are shown", "fix these first", line=10**9)
            return
