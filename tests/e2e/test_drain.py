"""SIGTERM under load: what runs may finish; what runs on for too long ends with an error that its caller can read."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.running import Running, caller, free_port, up

SYSTEM = """
version: 1
providers:
  slow: {dialect: simulated, first_token: {p50: 20ms, p99: 21ms}, per_token: {p50: TOKEN, p99: TOKEN}}
  silent: {dialect: simulated, faults: {silence: 100%}}
models:
  slow: {targets: [slow/m]}
  silent: {targets: [silent/m], retry: {attempts: 1}}
server: {listen: 127.0.0.1:PORT, admin: 127.0.0.1:ADMIN, admin_key: "ADMIN-KEY-0123456789", drain: DRAIN}
"""


class Caller(threading.Thread):
    """Asks once, and keeps what it got."""

    def __init__(self, running: Running, model: str, *, stream: bool) -> None:
        super().__init__(daemon=True)
        self.url = f"{running.url}/v1/chat/completions"
        self.body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": f"{model} {stream}"}]}
        self.head = threading.Event()
        self.status = 0
        self.headers = httpx.Headers()
        self.data = b""
        self.is_whole = False
        self.start()

    def run(self) -> None:
        with caller() as client, client.stream("POST", self.url, json=self.body) as answer:
            self.status, self.headers = answer.status_code, answer.headers
            for piece in answer.iter_bytes():
                self.data += piece
                self.head.set()
            self.is_whole = True  # the body was ended, not cut

    @property
    def last(self) -> Any:
        return json.loads(self.data.rstrip().rpartition(b"data: ")[2])


def system(token: str, drain: str, admin: int) -> str:
    return SYSTEM.replace("TOKEN", token).replace("DRAIN", drain).replace(":ADMIN", f":{admin}")


def wait_for_calls(count: int, admin: int) -> None:
    """Until so many calls have arrived and not ended."""
    until = time.monotonic() + 60
    headers = {"authorization": "Bearer ADMIN-KEY-0123456789"}
    with caller() as client:
        while f"headworks_in_flight_calls {count}" not in (
            found := client.get(f"http://127.0.0.1:{admin}/metrics", headers=headers).text
        ):
            assert time.monotonic() < until, found
            time.sleep(0.02)


def outcomes(running: Running) -> list[tuple[str, str]]:
    told = subprocess.run(
        [sys.executable, "-m", "headworks", "logs", "--json", str(running.folder / f"system-{running.port}.yaml")],
        capture_output=True,
        check=True,
        cwd=running.folder,
    )
    records = [json.loads(line) for line in told.stdout.splitlines()]
    return sorted((record["model"], record["outcome"]) for record in records)


def test_what_outlasts_the_drain_ends_with_an_error_event_and_nothing_is_left(tmp_path: Path) -> None:
    admin = free_port()
    with up(tmp_path, system("2s", "300ms", admin)) as running:
        streamed = Caller(running, "slow", stream=True)
        waiting = [Caller(running, "silent", stream=True), Caller(running, "slow", stream=False)]
        assert streamed.head.wait(60)
        wait_for_calls(3, admin)
        assert running.terminate() == 0
        for asking in (streamed, *waiting):
            asking.join(60)
        assert streamed.is_whole
        assert streamed.status == 200
        assert b"[DONE]" not in streamed.data
        assert streamed.last["error"]["code"] == "draining"
        for asking in waiting:
            assert (asking.status, asking.is_whole) == (503, True)
            assert json.loads(asking.data)["error"]["code"] == "draining"
            assert asking.headers["retry-after"] == "1"
        assert outcomes(running) == [("silent", "shed"), ("slow", "shed"), ("slow", "shed")]
        assert b"3 calls are ended with an error" in running.said()


def test_what_can_finish_does_and_a_restart_serves_at_once(tmp_path: Path) -> None:
    with up(tmp_path, system("8ms", "30s", free_port())) as running:
        streamed = Caller(running, "slow", stream=True)
        assert streamed.head.wait(60)
        assert running.terminate() == 0
        streamed.join(60)
        assert streamed.data.endswith(b"data: [DONE]\n\n")
    with up(tmp_path, system("1ms", "30s", free_port()), port=running.port) as again:
        asked = Caller(again, "slow", stream=False)
        asked.join(60)
        assert asked.status == 200
