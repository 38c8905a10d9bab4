"""The story of `docs/story/` happens: its commands are run in an empty folder, and print what stands below them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.story import PAGES, difference, masked, steps, told

pytestmark = pytest.mark.e2e


def test_the_story_is_what_happens() -> None:
    pages = [page.read_text(encoding="utf-8") for page in PAGES]
    assert [difference(page, today) for page, today in zip(pages, told(pages), strict=True)] == [""] * len(PAGES)


def test_chapters_share_a_folder() -> None:
    pages = ["```console\n$ echo made > file\n```\n", "```console\n$ cat file\nmade\n```\n"]
    assert told(pages) == pages


def test_the_first_page_lists_every_chapter_in_order() -> None:
    first = PAGES[0].parent.with_suffix(".md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\| \[[^]]+\]\(story/([^)]+)\) \|", first) == [page.name for page in PAGES]


def test_a_page_is_commands_and_what_they_print() -> None:
    page = "text\n```console\n$ cat <<'EOF'\n> one\n>\n> EOF\none\n\n$ true\n```\n```sh\n$ not run\n```\n"
    assert [(step.command, step.output) for step in steps(page)] == [
        ("cat <<'EOF'\none\n\nEOF", "one\n\n"),
        ("true", ""),
    ]
    assert told([page]) == [page]


def test_another_output_is_a_difference(tmp_path: Path) -> None:
    page = "```console\n$ echo one\ntwo\n```\n"
    assert "+one" in difference(page, *told([page]))
    assert "-two" in difference(page, *told([page]))


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("request req_0a1b took 624 ms", "request req_9f took 1.2 s", True),
        ("14:15:47 ok 3 tries", "14:15:48 ok 4 tries", True),
        ("14:15:47 ok", "14:15:47 failed", False),
        ("200", "502", False),
        ('{"content":"a \\"b\\""}', '{"content":"c"}', True),
        ("     |--      |", "     |  ----- |", True),
        ("availability >= 99.9%", "availability >= 99.8%", False),
    ],
)
def test_only_what_differs_from_run_to_run_is_masked(one: str, other: str, is_same: bool) -> None:
    assert (masked(one) == masked(other)) is is_same
