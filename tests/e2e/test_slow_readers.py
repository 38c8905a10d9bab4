"""What callers cost who ask for a stream and stop reading, measured from outside."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running, up

pytestmark = pytest.mark.e2e

SYSTEM = """
version: 1
providers:
  flood: {dialect: openai, base_url: "http://127.0.0.1:VENDOR/v1"}
models:
  flood: {targets: flood/m}
server: {listen: "127.0.0.1:PORT"}
"""

BODY = b'{"model":"flood","stream":true,"messages":[{"role":"user","content":"Go on."}]}'
ASK = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"x" * 1000)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)

READERS = 60


@contextlib.contextmanager
def flooding() -> Iterator[int]:
    """A vendor that writes as fast as it is read. Gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=flood, args=(listening.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def flood(caller: socket.socket) -> None:
    with caller, contextlib.suppress(OSError):
        caller.recv(65536)
        caller.sendall(HEAD)
        while True:
            caller.sendall(CHUNK * 16)


def resident(running: Running) -> int:
    """Bytes of memory that the gateway has."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def settled(running: Running) -> int:
    """Its memory once it has stopped growing."""
    before = 0
    while (now := resident(running)) > before:
        before = now
        time.sleep(0.5)
    return now


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_caller_who_stops_reading_costs_less_than_a_megabyte(tmp_path: Path) -> None:
    with flooding() as vendor, up(tmp_path, SYSTEM.replace("VENDOR", str(vendor))) as running:
        idle = settled(running)
        with contextlib.ExitStack() as held:
            for _ in range(READERS):
                caller = held.enter_context(socket.socket())
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                caller.connect(("127.0.0.1", running.port))
                caller.sendall(ASK)
            assert (settled(running) - idle) / READERS < 1_000_000
