"""A drill on the real loop: the copy in a process of its own, stand-ins behind real sockets, callers with connections.

Always true: everything is on loopback and in a temporary folder, and all of it is gone when the drill is over.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections import Counter
from importlib.resources import as_file, files
from pathlib import Path

from headworks.core.clock import now
from headworks.drill.child import Child, DrillError, free_ports
from headworks.drill.copy import Drilled, Place, copied, resumes
from headworks.drill.evidence import Evidence
from headworks.drill.schedule import Schedule
from headworks.drill.stand_in import StandIn
from headworks.drill.system_faults import AFFLICTED, Stage, certify, happen, has_jumped
from headworks.drill.traffic import Fared, asks, send
from headworks.drill.vendor_server import Vendor
from headworks.system.schema.drills import Drill

LEAD = 0.2
"""Seconds between the gateway's readiness and the beginning."""

STARTS = 3
"""How often a copy is started where another process has taken its port meanwhile."""


async def drill_really(drilled: Drilled, name: str, drill: Drill, seed: int, starting: asyncio.Lock) -> Evidence:
    """Runs a drill to its end. starting: one copy starts at a time, so that it slows no other drill's calls for long."""
    alias = drilled.alias(drill.traffic.alias)
    schedule = Schedule(drill, drilled.targets[alias], drilled.first_tier(alias), seed)
    first = list(dict.fromkeys(target.partition("/")[0] for target in drilled.first_tier(alias)))
    began_at = [float("inf")]  # nothing is wrong before it begins
    stand_ins = {
        target: StandIn(target, drill.traffic.tokens, seed, lambda one, at: schedule.of(one, at - began_at[0]))
        for targets in drilled.targets.values()
        for target in targets
    }
    what = drill.trouble.what if drill.trouble is not None else None
    vendors = {
        provider: Vendor(
            {target.partition("/")[2]: one for target, one in stand_ins.items() if target.startswith(f"{provider}/")},
            tls() if what == "tls" and provider in first else None,
        )
        for provider in drilled.system.providers
    }
    closing: list[asyncio.Task[None]] = []
    with tempfile.TemporaryDirectory(prefix="headworks-drill-") as made:
        folder = Path(made)
        control = folder / "control.json" if what in AFFLICTED else None
        child: Child | None = None
        try:
            for vendor in vendors.values():
                await vendor.listen()
            async with starting:
                child, place = await _started(drilled, folder, vendors, seed, control)
            began_at[0] = now() + LEAD
            stage = Stage(drilled=drilled, place=place, child=child, vendors=vendors, first=first, began_at=began_at[0])
            closing += [
                asyncio.ensure_future(vendor.keep(schedule.closings(provider), began_at[0]))
                for provider, vendor in vendors.items()
            ]
            if drill.trouble is not None:
                closing.append(asyncio.ensure_future(happen(drill.trouble, stage)))
            fared = await send(asks(name, drill, alias, seed), began_at[0], child.ask)
            await asyncio.gather(*closing)
            await child.end()
            records = await child.records()
        finally:
            for task in closing:
                task.cancel()
            await asyncio.gather(*closing, return_exceptions=True)
            if child is not None:
                await child.end()
            for vendor in vendors.values():
                vendor.close()
    faulted = tuple(schedule.faulted)
    if what in ("dns", "tls"):
        faulted = tuple(drilled.first_tier(alias))
    if what == "clock" and not has_jumped(records):
        stage.unproven = "the clock did not jump"
    if drill.restarts and drill.trouble is not None:
        stage.recovered = _served_again(fared, drill.trouble.until)
    return Evidence(
        drill=drill,
        alias=alias,
        fared=fared,
        records=records,
        began_at=began_at[0],
        faulted=faulted,
        resumes=resumes(drilled, alias),
        struck=sum(one.struck for one in stand_ins.values()),
        recovered=stage.recovered,
        recovers=what != "clock",
        trouble=f"the trouble did not come: {stage.unproven}" if stage.unproven else "",
        unrecorded=_unrecorded(fared, Counter(record.request_id for record in records)),
    )


async def _started(
    drilled: Drilled, folder: Path, vendors: dict[str, Vendor], seed: int, control: Path | None
) -> tuple[Child, Place]:
    with as_file(files("headworks.drill") / "certificates" / "authority.pem") as authority:
        (folder / "authority.pem").write_bytes(authority.read_bytes())
    for attempt in range(STARTS):
        listen, admin = free_ports(2)
        place = Place(
            urls={provider: vendor.url for provider, vendor in vendors.items()},
            listen=f"127.0.0.1:{listen}",
            admin=f"127.0.0.1:{admin}",
            ca_file="authority.pem",
        )
        child = Child(folder, listen, seed, control)
        child.file.write_bytes(copied(drilled, place))
        try:
            await child.start()
            return child, place
        except DrillError:
            await child.end()
            if attempt == STARTS - 1 or "cannot be listened on" not in child.said():
                raise
        except BaseException:
            await child.end()
            raise
    raise AssertionError("the last start returns or raises")


def tls() -> ssl.SSLContext:
    """What a stand-in that speaks TLS shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certify(context, "vendor.pem")
    return context


def _served_again(fared: list[Fared], since: float) -> float | None:
    """Seconds from an instant to the first whole answer to a call that arrived after it."""
    ends = [one.ended for one in fared if one.judged.kind == "whole" and one.arrived >= since]
    return min(ends) - since if ends else None


def _unrecorded(fared: list[Fared], recorded: Counter[str]) -> int:
    """Whole answers that are not exactly once in the ledger."""
    return sum(one.judged.kind == "whole" and recorded[one.request_id] != 1 for one in fared)
