"""A worker's place, over a channel that a test holds the other end of."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headworks.core.errors import Problem
from headworks.server.workers.channel import Channel, Look, Message, Prepare, Prepared, Ready, Seen, Start
from headworks.server.workers.handle import ANSWERED_WITHIN, WorkerHandle
from headworks.telemetry.snapshot import Snapshot
from headworks.testing import settle, virtual

NUMBERS = cast(Snapshot, SimpleNamespace(journal="/nowhere/journal.jsonl"))
PREPARE = Prepare(content=b"", models={}, env={})


class Line:
    """The parent's end."""

    def __init__(self) -> None:
        self.said: list[Message] = []
        self.answers: asyncio.Queue[Message | None] = asyncio.Queue()

    async def say(self, message: Message) -> None:
        self.said.append(message)

    async def hear(self) -> Message | None:
        return await self.answers.get()


@pytest.mark.parametrize("how", ["cancelled", "late"])
@virtual
async def test_an_answer_whose_asker_has_left_is_not_the_next_ones(how: str) -> None:
    line = Line()
    handle = WorkerHandle(0)
    handle._channel = channel = cast(Channel, line)
    conversing = asyncio.create_task(handle._converse(channel, cast(Start, None)))
    line.answers.put_nowait(Ready(NUMBERS))
    await handle.up.wait()
    asking: asyncio.Task[Any] = asyncio.create_task(handle.ask(Look()))
    await settle()
    if how == "cancelled":
        asking.cancel()
    else:
        await asyncio.sleep(ANSWERED_WITHIN)
    await asyncio.wait([asking])
    refused = Prepared([Problem(problem="the disk is full")])
    next_one = asyncio.create_task(handle.ask(PREPARE))
    await settle()
    line.answers.put_nowait(Seen(NUMBERS))
    await settle()
    assert not next_one.done()
    line.answers.put_nowait(refused)
    assert await next_one == refused
    last = asyncio.create_task(handle.ask(Look()))
    await settle()
    line.answers.put_nowait(Seen(NUMBERS))
    assert await last == Seen(NUMBERS)
    line.answers.put_nowait(None)
    await conversing
