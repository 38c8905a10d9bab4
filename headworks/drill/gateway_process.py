"""The copy of the system as a process of its own: `headworks up` in a temporary folder, on free ports of loopback.

Always true: it is ended with the drill, whatever the drill dies of but SIGKILL; only processes that were started here
are ever signalled.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from headworks.core.clock import now
from headworks.core.errors import HeadworksError, Unreachable
from headworks.core.record import Record
from headworks.drill.call_outcome import CallerResponse
from headworks.drill.system_copy import JOURNAL, STORE
from headworks.drill.traffic import PlannedCall
from headworks.http.client import Client
from headworks.http.connection import Broken, TimedOut, header_block
from headworks.http.dial import Origin
from headworks.ledger.indexer import Indexer
from headworks.ledger.query import Filter, Queries
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreTrouble

START_TIMEOUT = 60.0
"""Seconds for a start: a loaded machine takes ten times the usual one."""

STOP_TIMEOUT = 45.0
"""Seconds for an end in order: beyond the default `drain`."""

_DECODE = msgspec.json.Decoder(Record).decode


class DrillError(HeadworksError):
    """A drill could not be run: it says nothing about the system."""


def free_ports(count: int) -> list[int]:
    """Different ports that are free now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class GatewayProcess:
    """A gateway in a process. `control`: the control file for in-process faults, if any."""

    def __init__(self, folder: Path, port: int, seed: int, control: Path | None) -> None:
        self.folder = folder
        self.port = port
        self.seed = seed
        self.control = control
        self.file = folder / "copy.yaml"
        self.client = Client(Origin(host="127.0.0.1", port=port), max_idle=0)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it and waits until it answers. Raises DrillError."""
        module = ["headworks"] if self.control is None else ["headworks.drill.faulty_process", str(self.control)]
        with (self.folder / "said.txt").open("ab") as said:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *module, "up", "--seed", str(self.seed), str(self.file)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=self.folder,
                # Its vendors are fake targets, one with a name that does not resolve: nothing of it is for a proxy.
                env={**os.environ, "PYTHONSAFEPATH": "1", "no_proxy": "*"},
            )
        deadline = now() + START_TIMEOUT
        while not await self._is_ready():
            if self.process.returncode is not None:
                raise DrillError(f"the copy did not start: {self.output()}")
            if now() > deadline:
                raise DrillError(f"the copy was not ready after {START_TIMEOUT:.0f} s: {self.output()}")
            await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        try:
            with await self.client.send(b"GET", b"/readyz", b"", connect_by=now() + 2) as exchange:
                return (await exchange.head(now() + 5))[0] == 200
        except (Unreachable, Broken, TimedOut, HeadworksError):
            return False

    def output(self) -> str:
        """The last output of the process."""
        return (self.folder / "said.txt").read_text(errors="replace")[-600:].strip()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process that was started here, if it lives."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    async def end(self) -> None:
        """Ends it in order, or at once where it takes too long."""
        if self.process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT)
        except BaseException:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
            raise
        finally:
            await self.client.close()

    async def wait(self) -> None:
        """Waits until the process has ended by itself."""
        assert self.process is not None, "the process was started"
        await self.process.wait()

    async def ask(self, ask: PlannedCall) -> CallerResponse:
        """Asks as a caller does, on a connection of its own, and reads to the end."""
        status, body, request_id = 0, b"", ""
        try:
            lines = header_block(ask.api.sent_headers(None))
            with await self.client.send(b"POST", ask.path.encode(), lines, ask.body, now() + 10) as exchange:
                status, headers = await exchange.head()
                request_id = dict(headers).get(b"x-request-id", b"").decode()
                while piece := await exchange.read():
                    body += piece
        except Unreachable:
            return CallerResponse(ended="unserved")
        except (Broken, HeadworksError):
            return CallerResponse(status=status, body=body, ended="broken", request_id=request_id)
        return CallerResponse(status=status, body=body, request_id=request_id)

    async def records(self) -> list[Record]:
        """Every record in its ledger, whole journal included. Raises DrillError where it cannot be read."""
        return await asyncio.get_running_loop().run_in_executor(None, _recorded, self.folder)


def _recorded(folder: Path) -> list[Record]:
    indexer = Indexer(folder / JOURNAL, SqliteAt(folder / STORE))
    try:
        indexer.catch_up()
        lines = Queries(indexer.store()).lines(Filter(), last=None, slowest=False)
        return [_DECODE(line) for line in lines]
    except StoreTrouble as trouble:
        raise DrillError(f"the copy's ledger cannot be read: {trouble}") from trouble
    finally:
        indexer.close()
