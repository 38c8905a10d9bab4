"""Runs the story of `docs/story/`: its commands in an empty folder, its output against what they print today.

    python tools/story.py            fails where a page is not what happens
    python tools/story.py --write    writes what happened into the pages

The pages are chapters of one story: they run in the order of their names, in one folder, with one gateway. Only blocks that begin with ```console are run: a line that begins with `$ ` is a command, lines that begin with `> ` go on
with it, what follows is its output. `COMMAND &` starts a gateway and goes on once it answers; `kill %1` ends it and waits.
Ports of the story (8080, 8081) become free ones on the way in and are put back on the way out. What differs from one run to
the next (`MASKS`) is not compared.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from headworks.wire.presets import PRESETS

PAGES: Final = tuple(sorted((Path(__file__).parent.parent / "docs" / "story").glob("[0-9]*.md")))

MASKS: Final = (
    (r"req_[0-9a-f]+", "req_ID"),
    (r"chatcmpl-[0-9a-f]+", "chatcmpl-ID"),
    (r"\b[0-9a-f]{32}\b", "DIGEST"),
    (r"\d{13}-\d+-\d{4}\.jsonl", "JOURNAL"),
    (r"\d{8}-\d{6}\.jsonl", "RESULTS"),
    (r"(?m)^\w+: \d+ of \d+, .* left\n", ""),
    (r"; cost \$[\d.]+; every answer", "; cost $COST; every answer"),
    (r'"(created|completion_tokens|total_tokens)":\d+', r'"\1":N'),
    (r'"content":"(?:[^"\\]|\\.)*"', '"content":"TEXT"'),
    (r'"finish_reason":"(?:stop|length)"', '"finish_reason":"END"'),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\d\d:\d\d:\d\d(?:\.\d+)?", "TIME"),
    (r"\d+(?:\.\d+)? ?(?:ms|s|us)\b", "DURATION"),
    (r"\$0\.0\d{5,}", "$COST"),
    (r"(?m)^  spent +\$[\d.]+", "  spent $COST"),
    (r"\bhw_\w+", "SECRET"),
    (r"(?m)^(.*TIME.*)$", lambda match: re.sub(r"\d+", "N", match[1])),
    (r"(?m)^ *\|[- ]*\|$", "BAR"),
    (r"\d+ ((?:cached )?input|output)\b", r"N \1"),
    (r"(?m)^(.*DURATION.*)$", lambda match: re.sub(r"\d+", "N", match[1])),
    (r"[ \t]+", " "),
    (r"(?m) +$", ""),
)

PATIENCE: Final = 600.0
"""Seconds for one command: a plan computes for 15 s and a model reads a prompt for some, on a busy machine ten times as long."""


@dataclass
class Step:
    """A command of the page and the output below it. `first`, `last`: its lines, the last excluded."""

    command: str
    output: str
    first: int
    last: int


def _is_free(port: int) -> bool:
    """Ports below those that a kernel gives to whoever names none: one of these may be another's before the gateway has it."""
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


