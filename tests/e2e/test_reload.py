"""`headworks reload` against a gateway in its own process: under load, with streams in flight, with files that are wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headworks.core.record import Record
from tests.e2e.running import Running, free_port, up

pytestmark = pytest.mark.e2e

ADMIN_KEY = "admin-secret-0123456789"
WEB_KEY = "caller-secret-0123456789"
TEXT = """
version: 1
providers:
  sim: {dialect: simulated, first_token: {p50: 3ms, p99: 9ms}, per_token: {p50: 1ms, p99: 2ms}}
  slow: {dialect: simulated, first_token: {p50: 5ms, p99: 9ms}, per_token: {p50: 30ms, p99: 40ms}}
models:
  quick: {targets: [sim/m]}
  slow: {targets: [slow/m]}
keys:
  web: {key: caller-secret-0123456789}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:ADMIN", admin_key: admin-secret-0123456789}
log: {journal: reload-journal}
"""


class Reloaded:
    """A gateway whose file the test rewrites."""

    def __init__(self, running: Running, admin: int) -> None:
        self.running = running
        self.admin = f"http://127.0.0.1:{admin}"
        self.file = running.folder / f"system-{running.port}.yaml"
        self.text = self.file.read_text()

    def write(self, old: str = "", new: str = "") -> None:
        assert old in self.text
        self.file.write_text(self.text.replace(old, new))

    def reload(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "headworks", "reload", *options, str(self.file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def ask(self, model: str, key: str = WEB_KEY) -> int:
        return self.post(model, key)[0]

    def post(self, model: str, key: str = WEB_KEY, **more: object) -> tuple[int, bytes]:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 3, **more}
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        asked = Request(f"{self.running.url}/v1/chat/completions", json.dumps(body).encode(), headers)
        try:
            with urlopen(asked, timeout=60) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def metrics(self) -> dict[str, float]:
        """The sum of each sample name over its labels."""
        asked = Request(f"{self.admin}/metrics", headers={"authorization": f"Bearer {ADMIN_KEY}"})
        with urlopen(asked, timeout=60) as answer:
            text = answer.read().decode()
        sums: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        return sums

    def records(self) -> list[Record]:
        return [msgspec.json.decode(line, type=Record) for line in self.running.journal]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Reloaded]:
    admin = free_port()
    with up(tmp_path, TEXT.replace("ADMIN", str(admin))) as running:
        yield Reloaded(running, admin)


def test_under_load_nothing_is_lost_and_a_stream_in_flight_finishes(gateway: Reloaded) -> None:
    stop = threading.Event()
    statuses: list[int] = []

    def load() -> None:
        while not stop.is_set():
            statuses.append(gateway.ask("quick"))

    with ThreadPoolExecutor(6) as pool:
        loading = [pool.submit(load) for _ in range(4)]
        stream = pool.submit(gateway.post, "slow", WEB_KEY, stream=True, max_tokens=60)
        wait(lambda: len(statuses) > 20)
        for number in range(5):
            # The alias that streams is gone from the file, and its provider is another one.
            gateway.write("  slow: {targets: [slow/m]}\n", f"  new-{number}: {{targets: [sim/m]}}\n")
            done = gateway.reload()
            assert done.returncode == 0, done.stdout + done.stderr
            assert "is served now" in done.stdout
            assert gateway.ask(f"new-{number}") == 200
            assert gateway.ask("slow") == 404
        status, body = stream.result()
        stop.set()
        for one in loading:
            one.result()
    assert set(statuses) == {200}
    assert status == 200
    assert body.endswith(b"data: [DONE]\n\n")
    records = gateway.records()
    assert len(records) == len(statuses) + 11
    assert len({record.config for record in records}) == 6
    [streamed] = [record for record in records if record.streamed]
    assert streamed.outcome == "ok"
    metrics = gateway.metrics()
    assert metrics["headworks_calls_total"] == len(records)
    assert metrics["headworks_attempts_total"] == sum(len(record.attempts) for record in records)
    assert metrics["headworks_in_flight_calls"] == 0


def test_a_file_that_is_wrong_changes_nothing_and_says_why(gateway: Reloaded) -> None:
    gateway.write("[sim/m]", "[simm/m], colour: red")
    wrong = gateway.reload()
    assert wrong.returncode == 1
    assert "there is no provider `simm`" in wrong.stdout
    assert "colour" in wrong.stdout, "all that is wrong, at once"
    assert "Nothing has changed" in wrong.stdout
    assert gateway.ask("quick") == 200
    gateway.write("[sim/m]", "[sim/m")
    broken = gateway.reload("--json")
    assert broken.returncode == 1
    outcome = json.loads(broken.stdout)
    assert (outcome["is_reloaded"], len(outcome["problems"])) == (False, 1)
    log = (gateway.running.folder / f"log-{gateway.running.port}.txt").read_text()
    assert "there is no provider `simm`" in log
    assert len({record.config for record in gateway.records()}) == 1


def test_keys_take_effect_at_once(gateway: Reloaded) -> None:
    gateway.write("  web: {key: caller-secret-0123456789}", "  other: {key: another-secret-0123456789}")
    assert gateway.reload().returncode == 0
    assert gateway.ask("quick") == 401
    assert gateway.ask("quick", "another-secret-0123456789") == 200
    with socket.create_connection(("127.0.0.1", gateway.running.port), timeout=60) as stranger:
        stranger.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 9500000\r\n\r\n")
        assert stranger.recv(100).startswith(b"HTTP/1.1 401 "), "no byte of the body was sent, and none was waited for"
    assert gateway.metrics()["headworks_strangers_total"] == 2


def test_a_bare_sighup_is_enough(gateway: Reloaded) -> None:
    gateway.write("  slow: {targets: [slow/m]}\n", "  new: {targets: [sim/m]}\n")
    gateway.running.process.send_signal(signal.SIGHUP)
    wait(lambda: gateway.ask("new") == 200)


def test_what_needs_a_restart_is_refused(gateway: Reloaded) -> None:
    gateway.write("log: {journal: reload-journal}", "log: {journal: reload-journal, sync: 5s}")
    refused = gateway.reload()
    assert refused.returncode == 1
    assert "log.sync" in refused.stdout
    assert "restart the gateway" in refused.stdout


def test_nobody_is_told_when_no_gateway_runs(gateway: Reloaded) -> None:
    pid = gateway.running.process.pid
    [lit] = (gateway.running.folder / "reload-journal").glob("*.pid")
    assert int(lit.read_text()) == pid
    gateway.running.terminate()
    # As kill -9 leaves it: a number that is another process's by now, here the test's own, which SIGHUP would end.
    lit.write_text(f"{os.getpid()}\n")
    nobody = gateway.reload()
    assert nobody.returncode == 3
    assert "no running gateway serves" in nobody.stderr


def test_two_gateways_with_the_default_admin_port_fit_on_one_machine(tmp_path: Path) -> None:
    text = TEXT.replace(', admin: "127.0.0.1:ADMIN"', "")
    with up(tmp_path, text.replace("reload-journal", "first")) as first:
        with up(tmp_path, text.replace("reload-journal", "second")) as second:
            assert Reloaded(first, 0).ask("quick") == 200
            assert Reloaded(second, 0).ask("quick") == 200
            assert "no admin port" in (tmp_path / f"log-{second.port}.txt").read_text()


def test_a_named_admin_port_that_is_taken_ends_the_start(gateway: Reloaded) -> None:
    port = free_port()
    other = gateway.running.folder / "other.yaml"
    other.write_text(gateway.text.replace(str(gateway.running.port), str(port)).replace("reload-journal", "other"))
    command = [sys.executable, "-m", "headworks", "up", str(other)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3
    assert "server.admin" in ended.stderr


def wait(holds: object) -> None:
    assert callable(holds)
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
