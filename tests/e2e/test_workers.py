"""Several workers as a user starts them: they count by one state, die without a loss, and change all or none."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from headworks.core.record import Record
from headworks.ledger.indexer import Indexer
from headworks.ledger.query import Filter, Queries
from headworks.ledger.sqlite import SqliteAt
from tests.e2e.running import Running, caller, free_port, up

KEY = "web-key-0123456789abcdef"
ADMIN_KEY = "admin-key-0123456789abcdef"
SYSTEM = """
version: 1
name: crew
providers: {{sim: {{dialect: simulated, first_token: {{p50: {first}, p99: {first}}}, per_token: {{p50: 1ms, p99: 1ms}}}}}}
models: {{assistant: {{targets: sim, price: {{input: $1/M, output: $1/M}}, max_output: 50}}}}
keys: {{web: {{key: {key}, {bounds}}}}}
server: {{listen: "127.0.0.1:PORT", admin: "127.0.0.1:{admin}", admin_key: {admin_key}, workers: 3, drain: 20s}}
state: embedded
log: {{format: json, journal: kept/journal, store: "sqlite:///kept/ledger.db"}}
"""
BODY = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}]}
HEADERS = {"authorization": f"Bearer {KEY}"}
pytestmark = pytest.mark.e2e


def system(admin: int, *, bounds: str = "rpm: 100k", first: str = "1ms") -> str:
    return SYSTEM.format(key=KEY, admin_key=ADMIN_KEY, admin=admin, bounds=bounds, first=first)


def metrics(admin: int) -> str:
    with caller() as client:
        answer = client.get(f"http://127.0.0.1:{admin}/metrics", headers={"authorization": f"Bearer {ADMIN_KEY}"})
        answer.raise_for_status()
        return answer.text


def value(text: str, name: str) -> float:
    return sum(float(found) for found in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


def arrived(text: str) -> float:
    """Calls that are under way or have ended."""
    return value(text, "headworks_in_flight_calls") + value(text, "headworks_calls_total")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(parent: int) -> dict[int, str]:
    """The living children of a process, with their commands."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and fields[0] != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (OSError, IndexError):
            continue
    return found


def workers(running: Running) -> list[int]:
    return [pid for pid, command in children(running.process.pid).items() if "cli.worker" in command]