@dataclass
class Stage:
    """Where the story takes place: an empty folder, free ports, and the gateway while it runs."""

    folder: Path
    ports: dict[str, str] = field(default_factory=dict)
    gateway: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        begin = 10_000 + os.getpid() * 7 % 5_000
        free = (port for port in range(begin, 20_000) if _is_free(port))
        self.ports = {"8080": str(next(free)), "8081": str(next(free))}

    @property
    def env(self) -> dict[str, str]:
        """This environment without the keys of vendors: the story works offline."""
        keys = {name for preset in PRESETS for name in preset.keys}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**{name: value for name, value in os.environ.items() if name not in keys}, "PATH": path, "TZ": "UTC"}

    def run(self, command: str) -> str:
        """What a command prints, its errors too."""
        if command == "kill %1":
            return self.stop()
        for port, free in self.ports.items():
            command = command.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}")
        if command.endswith(" &"):
            output = self.start(command.removesuffix(" &"))
        else:
            ran = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            output = ran.stdout
        self.move_ports()
        for port, free in self.ports.items():
            output = output.replace(f"127.0.0.1:{free}", f"127.0.0.1:{port}")
        return output.replace(", admin: 127.0.0.1:8081}", "}")

    def move_ports(self) -> None:
        """Gives the system files of the folder the free ports."""
        listen, admin = (f"127.0.0.1:{self.ports[port]}" for port in ("8080", "8081"))
        for file in self.folder.glob("*.yaml"):
            text = file.read_text()
            moved = text.replace("listen: 127.0.0.1:8080", f"listen: {listen}, admin: {admin}")
            moved = moved.replace(f"listen: {listen}}}", f"listen: {listen}, admin: {admin}}}")
            if moved != text:
                file.write_text(moved)

    def start(self, command: str) -> str:
        said = self.folder / ".said"
        with said.open("w") as out:
            self.gateway = subprocess.Popen(
                command.split(), cwd=self.folder, env=self.env, stdout=out, stderr=subprocess.DEVNULL, text=True
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.gateway.poll() is None:
            with suppress(URLError, ConnectionError, TimeoutError):
                with urlopen(f"http://127.0.0.1:{self.ports['8080']}/readyz", timeout=2) as ready:
                    # What it says at its start comes line by line, after it answers; the last one is an example of a call.
                    if not ready.read().count(b"loading") and said.read_text().endswith("}'\n"):
                        break
            time.sleep(0.05)
        return said.read_text()

    def stop(self) -> str:
        if self.gateway is not None and self.gateway.poll() is None:
            self.gateway.send_signal(signal.SIGTERM)
            self.gateway.wait(PATIENCE)
        return ""


def steps(page: str) -> list[Step]:
    """The commands of a page, in order."""
    found: list[Step] = []
    is_inside = False
    lines = page.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("```"):
            is_inside = line == "```console"
        elif is_inside and line.startswith("$ "):
            found.append(Step(line[2:], "", number, number + 1))
        elif is_inside and found:
            step = found[-1]
            if (line == ">" or line.startswith("> ")) and not step.output:
                step.command += f"\n{line[2:]}"
            else:
                step.output += f"{line}\n"
            step.last = number + 1
    return found


def masked(output: str) -> str:
    """What must be the same in every run."""
    for pattern, instead in MASKS:
        output = re.sub(pattern, instead, output)
    return output.strip()


def told(pages: Sequence[str]) -> list[str]:
    """The pages with the output of today: chapters that follow one another on one stage."""
    folder = Path(tempfile.mkdtemp(prefix="story-"))
    stage = Stage(folder)
    try:
        return [_told(page, stage) for page in pages]
    finally:
        stage.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _told(page: str, stage: Stage) -> str:
    lines = page.splitlines()
    made: list[str] = []
    at = 0
    for step in steps(page):
        made += lines[at : step.first]
        first, *rest = step.command.split("\n")
        made += [f"$ {first}", *(f"> {line}".rstrip() for line in rest)]
        made += [line.rstrip() for line in stage.run(step.command).splitlines()]
        at = step.last
    return "\n".join([*made, *lines[at:]]) + "\n"


def difference(page: str, today: str) -> str:
    """Where the page and today differ, masks aside; "" where they do not."""
    before, after = ([masked(step.output) for step in steps(text)] for text in (page, today))
    commands = [step.command for step in steps(page)]
    found: list[str] = []
    for command, was, now in zip(commands, before, after, strict=True):
        if was != now:
            found += [
                f"$ {command}",
                *difflib.unified_diff(was.split("\n"), now.split("\n"), "page", "today", lineterm=""),
            ]
    return "\n".join(found)


def main() -> int:
    pages = [page.read_text(encoding="utf-8") for page in PAGES]
    today = told(pages)
    if "--write" in sys.argv[1:]:
        for page, text in zip(PAGES, today, strict=True):
            page.write_text(text, encoding="utf-8")
        return 0
    differs = False
    for page, before, now in zip(PAGES, pages, today, strict=True):
        if said := difference(before, now):
            differs = True
            print(
                f"{said}\ndocs/story/{page.name} is not what happens: `python tools/story.py --write`, and read what changed"
            )
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
