"""Servers held against each other: all of them up at once, windows in turn and in random order, ratios within a round.

    python bench/paired.py bare headworks                                    processor time a call
    python bench/paired.py --stream bare headworks headworks=../other/tree   a stream of 33 chunks; two trees
    python bench/paired.py --latency bare headworks                          added p50 and p99 at 1,000 calls a second
    python bench/paired.py granian headworks --peer-key K --peer-model M \\
        --peer 'granian=env SUT_PORT={port} UPSTREAM_PORT={upstream} granian --port {port} ...'

Where other jobs share the machine nothing else can be compared: its speed changes within seconds, and a round's windows
mostly meet the same speed. All threads and children of a server are counted, by the scheduler's own nanoseconds. The
first name is what the others are ratios to. `--real-time` gives everything, children too, the same real-time priority
(root only): other jobs then take caches, but no time. Needs `wrk`, two cores, and nginx for calls without a stream.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import run

FIRST_PORT = 19200
SETTLED = 0.25
"""Seconds after a window in which what it left to do (the journal's index) is counted as well."""


class Contender:
    """A server that is up, and how it is asked."""

    def __init__(self, name: str, port: int, key: str, model: str) -> None:
        self.name = name
        self.port = port
        self.key = key
        self.model = model
        self.process: subprocess.Popen[bytes] | None = None

    def used(self) -> float:
        """Microseconds of the processor, of all its threads and children."""
        return sum(thread_us(member) for member in run.family(self.process.pid)) if self.process else 0.0

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def thread_us(pid: int) -> float:
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it ended meanwhile
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e3


def priority(options: argparse.Namespace) -> list[str]:
    return ["chrt", "-f", "10"] if options.real_time else []


def contender(name: str, port: int, upstream: int, folder: Path, options: argparse.Namespace) -> Contender:
    """Starts one; the caller ends it."""
    kind, _, tree = name.partition("=")
    environment = dict(os.environ)
    peers = dict(peer.split("=", 1) for peer in options.peer)
    made = Contender(name, port, run.KEY, "bench")
    if kind in peers:
        words = shlex.split(peers[kind].format(port=port, upstream=upstream))
        made.key, made.model = options.peer_key or run.KEY, options.peer_model or "bench"
    elif kind == "bare":
        words = [run.PYTHON, str(run.HERE / "bare.py"), str(port), str(upstream)]
    elif kind == "headworks":
        file = folder / f"{port}.yaml"
        system = run.SYSTEM.format(upstream=upstream, port=port, key=run.KEY, journal=folder / f"{port}", gap=50)
        file.write_text(system.replace("server: {", f'server: {{admin: "127.0.0.1:{port + 100}", '))
        environment["PYTHONPATH"] = str(Path(tree).resolve()) if tree else os.environ.get("PYTHONPATH", "")
        words = [run.PYTHON, "-m", "headworks", "up", str(file)]
    else:
        raise SystemExit(f"{kind}: neither `bare` nor `headworks` nor the name of a --peer")
    with (folder / f"{port}.log").open("wb") as log:
        made.process = subprocess.Popen(
            [*priority(options), "taskset", "-c", run.CORE, *words],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=options.peer_folder if kind in peers else folder,
        )
    return made


@contextlib.contextmanager
def contenders(options: argparse.Namespace) -> Iterator[list[Contender]]:
    with tempfile.TemporaryDirectory() as scratch, run.vendor(Path(scratch), streams=options.stream) as upstream:
        up: list[Contender] = []
        try:
            for number, name in enumerate(options.names):
                up.append(contender(name, FIRST_PORT + number, upstream, Path(scratch), options))
            for one in up:
                await_port(one, Path(scratch))
            yield [*up, Contender("direct", upstream, run.KEY, "bench")] if options.latency else up
        finally:
            for one in up:
                one.end()


def await_port(one: Contender, folder: Path) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", one.port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{one.name} does not listen:\n{(folder / f'{one.port}.log').read_text()[-2000:]}")


