"""The state goes away under two workers and comes back: who is closed is told so, who is open goes on, nobody restarts anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import caller, up
from tests.servers import valkey

pytestmark = pytest.mark.e2e

SYSTEM = """
name: away
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 1ms}, per_token: {p50: 1ms, p99: 1ms}}}
models: {assistant: {targets: sim, price: {input: $1/M, output: $1/M}, max_output: 50}}
keys:
  strict: {key: key-of-strict-0123456789, budget: {amount: $1, every: total}}
  loose: {key: key-of-loose-0123456789, rpm: 100k, budget: {amount: $1, every: total}}
  free: {key: key-of-free-0123456789}
groups:
  closed: {keys: [strict]}
  open: {keys: [loose], state_away: open}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0", workers: 2}
state: "unix://SOCKET"
"""
BODY = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}]}


def test_closed_groups_wait_for_the_state_and_open_ones_go_on(tmp_path: Path) -> None:
    with (
        valkey() as server,
        up(tmp_path, SYSTEM.replace("SOCKET", f"{server.folder}/valkey.sock")) as running,
        caller() as client,
    ):

        def call(key: str) -> httpx.Response:
            headers = {"authorization": f"Bearer key-of-{key}-0123456789"}
            return client.post(f"{running.url}/v1/chat/completions", json=BODY, headers=headers)

        def statuses(key: str) -> set[int]:
            """Of enough new connections that each worker had one."""
            return {call(key).status_code for _ in range(12)}

        def until(holds: Callable[[], bool]) -> None:
            deadline = time.monotonic() + 60
            while not holds():
                assert time.monotonic() < deadline, running.said().decode()

        for key in ("strict", "loose", "free"):
            assert statuses(key) == {200}
        server.kill()
        until(lambda: statuses("strict") == {503})
        refused = call("strict")
        assert refused.json()["error"]["code"] == "state_unavailable"
        assert refused.headers["retry-after"] == "1"
        assert statuses("loose") == {200}
        assert statuses("free") == {200}
        assert "the state" in client.get(f"{running.url}/readyz").text
        server.start()
        until(lambda: statuses("strict") == {200})
        assert statuses("loose") == {200}
        # One that comes back empty spends nothing until the ledger is summed, which nobody has to ask for.
        server.kill()
        server.start(forgets=True)
        until(lambda: statuses("strict") == {200})
        assert running.terminate() == 0
