"""A gateway that speaks https itself, as a user starts it: one process and several."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import trustme

from tests.e2e.running import up

pytestmark = pytest.mark.e2e

SYSTEM = """
providers: {{sim: {{dialect: simulated, first_token: {{p50: 1ms, p99: 1ms}}, per_token: {{p50: 1ms, p99: 1ms}}}}}}
models: {{assistant: sim}}
server: {{listen: "127.0.0.1:PORT", tls: {{cert: cert.pem, key: key.pem}}, workers: {workers}}}
state: {state}
"""


def certified(folder: Path) -> ssl.SSLContext:
    """Writes a certificate and its key there; gives what trusts it alone."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    for name, content in (("cert.pem", made.cert_chain_pems[0].bytes()), ("key.pem", made.private_key_pem.bytes())):
        fresh = folder / f"{name}.new"
        fresh.write_bytes(content)
        fresh.replace(folder / name)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def answers(url: str, context: ssl.SSLContext) -> bool:
    try:
        with urlopen(f"{url}/healthz", timeout=60, context=context) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError):
        return False


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


def test_up_speaks_https(tmp_path: Path) -> None:
    context = certified(tmp_path)
    with up(tmp_path, SYSTEM.format(workers=1, state="memory"), context=context) as running:
        assert answers(running.url, context)
        until(lambda: f"curl {running.url}/v1".encode() in running.said())  # it comes line by line, after it serves
        assert f"Headworks serves headworks on {running.url}/v1".encode() in running.said()


def test_every_worker_takes_up_a_new_certificate_without_a_restart(tmp_path: Path) -> None:
    first = certified(tmp_path)
    with up(tmp_path, SYSTEM.format(workers=2, state="embedded"), context=first) as running:
        assert answers(running.url, first)
        second = certified(tmp_path)
        until(lambda: running.said().count(b"a new certificate is served") >= 2)
        assert all(answers(running.url, second) for _ in range(8))
        assert not any(answers(running.url, first) for _ in range(8))
