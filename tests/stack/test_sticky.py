"""`balance: sticky` over the assembled stack and vendors with a prompt cache: a session pays for its beginning once."""

from __future__ import annotations

import json
from asyncio import sleep
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.dialect import Dialect
from headworks.core.session import Session
from headworks.gateway.assemble import Assembled, assemble
from headworks.gateway.leaves import Leaves
from headworks.layers.sticky import session_of
from headworks.ledger.journal import MemoryJournal
from headworks.testing import ask, call, virtual
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.openai.responses.caller import RESPONSES
from tests.stack.systems import system

SYSTEM = """
version: 1
providers:
  east: {dialect: simulated, prompt_cache: RULES}
  west: {dialect: simulated, prompt_cache: RULES}
models:
  assistant: {targets: [[east/m, west/m]], balance: BALANCE}
"""
LONG = "The weir feeds the mill. " * 400
"""2,500 tokens."""


class World:
    def __init__(self, balance: str, rules: str = "openai") -> None:
        self.system = system(SYSTEM.replace("RULES", rules).replace("BALANCE", balance))
        self.leaves = Leaves(self.system, Path("."), seed=1)
        self.journal = MemoryJournal()
        self.assembled = self.assemble()

    def assemble(self, before: Assembled | None = None) -> Assembled:
        shared = None if before is None else before.shared
        return assemble(self.system, self.leaves.leaf, self.journal, seed=1, before=shared)

    async def ask(self, asked: Call) -> str:
        """The target that answered."""
        await ask(self.assembled.front, asked)
        return self.journal.records[-1].attempts[-1].target

    @property
    def cached(self) -> list[int]:
        return [record.tokens.cached_input for record in self.journal.records if record.tokens is not None]


def turn(session: str, text: str = LONG) -> Call:
    named = Session(session) if session else None
    return msgspec.structs.replace(call(text), session=named, arrived_at=now())


@pytest.mark.parametrize(("balance", "warm"), [("sticky", 9), ("weighted", 8)])
def test_a_session_pays_for_its_beginning_once_and_not_once_at_each_target(balance: str, warm: int) -> None:
    async def main() -> None:
        world = World(balance)
        for _ in range(10):
            await world.ask(turn("s"))
        assert sum(tokens > 0 for tokens in world.cached) == warm

    virtual(main)()


@virtual
async def test_sessions_are_shared_out_and_each_stays() -> None:
    world = World("sticky")
    targets = {str(number): {await world.ask(turn(str(number), "hello")) for _ in range(3)} for number in range(40)}
    assert all(len(asked) == 1 for asked in targets.values())
    shares = Counter(name for asked in targets.values() for name in asked)
    assert min(shares["east/m"], shares["west/m"]) >= 10


@virtual
async def test_calls_of_no_session_and_no_user_are_shared_out_by_the_weights() -> None:
    world = World("sticky")
    assert {await world.ask(turn("", "hello")) for _ in range(20)} == {"east/m", "west/m"}


@virtual
async def test_a_session_whose_target_is_set_aside_moves_once_and_stays_over_a_reload() -> None:
    world = World("sticky")
    home = await world.ask(turn("s"))
    world.assembled.shared.circuits[home].rest(now() + 60.0, now(), is_limit=True)
    second = await world.ask(turn("s"))
    assert second != home
    await sleep(61.0)
    world.assembled = world.assemble(before=world.assembled)
    assert [await world.ask(turn("s")) for _ in range(3)] == [second] * 3
    assert [tokens > 0 for tokens in world.cached] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("dialect", "body", "read"),
    [
        (
            MESSAGES,
            {
                "model": "assistant",
                "max_tokens": 9,
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}],
                    }
                ],
            },
            lambda said: said["usage"]["cache_read_input_tokens"],
        ),
        (
            GENERATE,
            {"contents": [{"role": "user", "parts": [{"text": LONG}]}]},
            lambda said: said["usageMetadata"]["cachedContentTokenCount"],
        ),
        (
            RESPONSES,
            {"model": "assistant", "input": LONG, "store": False},
            lambda said: said["usage"]["input_tokens_details"]["cached_tokens"],
        ),
    ],
)
def test_callers_of_every_api_are_told_what_was_cached(dialect: Dialect, body: Any, read: Any) -> None:
    rules = "anthropic" if dialect is MESSAGES else "openai"

    async def main() -> None:
        world = World("sticky", rules)
        asked = msgspec.structs.replace(turn("s"), dialect=dialect, body=msgspec.json.encode(body))
        first = await ask(world.assembled.front, asked)
        again = await ask(world.assembled.front, msgspec.structs.replace(turn("s"), dialect=dialect, body=asked.body))
        assert read(json.loads(again.data)) >= 2432
        written = [one.tokens.cache_write for one in world.journal.records if one.tokens is not None]
        assert (written[0] > 2432, written[1]) == (rules == "anthropic", 0)
        assert first.text == again.text

    virtual(main)()


# --- whom a call belongs to -------------------------------------------------------------------------------------------


def test_a_session_counts_before_a_user_and_names_of_two_keys_are_apart() -> None:
    def made(session: str | None = None, user: str | None = None, tenant: str = "web") -> bytes:
        named = None if session is None else Session(session)
        return session_of(msgspec.structs.replace(call(), session=named, user=user, tenant=tenant))

    assert made("s", "ann") == made("s", "bob") == made("s")
    assert made(user="ann") == made(user="ann")
    assert len({made("s"), made("t"), made("s", tenant="app"), made(user="s"), made(user="t"), made()}) == 6
    assert made() == b""
    assert made("\ud800")  # half a character: a body may have one
