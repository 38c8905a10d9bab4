"""Constraints that no number expresses: judged for every target; what is not stated counts as not met."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.core.errors import ConfigError
from headworks.gateway.prices import Prices
from headworks.system.load import read
from headworks.system.schema.system import System
from headworks.system.verdicts.constraints import judge_constraints, permitted, unserved
from headworks.system.verdicts.judge import judge
from tests.system.files import FakeMachine, examined, right

FILE = """\
requirements: {{constraints: [{constraints}]{more}}}
providers: {{a: {{dialect: simulated{a}}}, b: {{dialect: simulated{b}}}}}
models: {{m: {{targets: [a, b]}}}}
"""


def file(constraints: str, a: str = "", b: str = "", more: str = "") -> str:
    return FILE.format(constraints=constraints, a=f", {a}" if a else "", b=f", {b}" if b else "", more=more)


def met(constraint: str, stated: str) -> bool:
    """Whether a provider that states this meets a constraint."""
    [first, *_] = judge_constraints(right(file(f"{{{constraint}}}", a=stated)))
    return first.verdict == "holds"


@pytest.mark.parametrize(
    ("constraint", "stated", "is_met"),
    [
        ("region: eu", "region: eu", True),
        ("region: eu", "region: EU", True),
        ("region: eu", "region: us", False),
        ("region: eu", "", False),
        ("region: eu", "retention: none", False),
        ("region: eu", "region: [eu, us]", False),
        ("region: [eu, ch]", "region: ch", True),
        ("region: [eu, ch]", "region: [ch, eu]", True),
        ("retention: none", "retention: none", True),
        ("retention: none", "retention: 1d", False),
        ("retention: none", "", False),
        ("retention: 30d", "retention: 30d", True),
        ("retention: 30d", "retention: none", True),
        ("retention: 30d", "retention: 31d", False),
    ],
)
def test_a_constraint_is_met_by_what_a_provider_states(constraint: str, stated: str, is_met: bool) -> None:
    assert met(constraint, stated) is is_met


def test_every_constraint_is_judged_at_every_target() -> None:
    system = right(file("{region: eu}, {retention: none}", a="region: eu, retention: none", b="region: us"))
    assert [(one.constraint, one.target, one.verdict) for one in judge_constraints(system)] == [
        ("region: eu", "a/simulated", "holds"),
        ("region: eu", "b/simulated", "does not hold"),
        ("retention: none", "a/simulated", "holds"),
        ("retention: none", "b/simulated", "does not hold"),
    ]


def test_two_words_in_one_map_are_two_constraints() -> None:
    [region, retention] = judge_constraints(right(file("{region: eu, retention: none}", a="region: eu")))[:2]
    assert (region.constraint, region.verdict) == ("region: eu", "holds")
    assert (retention.constraint, retention.verdict) == ("retention: none", "does not hold")


def test_what_is_left_are_the_targets_that_meet_every_constraint() -> None:
    system = right(file("{region: eu}", a="region: us", b="region: eu"))
    assert [[str(one) for one in tier] for tier in permitted(system).models["m"].targets] == [["b/simulated"]]
    assert unserved(system) == []


def test_without_constraints_nothing_is_left_out() -> None:
    system: System = right("providers: {a: {dialect: simulated}}\nmodels: {m: a}\n")
    assert permitted(system) is system


def test_a_fallback_outside_the_constraints_is_no_help_to_availability() -> None:
    objectives = ", objectives: [{id: up, metric: availability, at_least: 99.8%}]"

    def said(constraints: str) -> str:
        system = right(file(constraints, a="region: eu", more=objectives))
        [verdict] = judge(system, Prices(system).of)
        return verdict.verdict

    assert said("") == "cannot say"
    assert said("{region: eu}") == "does not hold"


def test_a_system_that_nobody_may_serve_is_not_loaded_and_says_why() -> None:
    text = file("{region: eu}", a="region: us")
    with pytest.raises(ConfigError, match=r"no target of `m` meets .*`a` is in us; `providers\.b` states no `region`"):
        read(text.encode(), file="f.yaml", folder=Path("."), env={}, machine=FakeMachine())


def test_a_target_that_is_never_asked_is_warned_of_when_the_file_is_loaded() -> None:
    text = file("{retention: none}", a="retention: none")
    [warning] = read(text.encode(), file="f.yaml", folder=Path("."), env={}, machine=FakeMachine()).warnings
    assert warning.path == "providers.b"
    assert warning.problem.startswith("b/simulated is never asked: `providers.b` states no `retention`")


@pytest.mark.parametrize(
    ("constraints", "problem"),
    [
        ("{}", "the constraint is empty"),
        ("{region: e u}", "`e u` is not a region"),
        ("{retention: never}", "`never` is not a retention"),
        ("{country: de}", "the key `country` is not known"),
    ],
)
def test_a_constraint_that_says_nothing_is_an_error(constraints: str, problem: str) -> None:
    _, findings = examined(file(constraints, a="region: eu"))
    assert [one.problem for one in findings.errors] == [problem]
