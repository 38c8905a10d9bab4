"""The state in a real Valkey: the contract, exactness over several processes, and what becomes of it when either dies."""

from __future__ import annotations

import asyncio
from secrets import token_hex

import pytest

from headworks.state.valkey import Valkey
from tests.servers import ValkeyServer
from tests.state.contract import CHECKS, Check


async def opened(server: ValkeyServer, prefix: str, *, restored: bool = True) -> Valkey:
    state = Valkey(server.url, prefix, token_hex(8))
    state.start()
    assert await state.line.ready(60.0)
    if restored:
        await state.restore([])
    return state


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(check: Check, valkey_server: ValkeyServer) -> None:
    async def run() -> None:
        state = await opened(valkey_server, token_hex(8))
        try:
            await check(state)
        finally:
            await state.stop()

    asyncio.run(run())
