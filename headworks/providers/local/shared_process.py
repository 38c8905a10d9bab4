"""A local model whose process is kept by another one of ours: the parent of several workers, which loads it once."""

from __future__ import annotations

import asyncio
import os

from headworks.core.errors import Unreachable
from headworks.http.dial import Origin
from headworks.providers.local.process import LOAD_TIMEOUT
from headworks.providers.waiting import Bound, hear

PAUSE = 0.05
"""Seconds between two looks: loading takes a second and more."""


class SharedProcess:
    """A model behind a socket that is there as soon as it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.origin = Origin(path=path, base=b"/v1")

    def __repr__(self) -> str:
        return f"<SharedProcess {'ready' if self.is_ready else 'loading'}>"

    @property
    def is_ready(self) -> bool:
        """One look at the file system: 2 us beside a model's hundred thousand."""
        return os.path.exists(self.path)

    async def ready(self, limit: Bound) -> None:
        """Waits until the model is loaded. Raises Unreachable where it is not, Expired at the bound."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        looking = asyncio.create_task(self._look(waiter))
        try:
            await hear(waiter, limit)
        finally:
            looking.cancel()

    async def _look(self, waiter: asyncio.Future[bool]) -> None:
        for _ in range(round(LOAD_TIMEOUT / PAUSE)):
            if self.is_ready:
                break
            await asyncio.sleep(PAUSE)
        if waiter.done():
            return
        if self.is_ready:
            waiter.set_result(True)
        else:
            waiter.set_exception(Unreachable("The local model is not there."))
