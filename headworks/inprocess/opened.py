"""A system from a file or a text, started and stopped."""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import TracebackType

from headworks.gateway.gateway import Gateway
from headworks.gateway.lock import forgotten, hold_lock
from headworks.inprocess.system import System
from headworks.system.load import Loaded, read
from headworks.system.starter import load_or_starter

log = logging.getLogger("headworks")


class Opened:
    """A system that starts when it is entered and stops when it is left: `async with headworks.open(...) as system`."""

    def __init__(self, loaded: Loaded, *, is_apart: bool = False) -> None:
        """is_apart: its ledger is its own and nobody's budget is read off it, as an evaluation's: any ledger will do, and it runs
        beside whoever serves the same system."""
        self._loaded = loaded
        self._is_apart = is_apart
        self._held = AsyncExitStack()
        self._system: System | None = None

    async def __aenter__(self) -> System:
        for warning in self._loaded.warnings:
            log.warning("%s", warning)
        self._loaded.pin_default_folder()
        rng = Random()
        async with AsyncExitStack() as held:
            lock = None
            if self._is_apart:
                forgotten(self._loaded.folder / self._loaded.system.log.journal)
            else:
                lock = await held.enter_async_context(hold_lock(self._loaded, always=False))
            gateway = Gateway(self._loaded.system, self._loaded.folder, seed=rng.getrandbits(64))
            held.push_async_callback(gateway.stop)
            gateway.access.lock = lock
            await gateway.start()
            self._held = held.pop_all()
        self._system = System(gateway, rng)
        return self._system

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        system = self._system
        assert system is not None
        try:
            await system.close()
        finally:
            await self._held.aclose()


def open(file: str | os.PathLike[str] | None = None, *, text: str | None = None) -> Opened:
    """A system, read and checked; entering it starts it.

    file: a system file. text: its content instead; relative paths start from the current folder. Neither: headworks.yaml
    here, or the starter system where there is none, as `headworks up` does. Secrets come from the environment.
    Raises ConfigError with everything that is wrong with it.
    """
    if text is not None:
        if file is not None:
            raise TypeError("a system is opened from a file or from text, not from both")
        return Opened(read(text.encode(), file="text", folder=Path(), env=os.environ))
    return Opened(load_or_starter(None if file is None else Path(file), os.environ))
