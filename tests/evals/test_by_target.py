"""A suite is asked of one target alone, and what is kept of it says what the gate of `eval` says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import EvalError
from headworks.evals.by_target import known_measurement, measured, source_files
from headworks.evals.one_target import targets_of, with_one_target
from headworks.evals.plan import Plan, RunOptions
from headworks.evals.results import Result, lines, read_header
from headworks.evals.session import Session, SessionOptions
from headworks.evals.statistics import gate
from headworks.evals.statistics.gate import Gate
from headworks.evals.statistics.summary import share_evidence
from headworks.evals.statistics.table import Table
from headworks.evals.suites.suite_file import load
from headworks.gateway.prices import Prices
from headworks.system.load import Loaded, read
from headworks.system.schema.requirements import bound
from headworks.system.verdicts.judge import judge
from headworks.system.verdicts.quality import KnownQuality
from headworks.system.verdicts.quality_file import TargetQuality, file_digests

SYSTEM = """\
name: shop
requirements:
  objectives: [{id: answers, metric: quality, suite: shop, at_least: 50%, confidence: 92%}]
providers:
  first: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}, seed: 1, faults: {FAULTS}}
  second: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}, seed: 2}
models:
  assistant: {targets: [[first], [second]], price: {input: $1/M, output: $2/M}, retry: {attempts: 1, backoff: 1ms..1ms}}
