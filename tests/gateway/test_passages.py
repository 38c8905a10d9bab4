"""Paths that pass to a provider: over a reload, and what the tokens of a batch cost."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import UnknownPath, Unreachable
from headworks.core.passage import Passage
from headworks.core.trail import Trail
from headworks.gateway.gateway import Gateway
from headworks.gateway.passages import price_of
from headworks.gateway.prices import Prices
from headworks.testing import ask
from tests.gateway.test_gateway import TEXT, arrived, within
from tests.gateway.test_gateway import system as written
from tests.stack.systems import system

PRICES = Prices(system())


def test_a_batch_pays_half_of_the_tables_price_where_its_vendor_says_so() -> None:
    whole = PRICES.catalog.find("https://api.openai.com/v1", "gpt-4o-mini-2024-07-18")
    half = price_of(PRICES, "https://api.openai.com/v1", "gpt-4o-mini-2024-07-18")
    assert whole is not None
    assert whole.price is not None
    assert half is not None
    assert 2 * half.rates.input == whole.price.rates.input
    assert price_of(PRICES, "https://api.openai.com/v1", "no-such-model") is None
    assert price_of(PRICES, "http://127.0.0.1:1/v1", "gpt-4o-mini") is None


def test_a_reload_adds_a_path_and_takes_one_away(tmp_path: Path) -> None:
    async def test(gateway: Gateway) -> None:
        await gateway.reload(written(TEXT + "passthrough: {files: vendor}\n"))
        assert gateway.stack.passthrough == {"files"}
        call = msgspec.structs.replace(
            arrived(alias="passthrough/files"), passage=Passage(method="GET", word="files", path="/files")
        )
        with pytest.raises(Unreachable, match="vendor: "):
            await ask(gateway.front, call)
        await gateway.reload(written())
        with pytest.raises(UnknownPath):
            await ask(gateway.front, msgspec.structs.replace(call, trail=Trail()))

    within(tmp_path, test)
