"""What must hold between the parts of a suite, however it was made."""

from __future__ import annotations

from typing import Any

from headworks.evals import scorers
from headworks.evals.suites.suite import LoadedSuite
from headworks.evals.suites.template import TemplateProblem, Templates
from headworks.evals.suites.yaml_document import Problems
from headworks.system.syntax.findings import suggestion


def check(made: LoadedSuite, problems: Problems, place: Any = None) -> None:
    """What must hold between the parts of a suite, however it was made: ids, tasks, templates, expected values."""
    suite = made.suite
    seen: dict[str, int] = {}
    templates = Templates()
    if not suite.samples:
        problems.add("there is no sample", "a suite needs one at least", line=1, column=1)
    for index, sample in enumerate(suite.samples):
        at = place(index) if place else {"path": f"samples[{index}]"}
        first = seen.setdefault(sample.id, index)
        if first != index:
            problem = f"the id `{sample.id}` is that of sample {first} too" if made.suite else ""
            problems.add(problem, "give each an id of its own; equal samples need one each", **at)
        if sample.task and sample.task not in suite.tasks:
            problems.add(f"there is no task `{sample.task}`", suggestion(sample.task, suite.tasks, "tasks"), **at)
            continue
        task = suite.task(sample)
        try:
            templates.messages(task, sample, sample.variables, sample.options, is_of_prompt=suite.is_of_prompt)
        except TemplateProblem as problem:
            problems.add(str(problem), problem.remedy, **at)
        if not task.scorers:
            problems.add("nothing judges this sample", "add `scorers:` to the suite or to its task", **at)
        for scorer in task.scorers if sample.id not in suite.open else ():
            if scorer.kind in scorers.WITHOUT_EXPECTED or scorer.kind in made.own or scorer.value is not None:
                continue
            if sample.expected is None and not scorer.pattern:
                problems.add(f"`{scorer.kind}` needs what is `expected`", "add it to the sample", **at)
        if len(problems.found) > 50:
            problems.add("and more: the first 50 are told", "mend these first", line=10**9)
            return
