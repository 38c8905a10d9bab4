"""Does memory stay flat? So many calls, streams and errors mixed, and the resident memory after each twentieth of them.

    python bench/memory.py [--calls 1000000] [--plot docs/memory.svg]

Six in ten calls are whole answers, two are streams, one asks for a model that is not there, one is a stranger with a
body that is no JSON. Callers hang up at each window's end. The slope is that of the second half: the first fills pools.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from statistics import linear_regression

from run import BODY, CORE, HERE, KEY, OTHER, PORT, PYTHON, UPSTREAM, command, rss, running

WINDOWS = 20


def load(seconds: int) -> int:
    """Calls made in so many seconds."""
    environment = dict(os.environ, BODY=json.dumps(dict(BODY, stream=False), separators=(",", ":")), KEY=KEY)
    words = [
        "taskset",
        "-c",
        OTHER,
        "wrk",
        "-t1",
        "-c64",
        f"-d{seconds}s",
        "--timeout",
        "20s",
        "-s",
        str(HERE / "mixed.lua"),
    ]
    out = subprocess.run([*words, f"http://127.0.0.1:{PORT}"], env=environment, capture_output=True, text=True).stdout
    found = re.search(r"^JSON (.*)$", out, re.MULTILINE)
    if found is None:
        raise SystemExit(f"wrk failed: {out[-500:]}")
    return int(json.loads(found.group(1))["requests"])


def plot(points: list[tuple[int, float]], file: Path) -> None:
    """A small SVG: megabytes over calls."""
    most_calls, most_mb = points[-1][0], max(mb for _, mb in points) * 1.2
    path = " ".join(f"{40 + 540 * calls / most_calls:.1f},{180 - 160 * mb / most_mb:.1f}" for calls, mb in points)
    file.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="210" font-family="sans-serif" font-size="11">'
        '<path d="M40 20V180H580" fill="none" stroke="#888"/>'
        f'<polyline points="{path}" fill="none" stroke="#06c" stroke-width="2"/>'
        f'<text x="2" y="24">{most_mb:.0f} MB</text><text x="24" y="184">0</text>'
        f'<text x="490" y="198">{most_calls:,} calls</text></svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            running([PYTHON, str(HERE / "upstream.py"), str(UPSTREAM)], OTHER, UPSTREAM, folder / "upstream.log"),
            running(command("headworks", folder), CORE, PORT, folder / "proxy.log") as (process, _),
        ):
            points = [(0, rss(process.pid))]
            rate = load(3) / 3
            print("| calls | RSS MB |\n|---|---|", flush=True)
            while points[-1][0] < options.calls:
                calls = points[-1][0] + load(max(1, round(options.calls / WINDOWS / rate)))
                points.append((calls, rss(process.pid)))
                print(f"| {calls:,} | {points[-1][1]:.1f} |", flush=True)
    half = [point for point in points if point[0] >= points[-1][0] / 2]
    slope = linear_regression([calls for calls, _ in half], [mb for _, mb in half]).slope
    print(f"\nSlope of the second half: {slope * 1e6:+.2f} MB per million calls")
    if options.plot:
        plot(points, options.plot)


if __name__ == "__main__":
    main()
