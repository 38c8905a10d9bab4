"""Is a plan right? Half of a real trace calibrates it, the other half is predicted and then served for real.

    python bench/prediction.py TRACE.csv [--calls 1500] [--local] [--folder DIR]

TRACE.csv has the columns of the Azure traces. The vendor is `bench/batching.py`, a process that shares no code with the
planner, behind the real gateway; with --local it is the embedded model. Both halves go through the gateway, open loop, at
their own instants; then `headworks plan --fit` sees the first half's records and the second half's arrivals, and its
latencies are held against what the second half's callers saw. The embedded model stops when it likes, so with --local the
second half's tokens are those that came. The folder is left for looking.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
FILE = """\
name: prediction
requirements:
  traffic: {{trace: second.csv}}
  objectives:
    - {{id: first, metric: time_to_first_token, percentile: 95, at_most: 60s}}
    - {{id: whole, metric: duration, percentile: 95, at_most: 100s}}
providers:
  v: {provider}
models:
  a: {{targets: [{target}], timeouts: {{first_token: 100s, between_tokens: 60s, answer: 110s}}, retry: {{attempts: 1}}}}
server: {{listen: 127.0.0.1:{port}, admin: 127.0.0.1:{admin}}}
"""
SHOWN = (50, 90, 95, 99)


def free() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def trace(path: Path, calls: int, *, is_local: bool, rate: float) -> tuple[list[tuple[float, int, int]], ...]:
    """The first so many calls of each half: when, prompt tokens, output tokens (a quarter of the trace's)."""
    rows = []
    for row in csv.DictReader(path.open()):
        at = datetime.fromisoformat(row["TIMESTAMP"]).timestamp()
        rows.append((at, int(row["ContextTokens"]), max(2, int(row["GeneratedTokens"]) // 4)))
    halves = []
    for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
        if is_local:
            half = [one for one in half if one[1] < 200]
        some = half[:calls]
        faster = rate * (some[-1][0] - some[0][0]) / len(some) if rate else 1.0
        halves.append([((at - some[0][0]) / faster, prompt, output) for at, prompt, output in some])
    return tuple(halves)


async def call(port: int, prompt: int, output: int, *, is_local: bool) -> tuple[float, float] | None:
    """Seconds to the first content and to the end as the caller sees them; None where there was no whole answer."""
    text = ("word " * prompt) if is_local else "tok " * prompt
    body = {"model": "a", "stream": True, "max_tokens": output, "messages": [{"role": "user", "content": text}]}
    data = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(data)}\r\n"
    sent = time.monotonic()
    writer.write(head.encode() + b"connection: close\r\n\r\n" + data)
    first, seen = 0.0, b""
    while came := await reader.read(65536):
        seen += came
        first = first or (time.monotonic() if b"\ndata:" in seen else 0.0)
    writer.close()
    return (first - sent, time.monotonic() - sent) if b"[DONE]" in seen else None


async def play(port: int, rows: list[tuple[float, int, int]], *, is_local: bool) -> list[tuple[float, float] | None]:
    begun = time.monotonic() + 0.5
    tasks = []
    for at, prompt, output in rows:
        await asyncio.sleep(max(0.0, begun + at - time.monotonic()))
        tasks.append(asyncio.create_task(call(port, prompt, output, is_local=is_local)))
    return list(await asyncio.gather(*tasks))


def until_open(port: int, child: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert child.poll() is None, "a server ended before it began"
        time.sleep(0.1)
    raise TimeoutError("a server did not begin")


def headworks(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "headworks", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if not done.stdout:
        print(done.stderr)
    return done.stdout


def quantile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    place = percent / 100 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def came(folder: Path, since: datetime) -> None:
    """Writes the second half anew: its instants, and the tokens that its answers had."""
    calls = [
        json.loads(line) for line in headworks(folder, "logs", "--json", "--since", since.isoformat()).splitlines()
    ]
    with (folder / "second.csv").open("w") as file:
        file.write("arrived_at,prompt_tokens,output_tokens\n")
        file.writelines(f"{one['at']:.4f},{one['input_tokens']},{one['output_tokens']}\n" for one in calls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--calls", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=0.0, help="calls a second; the trace's own by default")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="prediction-"))
    folder.mkdir(exist_ok=True)
    first, second = trace(asked.trace, asked.calls, is_local=asked.local, rate=asked.rate)
    with (folder / "second.csv").open("w") as file:
        file.write("arrived_at,prompt_tokens,output_tokens\n")
        file.writelines(f"{at:.4f},{prompt},{output}\n" for at, prompt, output in second)
    port, vendor_port = free(), free()
    provider = f'{{dialect: openai, base_url: "http://127.0.0.1:{vendor_port}/v1"}}'
    text = FILE.format(
        provider="{dialect: local, concurrency: 4}" if asked.local else provider,
        target="v" if asked.local else "v/batching",
        port=port,
        admin=free(),
    )
    (folder / "headworks.yaml").write_text(text)
    children = []
    try:
        if not asked.local:
            children.append(
                subprocess.Popen([sys.executable, HERE / "batching.py", str(vendor_port), str(asked.slots)])
            )
            until_open(vendor_port, children[0])
        up = [sys.executable, "-m", "headworks", "up"]
        children.append(subprocess.Popen(up, cwd=folder, stdout=subprocess.DEVNULL))
        until_open(port, children[-1])
        if asked.local:
            time.sleep(10.0)  # the model is loaded
        print(f"the first half: {len(first)} calls in {first[-1][0]:.0f} s", flush=True)
        asyncio.run(play(port, first, is_local=asked.local))
        time.sleep(2.0)
        between = datetime.now(UTC)
        print(f"the second half: {len(second)} calls in {second[-1][0]:.0f} s", flush=True)
        found = asyncio.run(play(port, second, is_local=asked.local))
        time.sleep(2.0)
        if asked.local:
            came(folder, between)
        fitted = headworks(folder, "plan", "--fit", "--until", between.isoformat(), "--json", "--runs", "4")
        (folder / "plan.json").write_text(fitted)
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait()
    answered = [one for one in found if one is not None]
    compare(folder, {"time_to_first_token": [one[0] for one in answered], "duration": [one[1] for one in answered]})


def compare(folder: Path, found: dict[str, list[float]]) -> None:
    (folder / "measured.json").write_text(json.dumps(found))
    plan = json.loads((folder / "plan.json").read_text())
    rows: dict[str, float] = {}
    print("\n| | percentile | predicted | measured | error |\n|---|---|---|---|---|")
    for course in plan["latencies"]:
        for percent in SHOWN:
            predicted = course["predicted"][plan["percents"].index(percent)]
            value = quantile(found[course["metric"]], percent)
            rows[f"{course['metric']} p{percent}"] = predicted / value - 1
            print(
                f"| {course['metric']} | p{percent} | {predicted * 1000:.0f} ms | {value * 1000:.0f} ms "
                f"| {predicted / value - 1:+.1%} |"
            )
    (folder / "errors.json").write_text(json.dumps(rows))
    print(f"\n{len(found['duration'])} calls measured; the folder is {folder}")


if __name__ == "__main__":
    main()
