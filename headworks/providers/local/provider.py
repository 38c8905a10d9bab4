"""A model in a child process of ours, asked as any remote one is, over a unix socket."""

from __future__ import annotations

from typing import Protocol

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.reply import Reply
from headworks.core.service import Enter, Service, entering
from headworks.providers.waiting import Bound, head_bound


class ModelProcess(Protocol):
    """A process that answers once its model is loaded."""

    @property
    def is_ready(self) -> bool: ...
    async def ready(self, limit: Bound) -> None: ...


class Local:
    """A Service: waits until the model is loaded, within the call's own bounds, and asks it."""

    def __init__(self, remote: Service, process: ModelProcess) -> None:
        self.remote = remote
        self.process = process

    def __repr__(self) -> str:
        return f"Local({self.process!r})"

    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        process = self.process
        if not process.is_ready:
            began = now()
            await process.ready(head_bound(call))
            if call.attempt is not None and call.attempt.connect_by:
                call.attempt.connect_by += now() - began  # loading is not connecting
        return await enter(self.remote.open(call))
