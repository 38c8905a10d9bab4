"""`make bench`: the product, a bare proxy and nginx in one position, one after the other and in turn.

The proxy under test has one core to itself, one worker; the vendor and the load share the other. Every name is started,
measured and stopped once a pass; passes are interleaved (A B C A B C) so that the machine's drift hits all alike, and the
best window of each is quoted with ratios to the bare proxy: noise only ever slows things. Needs `wrk` and two cores;
nginx is measured where it is installed. Prints Markdown tables; nothing here asserts on time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from upstream import ANSWER

HERE = Path(__file__).parent
PYTHON = sys.executable
CORE, OTHER = "0", "1"
UPSTREAM, STATIC, PORT = 18180, 18181, 18100
KEY = "hw-bench-key-0123456789"
BODY = {
    "model": "bench",
    "messages": [
        {"role": "system", "content": "You are a careful assistant. Answer in plain English. " * 8},
        {"role": "user", "content": "I ordered two blue kettles last Tuesday and nothing has come yet. " * 14},
    ],
}
TICK = os.sysconf("SC_CLK_TCK")
STREAM_EVENTS = 33

SYSTEM = """
version: 1
name: bench
providers:
  a: {{dialect: openai, base_url: "http://127.0.0.1:{upstream}/v1", api_key: sk-upstream, concurrency: 20000}}
  b: {{dialect: openai, base_url: "http://127.0.0.1:{upstream}/v1", api_key: sk-upstream, concurrency: 20000}}
models:
  bench: {{targets: [[{{provider: a, model: bench}}, {{provider: b, model: bench}}]], timeouts: {{total: 10m}}}}
  bench-gap{gap}: {{targets: [[{{provider: a, model: bench-gap{gap}}}, {{provider: b, model: bench-gap{gap}}}]], timeouts: {{total: 10m}}}}
keys:
  bench: {{key: {key}}}
server: {{listen: "127.0.0.1:{port}", max_in_flight: 20000}}
log: {{journal: {journal}}}
"""

STATIC_VENDOR = """
daemon off; worker_processes 1; error_log stderr error; pid {folder}/static.pid;
events {{ worker_connections 16384; multi_accept on; }}
http {{ access_log off; tcp_nodelay on; keepalive_timeout 3600s; keepalive_requests 1000000000; client_body_buffer_size 64k;
  client_body_temp_path {folder}/sb; proxy_temp_path {folder}/sp; fastcgi_temp_path {folder}/sf; uwsgi_temp_path {folder}/su; scgi_temp_path {folder}/ss;
  default_type application/json;
  server {{ listen 127.0.0.1:{port} backlog=8192; location / {{ add_header x-request-id req_5f2b9c1d3e4a4c0f9b7a; return 200 '{answer}'; }} }} }}
