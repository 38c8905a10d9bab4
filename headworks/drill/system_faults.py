"""Faults of the gateway process and of the machine below it: seven of them, each injected without special rights.

| trouble | how |
|---|---|
| dns | the file says a name under `.invalid`, which never resolves (RFC 6761), and the gateway reads it again |
| tls | the vendor shows a certificate that has expired, and breaks every connection that it had |
| store | another process holds the database locked |
| disk | no file of the gateway's may grow (`RLIMIT_FSIZE`), which fails as a full disk does |
| clock | the gateway's calendar jumps an hour ahead, and back |
| sigterm, sigkill | the gateway is told to stop, or killed; then it is started again |

Always true: when `happen` returns nothing is wrong any more, unless the gateway could not be started again; a trouble
that had no effect is reported (`FaultContext.not_injected`), because a drill without a fault proves nothing.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.clock import now
from headworks.core.record import Record
from headworks.drill.fake_vendor_server import FakeVendorServer
from headworks.drill.faulty_process import ProcessFaults
from headworks.drill.gateway_process import GatewayProcess
from headworks.drill.system_copy import JOURNAL, STORE, CopyAddresses, DrilledSystem, copied_file
from headworks.system.schema.drills import DrillTrouble, Trouble

CLOCK_JUMP: Final = 3600.0
"""Seconds by which the clock jumps."""

CATCH_UP_TIMEOUT: Final = 60.0
"""Seconds within which a ledger that could not be written must have caught up."""

POLL: Final = 0.1

IN_PROCESS_FAULTS: Final[frozenset[Trouble]] = frozenset({"disk", "clock"})
"""Faults inside the gateway's process."""


class FaultContext(msgspec.Struct, kw_only=True):
    """Where a drill of the real loop takes place. `first`: the providers of the first tier. `recovered`: seconds after
    the trouble's end, where it is not told by the vendors' attempts. counted: records that were written when it began."""

    drilled: DrilledSystem
    addresses: CopyAddresses
    gateway: GatewayProcess
    vendors: Mapping[str, FakeVendorServer]
    first: Sequence[str]
    began_at: float = 0.0
    recovered: float | None = None
    lock: sqlite3.Connection | None = None
    counted: int = 0
    not_injected: str = ""


async def inject(trouble: DrillTrouble, context: FaultContext) -> None:
    """Starts and ends a fault on schedule."""
    begin, end = _FAULTS[trouble.what]
    await _until(context.began_at + trouble.from_)
    await begin(context)
    await _until(context.began_at + trouble.until)
    await end(context)


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - now()))


async def _seconds_until(holds: Callable[[], bool]) -> float | None:
    """Seconds until something holds; None where it does not within CATCHING_UP."""
    begun = now()
    while not holds():
        if now() > begun + CATCH_UP_TIMEOUT:
            return None
        await asyncio.sleep(POLL)
    return now() - begun


async def _break_dns(context: FaultContext) -> None:
    lost = {name: f"http://{name}.invalid:{context.vendors[name].port}/v1" for name in context.first}
    addresses = msgspec.structs.replace(context.addresses, urls={**context.addresses.urls, **lost})
    _reload_with(context, addresses)


async def _restore_dns(context: FaultContext) -> None:
    _reload_with(context, context.addresses)


def _reload_with(context: FaultContext, addresses: CopyAddresses) -> None:
    context.gateway.file.write_bytes(copied_file(context.drilled, addresses))
    context.gateway.signal(signal.SIGHUP)


async def _expire_certificate(context: FaultContext) -> None:
    for name in context.first:
        tls = context.vendors[name].tls
        assert tls is not None, "who speaks TLS has a certificate"
        load_certificate(tls, "expired.pem")
        context.vendors[name].hang_up()


async def _renew_certificate(context: FaultContext) -> None:
    for name in context.first:
        tls = context.vendors[name].tls
        assert tls is not None, "who speaks TLS has a certificate"
        load_certificate(tls, "vendor.pem")


