"""A drill in real time: the copy in a process of its own, fake vendors behind real sockets, callers with connections.

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
from headworks.core.record import Record
from headworks.drill.evidence import Evidence
from headworks.drill.fake_target import FakeTarget
from headworks.drill.fake_vendor_server import FakeVendorServer
from headworks.drill.fault_schedule import FaultSchedule
from headworks.drill.gateway_process import DrillError, GatewayProcess, free_ports
from headworks.drill.system_copy import CopyAddresses, DrilledSystem, copied_file, resumes
from headworks.drill.system_faults import IN_PROCESS_FAULTS, FaultContext, clock_has_jumped, inject, load_certificate
from headworks.drill.traffic import CallResult, PlannedCall, planned_calls, send
from headworks.system.schema.drills import Drill, Fault
from headworks.wire.client_apis import OWN_API

LEAD_TIME = 0.2
"""Seconds between the gateway's readiness and the beginning."""

MAX_STARTS = 3
"""Attempts to start a copy, where another process took its port."""


async def drill_in_real_time(
    drilled: DrilledSystem,
    name: str,
    drill: Drill,
    seed: int,
    starting: asyncio.Lock,
    dialect: str = OWN_API.word,
) -> Evidence:
    """Runs a drill to its end. starting: one copy starts at a time, so that it slows no other drill's calls for long. dialect: in
    which callers ask."""
    run = _RealTimeDrill(drilled, drill, seed, dialect)
    calls = planned_calls(name, drill, run.alias, seed, dialect)
    with tempfile.TemporaryDirectory(prefix="headworks-drill-") as folder:
        try:
            context = await run.start(Path(folder), starting)
            results = await run.send_calls(calls, context)
            await context.gateway.end()
            records = await context.gateway.records()
        finally:
            await run.stop()
    return run.evidence(context, results, records)


class _RealTimeDrill:
    """One drill: its fake vendors, the copy of the gateway, and the faults that are under way."""

    def __init__(self, drilled: DrilledSystem, drill: Drill, seed: int, dialect: str) -> None:
        self.drilled = drilled
        self.drill = drill
        self.seed = seed
        self.dialect = dialect
        self.alias = drilled.alias(drill.traffic.alias)
        self.first_tier = drilled.first_tier(self.alias)
        self.schedule = FaultSchedule(drill, drilled.targets[self.alias], self.first_tier, seed)
        self.began_at = float("inf")  # no fault happens before the first call
        self.system_fault = None if drill.trouble is None else drill.trouble.what
        self.fake_targets = {
            target: FakeTarget(target, drill.traffic.tokens, seed, self.fault_at)
            for targets in drilled.targets.values()
            for target in targets
        }
        self.first_providers = list(dict.fromkeys(target.partition("/")[0] for target in self.first_tier))
        self.vendors = {provider: self._vendor(provider) for provider in drilled.system.providers}
        self.gateway: GatewayProcess | None = None
        self.faults: list[asyncio.Task[None]] = []

    def fault_at(self, target: str, at: float) -> Fault | None:
        return self.schedule.of(target, at - self.began_at)

    def _vendor(self, provider: str) -> FakeVendorServer:
        targets = {
            target.partition("/")[2]: fake
            for target, fake in self.fake_targets.items()
            if target.startswith(f"{provider}/")
        }
        is_tls = self.system_fault == "tls" and provider in self.first_providers
        return FakeVendorServer(targets, vendor_tls() if is_tls else None)

    async def start(self, folder: Path, starting: asyncio.Lock) -> FaultContext:
        """Starts the fake vendors and the copy, and then the faults."""
        control = folder / "control.json" if self.system_fault in IN_PROCESS_FAULTS else None
        for vendor in self.vendors.values():
            await vendor.listen()
        async with starting:
            self.gateway, addresses = await _start_copy(self.drilled, folder, self.vendors, self.seed, control)
        self.began_at = now() + LEAD_TIME
        context = FaultContext(
            drilled=self.drilled,
            addresses=addresses,
            gateway=self.gateway,
            vendors=self.vendors,
            first=self.first_providers,
            began_at=self.began_at,
        )
        for provider, vendor in self.vendors.items():
            self.faults.append(
                asyncio.ensure_future(vendor.follow_downtimes(self.schedule.downtimes(provider), self.began_at))
            )
        if self.drill.trouble is not None:
            self.faults.append(asyncio.ensure_future(inject(self.drill.trouble, context)))
        return context

    async def send_calls(self, calls: list[PlannedCall], context: FaultContext) -> list[CallResult]:
        """Sends every call, and waits until every fault has ended."""
        results = await send(calls, self.began_at, context.gateway.ask)
        await asyncio.gather(*self.faults)
        return results

    async def stop(self) -> None:
        """Ends everything that `start` has started, also where it failed half-way."""
        for task in self.faults:
            task.cancel()
        await asyncio.gather(*self.faults, return_exceptions=True)
        if self.gateway is not None:
            await self.gateway.end()
        for vendor in self.vendors.values():
            vendor.close()

    def evidence(self, context: FaultContext, results: list[CallResult], records: list[Record]) -> Evidence:
        if self.system_fault == "clock" and not clock_has_jumped(records):
            context.not_injected = "the clock did not jump"
        if self.drill.restarts and self.drill.trouble is not None:
            context.recovered = _seconds_to_recovery(results, self.drill.trouble.until)
        return Evidence(
            drill=self.drill,
            alias=self.alias,
            dialect=self.dialect,
            results=results,
            records=records,
            began_at=self.began_at,
            faulted=tuple(self.first_tier if self.system_fault in ("dns", "tls") else self.schedule.faulted),
            resumes=resumes(self.drilled, self.alias, self.dialect),
            struck=sum(one.struck for one in self.fake_targets.values()),
            recovered=context.recovered,
            recovers=self.system_fault != "clock",
            trouble=f"the fault was not injected: {context.not_injected}" if context.not_injected else "",
            unrecorded=_count_unrecorded(results, Counter(record.request_id for record in records)),
        )


