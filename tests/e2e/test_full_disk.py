"""SIGTERM with a full disk and no store: the gateway says how many records are missing, and ends with 1."""

from __future__ import annotations

import json
import os
import re
import resource
import time
from pathlib import Path

import pytest

from tests.e2e.running import Running, caller, free_port, up

SYSTEM = """
version: 1
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 1ms}}}
models: {assistant: sim}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:ADMIN", admin_key: KEY, WORKERS}
log: {format: json, journal: journal, store: "sqlite:///STORE"}
"""
ADMIN_KEY = "admin-key-0123456789abcdef"
SIZE = 2_000_000
BODY = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
pytestmark = pytest.mark.e2e


def system(store: str, workers: str = "") -> str:
    return (
        SYSTEM.replace("STORE", store)
        .replace("WORKERS", workers)
        .replace("ADMIN", str(free_port()))
        .replace("KEY", ADMIN_KEY)
    )


def fill(running: Running, folder: Path, processes: int = 1) -> None:
    """No file of the gateway may grow beyond SIZE, and its journal is that long already: the nearest thing to a full disk.

    processes: those that must have a journal before. A gateway is ready when the first worker is, and another's journal, made
    later, would take its records.
    """
    deadline = time.monotonic() + 60
    while len(files := list((folder / "journal").glob("*.jsonl"))) < processes:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for file in files:
        pid = int(file.name.split("-")[1])
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (SIZE, resource.RLIM_INFINITY))
        os.truncate(file, SIZE - 1)
        with file.open("ab") as opened:
            opened.write(b"\n")


def take_away(store: Path) -> None:
    """Nobody can open the store any more."""
    for file in store.parent.glob(f"{store.name}*"):
        file.unlink()
    store.mkdir()


def ask(running: Running, count: int) -> list[str]:
    """Whole answers, each on a connection of its own: with workers each gets some."""
    found = []
    with caller() as client:
        for _ in range(count):
            answer = client.post(f"{running.url}/v1/chat/completions", json=BODY)
            answer.raise_for_status()
            found.append(answer.headers["x-request-id"])
    return found


def last_line(running: Running) -> dict[str, object]:
    found: dict[str, object] = json.loads(running.said().splitlines()[-1])
    return found


def test_the_last_line_says_how_many_are_missing_and_the_exit_is_1(tmp_path: Path) -> None:
    with up(tmp_path, system("ledger.db")) as running:
        fill(running, tmp_path)
        asked = ask(running, 20)
        take_away(tmp_path / "ledger.db")
        assert running.terminate() == 1
        said = last_line(running)
    assert (said["event"], said["records"]) == ("records_missing", len(asked))
    assert said["journal"] == str(tmp_path / "journal")


def test_with_workers_the_parent_says_the_sum_also_of_one_that_was_killed(tmp_path: Path) -> None:
    text = system("ledger.db", "workers: 2") + "state: embedded\n"
    with up(tmp_path, text) as running:
        fill(running, tmp_path, 2)
        asked = ask(running, 20)
        take_away(tmp_path / "ledger.db")
        found = re.search(r"admin: .*?:(\d+)", text)
        assert found is not None
        admin = f"http://127.0.0.1:{found[1]}/metrics"
        with caller() as client:
            client.get(admin, headers={"authorization": f"Bearer {ADMIN_KEY}"}).raise_for_status()  # it looks
        pid = int(next((tmp_path / "journal").glob("*.jsonl")).name.split("-")[1])
        os.kill(pid, 9)
        assert running.terminate() == 1
        said = last_line(running)
    assert (said["event"], said["records"]) == ("records_missing", len(asked))
    assert "worker" not in said
