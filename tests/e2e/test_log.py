"""`log: {format: json}`: every line of every process is an object, from the first to the last, whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.e2e.running import Running, free_port, up
from tests.e2e.test_workers import workers

SYSTEM = """
version: 1
name: crew
providers: {down: {dialect: simulated, faults: {server_error: 100%}}}
models: {assistant: {targets: down/m, retry: {attempts: 1}, breaker: {failures: 2}}}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:ADMIN", workers: 2}
state: embedded
log: {format: json}
"""
BODY = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "Hi"}]}).encode()
pytestmark = pytest.mark.e2e


def objects(running: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in running.said().decode().splitlines()]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_start_failures_reloads_and_a_workers_death_are_objects(tmp_path: Path) -> None:
    with up(tmp_path, SYSTEM.replace("ADMIN", str(free_port()))) as running:

        def events(name: str) -> list[dict[str, Any]]:
            return [one for one in objects(running) if one.get("event") == name]

        url = f"{running.url}/v1/chat/completions"
        for _ in range(8):
            with contextlib.suppress(HTTPError):
                urlopen(Request(url, data=BODY, headers={"content-type": "application/json"}), timeout=30)
        until(lambda: bool(events("circuit_opened")))
        file = tmp_path / f"system-{running.port}.yaml"
        content = file.read_text()
        for text, event in ((content.replace("down/m", "up/m"), "reload_refused"), (content, "reloaded")):
            file.write_text(text)
            running.process.send_signal(signal.SIGHUP)
            until(lambda event=event: bool(events(event)))  # type: ignore[misc]
        os.kill(workers(running)[0], signal.SIGKILL)
        until(lambda: bool(events("worker_ended")))
        assert running.terminate() == 0
        said = objects(running)
    for one in said:
        assert {"at", "level", "logger", "message"} <= set(one), one
    [start] = [one for one in said if one.get("event") == "serving"]
    assert (start["models"], start["workers"], start["name"]) == (["assistant"], 2, "crew")
    failing = next(one for one in said if one.get("event") == "target_failing")
    assert (failing["subject"], failing["level"]) == ("down/m", "warning")
    assert failing["worker"] in (0, 1)
    assert "Failed" in failing["reason"]
    problem = next(one for one in said if one.get("event") == "reload_problem")
    assert (problem["line"], problem["path"]) == (5, "models.assistant.targets[0][0].provider")
    assert any(one.get("event") == "draining" and "worker" in one for one in said)