async def _start_copy(
    drilled: DrilledSystem, folder: Path, vendors: dict[str, FakeVendorServer], seed: int, control: Path | None
) -> tuple[GatewayProcess, CopyAddresses]:
    with as_file(files("headworks.drill") / "certificates" / "authority.pem") as authority:
        (folder / "authority.pem").write_bytes(authority.read_bytes())
    for attempt in range(MAX_STARTS):
        listen, admin = free_ports(2)
        addresses = CopyAddresses(
            urls={provider: vendor.url for provider, vendor in vendors.items()},
            listen=f"127.0.0.1:{listen}",
            admin=f"127.0.0.1:{admin}",
            ca_file="authority.pem",
        )
        gateway = GatewayProcess(folder, listen, seed, control)
        gateway.file.write_bytes(copied_file(drilled, addresses))
        try:
            await gateway.start()
            return gateway, addresses
        except DrillError:
            await gateway.end()
            if attempt == MAX_STARTS - 1 or "cannot be listened on" not in gateway.output():
                raise
        except BaseException:
            await gateway.end()
            raise
    raise AssertionError("the last start returns or raises")


def vendor_tls() -> ssl.SSLContext:
    """The server side of TLS for a fake vendor, with the drills' own certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_certificate(context, "vendor.pem")
    return context


def _seconds_to_recovery(results: list[CallResult], since: float) -> float | None:
    """Seconds from an instant to the first whole answer to a call that arrived after it."""
    ends = [one.ended for one in results if one.outcome.kind == "whole" and one.arrived >= since]
    return min(ends) - since if ends else None


def _count_unrecorded(results: list[CallResult], recorded: Counter[str]) -> int:
    """Whole answers that are not exactly once in the ledger."""
    return sum(one.outcome.kind == "whole" and recorded[one.request_id] != 1 for one in results)
