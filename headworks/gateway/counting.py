"""Where calls are counted: in this process, or in a Valkey or Redis that it shares. What that needs is loaded only then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import msgspec

from headworks.core.errors import ConfigError, Problem
from headworks.core.extras import install
from headworks.core.state import State
from headworks.gateway.assemble import Store, remembered
from headworks.system.schema.system import System

READY_WITHIN: Final = 2.0
"""Seconds that a start waits for the state; without it, it goes on, and the state is away."""


RESTORED_WITHIN: Final = 10.0
"""Seconds that a start waits for what was spent: a large journal may take longer, and then calls are served meanwhile."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One of several processes that serve a system together. owner: stands for it in the shared state. state: the URL of
    that. models: by local provider, the socket of the process that the parent keeps. Its journal is indexed by the parent."""

    owner: str
    state: str
    models: Mapping[str, str] = {}


class Counting:
    """The state of one process. `state` is None where calls are counted in its own memory."""

    def __init__(self, system: System, folder: Path, member: Member | None) -> None:
        self.state: State | None = None
        url = system.state.reveal() if member is None else member.state
        if url == "memory":
            return
        self._embedded = None
        if url == "embedded":
            self._embedded = loaded("headworks.state.embedded", "embedded").Embedded(state_folder(system, folder))
            url = self._embedded.url
        owner = token_hex(8) if member is None else member.owner
        module = loaded("headworks.state.unreachable", "redis")
        self.shared = module.Valkey(url, system.name, owner)
        self.state = module.Sharing(self.shared)
        self._kept = module = loaded("headworks.state.shared_answers", "redis")
        self._line = module.Line(url, is_told=False)  # the line of the counts tells that it is away
        self._prefix = system.name

    def answers(self, alias: str, most: int, ttl: float) -> Store:
        """Where an alias's answers are kept: at most so many bytes, for so many seconds."""
        if self.state is None:
            return remembered(alias, most, ttl)
        made: Store = self._kept.SharedAnswers(self._line, self._prefix, alias, most, ttl)
        return made

    def lost(self, told: Callable[[], None]) -> None:
        """Whom to tell, again and again, that a shared state does not know what was spent."""
        if self.state is not None:
            self.shared.lost = told

    async def start(self) -> None:
        """Connects, or goes on without. Raises ConfigError where the embedded server does not start."""
        if self.state is not None:
            if self._embedded is not None:
                await self._embedded.start()
            self.shared.start()
            self._line.start()
            await self.shared.line.ready(READY_WITHIN)

    async def settle_in(self) -> None:
        """Waits a while until a state that is there knows what was spent: a call under a budget would be refused."""
        if self.state is not None and self.shared.is_there:
            await self.shared.restored(RESTORED_WITHIN)

    async def stop(self) -> None:
        """Has everything that was counted arrive, and ends."""
        if self.state is not None:
            await self._line.stop()
            await self.shared.stop()
            if self._embedded is not None:
                await self._embedded.stop()

    def troubles(self) -> list[str]:
        """What an operator should know, in words."""
        if self.state is None or not self.shared.trouble:
            return []
        return [f"state: {self.shared.trouble}; groups that are `open` go on in parts, others are answered 503"]


def state_folder(system: System, folder: Path) -> Path:
    """Where the embedded server keeps what it knows: beside the journal."""
    return (folder / system.log.journal).parent / "state"


def loaded(name: str, extra: str) -> Any:
    """A module that an extra brings. Raises ConfigError that names it."""
    try:
        return import_module(name)
    except ImportError as error:
        problem = "what this state needs is not installed here"
        raise ConfigError([Problem(path="state", problem=problem, remedy=install(extra))]) from error
