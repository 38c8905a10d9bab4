"""`headworks drill`: choices, outputs, exit codes."""

from pathlib import Path

import msgspec
import pytest

from headworks.cli.main import run
from headworks.system.starter import text
from tests.drill.systems import PRODUCTION

ALONE = "version: 1\nproviders: {only: {dialect: simulated}}\nmodels: {assistant: only}\n"


@pytest.fixture
def alone(tmp_path: Path) -> str:
    file = tmp_path / "alone.yaml"
    file.write_text(ALONE)
    return str(file)


@pytest.fixture
def starter(tmp_path: Path) -> str:
    file = tmp_path / "starter.yaml"
    file.write_text(text())
    return str(file)


def test_what_holds_exits_with_0_and_shows_its_timeline(starter: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drill", "--virtual", "--only", "cut,silence", starter]) == 0
    said = capsys.readouterr().out
    assert "holds: cut: the connection closes in the middle of an answer" in said
    assert "  fault cut" in said
    assert "3 of 3 calls meanwhile whole" in said
    assert said.rstrip().endswith("starter, virtual loop, seed 0: 2 drills: holds 2")


def test_what_does_not_hold_exits_with_1_and_says_why(alone: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drill", "--virtual", "--only", "error-503", alone]) == 1
    said = capsys.readouterr().out
    assert "does not hold: error-503" in said
    assert "add a fallback target in a lower tier" in said


def test_what_cannot_be_said_exits_with_2(tmp_path: Path, alone: str, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("drills: {late: {shows: nobody calls, faults: [{fault: cut, from: 1h, until: 2h}]}}\n")
    assert run(["drill", "--virtual", "--only", "late", "--drills", str(mine), alone]) == 2
    assert "no call was made during the fault" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "ctu"], "did you mean `cut`?"),
        (["--virtual", "--only", "sigkill"], "sigkill needs the real loop"),
        (["--virtual", "--alias", "asistant"], "did you mean `assistant`?"),
        (["--drills", "absent.yaml"], "the file of drills cannot be read"),
    ],
)
def test_what_cannot_be_run_exits_with_3(
    arguments: list[str], said: str, alone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["drill", *arguments, alone]) == 3
    assert said in capsys.readouterr().err


def test_a_list_runs_none(alone: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drill", "--list", alone]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 27
    assert lines[0].split() == "refused refused the vendor refuses connections".split()
    assert run(["drill", "--list", "--json", alone]) == 0
    listed = msgspec.json.decode(capsys.readouterr().out)
    assert listed["cut"]["faults"] == [{"fault": "cut", "targets": [], "from": 2.5, "until": 6.25, "share": 1.0}]


def test_drills_of_the_system_file_are_run_beside_the_librarys_or_in_their_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "headworks.yaml"
    file.write_text(
        f"{ALONE}drills:\n  cut: {{shows: my own, faults: [{{fault: cut, from: 1s, until: 3s}}]}}\n"
        "  mine: {shows: mine, faults: [{fault: html}], expect: {whole: 0%}}\n"
    )
    assert run(["drill", "--list", str(file)]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 28
    assert "my own" in said
    assert run(["drill", "--virtual", "--only", "mine", str(file)]) == 0


def test_the_same_seed_prints_the_same_bytes(starter: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["drill", "--virtual", "--json", "--seed", "5", starter])
    first = capsys.readouterr().out
    run(["drill", "--virtual", "--json", "--seed", "5", starter])
    assert capsys.readouterr().out == first
    made = msgspec.json.decode(first)
    assert (made["loop"], made["seed"], len(made["drills"])) == ("virtual", 5, 20)


def test_junit_is_written_beside_what_is_printed(
    tmp_path: Path, starter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["drill", "--virtual", "--quick", "--junit", str(tmp_path / "out.xml"), starter]) == 0
    assert b'tests="4"' in (tmp_path / "out.xml").read_bytes()
    assert run(["drill", "--virtual", "--quick", "--junit", str(tmp_path / "absent" / "out.xml"), starter]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_the_table_is_markdown(starter: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drill", "--virtual", "--only", "cut", "--table", starter]) == 0
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .startswith("| `cut` | the connection closes in the middle of an answer | complete (3) |")
    )


def test_the_documented_production_setup_is_drilled_and_the_output_says_how_the_copy_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "headworks.yaml"
    file.write_bytes(PRODUCTION)
    report = tmp_path / "report.xml"
    asked = ["drill", "--virtual", "--only", "error-503"]
    assert run([*asked, "--junit", str(report), str(file)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("the copy: one worker (the file has 2); state in memory")
    assert '<property name="copy" value="one worker (the file has 2);' in report.read_text()
    assert run([*asked, "--json", str(file)]) == 0
    told = capsys.readouterr()
    assert msgspec.json.decode(told.out)["copy"][0] == "one worker (the file has 2)"
    assert told.err.startswith("the copy: one worker")
