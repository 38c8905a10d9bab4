"""What calls are counted in, and how many processes count: what does not fit is said."""

from __future__ import annotations

import pytest

from headworks.core.extras import install
from headworks.gateway.gateway import unchangeable
from tests.system.files import FakeMachine, examined, right, told, wrong

FILE = """
providers: {sim: {dialect: simulated}}
models: {assistant: sim}
groups: {product: {keys: [web], rpm: 10, state_away: %s}}
keys: {web: {key: "${env:KEY}"}}
server: {workers: %s}
state: "%s"
"""
ENV = {"KEY": "key-0123456789abcdef", "PW": "hunter2-hunter2"}


def file(state: str, workers: str = "1", away: str = "closed") -> str:
    return FILE % (away, workers, state)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("memory", "memory"),
        ("embedded", "embedded"),
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("rediss://user:${env:PW}@cache", "rediss://user:${env:PW}@cache"),
        ("valkey://:hunter2@cache", "valkey://:...@cache"),
        ("valkeys://cache", "valkeys://cache"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
    ],
)
def test_a_state_is_shown_without_its_password(state: str, shown: str) -> None:
    found = right(file(state, away="open"), ENV)
    assert str(found.state) == shown
    assert "hunter2" not in repr(found.state)
    assert found.groups["product"].allowance.goes_on


def test_several_workers_need_a_state_that_they_share() -> None:
    [said] = wrong(file("memory", "4"), ENV)
    assert "server.workers: several workers cannot count in the memory of each" in said
    assert "`state: embedded`" in said
    for state in ("embedded", "redis://cache"):
        assert right(file(state, "4"), ENV).server.workers == 4
    assert len(wrong(file("memory", "0"), ENV)) == 1


@pytest.mark.parametrize("state", ["disk", "redis:/cache", "http://hunter2@cache", "redis://u:hunter2@cache:port"])
def test_what_is_no_state_is_not_quoted(state: str) -> None:
    [said] = wrong(file(state), ENV)
    assert "hunter2" not in said
    assert " state: " in said


@pytest.mark.parametrize(("state", "extra"), [("embedded", "embedded"), ("redis://cache", "redis")])
def test_without_what_a_state_needs_the_extra_is_named(state: str, extra: str) -> None:
    _, findings = examined(file(state), ENV, FakeMachine(has_modules=False))
    assert any(install(extra) in said for said in told(findings.errors))


def test_a_state_does_not_change_while_calls_are_served() -> None:
    one, other = right(file("embedded"), ENV), right(file("redis://u:hunter2@cache"), ENV)
    assert unchangeable(one, one) == []
    [problem] = unchangeable(one, other)
    assert problem.path == "state"
    assert "restart" in problem.remedy
    [problem] = unchangeable(other, one)
    assert "hunter2" not in problem.problem
