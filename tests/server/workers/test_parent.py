"""The parent of workers, over workers that a test plays."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from headworks.gateway.lock import GatewayLock
from headworks.server.workers.channel import Adopt, Message, Prepare, Prepared
from headworks.server.workers.handle import WorkerHandle
from headworks.server.workers.parent import Parent
from headworks.system.load import read

SYSTEM = b"""
providers: {sim: {dialect: simulated}}
models: {assistant: sim}
server: {workers: 2}
state: embedded
"""


class Played:
    """A worker that is up. It adopts a new file when the test lets it."""

    number, is_up = 0, True

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.adopts = asyncio.Event()
        self.looked_at = 0
        self.ended = 0

    async def ask(self, message: Message) -> object:
        if isinstance(message, Prepare):
            return Prepared([])
        if isinstance(message, Adopt):
            await self.adopts.wait()
        else:
            self.looked_at += 1
        return None

    def end(self) -> None:
        self.ended += 1


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


def test_a_worker_that_is_told_of_a_new_file_just_now_is_not_taken_for_one_that_has_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headworks.server.workers.parent.LOOK", 0.001)
    file = tmp_path / "headworks.yaml"
    file.write_bytes(SYSTEM)

    async def main() -> None:
        loaded = read(SYSTEM, file=file, folder=tmp_path, env=os.environ)
        parent = Parent(file, loaded, cast(GatewayLock, None))
        workers = [Played(SYSTEM), Played(SYSTEM)]
        parent.handles = cast(list[WorkerHandle], workers)
        looking = asyncio.create_task(parent._look())
        file.write_bytes(new := SYSTEM.replace(b"assistant", b"helper"))
        replacing: asyncio.Task[Any] = asyncio.create_task(parent.replace())
        await until(lambda: parent.content == new)
        workers[0].adopts.set()
        before = workers[1].looked_at
        await until(lambda: workers[1].looked_at > before + 2)
        assert [worker.ended for worker in workers] == [0, 0]
        workers[1].adopts.set()
        await replacing
        before = workers[1].looked_at
        await until(lambda: workers[1].looked_at > before + 2)
        assert [worker.ended for worker in workers] == [0, 0]
        workers[1].content = SYSTEM  # one that did not hear of it
        await until(lambda: workers[1].ended > 0)
        assert workers[0].ended == 0
        looking.cancel()
        await asyncio.wait([looking])
        await asyncio.gather(*parent._tasks)

    asyncio.run(main())
