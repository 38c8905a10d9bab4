"""What happens to the gateway itself, or to the machine below it: seven troubles, each made by means that any user has.

| trouble | how |
|---|---|
| dns | the file says a name under `.invalid`, which never resolves (RFC 6761), and the gateway reads it again |
| tls | the vendor shows a certificate that has expired, and breaks every connection that it had |
| store | another process holds the database locked |
| disk | no file of the gateway's may grow (`RLIMIT_FSIZE`), which fails as a full disk does |
| clock | the gateway's calendar jumps an hour ahead, and back |
| sigterm, sigkill | the gateway is told to stop, or killed; then it is started again |

Always true: when `happen` returns nothing is wrong any more, unless the gateway could not be started again; a trouble
that did not bite is told (`Stage.unproven`), for a drill that broke nothing shows nothing.
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
from headworks.drill.child import Child
from headworks.drill.copy import JOURNAL, STORE, Drilled, Place, copied
from headworks.drill.faulty_process import Control
from headworks.drill.vendor_server import Vendor
from headworks.system.schema.drills import DrillTrouble, Trouble

JUMP: Final = 3600.0
"""Seconds by which the clock jumps."""

CATCHING_UP: Final = 60.0
"""Seconds within which a ledger that could not be written must have what it missed."""

POLL: Final = 0.1

AFFLICTED: Final[frozenset[Trouble]] = frozenset({"disk", "clock"})
"""Troubles that happen inside the gateway's process."""


class Stage(msgspec.Struct, kw_only=True):
    """Where a drill of the real loop takes place. `first`: the providers of the first tier. `recovered`: seconds after
    the trouble's end, where it is not told by the vendors' attempts. counted: records that were written when it began."""

    drilled: Drilled
    place: Place
    child: Child
    vendors: Mapping[str, Vendor]
    first: Sequence[str]
    began_at: float = 0.0
    recovered: float | None = None
    lock: sqlite3.Connection | None = None
    counted: int = 0
    unproven: str = ""


async def happen(trouble: DrillTrouble, stage: Stage) -> None:
    """Lets a trouble begin and end at its instants."""
    begin, end = _ENDS[trouble.what]
    await _until(stage.began_at + trouble.from_)
    await begin(stage)
    await _until(stage.began_at + trouble.until)
    await end(stage)


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - now()))


async def _waited(holds: Callable[[], bool]) -> float | None:
    """Seconds until something holds; None where it does not within CATCHING_UP."""
    begun = now()
    while not holds():
        if now() > begun + CATCHING_UP:
            return None
        await asyncio.sleep(POLL)
    return now() - begun


async def _lose_name(stage: Stage) -> None:
    lost = {name: f"http://{name}.invalid:{stage.vendors[name].port}/v1" for name in stage.first}
    place = msgspec.structs.replace(stage.place, urls={**stage.place.urls, **lost})
    _serve(stage, place)


async def _find_name(stage: Stage) -> None:
    _serve(stage, stage.place)


def _serve(stage: Stage, place: Place) -> None:
    stage.child.file.write_bytes(copied(stage.drilled, place))
    stage.child.signal(signal.SIGHUP)


async def _expire(stage: Stage) -> None:
    for name in stage.first:
        context = stage.vendors[name].context
        assert context is not None, "who speaks TLS has a certificate"
        certify(context, "expired.pem")
        stage.vendors[name].hang_up()


async def _renew(stage: Stage) -> None:
    for name in stage.first:
        context = stage.vendors[name].context
        assert context is not None, "who speaks TLS has a certificate"
        certify(context, "vendor.pem")


def certify(context: ssl.SSLContext, name: str) -> None:
    """Shows this certificate of the package's from now on: made for drills (`tools/certificates.py`), worth nothing else."""
    with as_file(files("headworks.drill") / "certificates" / name) as path:
        context.load_cert_chain(path)


async def _lock(stage: Stage) -> None:
    await _waited(lambda: _stored(stage.child.folder) > 0)  # it is made a moment after the start
    held = sqlite3.connect(stage.child.folder / STORE, timeout=5.0)
    held.execute("BEGIN EXCLUSIVE")
    stage.lock, stage.counted = held, _stored(stage.child.folder)


async def _unlock(stage: Stage) -> None:
    assert stage.lock is not None, "what is unlocked was locked"
    if _stored(stage.child.folder) != stage.counted:
        stage.unproven = "the database was written although it was locked"
    stage.lock.close()
    stage.recovered = await _waited(lambda: _stored(stage.child.folder) > stage.counted)


async def _fill(stage: Stage) -> None:
    biggest = max(file.stat().st_size for file in (stage.child.folder / JOURNAL).glob("*.jsonl"))
    _afflict(stage, Control(file_size=biggest))
    await asyncio.sleep(POLL)  # a record may have been on its way
    stage.counted = _journaled(stage.child.folder)


async def _empty(stage: Stage) -> None:
    before = _journaled(stage.child.folder)
    if before != stage.counted:
        stage.unproven = "the journal was written although its disk was full"
    _afflict(stage, Control())
    stage.recovered = await _waited(lambda: _journaled(stage.child.folder) > before)


async def _jump(stage: Stage) -> None:
    _afflict(stage, Control(clock=JUMP))


async def _jump_back(stage: Stage) -> None:
    _afflict(stage, Control())


def _afflict(stage: Stage, control: Control) -> None:
    assert stage.child.control is not None, "a child that can be afflicted has a control file"
    stage.child.control.write_bytes(msgspec.json.encode(control))
    stage.child.signal(signal.SIGUSR1)


async def _stop(stage: Stage) -> None:
    stage.child.signal(signal.SIGTERM)


async def _kill(stage: Stage) -> None:
    stage.child.signal(signal.SIGKILL)


async def _start(stage: Stage) -> None:
    await stage.child.gone()
    begun = now()
    await stage.child.start()
    stage.recovered = now() - begun


def has_jumped(records: Sequence[Record]) -> bool:
    """Whether the calendar of these records has jumped against their own clock."""
    ahead = [record.at - record.arrived_at for record in records]
    return max(ahead, default=0.0) - min(ahead, default=0.0) > JUMP / 2


def _journaled(folder: Path) -> int:
    """Lines in the journal."""
    return sum(file.read_bytes().count(b"\n") for file in (folder / JOURNAL).glob("*.jsonl"))


def _stored(folder: Path) -> int:
    """Calls in the store; none where it cannot be asked just now."""
    try:
        with closing(sqlite3.connect(f"file:{folder / STORE}?mode=ro", uri=True, timeout=0.0)) as store:
            return int(store.execute("SELECT count(*) FROM calls").fetchone()[0])
    except sqlite3.Error:
        return 0


_Step = Callable[[Stage], Awaitable[None]]

_ENDS: Final[Mapping[Trouble, tuple[_Step, _Step]]] = MappingProxyType(
    {
        "dns": (_lose_name, _find_name),
        "tls": (_expire, _renew),
        "store": (_lock, _unlock),
        "disk": (_fill, _empty),
        "clock": (_jump, _jump_back),
        "sigterm": (_stop, _start),
        "sigkill": (_kill, _start),
    }
)
"""How each begins, and how it ends."""
