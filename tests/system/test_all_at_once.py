"""No mistake in a system file hides another: every one is told, wherever the others are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.system.syntax.findings import written_path
from tests.system.files import examined

FILE = """\
requirements:
  traffic: {{peak_rps: 5, daily: {daily}}}
  objectives:
    - {{id: a, metric: time_to_first_token, percentile: {percentile}, at_most: 800ms}}
    - {{id: {id}, metric: duration, percentile: 99, at_most: 2s, alias: {alias}}}
    - {{id: c, metric: {metric}, at_least: 99%}}
    - {{id: d, metric: quality, suite: {suite}, at_least: 90%}}
    - {{id: e, metric: cost_per_call, at_most: {bound}}}
  common_causes:
    - {{name: one, providers: [sim, {cause}], share: {share}}}
    - {{name: two, providers: [sim, other], share: 5%}}
providers:
  sim: {{dialect: simulated, first_token: {{p50: {p50}, p99: 2s}}}}
  other: {{dialect: {dialect}, base_url: "http://127.0.0.1:1", api_key: {api_key}}}
  here: {{dialect: local, model: {local}, concurrency: {places}}}
models:
  assistant:
    targets: [[{{provider: sim, model: x, weight: {weight}}}, {{provider: {provider}, model: y}}], [here]]
    timeouts: {{connect: {connect}, first_token: {first_token}}}
    balance: {balance}
keys:
  web: {{key: {key}, models: [assistant, {model}], rpm: {rpm}}}
groups:
  team: {{keys: [web, {member}]}}
suites: {{support: {suite_file}}}
drills:
  mine: {{shows: something, faults: [{{fault: cut, from: {since}, until: 9s}}, {{fault: {fault}, targets: [{target}]}}]}}
server: {{workers: {workers}}}
"""

SLOTS: dict[str, tuple[str, str, str]] = {
    "daily": ("[" + ", ".join(["50%"] * 24) + "]", "[50%]", "requirements.traffic.daily"),
    "percentile": ("95", "195", "requirements.objectives[0].percentile"),
    "id": ("b", "a", "requirements.objectives[1].id"),
    "alias": ("assistant", "asistant", "requirements.objectives[1].alias"),
    "metric": ("availability", "latency", "requirements.objectives[2].metric"),
    "suite": ("support", "suport", "requirements.objectives[3].suite"),
    "bound": ("$1", "1s", "requirements.objectives[4].at_most"),
    "cause": ("other", "nobody", "requirements.common_causes[0].providers[1]"),
    "share": ("5%", "half", "requirements.common_causes[0].share"),
    "p50": ("1s", "3s", "providers.sim.first_token"),
    "dialect": ("openai", "opnai", "providers.other.dialect"),
    "api_key": ('"${env:OTHER}"', "$OTHER", "providers.other.api_key"),
    "local": ("gemma-3-270m", "gemma-4", "providers.here.model"),
    "places": ("2", "none", "providers.here.concurrency"),
    "weight": ("2", "-2", "models.assistant.targets[0][0].weight"),
    "provider": ("other", "nobody", "models.assistant.targets[0][1].provider"),
    "connect": ("2s", "fast", "models.assistant.timeouts.connect"),
    "first_token": ("8s", "5m", "models.assistant.timeouts.first_token"),
    "balance": ("weighted", "fair", "models.assistant.balance"),
    "key": ('"${env:WEB}"', '"${env:NOT_SET}"', "keys.web.key"),
    "model": ("assistant", "asistant", "keys.web.models[1]"),
    "rpm": ("60", "many", "keys.web.rpm"),
    "member": ("web", "wep", "groups.team.keys[1]"),
    "suite_file": ("support.yaml", "support.txt", "suites.support.file"),
    "since": ("1s", "12s", "drills.mine.faults[0].until"),
    "fault": ("cut", "explode", "drills.mine.faults[1].fault"),
    "target": ("sim", "simm", "drills.mine.faults[1].targets[0]"),
    "workers": ("1", "2", "server.workers"),
}
"""By slot: what is right there, what is wrong, and the path of what is said then."""

ENV = {"OTHER": "o" * 24, "WEB": "w" * 24}


def told(wrong: set[str]) -> set[str]:
    """The paths of everything that is said of a file with these slots wrong."""
    text = FILE.format(**{name: slot[name in wrong] for name, slot in SLOTS.items()})
    _, findings = examined(text, ENV)
    return {problem.path or "" for problem in findings.errors}


def test_the_file_without_mistakes_holds() -> None:
    assert told(set()) == set()


@pytest.mark.parametrize("slot", SLOTS)
def test_each_mistake_is_told_alone(slot: str) -> None:
    assert told({slot}) == {SLOTS[slot][2]}


def test_all_of_them_are_told_at_once() -> None:
    assert told(set(SLOTS)) == {path for _, _, path in SLOTS.values()}


@settings(max_examples=60)
@given(st.sets(st.sampled_from(sorted(SLOTS))))
def test_law_what_is_told_of_several_is_what_is_told_of_each(wrong: set[str]) -> None:
    assert told(wrong) == {SLOTS[name][2] for name in wrong}


def test_one_percentile_that_is_too_large_hides_none_of_seven_others() -> None:
    others = {"id", "alias", "metric", "suite", "bound", "weight", "model"}
    assert told({"percentile", *others}) == {SLOTS[name][2] for name in ("percentile", *others)}


def test_a_path_counts_the_items_of_the_file_and_not_those_that_could_be_read() -> None:
    _, findings = examined(
        "providers: {v: {dialect: simulated}}\nmodels: {a: {targets: [[{provider: v, weight: no}, {provider: w, model: x}]]}}\n"
    )
    assert [problem.path for problem in findings.errors] == [
        written_path(("models", "a", "targets", 0, 0, "weight")),
        written_path(("models", "a", "targets", 0, 1, "provider")),
    ]
