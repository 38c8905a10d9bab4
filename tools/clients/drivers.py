"""Gives a client a job and waits for what its user gets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tools.clients.client import Client, Job, Outcome, Places

ROOT: Final = Path(__file__).resolve().parents[2]
LINE: Final = 8 * 1024 * 1024


class Driver(Protocol):
    """One client under way."""

    async def ask(self, job: Job) -> Outcome: ...

    async def close(self) -> None: ...


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """What a client sees: a home of its own, and none of our keys."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}


async def end(process: asyncio.subprocess.Process) -> None:
    """Ends a process of ours and all that it started."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has just ended
    await process.wait()


class CommandDriver:
    """A command line: a process for each job, in a home of its own."""

    def __init__(self, client: Client, places: Places) -> None:
        self.client = client
        self.places = places

    async def ask(self, job: Job) -> Outcome:
        assert self.client.command is not None
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="headworks-client-", ignore_cleanup_errors=True) as folder:
            home = Path(folder)
            command = self.client.command(job, home, self.places)
            for name, text in {"work/.keep": "", **command.files}.items():
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                (home / name).write_text(text)
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                cwd=home / "work",
                env=environment(home, command.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            try:
                out, err = await asyncio.wait_for(process.communicate(), job.most)
            except TimeoutError:
                await end(process)
                return Outcome(error="still going", is_late=True, seconds=time.monotonic() - began)
            finally:
                await end(process)
        outcome = self._read(
            out.decode(errors="replace"), err.decode(errors="replace"), process.returncode, command.text
        )
        outcome.seconds = time.monotonic() - began
        return outcome

    async def close(self) -> None:
        """Nothing stays between two jobs."""

    def _read(self, out: str, err: str, status: int | None, text_of: object) -> Outcome:
        assert callable(text_of)
        try:
            text = str(text_of(out))
        except ValueError:
            text = ""
        said = (err.strip() or out.strip())[-600:]
        if status == 0 and text:
            return Outcome(text=text, message=said)
        return Outcome(text="", error=f"exit {status}", message=said, is_own=bool(status and said))


class ProgramDriver:
    """An SDK: a program of ours that stays for many jobs."""

    def __init__(self, client: Client, places: Places) -> None:
        self.client = client
        self.places = places
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, job: Job) -> Outcome:
        process = self._process or await self._start()
        self._process = process
        assert process.stdin is not None and process.stdout is not None
        names = ("url", "key", "model", "prompt", "streamed", "tool", "wait", "session")
        began = time.monotonic()
        process.stdin.write(json.dumps({name: getattr(job, name) for name in names}).encode() + b"\n")
        try:
            line = await asyncio.wait_for(process.stdout.readline(), job.most)
        except TimeoutError:
            await self.close()
            return Outcome(error="still going", is_late=True, seconds=time.monotonic() - began)
        if not line:
            await self.close()
            return Outcome(
                error="the program ended", message="see its standard error", seconds=time.monotonic() - began
            )
        outcome = msgspec.json.decode(line, type=Outcome)
        outcome.seconds = time.monotonic() - began
        return outcome

    async def _start(self) -> asyncio.subprocess.Process:
        name, *arguments = self.client.program
        if self.client.is_javascript:
            script = ROOT / "tools/clients/programs" / name
            command = [self.places.node, str(script), *arguments, str(self.places.packages)]
        else:
            command = [str(self.places.python), "-m", f"tools.clients.programs.{name}", *arguments]
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=environment(Path(tempfile.gettempdir()), {}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE,
            start_new_session=True,
        )

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await end(process)


def driver(client: Client, places: Places) -> CommandDriver | ProgramDriver:
    return CommandDriver(client, places) if client.is_agent else ProgramDriver(client, places)
