"""The pytest plugin: evaluations written as tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headworks.core.errors import ConfigError
from headworks.evals.scorers import Reply, Scorer, Target
from headworks.evals.suites.suite import Sample, Suite, Task
from headworks.evals.testing import Evaluate

SYSTEM = """\
providers:
  sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}}
models: {assistant: sim}
log: {store: "sqlite:///l.db", journal: j}
"""


def has_words(sample: Target, reply: Reply) -> bool:
    return " " in reply.text and bool(sample.id)


def suite(kind: str = "has_words") -> Suite:
    return Suite(
        name="made",
        base=Task(scorers=(Scorer(kind=kind),), parameters={"max_tokens": 400}),
        samples=tuple(Sample(variables={"input": f"question {n}"}) for n in range(12)),
    )


@pytest.fixture
def system(tmp_path: Path) -> Path:
    file = tmp_path / "headworks.yaml"
    file.write_text(SYSTEM)
    return file


def test_an_evaluation_is_a_test(headworks_eval: Evaluate, system: Path) -> None:
    assert headworks_eval(suite(), system=system, own=[has_words])
    assert headworks_eval(suite(), system=system, own=[has_words], at_least=0.6, conditions=["typos"])


def test_one_that_does_not_hold_says_why(headworks_eval: Evaluate, system: Path) -> None:
    found = headworks_eval(suite("refusal"), system=system, at_least=0.5, samples=8)
    assert not found
    assert "quality of made >= 0.5: does not hold, 0.0%" in repr(found)
    assert "fail: refusal: said" in repr(found)
    few = headworks_eval(suite(), system=system, own=[has_words], at_least=0.9, samples=3)
    assert not few
    assert "more samples like these would decide" in repr(few)


def test_a_suite_that_is_not_right_is_told(headworks_eval: Evaluate, system: Path) -> None:
    with pytest.raises(ConfigError, match="there is no scorer `nobody`"):
        headworks_eval(suite("nobody"), system=system)


def test_a_plugin_of_every_project_loads_nothing() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import headworks.evals.pytest_plugin; "
        "print([name for name in set(sys.modules) - before if not name.startswith('headworks')])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == "[]"
