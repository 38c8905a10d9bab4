"""A gateway's noted ids in the ledger's store: another process sees them at once, and a store that is away is said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from headworks.core.passage import IdsAway, OwnedId
from headworks.gateway.owned_ids import StoredIds
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreAt
from tests.gateway.test_kept_responses import Gated


def running(main: Callable[[StoredIds], Awaitable[None]], at: StoreAt) -> None:
    async def within() -> None:
        ids = StoredIds(at)
        try:
            await asyncio.wait_for(main(ids), 20.0)
        finally:
            await ids.stop()

    asyncio.run(within())


def test_what_one_process_notes_another_one_knows(tmp_path: Path) -> None:
    at = SqliteAt(tmp_path / "ledger.db")

    async def main(ids: StoredIds) -> None:
        await ids.note("v", [OwnedId("a", "web", "batch_output")])
        other = StoredIds(at)
        assert await other.find("v", ["a", "b"]) == {"a": OwnedId("a", "web", "batch_output")}
        assert [await one.count("v", "a", call) for one, call in ((ids, "first"), (other, "second"))] == [True, False]
        await other.forget("v", "a")
        await other.stop()
        assert await ids.find("v", ["a"]) == {}
        assert ids.troubles() == []

    running(main, at)


def test_a_store_that_does_not_work_is_said_to_callers_and_to_the_operator(tmp_path: Path) -> None:
    at = Gated(tmp_path / "ledger.db")
    at.gate.set()
    at.is_broken = True

    async def main(ids: StoredIds) -> None:
        with pytest.raises(IdsAway) as raised:
            await ids.find("v", [])
        assert "gated" not in raised.value.message
        assert "gated" in raised.value.place
        [said] = ids.troubles()
        assert said.startswith("ledger: ")

    running(main, at)
