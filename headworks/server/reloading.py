"""Reading the system file again while calls are served: one at a time, and each with an outcome."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias

from headworks.core.errors import ConfigError, Problem
from headworks.core.notices import named, of_problem
from headworks.gateway.gateway import Gateway
from headworks.server.app import App
from headworks.server.control_files import ControlFiles, Outcome
from headworks.server.origins import Origins
from headworks.system.load import Loaded
from headworks.system.schema.system import System

log = logging.getLogger("headworks.reload")


STOPPING: Final = Problem(problem="the gateway is stopping", remedy="start it again with the new file")

Replace: TypeAlias = Callable[[], Awaitable[list[Problem]]]
"""Serves what the file says now, and gives what is odd in it. Raises ConfigError or OSError, and then nothing has changed."""


class Served(Protocol):
    """What is served, by one process or by several."""

    @property
    def system(self) -> System: ...
    @property
    def is_draining(self) -> bool: ...


def replacing(gateway: Gateway, app: App, read: Callable[[], Loaded]) -> Replace:
    """How one gateway takes what `read` reads."""

    async def replace() -> list[Problem]:
        loaded = await asyncio.get_running_loop().run_in_executor(None, read)
        await gateway.reload(loaded.system)
        app.origins = Origins(loaded.system.server.cors, gateway.ring)
        return list(loaded.warnings)

    return replace


class Reloading:
    """Replaces what a gateway serves by what its file says now: all of it, or nothing and the reasons."""

    def __init__(self, served: Served, replace: Replace, control_files: ControlFiles) -> None:
        self.served = served
        self.counts: Counter[str] = Counter({"reloaded": 0, "refused": 0})
        self._replace = replace
        self._beacon = control_files
        self._turn = asyncio.Lock()

    async def reload(self) -> Outcome:
        """Reads the file and serves it if it holds. Never raises for what is wrong with the file: the outcome says it."""
        async with self._turn:
            begun_at = time.time()
            warnings: list[Problem] = []
            problems: list[Problem] = []
            try:
                if self.served.is_draining:
                    raise ConfigError([STOPPING])
                warnings = await self._replace()
            except ConfigError as error:
                problems = list(error.problems)
            except OSError as error:
                problems = [Problem(problem=f"the machine refuses: {error.strerror or error}")]
            outcome = Outcome(
                begun_at=begun_at,
                is_reloaded=not problems,
                config=self.served.system.digest,
                problems=problems,
                warnings=warnings,
            )
            self._tell(outcome)
            return outcome

    async def serve(self, asked: asyncio.Queue[None]) -> None:
        """Reloads once for every item, those that came meanwhile together. Runs until cancelled."""
        while True:
            await asked.get()
            while not asked.empty():
                asked.get_nowait()
            await self.reload()

    def _tell(self, outcome: Outcome) -> None:
        self.counts["reloaded" if outcome.is_reloaded else "refused"] += 1
        if outcome.is_reloaded:
            models = list(self.served.system.models)
            fields = named("reloaded", config=outcome.config, models=models)
            log.info("reloaded: config %s, models %s", outcome.config, ", ".join(models), extra=fields)
        else:
            count = len(outcome.problems)
            fields = named("reload_refused", config=outcome.config, problems=count)
            log.error("not reloaded, config %s is served on: %d problems", outcome.config, count, extra=fields)
        for problem in outcome.problems:
            log.error("%s", problem, extra=of_problem("reload_problem", problem))
        for problem in outcome.warnings:
            log.warning("%s", problem, extra=of_problem("config_warning", problem))
        try:
            self._beacon.report(outcome)
        except OSError as error:
            log.error("the outcome could not be written for `headworks reload`: %s", error.strerror)
