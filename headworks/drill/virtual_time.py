"""A drill on virtual time: the copy's own stack over fake targets, in one process, in milliseconds.

Always true: the same seed gives the same run to the digit.
"""

from __future__ import annotations

import asyncio

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.dialect import Numbering
from headworks.core.digest import digest
from headworks.core.errors import CallError
from headworks.core.vtime import run_virtual
from headworks.drill.call_outcome import CallerResponse
from headworks.drill.evidence import Evidence
from headworks.drill.fake_target import FakeTarget
from headworks.drill.fault_schedule import FaultSchedule
from headworks.drill.system_copy import DrilledSystem, copied_system, resumes
from headworks.drill.traffic import PlannedCall, planned_calls, send
from headworks.gateway.assemble import Assembled, assemble
from headworks.ledger.journal import MemoryJournal
from headworks.system.schema.drills import Drill
from headworks.wire.client_apis import OWN_API

LEAD_TIME = 1.0
"""Seconds before the first call: instant 0 means "not yet" in a record."""


def drill_in_virtual_time(
    drilled: DrilledSystem, name: str, drill: Drill, seed: int, dialect: str = OWN_API.word
) -> Evidence:
    """Runs a drill of vendors to its end. dialect: in which callers ask."""
    return run_virtual(_run(drilled, name, drill, seed, dialect))


async def _run(drilled: DrilledSystem, name: str, drill: Drill, seed: int, dialect: str) -> Evidence:
    alias = drilled.alias(drill.traffic.alias)
    system = copied_system(drilled)
    schedule = FaultSchedule(drill, drilled.targets[alias], drilled.first_tier(alias), seed)
    began_at = now() + LEAD_TIME
    fake_targets = {
        target: FakeTarget(target, drill.traffic.tokens, seed, lambda one, at: schedule.of(one, at - began_at))
        for targets in drilled.targets.values()
        for target in targets
    }
    journal = MemoryJournal()
    assembled = assemble(system, lambda provider, model: fake_targets[f"{provider}/{model}"], journal, seed=seed)

    async def asking(ask: PlannedCall) -> CallerResponse:
        call = Call(
            id=f"call-{ask.number}",
            alias=alias,
            body=ask.body,
            dialect=ask.api.caller,
            streamed=ask.streamed,
            arrived_at=now(),
            digest=digest(ask.body),
        )
        body, status = b"", 200
        try:
            async with assembled.front.open(call) as reply:
                while chunks := await reply.read():
                    body += b"".join([chunk.data for chunk in chunks])
                    if chunks[-1].last:
                        break
        except CallError as error:
            caller = ask.api.caller
            if body:
                body += caller.event_after(error, body) if isinstance(caller, Numbering) else caller.event(error)
            else:
                status, body = caller.status(error), caller.problem(error)
        return CallerResponse(status=status, body=body, request_id=call.id)

    results = await send(planned_calls(name, drill, alias, seed, dialect), began_at, asking)
    await asyncio.sleep(0)
    return Evidence(
        drill=drill,
        alias=alias,
        dialect=dialect,
        results=results,
        records=journal.records,
        began_at=began_at,
        faulted=tuple(schedule.faulted),
        resumes=resumes(drilled, alias, dialect),
        struck=sum(one.struck for one in fake_targets.values()),
        kept=leaked_slots(assembled),
    )


def leaked_slots(assembled: Assembled) -> int:
    """Places of every kind that are taken: none once every caller has left."""
    shared = assembled.shared
    return (
        assembled.front.in_flight
        + shared.admission.in_flight
        + sum(slots.in_use for slots in shared.slots.values())
        + sum(candidate.busy for candidate in shared.candidates)
    )
