"""Suites from files: YAML, JSONL, CSV, or Python.

Always true: everything that is wrong is told at once, each with file, line and column; what a suite does not say has the
default of `suite.py`; names in a sample that are none of its keys are variables. A YAML suite may keep its samples in a
JSONL or CSV file beside it: YAML costs ten times the memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from headworks.evals import scorers
from headworks.evals.scorers import GRADED, Own, Scorer
from headworks.evals.suites.check import check
from headworks.evals.suites.functions import names_in
from headworks.evals.suites.places import Troubles, content_of, read
from headworks.evals.suites.reader import SuiteReader
from headworks.evals.suites.rows import named, samples_of
from headworks.evals.suites.suite import Message, Read, Suite, Task
from headworks.system.syntax.findings import suggestion

INPUT = Task(
    messages=(Message(role="user", content="{{ input }}"),), scorers=(Scorer(kind="contains", ignore_case=True),)
)
"""How samples that come alone (a JSONL or CSV file) are asked and judged."""


def load(path: Path, name: str = "") -> Read:
    """The suite of a file. Raises ConfigError with everything that is wrong with it."""
    troubles = Troubles(str(path))
    match path.suffix.lower():
        case ".py":
            return _python(path, name or path.stem, troubles)
        case ".csv" | ".jsonl":
            samples = samples_of(path, troubles)
            made = Read(suite=Suite(name=name or path.stem, base=INPUT, samples=samples, file=str(path)))
        case ".yaml" | ".yml":
            document = read(content_of(path, troubles), troubles)
            return SuiteReader(document, path, troubles).suite(name or path.stem)
        case _:
            troubles.fail("its name ends in none of .yaml, .jsonl, .csv, .py", "the ending says how it is read")
    check(made, troubles)
    troubles.raise_any()
    return made


def _python(path: Path, name: str, troubles: Troubles) -> Read:
    names = names_in(path, troubles)
    made: Any = names.get("suite")
    made = made() if callable(made) and not isinstance(made, Suite) else made
    if not isinstance(made, Suite):
        troubles.fail(
            "it defines no `suite`",
            "write `suite = Suite(...)`, or a function `suite` that returns one",
            line=1,
            column=1,
        )
    named = msgspec.structs.replace(made, name=made.name or name, file=str(path))
    return prepared(named, {one: found for one, found in names.items() if callable(found)})


def prepared(suite: Suite, functions: dict[str, Own]) -> Read:
    """A suite that was made in Python: its samples named, its own scorers found. Raises ConfigError."""
    troubles = Troubles(suite.file or suite.name)
    whole = msgspec.structs.replace(suite, samples=named(suite.samples))
    own: dict[str, Own] = {}
    for task in (whole.base, *whole.tasks.values()):
        for kind in {one.kind for one in task.scorers} - {*scorers.KINDS, GRADED}:
            if kind in functions:
                own[kind] = functions[kind]
            else:
                troubles.add(f"there is no scorer `{kind}`", suggestion(kind, [*scorers.KINDS, GRADED], "scorers"))
    result = Read(suite=whole, own=own)
    check(result, troubles)
    troubles.raise_any()
    return result
