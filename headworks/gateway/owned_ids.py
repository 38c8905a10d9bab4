"""The ids of what callers made at providers, in the ledger's store (`ledger/resources.py`), asked in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from headworks.core.clock import wall
from headworks.core.passage import IdsAway, OwnedId
from headworks.gateway.kept_responses import PAUSE, StoreThread
from headworks.ledger.resources import Resources
from headworks.ledger.store import StoreAt, StoreTrouble

SAID: Final = "Whose files and batches are cannot be looked up or noted right now: ask again in a moment."


class StoredIds:
    """Ids in a store. The thread starts with the first question."""

    def __init__(self, at: StoreAt) -> None:
        self._thread = StoreThread(at, "resources")
        self.trouble = ""

    async def find(self, provider: str, ids: Sequence[str]) -> Mapping[str, OwnedId]:
        found: Mapping[str, OwnedId] = await self._ask(lambda stored: stored.find(provider, ids))
        return found

    async def note(self, provider: str, ids: Sequence[OwnedId]) -> None:
        at = wall()
        await self._ask(lambda stored: stored.note(provider, ids, at))

    async def count(self, provider: str, id: str, call: str) -> bool:
        is_first: bool = await self._ask(lambda stored: stored.count(provider, id, call))
        return is_first

    async def forget(self, provider: str, id: str) -> None:
        await self._ask(lambda stored: stored.forget(provider, id))

    def troubles(self) -> list[str]:
        """Problems for the operator, in words."""
        return [f"ledger: {self.trouble}; files and batches are not served"] if self.trouble else []

    async def stop(self) -> None:
        await self._thread.stop()

    async def _ask(self, job: Callable[[Resources], Any]) -> Any:
        try:
            found = await self._thread.ask(lambda responses: job(Resources(responses.store)))
        except StoreTrouble as trouble:
            self.trouble = str(trouble)
            raise IdsAway(SAID, retry_after=PAUSE).at(self.trouble) from None
        self.trouble = ""
        return found
