"""Suites from files: YAML, JSONL, CSV, or Python.

Always true: all problems are reported at once, each with file, line and column; what a suite does not say has the
default of `suite.py`; names in a sample that are none of its keys are variables. A YAML suite may keep its samples in a
JSONL or CSV file beside it: YAML costs ten times the memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from headworks.evals import scorers
from headworks.evals.scorers import GRADED, Scorer, UserScorer
from headworks.evals.suites.check import check
from headworks.evals.suites.reader import SuiteReader
from headworks.evals.suites.rows import read_samples, with_ids
from headworks.evals.suites.suite import LoadedSuite, Message, Suite, Task
from headworks.evals.suites.user_functions import run_module
from headworks.evals.suites.yaml_document import Problems, parse_yaml, read_text
from headworks.system.syntax.findings import suggestion

DEFAULT_TASK = Task(
    messages=(Message(role="user", content="{{ input }}"),), scorers=(Scorer(kind="contains", ignore_case=True),)
)
"""How samples that come alone (a JSONL or CSV file) are asked and judged."""


def load(path: Path, name: str = "") -> LoadedSuite:
    """The suite of a file. Raises ConfigError with everything that is wrong with it."""
    problems = Problems(str(path))
    match path.suffix.lower():
        case ".py":
            return _from_python(path, name or path.stem, problems)
        case ".csv" | ".jsonl":
            samples = read_samples(path, problems)
            made = LoadedSuite(suite=Suite(name=name or path.stem, base=DEFAULT_TASK, samples=samples, file=str(path)))
        case ".yaml" | ".yml":
            document = parse_yaml(read_text(path, problems), problems)
            return SuiteReader(document, path, problems).suite(name or path.stem)
        case _:
            problems.fail("unknown file type", "use the ending .yaml, .jsonl, .csv or .py")
    check(made, problems)
    problems.raise_any()
    return made


def _from_python(path: Path, name: str, problems: Problems) -> LoadedSuite:
    names = run_module(path, problems)
    made: Any = names.get("suite")
    made = made() if callable(made) and not isinstance(made, Suite) else made
    if not isinstance(made, Suite):
        problems.fail(
            "it defines no `suite`",
            "write `suite = Suite(...)`, or a function `suite` that returns one",
            line=1,
            column=1,
        )
    named = msgspec.structs.replace(made, name=made.name or name, file=str(path))
    return prepare_suite(named, {one: found for one, found in names.items() if callable(found)})


def prepare_suite(suite: Suite, functions: dict[str, UserScorer]) -> LoadedSuite:
    """A suite that was made in Python: its samples named, its own scorers found. Raises ConfigError."""
    problems = Problems(suite.file or suite.name)
    whole = msgspec.structs.replace(suite, samples=with_ids(suite.samples))
    own: dict[str, UserScorer] = {}
    for task in (whole.base, *whole.tasks.values()):
        for kind in {one.kind for one in task.scorers} - {*scorers.KINDS, GRADED}:
            if kind in functions:
                own[kind] = functions[kind]
            else:
                problems.add(f"there is no scorer `{kind}`", suggestion(kind, [*scorers.KINDS, GRADED], "scorers"))
    result = LoadedSuite(suite=whole, own=own)
    check(result, problems)
    problems.raise_any()
    return result
