"""The calls of a drill: their bodies and their times.

Always true: the instants and the questions follow from the drill alone; no two calls ask the same, so that no cache and
no shared journey answers for a vendor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.drill.call_outcome import CallerResponse, CallOutcome, classify
from headworks.drill.fake_target import expected_answer
from headworks.system.schema.drills import Drill
from headworks.wire.client_apis import CLIENT_APIS, OWN_API, ClientApi
from headworks.wire.own_dialect import OWN

PATIENCE = 150.0
"""Seconds after which a caller gives up: beyond the default `total` of 120, so that the gateway has to end it."""


class PlannedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call to be made `at` seconds after the drill began: half a gap late, so that none falls on a whole second. dialect: the
    API in which it is made."""

    number: int
    at: float
    streamed: bool
    body: bytes
    expected: str
    path: str
    dialect: str = OWN_API.word

    @property
    def api(self) -> ClientApi:
        return CLIENT_APIS[self.dialect]


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a call. Times in seconds after the first call."""

    number: int
    streamed: bool
    arrived: float
    ended: float
    request_id: str
    outcome: CallOutcome

    @property
    def took(self) -> float:
        return self.ended - self.arrived


SendCall = Callable[[PlannedCall], Awaitable[CallerResponse]]


def planned_calls(name: str, drill: Drill, alias: str, seed: int, dialect: str = OWN_API.word) -> list[PlannedCall]:
    """The calls of a drill, in order: in each dialect the same questions at the same instants."""
    traffic = drill.traffic
    api = CLIENT_APIS[dialect]
    made = []
    for number in range(traffic.calls):
        # Evenly spread: 50 % is every second one.
        streamed = int((number + 1) * traffic.streamed) > int(number * traffic.streamed)
        question = f"Drill {name}, call {number}: what does the keeper measure?"
        chat = msgspec.json.encode(
            {"model": alias, "messages": [{"role": "user", "content": question}], "stream": streamed}
        )
        plain = Call(id="", alias=alias, body=chat, dialect=OWN, streamed=streamed)
        made.append(
            PlannedCall(
                number=number,
                at=(number + 0.5) / traffic.rate,
                streamed=streamed,
                body=chat if api is OWN_API else api.written(alias, question, 2 * traffic.tokens, streamed=streamed),
                expected=expected_answer(plain, traffic.tokens, seed),
                path=api.target(alias, streamed=streamed),
                dialect=dialect,
            )
        )
    return made


async def send(calls: list[PlannedCall], began_at: float, asking: SendCall) -> list[CallResult]:
    """Makes every call at its instant, whatever became of those before; returns when the last has ended."""

    async def one(ask: PlannedCall) -> CallResult:
        await asyncio.sleep(max(0.0, began_at + ask.at - now()))
        arrived = now()
        try:
            response = await asyncio.wait_for(asking(ask), PATIENCE)
        except TimeoutError:
            response = CallerResponse(ended="hung")
        return CallResult(
            number=ask.number,
            streamed=ask.streamed,
            arrived=arrived - began_at,
            ended=now() - began_at,
            request_id=response.request_id,
            outcome=classify(response, ask.expected, streamed=ask.streamed, dialect=ask.dialect),
        )

    return list(await asyncio.gather(*(one(ask) for ask in calls)))