"""

NGINX = """
daemon off; worker_processes 1; error_log stderr error; pid {folder}/nginx.pid;
events {{ worker_connections 16384; multi_accept on; }}
http {{ access_log off; tcp_nodelay on; keepalive_timeout 3600s; keepalive_requests 1000000000; client_body_buffer_size 64k;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream vendor {{ server 127.0.0.1:{upstream}; keepalive 8192; keepalive_requests 1000000000; keepalive_timeout 3600s; }}
  server {{ listen 127.0.0.1:{port} backlog=8192;
    location / {{ proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }} }}
"""


def command(name: str, folder: Path, upstream: int = UPSTREAM, gap: int = 50) -> list[str]:
    if name == "bare":
        return [PYTHON, str(HERE / "bare.py"), str(PORT), str(upstream)]
    if name == "nginx":
        file = folder / "nginx.conf"
        file.write_text(NGINX.format(folder=folder, upstream=upstream, port=PORT))
        return [str(shutil.which("nginx")), "-p", str(folder), "-c", str(file)]
    file = folder / "bench.yaml"
    file.write_text(SYSTEM.format(upstream=upstream, port=PORT, key=KEY, journal=folder / "journal", gap=gap))
    return [PYTHON, "-m", "headworks", "up", str(file)]


def answers(port: int, timeout: float = 5.0) -> bool:
    """Whether one unary call gets a whole 200."""
    body = json.dumps(BODY, separators=(",", ":")).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as conversation:
            conversation.sendall(head.encode() + body)
            return conversation.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


@contextlib.contextmanager
def running(words: list[str], core: str, port: int, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Starts a process on a core; gives it and the seconds to its first answer; ends it."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SystemExit(f"port {port} is taken: something left over would be measured instead")
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(["taskset", "-c", core, *words], stdout=out, stderr=out, cwd=log.parent)
    try:
        while not answers(port):
            if process.poll() is not None or time.monotonic() - started > 30:
                raise SystemExit(f"{' '.join(words)} does not answer:\n{log.read_text()[-2000:]}")
            time.sleep(0.01)
        yield process, time.monotonic() - started
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def cpu(pid: int) -> float:
    """CPU seconds used so far by a process and its children."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def rss(pid: int) -> float:
    """Resident megabytes of a process and its children."""
    pages = sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wrk(seconds: int, connections: int, stream: bool) -> dict[str, float]:
    environment = dict(os.environ, BODY=json.dumps(dict(BODY, stream=stream), separators=(",", ":")), KEY=KEY)
    words = ["taskset", "-c", OTHER, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]
    out = subprocess.run(
        [*words, "-s", str(HERE / "chat.lua"), f"http://127.0.0.1:{PORT}"],
        env=environment,
        capture_output=True,
        text=True,
    ).stdout
    found = re.search(r"^JSON (.*)$", out, re.MULTILINE)
    if found is None:
        raise SystemExit(f"wrk failed: {out[-500:]}")
    result: dict[str, float] = json.loads(found.group(1))
    return result


def load(*words: str) -> dict[str, float]:
    done = subprocess.run(
        ["taskset", "-c", OTHER, PYTHON, str(HERE / "load.py"), *words, "--key", KEY], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"load failed: {done.stderr[-1000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


@contextlib.contextmanager
def vendor(folder: Path, *, streams: bool) -> Iterator[int]:
    """The vendor's port. Unary answers come from nginx where it is installed: it leaves more of the core to the load."""
    nginx = shutil.which("nginx")
    if streams or nginx is None:
        words = [PYTHON, str(HERE / "upstream.py"), str(UPSTREAM)]
        with running(words, OTHER, UPSTREAM, folder / "upstream.log"):
            yield UPSTREAM
        return
    file = folder / "static.conf"
    file.write_text(STATIC_VENDOR.format(folder=folder, port=STATIC, answer=ANSWER.decode()))
    with running([nginx, "-p", str(folder), "-c", str(file)], OTHER, STATIC, folder / "static.log"):
        yield STATIC


def measure(name: str, options: argparse.Namespace) -> dict[str, float]:
    """One pass of one name."""
    return measure_unary(name, options) | measure_streams(name, options)


@contextlib.contextmanager
def under_test(name: str, *, streams: bool, gap: int = 50) -> Iterator[tuple[int, int, float]]:
    """Port, process id and seconds to the first answer of what is measured; `direct` is the vendor itself."""
    with tempfile.TemporaryDirectory() as scratch, vendor(Path(scratch), streams=streams) as upstream:
        if name == "direct":
            yield upstream, 0, 0.0
            return
        folder = Path(scratch)
        with running(command(name, folder, upstream, gap), CORE, PORT, folder / "proxy.log") as (process, start):
            time.sleep(0.5)
            yield PORT, process.pid, start


def measure_unary(name: str, options: argparse.Namespace) -> dict[str, float]:
    figures: dict[str, float] = {}
    with under_test(name, streams=False) as (port, pid, start):
        if pid:
            figures["start"], figures["idle_mb"] = start, rss(pid)
            figures |= window("unary", pid, options.seconds, stream=False)
            figures["load_mb"] = rss(pid)
        figures |= prefixed("rate", load("rate", str(port), "--seconds", str(options.seconds)))
    return figures


def measure_streams(name: str, options: argparse.Namespace) -> dict[str, float]:
    figures: dict[str, float] = {}
    with under_test(name, streams=True, gap=options.gap) as (port, pid, _):
        if pid and options.seconds:
            figures |= window("stream", pid, options.seconds, stream=True)
        words = ("--stream", "--rate", "100", "--seconds", str(options.seconds))
        figures |= prefixed("first", load("rate", str(port), *words))
        if options.streams:
            words = ("--streams", str(options.streams), "--model", f"bench-gap{options.gap}", "--seconds", "4")
            before = cpu(pid) if pid else 0.0
            figures |= prefixed("many", load("streams", str(port), *words))
            if pid:
                figures["many_us"] = 1e6 * (cpu(pid) - before) / (3 * options.streams * STREAM_EVENTS)
                figures["many_mb"] = rss(pid)
    return figures


def window(kind: str, pid: int, seconds: int, *, stream: bool) -> dict[str, float]:
    """Calls a second and CPU microseconds a call, 64 connections asking as fast as they can."""
    wrk(1, 64, stream)
    before = cpu(pid)
    found = wrk(seconds, 64, stream)
    used = cpu(pid) - before
    return {
        f"{kind}_rps": found["requests"] / found["seconds"],
        f"{kind}_us": 1e6 * used / max(1, found["requests"]),
        f"{kind}_errors": found["errors"],
    }


def prefixed(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in figures.items()}


def best(passes: list[dict[str, float]]) -> dict[str, float]:
    """The best window of each figure: most for rates, least for everything else."""
    names = passes[0]
    return {name: (max if name.endswith("_rps") else min)(one[name] for one in passes if name in one) for name in names}


def print_tables(results: dict[str, dict[str, float]], streams: int) -> None:
    bare, direct = results["bare"], results["direct"]
    print(
        "\n| 1 core | calls/s | of bare | us CPU a call | chunks/s | of bare | us CPU a chunk | RSS idle / loaded MB | first answer s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, r in results.items():
        if name == "direct":
            continue
        print(
            f"| {name} | {r['unary_rps']:,.0f} | {r['unary_rps'] / bare['unary_rps']:.0%} | {r['unary_us']:.0f} "
            f"| {r['stream_rps'] * STREAM_EVENTS:,.0f} | {r['stream_rps'] / bare['stream_rps']:.0%} "
            f"| {r['stream_us'] / STREAM_EVENTS:.1f} | {r['idle_mb']:.0f} / {r['load_mb']:.0f} | {r['start']:.2f} |"
        )
    print(
        "\n| added over `direct` | p50 ms at 1,000/s | p99 ms | first token p50 ms | first token p99 ms |"
        + (f" {streams} streams: added gap p99 ms | us CPU a chunk | RSS MB |" if streams else "")
    )
    print("|---|---|---|---|---|" + ("---|---|---|" if streams else ""))
    for name, r in results.items():
        if name == "direct":
            continue
        cells = [
            r[key] - direct[key]
            for key in ("rate_latency_p50_ms", "rate_latency_p99_ms", "first_first_p50_ms", "first_first_p99_ms")
        ]
        row = f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |"
        if streams:
            row += (
                f" {r.get('many_gap_p99_ms', 0) - direct.get('many_gap_p99_ms', 0):.1f} | {r.get('many_us', 0):.1f} "
                f"| {r.get('many_mb', 0):.0f} |"
            )
        print(row)
    errors = {
        name: {k: v for k, v in r.items() if k.endswith(("errors", "unfinished")) and v} for name, r in results.items()
    }
    print(f"\nErrors: {({name: found for name, found in errors.items() if found}) or 'none'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="length of one window")
    parser.add_argument(
        "--streams", type=int, default=5000, help="open streams with a chunk each --gap ms; 0 leaves it out"
    )
    parser.add_argument("--gap", type=int, default=50, help="milliseconds between two chunks of those")
    parser.add_argument("--only", default="", help="names, with commas: bare,headworks,nginx")
    options = parser.parse_args()
    if shutil.which("wrk") is None or (os.cpu_count() or 1) < 2:
        raise SystemExit("the bench needs two cores and `wrk` (Debian: apt-get install wrk nginx-light)")
    names = ["direct", "bare", "headworks", *(["nginx"] if shutil.which("nginx") else [])]
    if options.only:
        names = [name for name in names if name == "direct" or name in options.only.split(",") or name == "bare"]
    passes: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(options.passes):
        for name in names:
            print(f"pass {number + 1}: {name}", file=sys.stderr, flush=True)
            passes[name].append(measure(name, options))
    print_tables({name: best(found) for name, found in passes.items()}, options.streams)


if __name__ == "__main__":
    main()
