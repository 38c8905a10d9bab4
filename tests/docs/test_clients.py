"""`docs/clients.md` is what `make clients` wrote, and no cell of it is untested."""

from __future__ import annotations

from pathlib import Path

from tools.clients import outcome, page
from tools.clients.gateway import VENDORS
from tools.clients.pairs import DIRECT
from tools.clients.scenarios import SCENARIOS
from tools.clients.table import CLIENTS

PAGE = Path(__file__).parents[2] / "docs/clients.md"


def test_the_page_is_what_was_found() -> None:
    assert PAGE.read_text() == page.render(outcome.load())


def test_every_client_was_tried_before_every_vendor_in_every_scenario() -> None:
    found = outcome.load()
    assert [one.name for one in found.rows] == [one.name for one in CLIENTS]
    for client in CLIENTS:
        for vendor in VENDORS:
            cell = found.cell(client.name, vendor)
            assert cell.runs == len(SCENARIOS) * (1 if client.is_agent else 2)
            assert {one.name for one in SCENARIOS} <= cell.got.keys()
        assert {one.name for one in SCENARIOS} <= found.cell(client.name, DIRECT).calls.keys()


def test_what_was_tried_is_what_is_locked() -> None:
    assert outcome.load().rows == [outcome.row(one) for one in CLIENTS]
