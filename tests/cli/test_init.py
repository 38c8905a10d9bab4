"""`headworks init`, as a user sees it: in a folder and an environment of his own."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from headworks.cli.exits import COULD_NOT_RUN, HOLDS
from headworks.system.draft import VENDORS

KEYS = {vendor.variable for vendor in VENDORS}


def headworks(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in KEYS}
    command = [sys.executable, "-m", "headworks", *arguments]
    return subprocess.run(command, cwd=folder, env={**clean, **env}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("env", [{}, {"OPENAI_API_KEY": "sk-0123456789abcdef"}], ids=["offline", "vendor"])
def test_a_prompt_becomes_a_file_that_check_finds_right(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "prompt.txt").write_text("Answer in one sentence. Don't guess.\n")
    made = headworks(tmp_path, "init", "--from", "prompt.txt", **env)
    assert (made.returncode, made.stderr) == (HOLDS, "")
    assert "sk-0123456789abcdef" not in made.stdout + (tmp_path / "headworks.yaml").read_text()
    checked = headworks(tmp_path, "check", **env)
    assert checked.returncode == HOLDS, checked.stdout
    # The command that is printed is one that a shell takes.
    command = shlex.split(re.search(r"-d (.*)", made.stdout)[1])  # type: ignore[index]
    assert json.loads(command[0])["messages"][0]["content"] == "Answer in one sentence. Don't guess."


def test_a_long_prompt_is_read_from_its_file_in_the_example(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * 500)
    made = headworks(tmp_path, "init", "--from", "long.txt", "my.yaml")
    assert made.returncode == HOLDS
    assert "open('long.txt').read()" in made.stdout
    assert "headworks up my.yaml" in made.stdout


def test_nothing_is_written_over_unless_it_is_forced(tmp_path: Path) -> None:
    file = tmp_path / "headworks.yaml"
    file.write_text("mine\n")
    refused = headworks(tmp_path, "init")
    assert refused.returncode == COULD_NOT_RUN
    assert "--force" in refused.stderr
    assert file.read_text() == "mine\n"
    assert headworks(tmp_path, "init", "--force").returncode == HOLDS
    assert file.read_text() != "mine\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b" \n", "is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 1_000_001, "longer than a megabyte")],
)
def test_what_is_no_prompt_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "prompt.txt").write_bytes(content)
    refused = headworks(tmp_path, "init", "--from", "prompt.txt")
    assert refused.returncode == COULD_NOT_RUN
    assert said in refused.stderr
    assert not (tmp_path / "headworks.yaml").exists()


def test_a_key_that_no_header_can_carry_is_told_before_anything_is_written(tmp_path: Path) -> None:
    refused = headworks(tmp_path, "init", OPENAI_API_KEY="sk-0123\n456789abcdef")
    assert refused.returncode == COULD_NOT_RUN
    assert "a header cannot carry" in refused.stderr
    assert not (tmp_path / "headworks.yaml").exists()


def test_a_prompt_becomes_a_suite_that_is_read_and_an_objective_that_gates_it(tmp_path: Path) -> None:
    folder = tmp_path / "where it is"
    folder.mkdir()
    words = 'You are {{ "kind" }}: never say "no".\nSecond line: {% x %}'
    (tmp_path / "prompt.txt").write_text(words)
    made = headworks(tmp_path, "init", "--from", "prompt.txt", "where it is/headworks.yaml")
    assert made.returncode == HOLDS, made.stderr
    dry = headworks(tmp_path, "eval", "--dry-run", "where it is/headworks.yaml")
    assert (dry.returncode, dry.stderr) == (HOLDS, "")
    assert dry.stdout.startswith("assistant: 20 samples, 4 conditions,")
    again = headworks(tmp_path, "init", "--from", "prompt.txt", "where it is/other.yaml")
    assert again.returncode == COULD_NOT_RUN
    assert "is there already: write the system file into another folder" in again.stderr  # another name would not help
    assert not (folder / "other.yaml").exists()
