"""A worker as its parent sees it: the process, the channel to it, and its last snapshot.

Always true: what a worker counted is counted once, however it ends: its last view, and the records that its journal has beyond
that. The file is held open from the view that named it, so the indexer may remove it meanwhile.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Collection, Sequence
from pathlib import Path
from secrets import token_hex
from signal import SIGKILL, SIGTERM, Signals
from socket import socket, socketpair

import msgspec

from headworks.core import children
from headworks.core.children import PROXIES
from headworks.core.errors import Problem
from headworks.core.record import Record
from headworks.ledger.lines import files
from headworks.server.workers.channel import Channel, Ended, Failed, Leaving, Message, Prepared, Ready, Seen, Start
from headworks.telemetry.metrics import UNKNOWN
from headworks.telemetry.snapshot import Snapshot, Sums

COMMAND = children.command("headworks.cli.worker")

NEEDED, NEEDED_PREFIXES = PROXIES, ("PG", "SSL_")
"""Variables that a worker needs beside the plain ones: to reach vendors and PostgreSQL. Those that the system file names come
by the channel, so that a reload may name others."""
STARTED_WITHIN = 60.0
"""Seconds until a worker answers calls: a fraction of one, but for a machine that is busy."""

ANSWERED_WITHIN = 10.0
"""Seconds for an answer of a worker: a thousandth of one, but while it collects garbage or starts a stack."""

_decode = msgspec.json.Decoder(Record).decode


class WorkerHandle:
    """A worker's place, which one process after the other takes. number: from 0."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.owner = ""
        self.content = b""
        self.snapshot: Snapshot | None = None
        self.problems: list[Problem] = []
        self.up = asyncio.Event()
        self.left = asyncio.Event()
        """Set once its process takes no more connections."""
        self.settled = asyncio.Event()
        """Set once the first process answers calls, or said why it cannot."""
        self.process: Process | None = None
        self._channel: Channel | None = None
        self._answer: asyncio.Future[Message] | None = None
        self._overdue = 0  # answers that will come to nobody: who asked has left
        self._turn = asyncio.Lock()
        self._journal: int | None = None

    @property
    def is_up(self) -> bool:
        """Whether it answers calls."""
        return self.up.is_set()

    async def live(self, start: Start, listening: Sequence[Sequence[socket]]) -> str:
        """One process, from its start to its end; says how it ended."""
        self.owner, self.content, self.snapshot, self.problems = start.owner, start.content, None, []
        self._overdue = 0
        self.left.clear()
        ours, theirs = socketpair()
        passed = [theirs.fileno(), *dict.fromkeys(one.fileno() for own in listening for one in own)]
        try:
            self.process = process = await asyncio.create_subprocess_exec(
                *COMMAND,
                str(self.number),
                str(theirs.fileno()),
                start.log_format,
                *(",".join(str(one.fileno()) for one in own) for own in listening),
                stdin=DEVNULL,
                pass_fds=passed,
                start_new_session=True,  # Ctrl-C in a terminal is the parent's to pass on
                env=children.environment(os.environ, also=NEEDED, prefixes=NEEDED_PREFIXES),
            )
        except OSError as error:
            ours.close()
            return f"it cannot be started: {error.strerror}"
        finally:
            theirs.close()
        self._channel = channel = await Channel.over(ours)
        try:
            await self._converse(channel, start)
            async with asyncio.timeout(ANSWERED_WITHIN):
                await process.wait()
        except (TimeoutError, ConnectionError):
            pass
        finally:
            self._leave()
            self._channel = None
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(ConnectionResetError("the worker has ended"))
            channel.close()
            if process.returncode is None:
                process.send_signal(SIGKILL)
                await process.wait()
            self.process = None
            self.settled.set()
        code = process.returncode or 0
        if self.problems:
            return str(self.problems[0])
        return f"killed by {Signals(-code).name}" if code < 0 else f"ended with status {code}"

    async def ask(self, message: Message) -> Message:
        """A worker's answer. Raises ConnectionError where there is none."""
        async with self._turn:
            if self._channel is None or not self.is_up:
                raise ConnectionResetError("the worker has ended")
            self._answer = answer = asyncio.get_running_loop().create_future()
            try:
                await self._channel.say(message)
                async with asyncio.timeout(ANSWERED_WITHIN):
                    found: Message = await answer
                    return found
            except TimeoutError as error:
                raise ConnectionAbortedError("the worker says nothing") from error
            finally:
                if answer.cancelled() or not answer.done():
                    self._overdue += 1

    def end(self) -> None:
        """Asks the process to drain; asked again it ends at once."""
        if self.process is not None:
            self.process.send_signal(SIGTERM)

    def count(self, sums: Sums, names: Collection[str]) -> None:
        """Adds what the process that has ended counted. names: what its callers may have asked for."""
        if self.snapshot is None:
            return
        sums.add(self.snapshot.counts)
        sums.journal_lost += self.snapshot.journal_waiting  # they were in its memory alone
        for line in self._rest(self.snapshot):
            try:
                record = _decode(line)
            except (ValueError, RecursionError):
                continue  # a call that was opened, or a torn line
            sums.metrics.observe(record, record.model if record.model in names else UNKNOWN)
            sums.journal_appended += 1
        self.snapshot = None
        self._hold(None)

    async def _converse(self, channel: Channel, start: Start) -> None:
        await channel.say(start)
        async with asyncio.timeout(STARTED_WITHIN):
            first = await channel.hear()
        if isinstance(first, Failed):
            self.problems = first.problems
        if not isinstance(first, Ready):
            return
        self._see(first.snapshot)
        self.up.set()
        self.settled.set()
        while (message := await channel.hear()) is not None:
            if isinstance(message, Ended):
                self._see(message.snapshot)
                return
            if isinstance(message, Leaving):
                self._leave()
            if isinstance(message, Seen):
                self._see(message.snapshot)
            if not isinstance(message, (Seen, Prepared)):
                continue
            if self._overdue:
                self._overdue -= 1  # not the answer of who asks now
            elif self._answer is not None and not self._answer.done():
                self._answer.set_result(message)

    def _leave(self) -> None:
        self.up.clear()
        self.left.set()

    def _see(self, snapshot: Snapshot) -> None:
        if self.snapshot is None or snapshot.journal != self.snapshot.journal:
            self._hold(snapshot.journal)
        self.snapshot = snapshot

    def _hold(self, journal: str | None) -> None:
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None
        if journal is not None:
            try:
                self._journal = os.open(journal, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                pass  # it was indexed and removed: there is nothing more in it

    def _rest(self, snapshot: Snapshot) -> list[bytes]:
        """The lines that the process wrote after its last snapshot, in this file and in later ones."""
        content = b""
        if self._journal is not None:
            size = os.fstat(self._journal).st_size
            content = os.pread(self._journal, max(0, size - snapshot.journal_bytes), snapshot.journal_bytes)
        path = Path(snapshot.journal)
        process = path.name.rpartition("-")[0]
        for other in files(path.parent):
            if other.name > path.name and other.name.rpartition("-")[0] == process:
                try:
                    content += other.read_bytes()
                except OSError:
                    continue
        return content.split(b"\n")


def fresh_owner() -> str:
    """Stands for one process in a shared state."""
    return token_hex(8)
