"""One gateway on a folder and a store, from its start to the end of its last call."""

from __future__ import annotations

import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from headworks.cli.exit_codes import COULD_NOT_RUN
from headworks.ledger.identity import note
from headworks.ledger.sqlite import SqliteAt
from tests.e2e.running import MODULE, caller, free_port, up

pytestmark = pytest.mark.e2e

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 1ms}, per_token: {p50: 60s, p99: 60s}}}
models: {assistant: sim}
keys: {web: {key: web-key-0123456789abcdef}}
server: {listen: "127.0.0.1:PORT", drain: 10m}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""
HEADERS = {"authorization": "Bearer web-key-0123456789abcdef"}
BODY = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}], "stream": True, "max_tokens": 500}


def refused(file: Path) -> str:
    """What `up` says that ends at once."""
    command = [*MODULE, "up", str(file)]
    ended = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == COULD_NOT_RUN, ended.stderr
    return ended.stderr


def test_who_drains_is_alone_until_its_end_and_another_ledger_is_taken_by_name(tmp_path: Path) -> None:
    (tmp_path / "second.yaml").write_text(
        SYSTEM.replace("PORT", str(free_port())).replace("journal: j", "journal: other-j")
    )
    with up(tmp_path, SYSTEM) as running:
        where = f"in use by headworks, process {running.process.pid} on"
        url = f"{running.url}/v1/chat/completions"
        with caller() as client, client.stream("POST", url, json=BODY, headers=HEADERS) as answer:
            lines = answer.iter_lines()  # kept: one that is collected hangs up
            next(lines)
            running.process.send_signal(signal.SIGTERM)
            assert where in refused(tmp_path / "second.yaml")
            assert running.process.poll() is None
        # The caller has hung up: nothing runs any more.
        assert running.process.wait(60) == 0
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    said = refused(next(tmp_path.glob("system-*.yaml")))
    assert "was made anew" in said
    assert "`headworks up --new-ledger`, once" in said
    with up(tmp_path, SYSTEM, options=("--new-ledger",)) as running:
        with caller() as client:
            answer = client.post(f"{running.url}/v1/chat/completions", json={**BODY, "max_tokens": 1}, headers=HEADERS)
        assert answer.is_success


def test_with_workers_another_ledger_ends_the_start_too_and_nothing_goes_into_it(tmp_path: Path) -> None:
    text = SYSTEM.replace("drain: 10m", "workers: 2").replace("PORT", str(free_port())) + "state: embedded\n"
    (tmp_path / "system.yaml").write_text(text)
    with closing(SqliteAt(tmp_path / "other.db").open()) as store:
        note(tmp_path / "journal", store)
    left = tmp_path / "journal" / "0000000000001-1-0000.jsonl"
    left.write_bytes(b"no record\n")
    assert refused(tmp_path / "system.yaml").count("is not the one that this gateway had: it is another store") == 1
    assert left.exists()
