"""Each page can be read: its lines and the page itself are short, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest

from tools.wrap import LIMIT, WIDTH, too_long, wrapped

ROOT: Final = Path(__file__).parent.parent.parent
FOLDERS: Final = ("docs", "bench", "deploy", "examples")
FILES: Final = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
"""Every page that somebody wrote for a reader; what tests read (`tests/data`) is no page."""
PAGES: Final = [path for path in FILES if ROOT / "docs" in path.parents and ROOT / "docs" / "adr" not in path.parents]

MOST_LINES: Final = 200
"""What is read in one go. Nothing is excepted: the reference of the system file and the story are split, too."""

LINK: Final = re.compile(r"(?<!!)\[(?:[^\]`]|`[^`]*`)*\]\(([^)\s]+)\)")
CODE: Final = re.compile(r"^(```|~~~).*?^\1\s*?$", re.MULTILINE | re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """The page without its blocks of code."""
    return CODE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of the headings: small letters, no punctuation, a hyphen for each blank."""
    found: dict[str, int] = {}
    made = set()
    for heading in re.findall(r"^#{1,6} (.*)$", prose(path), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip())
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = found[slug] = found.get(slug, -1) + 1
        made.add(slug if count == 0 else f"{slug}-{count}")
    return made


def links(path: Path) -> list[tuple[Path, str]]:
    """The files, with anchors, that a page leads to. Addresses of others are not asked."""
    found = []
    for target in LINK.findall(prose(path)):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            found.append(((path.parent / unquote(file)).resolve() if file else path, anchor))
    return found


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_line_is_longer_than_a_reader_can_follow(path: Path) -> None:
    found = too_long(path.read_text(encoding="utf-8"))
    assert found == [], f"over {LIMIT} characters: run `python tools/wrap.py {named(path)}`"


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_a_page_is_short_enough_to_be_read_at_once(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, "split it by task: what to do, how it works, reference (docs/style.md)"


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_a_page_begins_with_what_it_is_for(path: Path) -> None:
    title, blank, first = path.read_text(encoding="utf-8").splitlines()[:3]
    assert title.startswith("# ")
    assert blank == ""
    assert re.match(r"[A-Z*`]", first), "a sentence, before any table, list or code"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_every_link_and_its_anchor_are_there(path: Path) -> None:
    for file, anchor in links(path):
        assert file.exists(), f"{named(path)} leads to {file}"
        if anchor:
            assert anchor in anchors(file), f"{named(path)} leads to #{anchor} of {named(file)}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = {ROOT / "README.md"}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead |= {file for file, _ in links(page) if file.suffix == ".md" and file.exists()} - reached
    assert [named(page) for page in PAGES if page not in reached] == []


# --- the tool that the first of these tests names ---------------------------------------------------------------------

LONG: Final = " ".join(["a word of some prose"] * 12)


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        f"- {LONG}\n- short\n",
        f"10. {LONG}\n",
        f"{LONG}\n\n{LONG}\n- {LONG}\n\n| {LONG} |\n",
        "x " * 68 + "- y and more words, so that the line is over the bound of the page",
    ],
)
def test_wrapping_changes_nothing_but_the_ends_of_lines(text: str) -> None:
    done = wrapped(text)
    assert done.split() == text.split()
    assert too_long(done) == []
    assert wrapped(done) == done
    assert len(re.findall(r"^ *(?:[-*]|\d+\.) ", done, re.MULTILINE)) == len(
        re.findall(r"^ *(?:[-*]|\d+\.) ", text, re.MULTILINE)
    )


@pytest.mark.parametrize("text", [f"| {LONG} |", f"```\n{LONG}\n```", f"    {LONG}", f"# {LONG}", f"<!-- {LONG} -->"])
def test_a_table_a_block_of_code_and_a_heading_stay_as_they_are(text: str) -> None:
    assert wrapped(text) == text


def test_a_code_span_and_a_link_are_not_broken() -> None:
    span = "`headworks logs --by alias,day --cost`"
    link = "[what a caller sees](failure.md#what-the-caller-sees)"
    for lead in range(WIDTH - len(link), WIDTH):
        done = wrapped(
            f"{'x ' * (lead // 2)}{span} and {link} and words that make the line longer than the bound of a line"
        )
        assert span in done
        assert link in done


def test_a_continuation_stands_below_the_text_of_its_item() -> None:
    assert [line[:2] for line in wrapped(f"- {LONG}").splitlines()] == ["- ", "  "]


def test_an_address_is_not_counted_for_it_cannot_be_broken() -> None:
    assert too_long(f"See https://example.com/{'a' * 200} there.") == []
    assert [number for number, _ in too_long(f"short\n\n{LONG}")] == [3]
