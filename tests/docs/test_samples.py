"""What pages show of our commands is made from what stands on the page. `make soak` runs the commands again."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.cli.plan import read
from tools.samples import PAGES, difference, files, made_from, with_output
from tools.story import Stage, steps


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_sample_is_not_older_than_its_files(page: Path) -> None:
    written, today = made_from(page)
    assert written == today, f"{page.name}: a file or a command changed: `python tools/samples.py --write`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_files_of_a_sample_are_there_and_right(page: Path, tmp_path: Path) -> None:
    given = files(page)
    for name, text in given.items():
        (tmp_path / name).write_text(text)
        read(tmp_path / name)
    for step in steps(page.read_text()):
        named = [word for word in step.command.split() if word.endswith(".yaml")] or ["headworks.yaml"]
        assert set(named) <= set(given), step.command


def test_output_is_written_below_its_command_and_compared_with_it(tmp_path: Path) -> None:
    page = "a\n```console\n$ echo 1\nold\n```\nb\n"
    today = with_output(page, Stage(tmp_path), "abc")
    assert today == "a\n```console\n$ echo 1\n1\n```\n<!-- tools/samples.py: abc -->\nb\n"
    assert with_output(today, Stage(tmp_path), "abc") == today
    assert difference(page, today) == ["echo 1"]
    assert difference(today, today) == []
