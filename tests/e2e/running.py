"""A gateway in a process of its own, as a user starts it, on a free port of loopback."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

import httpx

PORTS = range(20_000, 32_000)
"""Below what a kernel gives to whoever names no port (Linux from 32768, others from 49152): one of those may be another's,
a listener's or a connection's, before the process that it was found for has bound it."""

LOCKS = Path(tempfile.gettempdir()) / "headworks-test-ports"

_kept: list[IO[str]] = []


def free_port() -> int:
    """A port of loopback that nobody has. No other run of these tests gets it while this process lives: its lock is held."""
    LOCKS.mkdir(exist_ok=True)
    begin = os.getpid() * 97 % len(PORTS)
    for port in (*PORTS[begin:], *PORTS[:begin]):
        lock = (LOCKS / f"{os.getuid()}-{port}").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _kept.append(lock)
        return port
    raise AssertionError("no port is free")


def caller() -> httpx.Client:
    """Asks over a new connection each time. Where httpx's own functions do, they read the system's certificates each time: 30 ms."""
    return httpx.Client(verify=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))


class Running:
    """A started `headworks up`. context: what trusts it, where it speaks https."""

    def __init__(
        self, process: subprocess.Popen[str], port: int, folder: Path, context: ssl.SSLContext | None = None
    ) -> None:
        self.process = process
        self.port = port
        self.folder = folder
        self.context = context

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}"

    @property
    def journal(self) -> list[bytes]:
        """Every line of its journal so far."""
        return [line for file in sorted(self.folder.glob("**/*.jsonl")) for line in file.read_bytes().splitlines()]

    def said(self) -> bytes:
        """What it wrote to its terminal so far."""
        return (self.folder / f"log-{self.port}.txt").read_bytes()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


MODULE = (sys.executable, "-m", "headworks")
SCRIPT = (str(Path(sys.executable).with_name("headworks")),)
"""As pip installs it: unlike `python -m` it does not look for modules in the folder where it is started."""


@contextlib.contextmanager
def up(
    folder: Path,
    text: str,
    *,
    port: int = 0,
    context: ssl.SSLContext | None = None,
    command: tuple[str, ...] = MODULE,
    umask: int = -1,
    options: tuple[str, ...] = (),
    **environment: str,
) -> Iterator[Running]:
    """Serves a system file; `PORT` in its text is replaced, by a free one unless one is given. Ends the process, and fails
    if it had to be killed."""
    port = port or free_port()
    file = folder / f"system-{port}.yaml"
    file.write_text(text.replace("PORT", str(port)))
    log = folder / f"log-{port}.txt"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "up", *options, str(file)],
            stdout=out,
            stderr=out,
            text=True,
            cwd=folder,
            env={**os.environ, **environment},
            umask=umask,
        )
    running = Running(process, port, folder, context)
    try:
        wait_until_ready(running, log)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def wait_until_ready(running: Running, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(URLError, ConnectionError, TimeoutError):
            with urlopen(f"{running.url}/readyz", timeout=20, context=running.context) as answer:
                assert answer.status == 200
                return
        assert running.process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
