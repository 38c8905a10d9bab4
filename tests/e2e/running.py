"""A gateway in a process of its own, as a user starts it, on a free port of loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Running:
    """A started `headworks up`."""

    def __init__(self, process: subprocess.Popen[str], port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.folder = folder

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def journal(self) -> list[bytes]:
        """Every line of its journal so far."""
        return [line for file in sorted(self.folder.glob("**/*.jsonl")) for line in file.read_bytes().splitlines()]

    def said(self) -> bytes:
        """What it wrote to its terminal so far."""
        return (self.folder / f"log-{self.port}.txt").read_bytes()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


MODULE = (sys.executable, "-m", "headworks")
SCRIPT = (str(Path(sys.executable).with_name("headworks")),)
"""As pip installs it: unlike `python -m` it does not look for modules in the folder where it is started."""


@contextlib.contextmanager
def up(
    folder: Path, text: str, *, port: int = 0, command: tuple[str, ...] = MODULE, umask: int = -1, **environment: str
) -> Iterator[Running]:
    """Serves a system file; `PORT` in its text is replaced, by a free one unless one is given. Ends the process, and fails
    if it had to be killed."""
    port = port or free_port()
    file = folder / f"system-{port}.yaml"
    file.write_text(text.replace("PORT", str(port)))
    log = folder / f"log-{port}.txt"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "up", str(file)],
            stdout=out,
            stderr=out,
            text=True,
            cwd=folder,
            env={**os.environ, **environment},
            umask=umask,
        )
    running = Running(process, port, folder)
    try:
        wait_until_ready(running, log)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def wait_until_ready(running: Running, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(URLError, ConnectionError, TimeoutError):
            with urlopen(f"{running.url}/readyz", timeout=2) as answer:
                assert answer.status == 200
                return
        assert running.process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
