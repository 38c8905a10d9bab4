"""Wraps the prose of Markdown files: `python tools/wrap.py FILE...`.

Only paragraphs and list items that have a line over `LIMIT` change, and only where their lines break. Tables, code, headings
and comments stay as they are. A code span or a link is never broken, so that a search for it finds it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LIMIT: Final = 160
"""The longest line that `tests/docs/test_pages.py` allows."""

WIDTH: Final = 140
"""What is wrapped is wrapped to this: room for a small change that moves no other line."""

FENCE: Final = re.compile(r"\s*(```|~~~)")
ITEM: Final = re.compile(r"(\s*)([-*+]|\d+\.)\s+")
APART: Final = re.compile(r"\s*$|\s*\||#|<!--|    |>")
"""A line that is no prose, or that ends the paragraph before it."""

WORD: Final = re.compile(r"(?:``[^`].*?``|`[^`]*`|!?\[[^\]]*\]\([^)]*\)|\S)+")
STARTS: Final = re.compile(r"([-*+>#|]|\d+[.)]$)")
"""A word that would begin a list, a heading, a quote or a table if it came first on its line."""


def wrapped(text: str) -> str:
    """The same text, no prose over `LIMIT`."""
    return "\n".join(line for block in blocks(text.split("\n")) for line in filled(block))


def too_long(text: str) -> list[tuple[int, str]]:
    """The lines of prose over `LIMIT`, with their numbers. An address cannot be broken, and does not count."""
    found: list[tuple[int, str]] = []
    number = 1
    for block in blocks(text.split("\n")):
        for line in block:
            if is_prose(block) and len(re.sub(r"https?://[^\s)>]+", "", line)) > LIMIT:
                found.append((number, line))
            number += 1
    return found


def blocks(lines: list[str]) -> Iterator[list[str]]:
    """Paragraphs and list items, each with its lines; every other line, and each block of code, by itself."""
    block: list[str] = []
    code = False
    for line in lines:
        fence = FENCE.match(line) is not None
        if code or fence:
            if fence and not code:
                yield from ended(block)
                block = []
            block.append(line)
            if fence and code:
                yield block
                block = []
            code = code != fence
        elif ITEM.match(line) and not line.startswith("    "):
            yield from ended(block)
            block = [line]
        elif APART.match(line) and not (block and line.startswith("    ") and line.strip()):
            yield from ended(block)
            yield [line]
            block = []
        else:
            block.append(line)
    yield from ended(block)


def ended(block: list[str]) -> Iterator[list[str]]:
    if block:
        yield block


def is_prose(block: list[str]) -> bool:
    return FENCE.match(block[0]) is None and (APART.match(block[0]) is None or block[0].startswith("#"))


def filled(block: list[str]) -> list[str]:
    if not is_prose(block) or block[0].startswith("#") or all(len(line) <= LIMIT for line in block):
        return block
    item = ITEM.match(block[0])
    first = item.group() if item else block[0][: len(block[0]) - len(block[0].lstrip())]
    rest = " " * len(first)
    lines = [first]
    for word in WORD.findall(" ".join(line.strip() for line in block)[len(first.lstrip()) :]):
        before = lines[-1]
        bare = before in (first, rest)
        if bare or len(before) + 1 + len(word) <= WIDTH or STARTS.match(word):
            lines[-1] = before + word if bare else f"{before} {word}"
        else:
            lines.append(rest + word)
    return lines


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        text = path.read_text(encoding="utf-8")
        path.write_text(wrapped(text), encoding="utf-8")


if __name__ == "__main__":
    main()
