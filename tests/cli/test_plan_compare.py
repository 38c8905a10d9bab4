"""`headworks plan a.yaml b.yaml` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headworks.cli.main import run

FILE = """\
requirements:
  traffic: {{peak_rps: {rate}, output_tokens: {{p50: 50, p95: 100}}, prompt_tokens: {{p50: 100, p95: 300}}}}
  objectives: [{objectives}]
providers: {{v: {{dialect: simulated, first_token: {{p50: 300ms, p99: 900ms}}, per_token: {{p50: 5ms, p99: 9ms}}}}}}
models: {{a: {{targets: [v], price: {{input: $1/M, output: {output}/M}}}}}}
"""
FIRST = "{id: first, metric: time_to_first_token, percentile: 95, at_most: 2s}"
LATE = FIRST.replace("2s", "100ms")
QUICK = ("--calls", "100", "--runs", "2")


def written(file: Path, objectives: str = FIRST, output: str = "$5", rate: int = 1) -> str:
    file.parent.mkdir(exist_ok=True)
    file.write_text(FILE.format(objectives=objectives, output=output, rate=rate))
    return str(file)


def test_people_read_the_answer_the_verdicts_and_the_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        written(tmp_path / "a.yaml"),
        written(tmp_path / "b.yaml", output="$2"),
        written(tmp_path / "c.yaml", LATE),
    ]
    assert run(["plan", *QUICK, *files]) == 0  # one of them would do
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.startswith("the same traffic for all: synthetic traffic, 1 calls/s at peak\n")
    assert "2 of 3 systems meet every objective: a.yaml, b.yaml\nthe cheapest of them is b.yaml: $" in out
    lines = {line.partition("  ")[0]: line for line in reversed(out.splitlines())}  # the first of a name counts
    assert lines["first"].count("holds") == 2
    assert lines["first"].count("does not hold") == 1
    assert "a.yaml: p95 of time_to_first_token <= 2s; " in lines["first"]
    assert lines["cost a month"].count("$") == 9
    assert "b.yaml - a.yaml" in out
    assert "cost a month  -$" in out
    assert "What gives way first\n  a.yaml  no capacity limit is close" in out
    assert "  a.yaml by b.yaml: that is better at cost a month, and at nothing worse\n" in out


def test_machines_read_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [written(tmp_path / "a.yaml", LATE), written(tmp_path / "b.yaml", LATE, "$2", rate=2)]
    assert run(["plan", *QUICK, "--json", *files]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["traffic"] == {"b.yaml": ["calls a second of a: 2, not 1"]}
    assert [one["file"] for one in found["columns"]] == ["a.yaml", "b.yaml"]
    assert [one["verdict"] for one in found["columns"]] == ["does not hold", "does not hold"]
    assert [one["name"] for one in found["rows"]] == ["first", "cost a month", "answered"]
    assert found["rows"][0]["differences"][0]["how"] == "not paired"
    assert str(tmp_path) not in json.dumps(found)


def test_other_traffic_is_said_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unpriced = "{id: c, metric: cost_per_call, at_most: $1}"
    a, b = written(tmp_path / "x" / "a.yaml"), written(tmp_path / "y" / "a.yaml", unpriced, rate=2)
    Path(b).write_text(Path(b).read_text().replace(", price: {input: $1/M, output: $5/M}", ""))
    Path(a).write_text(Path(a).read_text().replace("2s", "100ms"))
    assert run(["plan", *QUICK, a, b]) == 2  # of one it cannot be said, and the other does not hold
    out = capsys.readouterr().out
    assert out.startswith("The traffic differs, so this comparison is not fair")
    assert f"  {b}: calls a second of a: 2, not 1\n" in out
    assert "not asked" in out
    assert "a price is unknown" in out
    assert "not said, because the traffic differs" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["a.yaml", "a.yaml"], "a file is named twice"),
        (["--html", "p.html", "a.yaml", "b.yaml"], "--html is about one system"),
        (["--details", "a.yaml", "b.yaml"], "--details is about one system"),
        (["--screen", "a.yaml", "b.yaml"], "--screen is about one system"),
        (["a.yaml", *(f"{number}.yaml" for number in range(8))], "9 files are too many to read side by side: name 8"),
        (["a.yaml", "nothing.yaml"], "nothing.yaml does not exist"),
        (["a.yaml", "empty.yaml"], "empty.yaml has no objectives"),
    ],
)
def test_what_cannot_be_compared_is_said(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", *map(str, range(8))):
        written(tmp_path / f"{name}.yaml")
    written(tmp_path / "empty.yaml", objectives="")
    assert run(["plan", *options]) == 3
    assert said in capsys.readouterr().err


def test_without_a_name_the_file_is_headworks_yaml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plan", "--screen"]) == 3
    assert "headworks.yaml does not exist: `headworks init` writes a first one" in capsys.readouterr().err
    written(tmp_path / "headworks.yaml")
    assert run(["plan", "--screen"]) == 0