def load_certificate(context: ssl.SSLContext, name: str) -> None:
    """Shows this certificate of the package's from now on: made for drills (`tools/certificates.py`), worth nothing else."""
    with as_file(files("headworks.drill") / "certificates" / name) as path:
        context.load_cert_chain(path)


async def _lock_store(context: FaultContext) -> None:
    await _seconds_until(lambda: _stored_calls(context.gateway.folder) > 0)  # it is made a moment after the start
    held = sqlite3.connect(context.gateway.folder / STORE, timeout=5.0)
    held.execute("BEGIN EXCLUSIVE")
    context.lock, context.counted = held, _stored_calls(context.gateway.folder)


async def _unlock_store(context: FaultContext) -> None:
    assert context.lock is not None, "what is unlocked was locked"
    if _stored_calls(context.gateway.folder) != context.counted:
        context.not_injected = "the database was written although it was locked"
    context.lock.close()
    context.recovered = await _seconds_until(lambda: _stored_calls(context.gateway.folder) > context.counted)


async def _fill_disk(context: FaultContext) -> None:
    biggest = max(file.stat().st_size for file in (context.gateway.folder / JOURNAL).glob("*.jsonl"))
    _set_process_faults(context, ProcessFaults(file_size=biggest))
    await asyncio.sleep(POLL)  # a record may have been on its way
    context.counted = _journal_lines(context.gateway.folder)


async def _free_disk(context: FaultContext) -> None:
    before = _journal_lines(context.gateway.folder)
    if before != context.counted:
        context.not_injected = "the journal was written although its disk was full"
    _set_process_faults(context, ProcessFaults())
    context.recovered = await _seconds_until(lambda: _journal_lines(context.gateway.folder) > before)


async def _jump_clock(context: FaultContext) -> None:
    _set_process_faults(context, ProcessFaults(clock=CLOCK_JUMP))


async def _restore_clock(context: FaultContext) -> None:
    _set_process_faults(context, ProcessFaults())


def _set_process_faults(context: FaultContext, control: ProcessFaults) -> None:
    assert context.gateway.control is not None, "a process with in-process faults has a control file"
    context.gateway.control.write_bytes(msgspec.json.encode(control))
    context.gateway.signal(signal.SIGUSR1)


async def _terminate(context: FaultContext) -> None:
    context.gateway.signal(signal.SIGTERM)


async def _kill(context: FaultContext) -> None:
    context.gateway.signal(signal.SIGKILL)


async def _restart(context: FaultContext) -> None:
    await context.gateway.wait()
    begun = now()
    await context.gateway.start()
    context.recovered = now() - begun


def clock_has_jumped(records: Sequence[Record]) -> bool:
    """Whether the calendar of these records has jumped against their own clock."""
    ahead = [record.at - record.arrived_at for record in records]
    return max(ahead, default=0.0) - min(ahead, default=0.0) > CLOCK_JUMP / 2


def _journal_lines(folder: Path) -> int:
    """Lines in the journal."""
    return sum(file.read_bytes().count(b"\n") for file in (folder / JOURNAL).glob("*.jsonl"))


def _stored_calls(folder: Path) -> int:
    """Calls in the store; none where it cannot be asked just now."""
    try:
        with closing(sqlite3.connect(f"file:{folder / STORE}?mode=ro", uri=True, timeout=0.0)) as store:
            return int(store.execute("SELECT count(*) FROM calls").fetchone()[0])
    except sqlite3.Error:
        return 0


_Step = Callable[[FaultContext], Awaitable[None]]

_FAULTS: Final[Mapping[Trouble, tuple[_Step, _Step]]] = MappingProxyType(
    {
        "dns": (_break_dns, _restore_dns),
        "tls": (_expire_certificate, _renew_certificate),
        "store": (_lock_store, _unlock_store),
        "disk": (_fill_disk, _free_disk),
        "clock": (_jump_clock, _restore_clock),
        "sigterm": (_terminate, _restart),
        "sigkill": (_kill, _restart),
    }
)
"""The functions that start and end each fault."""