def window(one: Contender, options: argparse.Namespace) -> tuple[float, float]:
    """Microseconds of the processor a call, and calls a second, 64 connections asking as fast as they can."""
    body = json.dumps(dict(run.BODY, stream=options.stream, model=one.model), separators=(",", ":"))
    words = [*priority(options), "taskset", "-c", run.OTHER, "wrk", "-t1", "-c64", f"-d{options.seconds}s"]
    before = one.used()
    out = subprocess.run(
        [*words, "--timeout", "20s", "-s", str(run.HERE / "chat.lua"), f"http://127.0.0.1:{one.port}"],
        env=dict(os.environ, BODY=body, KEY=one.key),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    time.sleep(SETTLED)
    used = one.used() - before
    found = re.search(r"^JSON (.*)$", out, re.MULTILINE)
    figures = json.loads(found.group(1)) if found else {"requests": 0}
    if not figures["requests"] or figures["errors"]:
        raise SystemExit(f"{one.name}: {out[-500:]}")
    return used / figures["requests"], figures["requests"] / figures["seconds"]


def latency(one: Contender, options: argparse.Namespace) -> tuple[float, float]:
    """Milliseconds p50 and p99, at 1,000 calls a second."""
    words = ["rate", str(one.port), "--rate", "1000", "--seconds", str(options.seconds)]
    words += ["--key", one.key, "--model", one.model, *(["--stream"] if options.stream else [])]
    out = subprocess.run(
        [*priority(options), "taskset", "-c", run.OTHER, run.PYTHON, str(run.HERE / "load.py"), *words],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    figures = json.loads(out.splitlines()[-1])
    if figures["errors"] or figures["unfinished"]:
        raise SystemExit(f"{one.name}: {figures}")
    return figures["latency_p50_ms"], figures["latency_p99_ms"]


def print_table(found: dict[str, list[tuple[float, float]]], options: argparse.Namespace) -> None:
    reference = found["direct" if options.latency else options.names[0]]
    if options.latency:
        print("| added over asking the vendor | p50 ms | p99 ms | windows' p99, least to most |\n|---|---|---|---|")
    else:
        print(f"| | us CPU | of {options.names[0]} | calls/s | of {options.names[0]}'s |\n|---|---|---|---|---|")
    for name in options.names:
        pairs = list(zip(found[name], reference, strict=True))
        if options.latency:
            p50 = statistics.median(one[0] - other[0] for one, other in pairs)
            p99 = [one[1] - other[1] for one, other in pairs]
            print(f"| {name} | {p50:.2f} | {statistics.median(p99):.2f} | {min(p99):.2f} to {max(p99):.2f} |")
            continue
        of = statistics.median(other[0] / one[0] for one, other in pairs)
        faster = statistics.median(one[1] / other[1] for one, other in pairs)
        used, rate = (statistics.median(column) for column in zip(*found[name], strict=True))
        print(f"| {name} | {used:.0f} | {of:.0%} | {rate:,.0f} | {faster:.0%} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="bare, headworks, headworks=TREE, or the name of a peer")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=1, help="length of one window")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--real-time", action="store_true")
    parser.add_argument("--peer", action="append", default=[], help="NAME=COMMAND, with {port} and {upstream}")
    parser.add_argument("--peer-folder", help="where the peers' commands run")
    parser.add_argument("--peer-key")
    parser.add_argument("--peer-model")
    options = parser.parse_args()
    measure = latency if options.latency else window
    with contenders(options) as up:
        found: dict[str, list[tuple[float, float]]] = {one.name: [] for one in up}
        for one in up:
            measure(one, options)  # warm
        for number in range(options.rounds):
            print(f"round {number + 1}", file=sys.stderr, flush=True)
            for one in random.sample(up, len(up)):
                found[one.name].append(measure(one, options))
    print_table(found, options)


if __name__ == "__main__":
    main()
