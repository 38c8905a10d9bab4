"""Runs the samples of pages: their commands in a folder with the page's files, their output against what they print today.

    python tools/samples.py            fails where a page shows something else than its commands print
    python tools/samples.py --write    writes what they print into the pages

A sample is a block that begins with ```console (`tools/story.py` reads it the same way). Its files are the blocks of the page that
begin with ```yaml and `# NAME.yaml`, and those of `docs/samples/PAGE/`. Below the block stands what it was made from, as a digest: a
test compares it, so a file is not changed without the sample. What takes time is run by `make soak`.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Final

from tools.story import Stage, Step, masked, steps

DOCS: Final = Path(__file__).parent.parent / "docs"

PAGES: Final = tuple(DOCS / name for name in ("plan.md", "plan/side-by-side.md", "plan/speeds.md"))

EXACT: Final = "headworks plan"
"""The command whose output is the same to the byte; of others what differs from run to run is masked."""

DIGEST: Final = re.compile(r"\b[0-9a-f]{32}\b")
"""A system's digest: it changes with every key that a system file gets, and says nothing of the plan."""

FILE: Final = re.compile(r"(?ms)^```yaml\n(# (\S+\.yaml)\n.*?)^```$")
MADE: Final = re.compile(r"<!-- tools/samples\.py: (\w+) -->")


def files(page: Path) -> dict[str, str]:
    """The files that the commands of a page are about, by name."""
    beside = DOCS / "samples" / page.stem
    found = {file.name: file.read_text(encoding="utf-8") for file in sorted(beside.glob("*"))}
    return found | {match[2]: match[1] for match in FILE.finditer(page.read_text(encoding="utf-8"))}


def digest(commands: list[str], given: dict[str, str]) -> str:
    """What a page's samples are made from."""
    return blake2b(repr((commands, sorted(given.items()))).encode(), digest_size=6).hexdigest()


def made_from(page: Path) -> tuple[str, str]:
    """The digest that stands on a page, "" where none does, and the one of its commands and files."""
    text = page.read_text(encoding="utf-8")
    written = MADE.search(text)
    return written[1] if written else "", digest([step.command for step in steps(text)], files(page))


def told(page: Path) -> str:
    """The page with the output of today."""
    folder = Path(tempfile.mkdtemp(prefix="sample-"))
    stage = Stage(folder)
    try:
        for name, text in files(page).items():
            (folder / name).write_text(text, encoding="utf-8")
        return with_output(page.read_text(encoding="utf-8"), stage, made_from(page)[1])
    finally:
        stage.stop()
        shutil.rmtree(folder, ignore_errors=True)


def with_output(page: str, stage: Stage, made: str) -> str:
    """The page after its commands were run, and what the last sample was made from."""
    lines, at, found = page.splitlines(), 0, list[str]()
    for step in steps(page):
        found += lines[at : step.first]
        found += [f"$ {step.command}", *(line.rstrip() for line in stage.run(step.command).splitlines())]
        at = step.last
    found += [lines[at], f"<!-- tools/samples.py: {made} -->"]
    rest = lines[at + 1 :]
    return "\n".join([*found, *(rest[1:] if rest and MADE.fullmatch(rest[0]) else rest)]) + "\n"


def difference(page: str, today: str) -> list[str]:
    """The commands that print something else than the page shows."""
    pairs = zip(steps(page), steps(today), strict=True)
    return [before.command for before, after in pairs if shown(before) != shown(after)]


def shown(step: Step) -> str:
    lines = "\n".join(line.rstrip() for line in step.output.splitlines())
    return DIGEST.sub("DIGEST", lines) if step.command.startswith(EXACT) else masked(lines)


def main() -> int:
    differs = False
    for page in PAGES:
        before, today = page.read_text(encoding="utf-8"), told(page)
        if "--write" in sys.argv[1:]:
            page.write_text(today, encoding="utf-8")
        for command in difference(before, today) if "--write" not in sys.argv[1:] else ():
            differs = True
            print(f"{page.relative_to(DOCS)}: `{command}` prints something else: `python tools/samples.py --write`")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
