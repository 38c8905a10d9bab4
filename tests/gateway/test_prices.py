"""Which price a target has, and what an attempt on it leaves in the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.catalog.table import Catalog
from headworks.core.errors import CallError, Cut, Expired, Failed, Unreachable, VendorSaid
from headworks.core.money import Rates
from headworks.core.record import Record
from headworks.core.reply import Usage
from headworks.gateway.assemble import assemble
from headworks.gateway.prices import FREE, Prices
from headworks.ledger.journal import MemoryJournal
from headworks.providers.scripted import Stream
from headworks.system.checks.machine import Machine
from headworks.system.load import examine
from headworks.system.schema.secrets import Sources
from headworks.system.schema.system import System
from headworks.system.syntax.findings import Findings
from headworks.testing import Scripted, ask, call, virtual

FILE = """
providers:
  openai: {dialect: openai, base_url: "https://api.openai.com/v1"}
  house: {dialect: openai, base_url: "http://127.0.0.1:9000/v1"}
  sim: {dialect: simulated}
  here: {dialect: local}
models:
  table: {targets: [openai/gpt-5-mini], retry: {attempts: 1}}
  said: {targets: [openai/gpt-5-mini, sim/x, here], price: {input: $1/M, output: $0.002/k}}
  house: house/gpt-5-mini
  sim: sim/x
  here: here
"""


class Roomy(Machine):
    def has_module(self, name: str) -> bool:
        return True


def read() -> System:
    findings = Findings("test.yaml")
    system = examine(FILE.encode(), findings, Sources({}, Path(".")), Roomy(Path(".")))
    assert system is not None, findings.errors
    return system


SYSTEM = read()


def rates(alias: str, tier: int = 0) -> Rates | None:
    model = SYSTEM.models[alias]
    price = Prices(SYSTEM).of(model, model.targets[tier][0])
    return None if price is None else price.rates


def test_the_file_counts_before_the_table() -> None:
    said = Rates(input=1_000_000_000, output=2_000_000_000)
    assert [rates("said", tier) for tier in range(3)] == [said, said, said]


def test_the_table_knows_a_vendor_by_its_address() -> None:
    assert rates("table") == Rates(input=250_000_000, cached_input=25_000_000, output=2_000_000_000)
    assert rates("house") is None


def test_what_runs_here_is_free_and_what_is_simulated_is_unknown() -> None:
    assert rates("here") == FREE.rates
    assert FREE.cost(Usage(input=9, output=9, reasoning=9, audio_input=9, audio_output=9, cache_write=9)) == 0
    assert rates("sim") is None


def test_the_table_is_not_read_where_nobody_needs_it() -> None:
    prices = Prices(SYSTEM, Catalog(b"not json"))
    for alias in ("said", "sim", "here"):
        for tier in SYSTEM.models[alias].targets:
            prices.of(SYSTEM.models[alias], tier[0])


async def recorded(alias: str, line: Stream | CallError, *, streamed: bool = True) -> Record:
    journal = MemoryJournal()
    front = assemble(SYSTEM, lambda provider, model: Scripted([line]), journal, seed=1).front
    try:
        await ask(front, call("x" * 40, alias=alias, streamed=streamed))
    except CallError:
        pass
    [record] = journal.records
    return record


@virtual
async def test_a_record_has_its_cost_and_the_date_of_the_prices() -> None:
    usage = Usage(input=1000, cached_input=400, output=50, reasoning=50)
    record = await recorded("table", Stream(pieces=["ok"], usage=usage))
    [attempt] = record.attempts
    assert record.cost_nano == attempt.cost_nano == 250_000 + 10_000 + 200_000
    assert (attempt.tokens, attempt.estimated) == (usage, False)
    assert record.price_at == Catalog().source.as_of


@virtual
async def test_a_price_from_the_file_has_no_date() -> None:
    record = await recorded("said", Stream(pieces=["ok"], usage=Usage(input=1, output=1)))
    assert (record.cost_nano, record.price_at) == (3000, "")


@virtual
async def test_an_unknown_price_leaves_the_cost_out() -> None:
    record = await recorded("sim", Stream(pieces=["ok"], usage=Usage(input=1, output=1)))
    assert (record.outcome, record.cost_nano, record.attempts[0].cost_nano) == ("ok", None, None)


@virtual
async def test_a_cut_stream_costs_what_had_come_marked_as_an_estimate() -> None:
    record = await recorded("table", Stream(pieces=["twelve bytes", "zwölf", Cut("gone")]))
    [attempt] = record.attempts
    asked = -(-len(call("x" * 40, alias="table", streamed=True).body) // 4)
    assert (attempt.outcome, attempt.estimated) == ("cut", True)
    assert attempt.tokens == Usage(input=asked, output=5)  # 12 and 6 bytes
    assert record.cost_nano == asked * 250 + 5 * 2000


@virtual
async def test_a_refusal_is_free_and_a_wait_in_vain_is_not() -> None:
    for error in (Failed("500", said=VendorSaid(status=500)), Unreachable("refused"), Expired(phase="connect")):
        record = await recorded("table", error)
        assert (record.cost_nano, record.attempts[0].estimated) == (0, False)
    record = await recorded("table", Expired(phase="first_token"))
    assert record.cost_nano
    assert record.attempts[0].estimated


@pytest.mark.parametrize("streamed", [True, False])
def test_an_answer_costs_the_same_streamed_or_not(streamed: bool) -> None:
    @virtual
    async def run() -> None:
        record = await recorded("said", Stream(pieces=["a b c"], usage=Usage(input=7, output=3)), streamed=streamed)
        assert record.cost_nano == 13_000

    run()
