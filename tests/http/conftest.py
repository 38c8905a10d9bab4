"""Every test of the sockets runs on both loops: uvloop in production, asyncio where it is not to be had."""

from __future__ import annotations

import pytest

from tests.http.peers import LOOPS


@pytest.fixture(params=sorted(LOOPS))
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)
