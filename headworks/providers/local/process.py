"""The child process of one local model: started, waited for, started again, and ended.

Theory. One task owns the process for its whole life. A caller can meet three states: ready; loading, so that waiting is
worth while; failing, so that it is not (the reason is said at once, and the next start comes after a pause that
doubles). Always true: at most one child lives, and after `stop` none does and its folder is gone. This file must not
import the child's: llama.cpp stays out of the gateway.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from signal import Signals
from typing import NamedTuple
from uuid import uuid4

from headworks.core import children
from headworks.core.clock import now
from headworks.core.errors import Unreachable
from headworks.core.notices import Notice, Notices
from headworks.http.dial import Origin
from headworks.providers.waiting import Bound, hear

READY = b"ready\n"
"""What a child prints when it listens."""

SOCKET = "model.sock"

LOAD_TIMEOUT = 300.0
"""Seconds from a child's start to its first word: the file may have to be joined, and a large one read from a slow disk."""

MIN_STABLE_SECONDS = 10.0
"""Seconds that a child must have lived for its death to be an accident: then the next one starts at once."""

MIN_BACKOFF, MAX_BACKOFF = 0.2, 30.0
"""Seconds before the next start, after a child that failed sooner: they double."""

STOP_TIMEOUT = 1.0
"""Seconds for a child to leave once its stdin has ended; then it is killed."""

MAX_SOCKET_PATH = 100
"""Bytes: the kernel's bound for a unix socket is 108, the end mark included."""

CHILD = children.module("headworks.providers.local.child")

_PASSED = ("XDG_CACHE_HOME", "HEADWORKS_CACHE")
_PASSED_PREFIXES = ("GGML_", "GOMP_", "OMP_")

_log = logging.getLogger("headworks.local")


class LocalProcess:
    """Keeps one model loaded in a child process, from `start` to `stop`.

    model: a name or the path of a GGUF file. slots: answers at once.
    is_ready: the child listens at `origin`. reason: why it does not and will not soon, else "".
    """

    def __init__(
        self,
        model: str,
        *,
        slots: int,
        command: Sequence[str] = CHILD,
        temporary: Path | None = None,
    ) -> None:
        self.model = model
        self.folder = _short_folder(temporary or Path(tempfile.gettempdir()))
        self.origin = Origin(path=str(self.folder / SOCKET), base=b"/v1")
        self.is_ready = False
        self.reason = ""
        self.process: Process | None = None
        self._command = (*command, "--model", model, "--folder", str(self.folder), "--slots", str(slots))
        self._notices = Notices(_log)
        self._supervisor: asyncio.Task[None] | None = None
        self._waiters: list[asyncio.Future[bool]] = []

    def __repr__(self) -> str:
        state = "ready" if self.is_ready else self.reason or "loading"
        return f"<LocalProcess {self.model}: {state}>"

    async def start(self) -> None:
        """Begins to load the model, and returns before it is loaded."""
        if self._supervisor is None:
            self.folder.mkdir(mode=0o700)
            self.reason = ""
            self._supervisor = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """Ends the child; answers in progress are cut. Afterwards it can be started again."""
        keeper, self._supervisor = self._supervisor, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
            self._notices.close()
            self.reason = "it was stopped"
            self._wake()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def ready(self, limit: Bound) -> None:
        """Waits until the child listens. Raises Unreachable where it does not start, Expired at the bound."""
        while not self.is_ready:
            if self.reason:
                raise Unreachable("The local model is not there.").at(f"{self.model}: {self.reason}")
            waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await hear(waiter, limit)
            finally:
                self._waiters.remove(waiter)

    async def _supervise(self) -> None:
        failures = 0
        while True:
            life = await self._run_child()
            failures = 0 if life.seconds >= MIN_STABLE_SECONDS else failures + 1
            if life.was_ready and failures <= 1:
                self._tell(logging.WARNING, "local_model_restarts", life.ending)  # an accident: callers may wait
            else:
                self._fail(life.ending)
                await asyncio.sleep(backoff(failures))

    async def _run_child(self) -> ChildRun:
        """One child, from its start to its end."""
        log = self.folder / "child.log"
        try:
            with log.open("wb") as stderr:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    "--parent",
                    str(os.getpid()),
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=stderr,
                    env=_environment(),
                )
        except OSError as error:
            return ChildRun(False, 0.0, f"it cannot be started: {error.strerror}")
        self.process = process
        try:
            assert process.stdout is not None
            try:
                async with asyncio.timeout(LOAD_TIMEOUT):
                    said = await process.stdout.readline()
            except TimeoutError:
                return ChildRun(False, 0.0, f"it was not loaded after {LOAD_TIMEOUT:.0f} s")
            began = now()
            if said == READY:
                self._on_ready()
            await process.wait()
            return ChildRun(said == READY, now() - began, _exit_reason(process, log))
        finally:
            self.is_ready = False
            await _terminate(process)
            self.process = None

    def _on_ready(self) -> None:
        assert self.process is not None
        self._tell(logging.INFO, "local_model_ready", f"process {self.process.pid}")
        self.is_ready = True
        self.reason = ""
        self._wake()

    def _fail(self, reason: str) -> None:
        self._tell(logging.ERROR, "local_model_failed", reason)
        self.reason = reason
        self._wake()

    def _tell(self, level: int, event: str, text: str) -> None:
        self._notices.tell(Notice(level, event, self.model, text))

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(True)


class ChildRun(NamedTuple):
    """One run of the child: whether it became ready, for how many seconds it ran, and how it ended."""

    was_ready: bool
    seconds: float
    ending: str


def backoff(failures: int) -> float:
    """Seconds before the next start: they double with each child in a row that failed soon."""
    return float(min(MIN_BACKOFF * 2 ** min(failures - 1, 16), MAX_BACKOFF))


async def _terminate(process: Process) -> None:
    """Ends the child: closes its stdin, and kills it if it does not stop in time."""
    if process.returncode is not None:
        return
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _exit_reason(process: Process, log: Path) -> str:
    """How a child ended; in its own last words where it ended by itself and had any."""
    code = process.returncode
    assert code is not None
    if code < 0:
        return f"killed by {Signals(-code).name}"
    lines = log.read_text(errors="replace")[-2000:].split("\n")
    said = next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
    return said or f"ended with status {code}"


def _environment() -> dict[str, str]:
    """Native code over a file from anywhere has no use for the gateway's secrets."""
    passed = children.plain(os.environ, also=_PASSED, prefixes=_PASSED_PREFIXES)
    # libgomp's threads spin while they wait for each other, by default for so long that on busy cores one spins through
    # the other's time: 10 to 40 prompt tokens/s were measured, and 120 to 200 with this bound.
    return {"GOMP_SPINCOUNT": "1000", **passed}


def _short_folder(temporary: Path) -> Path:
    """A new name for a private folder, in /tmp where the path of a socket in it would be too long."""
    name = f"headworks-{uuid4().hex[:12]}"
    folder = temporary / name
    return folder if len(os.fsencode(folder / SOCKET)) <= MAX_SOCKET_PATH else Path("/tmp") / name