keys: {tests: {key: 0123456789abcdef0123, models: [assistant]}}
suites: {shop: shop.yaml}
log: {store: "sqlite:///l.db", journal: j}
"""
SUITE = """\
parameters: {max_tokens: 4}
scorers: [SCORER]
samples:
"""
FIRST, SECOND = "first/simulated", "second/simulated"


def shop(
    folder: Path, *, samples: int = 16, faults: str = "", scorer: str = "{kind: regex, pattern: '[aeiou]'}"
) -> Loaded:
    rows = "".join(
        f"  - {{input: which rake is number {number}, cluster: c{number % 8}}}\n" for number in range(samples)
    )
    (folder / "shop.yaml").write_text(SUITE.replace("SCORER", scorer) + rows)
    return read(SYSTEM.replace("FAULTS", faults).encode(), file="s", folder=folder, env={})


def session(loaded: Loaded, target: str = FIRST, samples: int | None = None) -> Session:
    choices = RunOptions(target=target, conditions=("none",), samples=samples)
    return Session(loaded, load(loaded.folder / "shop.yaml", "shop"), SessionOptions(choices=choices))


def ran(of: Session) -> tuple[Table, TargetQuality | None]:
    written = of.results()
    asyncio.run(of.run(written, lambda progress: None))
    table = Table(written.path)
    return table, measured(of, table)


def test_one_target_answers_all_and_a_call_that_fails_goes_to_no_other(tmp_path: Path) -> None:
    loaded = shop(tmp_path, faults="unavailable: 10%")
    table, found = ran(session(loaded))
    assert found is not None
    assert (found.target, found.alias, found.model, found.prompt) == (FIRST, "assistant", "assistant", "")
    header = read_header(table.path)
    assert (header.target, header.samples) == (FIRST, 16)
    answered = [one for _, one in lines(table.path) if isinstance(one, Result) and one.outcome != "failed"]
    assert len(answered) == 16  # five attempts; the file has one, and a second tier
    alone = with_one_target(loaded.system, "assistant", SECOND)[1].models["assistant"]
    assert [[str(target) for target in tier] for tier in alone.targets] == [[SECOND]]
    assert targets_of(loaded.system, "assistant") == [FIRST, SECOND]


def test_a_target_that_the_model_does_not_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"assistant has no target `frst/simulated`\n.*first/simulated"):
        session(shop(tmp_path), "frst/simulated")


def test_what_is_kept_has_the_limits_of_the_gate_and_check_its_word(tmp_path: Path) -> None:
    """At every confidence, one that the file asks for among them; samples in clusters."""
    loaded = shop(tmp_path, samples=24, scorer="{kind: regex, pattern: '^[a-m]'}")
    of = session(loaded)
    table, _ = ran(of)
    table.codes[:, 0] = [index % 16 != 0 and index % 3 != 0 for index in range(24)]
    found = measured(of, table)
    assert found is not None
    assert (found.samples, found.planned, len(found.clusters), len(set(found.clusters))) == (24, 24, 24, 8)
    assert found.scores.count("1") == round(found.value * 24)
    assert [one.confidence for one in found.limits] == [0.8, 0.9, 0.92, 0.95, 0.975, 0.99, 0.995, 0.999]
    [objective] = loaded.system.requirements.objectives
    evidence = gate_evidence(of, table)
    words = set()
    for percent in (20, 40, 60, 90):
        for confidence in (0.92, 0.99):
            bounded = msgspec.structs.replace(objective, at_least=bound(f"{percent}%"), confidence=confidence)
            asked = Gate(id="", what="", bound=percent / 100, confidence=confidence, evidence=evidence)
            [judged] = gate.judge([asked])
            alone = with_one_target(loaded.system, "assistant", FIRST)[1]
            requirements = msgspec.structs.replace(alone.requirements, promises=(bounded,))
            system = msgspec.structs.replace(alone, requirements=requirements)
            [said] = judge(system, Prices(system).of, KnownQuality((found,), found.files))
            assert said.verdict == {"not enough data": "cannot say"}.get(judged.verdict, judged.verdict)
            words.add(said.verdict)
    assert words == {"holds", "does not hold", "cannot say"}


def gate_evidence(of: Session, table: Table) -> gate.Evidence:
    clusters = {sample.id: sample.cluster for sample in of.plan.suite.samples}
    numbers = {name: number for number, name in enumerate(sorted(set(clusters.values())))}
    of_rows = [numbers[clusters[name]] for name in table.rows]
    return share_evidence(table, of.plan.suite, "plain", gate.stats.np.array(of_rows))


def test_nobody_grades_his_own_answers(tmp_path: Path) -> None:
    """A judge without a model of its own is the alias as the file has it, the same for every target."""
    scorer = "{kind: graded, rubric: is it kind?}"
    plan = session(shop(tmp_path, scorer=scorer), SECOND).plan
    [task_scorer] = plan.suite.base.scorers
    assert plan.grader(task_scorer) == "assistant (grader)"
    targets = plan.system.models["assistant (grader)"].targets
    assert [str(target) for tier in targets for target in tier] == [FIRST, SECOND]
    assert "assistant (grader)" in plan.system.keys["tests"].models
    whole = Plan(load(tmp_path / "shop.yaml", "shop"), shop(tmp_path, scorer=scorer).system, RunOptions())
    assert whole.grader(task_scorer) == "assistant"
    _, found = ran(session(shop(tmp_path, samples=2, scorer=scorer), SECOND))  # it may be called
    assert found is None  # a simulated vendor's verdict is none: nothing was judged, and nothing is kept


def test_a_prompt_is_measured_with_its_version(tmp_path: Path) -> None:
    (tmp_path / "help.md").write_text("---\nvariables: {input: {type: string}}\n---\n# user\nHelp: {{ input }}\n")
    shop(tmp_path, samples=3)
    suite = tmp_path / "shop.yaml"
    suite.write_text("prompt: help\n" + suite.read_text())
    text = SYSTEM.replace("FAULTS", "").replace(
        "suites:", "prompts: {help: {file: help.md, model: assistant}}\nsuites:"
    )
    loaded = read(text.replace(", models: [assistant]", "").encode(), file="s", folder=tmp_path, env={})
    table, found = ran(session(loaded))
    version = loaded.system.prompts["help"].file.version
    assert found is not None
    assert (found.model, found.alias, found.prompt, table.header.prompt) == (
        "prompt/help",
        "assistant",
        version,
        version,
    )


def test_what_was_measured_is_not_asked_again_unless_it_is_another(tmp_path: Path) -> None:
    loaded = shop(tmp_path)
    of = session(loaded)
    _, found = ran(of)
    assert found is not None
    assert known_measurement(of, [found]) == found
    assert known_measurement(session(loaded, SECOND), [found]) is None
    assert known_measurement(session(loaded, samples=4), [found]) is not None
    assert known_measurement(of, [msgspec.structs.replace(found, samples=4)]) is None
    assert known_measurement(of, [msgspec.structs.replace(found, prompt="0123456789ab")]) is None
    assert known_measurement(of, [msgspec.structs.replace(found, reached="elsewhere")]) is None
    # Another layout of the same suite is the same suite: its files are taken over as they are now.
    suite = tmp_path / "shop.yaml"
    suite.write_text("# a remark\n" + suite.read_text())
    again = known_measurement(session(loaded), [found])
    assert again is not None
    assert again.files == file_digests(tmp_path, ["shop.yaml"]) != found.files
    suite.write_text(suite.read_text() + "  - {input: one more}\n")
    assert known_measurement(session(loaded), [found]) is None


def test_a_run_of_one_target_goes_on_and_is_no_other_targets(tmp_path: Path) -> None:
    loaded = shop(tmp_path)
    table, _ = ran(session(loaded))
    kept = table.path.read_bytes().splitlines(keepends=True)
    table.path.write_bytes(b"".join(kept[:5]))
    other = session(loaded, SECOND).results()
    assert other.path != table.path
    other.close()
    again, found = ran(session(loaded))
    assert again.path == table.path
    assert found is not None
    assert found.samples == 16


def test_all_files_of_a_suite_stand_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "suites"
    folder.mkdir()
    (folder / "prompt.txt").write_text("Be brief.")
    (folder / "rows.jsonl").write_text('{"input": "a", "expected": "b"}\n')
    (folder / "own.py").write_text("def odd(target, reply):\n    return True\n")
    (folder / "s.yaml").write_text(
        "python: own.py\nsystem_file: prompt.txt\nsamples: rows.jsonl\nscorers: [odd]\ntasks: {t: {system_file: prompt.txt}}\n"
    )
    suite = load(folder / "s.yaml", "s").suite
    found = source_files(suite, tmp_path)
    assert found == [f"suites/{name}" for name in ("own.py", "prompt.txt", "rows.jsonl", "s.yaml")]
    assert source_files(suite, tmp_path / "elsewhere") == [str(folder / Path(one).name) for one in found]