async def asked(running: Running, count: int, at_once: int = 20) -> list[int | str]:
    """The statuses of so many calls; of those that were cut the error's name."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=0)
    async with httpx.AsyncClient(verify=False, timeout=60, limits=limits) as client:

        async def one() -> int | str:
            try:
                answer = await client.post(f"{running.url}/v1/chat/completions", json=BODY, headers=HEADERS)
            except httpx.HTTPError as error:
                return type(error).__name__
            return answer.status_code

        return await asyncio.gather(*(one() for _ in range(count)))


def records(folder: Path) -> list[Record]:
    index = Indexer(folder / "kept" / "journal", SqliteAt(folder / "kept" / "ledger.db"))
    index.catch_up()
    found = [msgspec.json.decode(line, type=Record) for line in Queries(index.store()).lines(Filter())]
    index.close()
    return found


def test_workers_share_limits_die_without_a_loss_and_change_together(tmp_path: Path) -> None:
    admin = free_port()
    with up(
        tmp_path,
        system(admin, bounds="rpm: 90"),
    ) as running:
        began = time.monotonic()
        statuses = asyncio.run(asked(running, 120))
        refilled = (time.monotonic() - began) * 90 / 60
        assert {str(one) for one in statuses} <= {"200", "429"}
        assert 90 <= statuses.count(200) <= 90 + refilled + 1
        text = metrics(admin)
        assert value(text, "headworks_calls_total") == 120
        assert value(text, "headworks_worker_up") == 3
        # What nobody looked at before a kill is read off the journal.
        assert len(asyncio.run(asked(running, 30))) == 30
        os.kill(workers(running)[1], signal.SIGKILL)
        until(lambda: value(metrics(admin), "headworks_worker_restarts_total") == 1)
        assert value(metrics(admin), "headworks_calls_total") == 150
        assert value(metrics(admin), "headworks_journal_records_total") == 150
        until(lambda: value(metrics(admin), "headworks_worker_up") == 3)
        # One is killed: what it counted stays counted, and it comes back.
        [victim, *others] = workers(running)
        os.kill(victim, signal.SIGKILL)
        until(lambda: value(metrics(admin), "headworks_worker_restarts_total") == 2)
        until(lambda: value(metrics(admin), "headworks_worker_up") == 3)
        assert value(metrics(admin), "headworks_calls_total") == 150
        assert set(others) < set(workers(running))
        # A file that does not hold changes nothing, one that does is served by all.
        [file] = tmp_path.glob("system-*.yaml")
        good = file.read_text()
        bearer = {"authorization": f"Bearer {ADMIN_KEY}"}
        file.write_text(good.replace("assistant:", "helper: sim\n  nonsense"))
        assert httpx.post(f"http://127.0.0.1:{admin}/reload", headers=bearer, timeout=60).status_code == 422
        file.write_text(good.replace("models: {", "models: {helper: sim, ").replace("rpm: 90", "rpm: 100k"))
        assert httpx.post(f"http://127.0.0.1:{admin}/reload", headers=bearer, timeout=60).status_code == 200
        with caller() as client:
            for _ in range(20):
                listed = client.get(f"{running.url}/v1/models", headers=HEADERS).json()
                assert {one["id"] for one in listed["data"]} == {"assistant", "helper"}
        assert set(asyncio.run(asked(running, 60))) == {200}
        # One that an operator ends drains, and the others take what comes to it.
        os.kill(workers(running)[0], signal.SIGTERM)
        assert set(asyncio.run(asked(running, 60))) == {200}
        until(lambda: value(metrics(admin), "headworks_worker_restarts_total") >= 3)
        assert value(metrics(admin), "headworks_worker_restarts_total") == 3, running.said().decode()
        assert running.terminate() == 0
        assert len(records(tmp_path)) == 270
        every_line_is_an_object(running)


def every_line_is_an_object(running: Running) -> None:
    """Whatever happened to it, in every process."""
    said = [json.loads(line) for line in running.said().decode().splitlines()]
    for one in said:
        assert {"at", "level", "logger", "message"} <= set(one), one
    by_event = {one["event"]: one for one in said if "event" in one}
    assert {"serving", "worker_ended", "reload_refused", "reload_problem", "reloaded", "draining"} <= set(by_event)
    start = by_event["serving"]
    assert (start["models"], start["workers"], start["name"]) == (["assistant"], 3, "crew")
    assert by_event["worker_ended"]["subject"] in ("worker 0", "worker 1", "worker 2")
    assert {one["worker"] for one in said if one.get("event") == "draining"} == {0, 1, 2}
    assert "worker" not in by_event["reloaded"]
    assert by_event["reload_problem"]["line"] > 1  # where in the file


def test_calls_in_flight_end_while_the_workers_drain(tmp_path: Path) -> None:
    admin = free_port()
    with up(tmp_path, system(admin, first="1500ms")) as running:

        async def run() -> list[int | str]:
            calls = asyncio.create_task(asked(running, 20))
            # On a slow machine some have ended by then.
            while arrived(await asyncio.to_thread(metrics, admin)) < 20:
                await asyncio.sleep(0.05)
            running.process.send_signal(signal.SIGTERM)
            return await calls

        assert asyncio.run(run()) == [200] * 20
        assert running.process.wait(60) == 0


def test_workers_end_with_a_killed_parent_and_a_new_start_takes_over(tmp_path: Path) -> None:
    admin = free_port()
    text = system(admin, bounds="budget: {amount: $0.01, every: 30d}")
    with up(tmp_path, text) as running:
        assert set(asyncio.run(asked(running, 20))) == {200}
        left = workers(running)
        assert len(left) == 3
        running.process.kill()
        running.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
    with up(tmp_path, text) as running:
        statuses = asyncio.run(asked(running, 300))
        assert 402 not in statuses
        assert set(statuses) == {200, 429}
        assert running.terminate() == 0
    spent = sum(one.cost_nano or 0 for one in records(tmp_path))
    assert 0 < spent <= 10_000_000


def keys(folder: Path, *arguments: str) -> str:
    [file] = folder.glob("system-*.yaml")
    command = [sys.executable, "-m", "headworks", "keys", *arguments, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=folder).stdout


def test_a_key_is_known_to_every_worker_and_revoked_at_every_worker(tmp_path: Path) -> None:
    with up(tmp_path, system(free_port())) as running:
        made = json.loads(keys(tmp_path, "create", "late", "--json"))

        def statuses() -> set[int]:
            """Of enough new connections that every worker had one."""
            bearer = {"authorization": f"Bearer {made['secret']}"}
            with caller() as client:
                return {client.get(f"{running.url}/v1/models", headers=bearer).status_code for _ in range(30)}

        until(lambda: statuses() == {200})
        keys(tmp_path, "revoke", "late")
        until(lambda: statuses() == {401})
        assert running.terminate() == 0


def test_what_no_worker_can_serve_is_said_once(tmp_path: Path) -> None:
    """Two that start at once on one port."""
    text = system(free_port())
    with up(tmp_path, text) as running:
        file = tmp_path / "again.yaml"
        file.write_text(text.replace("PORT", str(running.port)).replace("kept/", "again/"))
        command = [sys.executable, "-m", "headworks", "up", str(file)]
        again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)
        assert again.returncode == 3
        assert "cannot be listened on" in again.stderr
        assert "Traceback" not in again.stderr
        assert {json.loads(line)["event"] for line in again.stderr.splitlines()} == {
            "config_warning",  # keys that stand in the file themselves
            "not_started",
        }
        assert again.stdout == ""
