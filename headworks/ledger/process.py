"""The supervisor of the indexer process of a running gateway.

Why a process: indexing is 20 us a record. As a thread it took the interpreter from calls that came meanwhile, and on one
core it ran to the end of its turn: 3 ms of the 99th percentile at 1,000 calls a second (`docs/adr/0014`).

Always true: nothing here makes a call wait or fail; at most one child lives, and after `stop` none does; what a child
left is indexed by the next one, or waits in the journal. A child that dies is started again, soon at first, then every
`LONGEST_PAUSE` seconds, and meanwhile `troubles` says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from signal import Signals

import msgspec

from headworks.core import children
from headworks.core.clock import now
from headworks.core.throttled_log import LogEvent, ThrottledLog, log_fields
from headworks.ledger.child import Order
from headworks.ledger.ledger import Ledger, Status, complaints
from headworks.ledger.store_url import store_at

DELAY = 1.0
"""Seconds from the start of the gateway to that of the child: its imports should cost no first caller anything."""

STEADY = 10.0
"""Seconds that a child must have lived for its death to be an accident: then the next one starts at once."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
"""Seconds before the next start, after a child that died sooner: they double."""

STOP_TIMEOUT = 5.0
"""Seconds that a stop may take to index what is left."""

GRACE = 2.0
"""Seconds beyond that that a child is given to end by itself; then it is killed, and what is left waits."""

CHILD = children.command("headworks.ledger.child")

NEEDED = ("PG", "SSL_")
"""How the names of variables begin that PostgreSQL's client reads. The store's URL, with its password, comes by stdin."""

log = logging.getLogger("headworks.ledger")


class LedgerProcess:
    """Indexes a journal's folder into a store from `start` to `stop`.

    store: its URL, whose relative paths start from `folder`. retention, responses: seconds that calls and kept answers live. Raises ConfigError where there is no
    client for such a store.
    """

    def __init__(
        self,
        journal: Path,
        store: str,
        folder: Path,
        *,
        retention: float,
        responses: float | None = None,
        command: Sequence[str] = CHILD,
        delay: float = DELAY,
    ) -> None:
        self.at = store_at(store, folder)
        self._order = Order(
            journal=str(journal),
            store=store,
            folder=str(folder),
            retention=retention,
            within=STOP_TIMEOUT,
            responses=responses,
        )
        self.process: Process | None = None
        self._command = command
        self._delay = delay
        self._supervisor: asyncio.Task[None] | None = None
        self._status = Status()
        self._status_at = 0.0
        self._ending = ""
        self._events = ThrottledLog(log)

    def start(self) -> None:
        """Starts the supervisor; the child starts `DELAY` seconds later."""
        self._supervisor = asyncio.create_task(self._supervise(), name="ledger")

    async def stop(self) -> None:
        """Indexes what is there, `STOP_TIMEOUT` seconds at most; what is left waits in the journal."""
        keeper, self._supervisor = self._supervisor, None
        if keeper is None:
            return
        process = self.process
        keeper.cancel()
        await asyncio.wait([keeper])
        if process is None:  # it has not begun, or has just died
            order = self._order
            ledger = Ledger(Path(order.journal), self.at, retention=order.retention, responses=order.responses)
            ledger.start()
            await ledger.stop(STOP_TIMEOUT)
            self._on_status(ledger.status())
        self._events.close()
        if self._status.behind_bytes:
            text = "about %d records wait in the journal: the next start moves them into the store, or `headworks logs`"
            waiting = self._status.behind_records
            log.warning(text, waiting, extra=log_fields("records_wait", records=waiting, reason=self._status.trouble))

    def status(self) -> Status:
        """The child's last status: at most `POLL` seconds old while it runs."""
        said = self._status
        trouble = said.trouble or self._ending
        if not said.behind_bytes and not self._ending:
            return said
        return msgspec.structs.replace(
            said, trouble=trouble, behind_seconds=said.behind_seconds + now() - self._status_at
        )

    def troubles(self) -> list[str]:
        """Problems for the operator, in words; empty while all is well."""
        return complaints(self.status())

    async def _supervise(self) -> None:
        await asyncio.sleep(self._delay)
        failures = 0
        while True:
            began = now()
            self._ending = await self._run_child()
            text = f"{self._ending}; records wait in the journal, and it is started again"
            self._events.write(LogEvent(logging.ERROR, "ledger_ended", "the ledger's process", text))
            failures = 0 if now() - began >= STEADY else failures + 1
            await asyncio.sleep(min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE) if failures else 0.0)

    async def _run_child(self) -> str:
        """One child, from its start to its end; says how it ended."""
        try:
            env = children.environment(os.environ, prefixes=NEEDED)
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=env
            )
        except OSError as error:
            return f"it cannot be started: {error.strerror}"
        self.process = process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(self._order) + b"\n")
            async for line in process.stdout:
                self._ending = ""
                self._on_status(msgspec.json.decode(line, type=Status))
            await process.wait()
        finally:
            await self._end(process)
            self.process = None
        code = process.returncode
        assert code is not None
        return f"killed by {Signals(-code).name}" if code < 0 else f"ended with status {code}"

    async def _end(self, process: Process) -> None:
        """Ends the child: closing its stdin asks it to finish; after a timeout it is killed."""
        if process.returncode is not None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT + GRACE):
                async for line in process.stdout:
                    self._on_status(msgspec.json.decode(line, type=Status))
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _on_status(self, status: Status) -> None:
        before = self._status.trouble
        if status.trouble and not before:
            text = f"{status.trouble}; records wait in the journal"
            self._events.write(LogEvent(logging.ERROR, "store_away", "the ledger's store", text))
        elif before and not status.trouble:
            self._events.write(LogEvent(logging.INFO, "store_back", "the ledger's store", "it works again"))
        self._status = status
        self._status_at = now()
