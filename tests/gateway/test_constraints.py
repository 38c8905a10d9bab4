"""No route, fallback, retry or reload leaves the constraints of the file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import ConfigError, Failed
from headworks.gateway.assemble import assemble
from headworks.gateway.gateway import Gateway
from headworks.gateway.live_check import LiveCheck
from headworks.ledger.journal import MemoryJournal
from headworks.system.load import read
from headworks.system.schema.system import System
from headworks.testing import Scripted, ask, call, virtual
from tests.system.files import FakeMachine

TEXT = """
requirements: {constraints: [{region: eu}]}
providers:
  inside: {dialect: simulated, region: eu}
  beside: {dialect: simulated, region: us}
  below: {dialect: simulated}
  vendor: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}
models:
  m: {targets: [[inside, beside], below, vendor/x]}
"""


def system() -> System:
    return read(TEXT.encode(), file="system.yaml", folder=Path("."), env={}, machine=FakeMachine()).system


def stating_nothing(whole: System) -> System:
    provider = msgspec.structs.replace(whole.providers["inside"], region=())
    return msgspec.structs.replace(whole, providers={**whole.providers, "inside": provider})


@virtual
async def test_a_failure_is_answered_with_itself_and_never_by_a_target_outside_the_constraints() -> None:
    asked: list[str] = []

    def leaf(provider: str, model: str) -> Scripted:
        asked.append(provider)
        return Scripted([Failed("no")] * 3)

    front = assemble(system(), leaf, MemoryJournal(), seed=1).front
    with pytest.raises(Failed):
        await ask(front, call(alias="m"))
    assert asked == ["inside"]  # the others were not even built


def test_the_records_name_the_whole_file() -> None:
    whole = system()
    trace = assemble(whole, lambda provider, model: Scripted([]), MemoryJournal(), seed=1).front
    assert trace.config == whole.digest


def test_a_reload_to_a_file_that_nobody_may_serve_changes_nothing(tmp_path: Path) -> None:
    from_code = system()
    forbidden = stating_nothing(from_code)

    async def test() -> None:
        gateway = Gateway(from_code, tmp_path, seed=1)
        await gateway.start()
        try:
            with pytest.raises(ConfigError, match="no target of `m` meets"):
                await gateway.reload(forbidden)
            assert gateway.system is from_code
        finally:
            await gateway.stop()

    asyncio.run(test())


def test_a_gateway_that_may_ask_nobody_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no target of `m` meets"):
        Gateway(stating_nothing(system()), tmp_path, seed=1)


def test_check_live_sends_nothing_to_a_vendor_outside_the_constraints(tmp_path: Path) -> None:
    assert LiveCheck(system(), tmp_path).targets == {}
