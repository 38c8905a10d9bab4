"""`headworks plan --search` as it is typed."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from headworks.cli import plan_search
from headworks.cli.main import run
from headworks.twin.frontier.search import search
from headworks.twin.report.frontier import Frontier, frontier_json
from headworks.twin.report.frontier_html import frontier_page
from tests.twin.frontier.files import FAST, FIRST, MINIMUM, SLOW, text

QUICK = ("--search", "--calls", "100", "--runs", "4")


class Typed(NamedTuple):
    """What was typed once, for all tests: a search takes most of a second."""

    code: int
    out: str
    page: str
    file: str
    frontier: Frontier


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """`headworks plan --search --html p.html f.yaml`."""
    folder, out, made = tmp_path_factory.mktemp("searched"), io.StringIO(), []

    def noted(*asked: Any) -> Frontier:
        made.append(search(*asked))
        return made[0]

    file = written(folder)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setattr(plan_search, "search", noted)
        code = run(["plan", *QUICK, "--html", str(folder / "p.html"), file])
    return Typed(code, out.getvalue(), (folder / "p.html").read_text(), file, made[0])


@pytest.fixture
def known(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> Frontier:
    """The search has been made: what is typed shows it."""
    monkeypatch.setattr(plan_search, "search", lambda *anything: typed.frontier)
    return typed.frontier


def written(folder: Path) -> str:
    (folder / "f.yaml").write_text(text(more=MINIMUM))
    return str(folder / "f.yaml")


def test_people_read_the_answer_the_systems_and_why_neighbours_lose(typed: Typed) -> None:
    out, file = typed.out, typed.file
    assert typed.code == 0
    assert "\x1b" not in out
    assert "\nCheapest that meets both promises: #1, a asks fast/m, then slow/m, $" in out
    assert re.search(r"^1 +a asks fast/m, then slow/m +\$[\d,]+ +\d+ ms +99\.\d+% +holds", out, re.MULTILINE)
    assert re.search(
        r"^  #1 +#2 does not surely keep up, loses at availability: -.* wins at cost a month: -\$", out, re.MULTILINE
    )
    assert "4 of 4 systems looked at, 4 simulated" in out
    assert f"headworks plan --search --apply 1 {file} > best.patch && patch {file} best.patch" in out
    assert "<h2>#1: a asks fast/m, then slow/m</h2>" in typed.page


def test_apply_prints_the_patch_and_nothing_else(
    known: Frontier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path)
    assert run(["plan", "--search", "--calls", "100", "--apply", "1", file]) == 0
    assert capsys.readouterr().out == known.points[0].patch
    assert run(["plan", "--search", "--calls", "100", "--apply", "2", file]) == 0  # though that one misses a promise
    assert capsys.readouterr().out == known.points[1].patch
    assert run(["plan", "--search", "--calls", "100", "--apply", "99", file]) == 3
    assert f"there is no system 99: the search found {len(known.points)}, from 1" in capsys.readouterr().err


def test_machines_read_all_of_it(known: Frontier, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--search", "--calls", "100", "--json", written(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(frontier_json(known))
    assert found["points"][0]["patch"].startswith("--- a/f.yaml\n+++ b/f.yaml\n")
    assert str(tmp_path) not in json.dumps(found)


def test_details_show_each_systems_promises(
    known: Frontier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--search", "--calls", "100", "--details", written(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"\n#1: {known.points[0].words}\n" in out
    assert "What was assumed" in out
    assert "fast/m: the provider is down 1% of the time" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--apply", "1", "f.yaml"], "--apply is about a system that a search found: add --search"),
        (["--search", "--screen", "f.yaml"], "--screen simulates nothing"),
        (["--search", "f.yaml", "g.yaml"], "--search is about one file"),
        (["--search", "empty.yaml"], "empty.yaml has no objectives"),
        (["--search", "one.yaml"], "headworks init --vendors openai,groq,mistral"),
        (["--search", "--candidates", "1", "f.yaml"], "1 is not in the range"),
    ],
)
def test_what_cannot_be_searched_is_said(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("f", "g"):
        Path(f"{name}.yaml").write_text(text())
    Path("empty.yaml").write_text(text(objectives=""))
    Path("one.yaml").write_text(text(objectives=FIRST, more="choices: {vary: {models.a.mid_stream: [error]}}"))
    assert run(["plan", *options]) == 3
    assert said in capsys.readouterr().err


def test_the_page_says_of_a_system_what_it_is_why_neighbours_lose_and_its_patch(typed: Typed) -> None:
    page, frontier = typed.page, typed.frontier
    assert page == frontier_page(frontier)
    assert "<script" not in page
    assert page.count("<h3>The patch</h3>") == len(frontier.points)
    assert page.count("Why its neighbours lose") == len(frontier.points)
    assert "cost a month and first token p95" in page
    assert "cost a month and availability" in page
    assert f"+      - {FAST}\n" in page
    assert "availability by -" in page
    assert SLOW in page
