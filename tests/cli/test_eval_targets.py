"""`headworks eval --targets`, and what `check` and `plan` make of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headworks.cli.exit_codes import CANNOT_SAY, COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.main import run
from headworks.system.verdicts.quality_file import quality_path, read_quality

SYSTEM = """\
name: shop
requirements:
  traffic: {peak_rps: 2, prompt_tokens: {p50: 10, p95: 20}, output_tokens: {p50: 5, p95: 9}}
  objectives:
    - {id: answers, metric: quality, suite: shop, at_least: AT_LEAST}
providers:
  first: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}, seed: 1}
  second: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}, seed: 2}
models:
  assistant: {targets: [[first], [second]], price: {input: $1/M, output: $2/M}}
suites: {shop: shop.yaml}
"""
SUITE = """\
parameters: {max_tokens: 4}
scorers: [{kind: regex, pattern: '[aeiou]'}]
conditions: [typos]
samples:
"""


def shop(folder: Path, at_least: str = "50%", price: str = "price: {input: $1/M, output: $2/M}") -> str:
    rows = "".join(f"  - {{input: which rake is number {number}}}\n" for number in range(12))
    (folder / "shop.yaml").write_text(SUITE + rows)
    file = folder / "headworks.yaml"
    file.write_text(SYSTEM.replace("AT_LEAST", at_least).replace("price: {input: $1/M, output: $2/M}", price))
    return str(file)


def test_every_target_is_asked_once_and_check_judges_by_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    assert run(["check", file]) == HOLDS
    assert "not judged  needs an evaluation: headworks eval --targets all --suite shop" in capsys.readouterr().out
    assert run(["eval", file, "--targets", "all", "--yes"]) == HOLDS
    out = capsys.readouterr().out
    first, second, total = out.splitlines()[:3]
    assert first.startswith("shop: 12 samples, 1 condition, 12 calls of first/simulated; about $0.")
    assert second.startswith("shop: 12 samples, 1 condition, 12 calls of second/simulated; about $0.")
    assert total.startswith("2 targets: about $0.")
    rows = [line.split() for line in out.splitlines()]
    assert [row[2:4] for row in rows if row[:1] == ["shop"]] == [
        ["first/simulated", "100.0%"],
        ["second/simulated", "100.0%"],
    ]
    kept = read_quality(quality_path(tmp_path))
    assert [(one.target, one.samples, one.value) for one in kept] == [
        ("first/simulated", 12, 1.0),
        ("second/simulated", 12, 1.0),
    ]
    assert run(["check", file, "--json"]) == HOLDS
    [said] = json.loads(capsys.readouterr().out)["objectives"]
    assert said["verdict"] == "holds"
    # Another suite is another question: both refuse what was measured, and say why.
    suite = tmp_path / "shop.yaml"
    suite.write_text(suite.read_text() + "  - {input: one more}\n")
    assert run(["check", file]) == HOLDS
    assert "shop.yaml has changed since" in capsys.readouterr().out


def test_what_is_measured_is_not_asked_and_not_paid_for_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop(tmp_path)
    assert run(["eval", file, "--targets", "first/simulated", "--yes"]) == HOLDS
    capsys.readouterr()
    assert run(["eval", file, "--targets", "all", "--yes"]) == HOLDS
    out = capsys.readouterr().out
    assert "calls of first/simulated" not in out
    assert "12 calls of second/simulated" in out
    assert "1 measured already, and not asked again (--fresh asks)" in out
    assert run(["eval", file, "--targets", "all", "--fresh", "--dry-run"]) == HOLDS
    assert "12 calls of first/simulated" in capsys.readouterr().out


def test_nothing_is_asked_that_costs_before_somebody_agrees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = shop(tmp_path)
    monkeypatch.setattr("click.confirm", lambda *said, **options: False)
    assert run(["eval", file, "--targets", "all"]) == CANNOT_SAY
    assert run(["eval", file, "--targets", "all", "--dry-run"]) == HOLDS
    assert run(["eval", file, "--targets", "all", "--json"]) == COULD_NOT_RUN
    assert "need --yes beside --json" in capsys.readouterr().err
    assert not (tmp_path / ".headworks" / "evals").exists()


def test_a_bound_on_cost_gives_every_target_the_same_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path)
    assert run(["eval", file, "--targets", "all", "--yes", "--json", "--max-cost", "$0.0003"]) == HOLDS
    told = capsys.readouterr()
    found = json.loads(told.out)
    asked = [one["samples"] for one in found]
    assert all(4 <= samples < 12 for samples in asked)
    assert sum(one["cost_nano"] for one in found) <= 300_000
    assert "of which only $0.0003 may be spent: each is asked the same part of the samples" in told.err
    assert [one["planned"] for one in found] == [12, 12]
    assert "scores" not in found[0]


def test_what_could_not_be_measured_is_told_and_keeps_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop(tmp_path, price="timeouts: {total: 300ms}, price: {input: $0/M, output: $0/M}")
    text = Path(file).read_text().replace("seed: 2}", "seed: 2, faults: {server_error: 100%}}")
    Path(file).write_text(text)
    assert run(["eval", file, "--targets", "all"]) == CANNOT_SAY  # free: nobody is asked
    out = capsys.readouterr().out
    assert "none of 12 calls had an answer" in out or "none of the first 12 calls got an answer" in out
    assert [one.target for one in read_quality(quality_path(tmp_path))] == ["first/simulated"]
    assert run(["check", file]) == HOLDS
    assert "second/simulated was not measured" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--targets", "frst/simulated"], "did you mean `first/simulated`?"),
        (["--targets", ","], "--targets names no target"),
        (["--targets", "all", "--out", "x.jsonl"], "--out is for a run of the whole system"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], said: str
) -> None:
    assert run(["eval", shop(tmp_path), *extra]) == COULD_NOT_RUN
    assert said in capsys.readouterr().err


def test_a_target_that_is_shown_to_be_worse_fails_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shop(tmp_path, at_least="90%")
    suite = tmp_path / "shop.yaml"
    suite.write_text(suite.read_text().replace("[aeiou]", "[0-9]{9}"))
    assert run(["eval", file, "--targets", "all", "--yes"]) == HOLDS  # measured: the verdict is check's and plan's
    assert run(["check", file]) == FAILS
    capsys.readouterr()
    assert run(["plan", file, "--calls", "100", "--runs", "2"]) == FAILS
    out = capsys.readouterr().out
    assert "quality >= 90%" in out
    assert "none of the changes that were tried helps" not in out  # no change of the file was tried for it
