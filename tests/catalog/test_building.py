"""How the table is made: what `tools/prices.py` keeps of its source, and what it leaves out."""

from __future__ import annotations

import datetime
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.catalog.table import BUNDLED, Catalog, PriceTable
from tools.prices import build, conditions, in_force, literal, nano, table_of

DATA = """
from .types import *
providers: list[Provider] = [
    Provider(
        id='vendor',
        api_pattern='https://(api\\\\.)?vendor\\\\.test',
        fallback_model_providers=['other'],
        models=[
            ModelInfo(
                id='one',
                match=ClauseOr(or_=[ClauseEquals(equals='One'), ClauseRegex(regex='^one-\\\\d+$')]),
                context_window=1000,
                prices=[
                    ConditionalPrice(prices=ModelPrice(input_mtok=Decimal('1'))),
                    ConditionalPrice(
                        constraint=StartDateConstraint(start_date=datetime.date(2026, 6, 1)),
                        prices=ModelPrice(
                            input_mtok=TieredPrices(base=Decimal('2'), tiers=[Tier(start=5000, price=Decimal('3'))]),
                            output_mtok=Decimal('4'),
                        ),
                    ),
                ],
            ),
            ModelInfo(id='spoken', match=ClauseEquals(equals='spoken'), prices=ModelPrice(audio_hours=Decimal('1'))),
        ],
    ),
]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "genai_prices").mkdir()
    (tmp_path / "genai_prices" / "data.py").write_text(DATA)
    (tmp_path / "genai_prices-9.8.7.dist-info").mkdir()
    (tmp_path / "genai_prices-9.8.7.dist-info" / "METADATA").write_text("Name: genai-prices\nVersion: 9.8.7\n")
    return tmp_path


@pytest.mark.parametrize(
    ("day", "asked", "rate"),
    [
        (datetime.date(2026, 5, 31), 1, 1000),
        (datetime.date(2026, 6, 1), 1, 2000),
        (datetime.date(2026, 6, 1), 5001, 3000),
    ],
)
def test_a_table_has_the_prices_of_its_day(folder: Path, day: datetime.date, asked: int, rate: int) -> None:
    catalog = Catalog(build(folder, day).encode())
    assert (catalog.source.version, catalog.source.as_of) == ("9.8.7", day.isoformat())
    for name in ("one", "one-2"):
        entry = catalog.find("https://api.vendor.test/v1", name)
        assert entry is not None
        assert entry.price is not None
        tiers = [tier for tier in entry.price.tiers if asked > tier.above]
        assert (tiers[-1].rates if tiers else entry.price.rates).input == rate * 1_000_000
    spoken = catalog.find("https://vendor.test", "spoken")
    assert spoken is not None
    assert spoken.price is None


def test_building_runs_nothing_of_the_package(folder: Path) -> None:
    (folder / "genai_prices" / "data.py").write_text("providers: list = [open('x').read()]")
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        build(folder, datetime.date(2026, 1, 1))


def price(**dollars: str) -> dict[str, Any]:
    return {"is": "ModelPrice"} | {key: Decimal(value) for key, value in dollars.items()}


def test_a_price_that_depends_on_the_hour_is_the_dearest() -> None:
    night, day = price(input_mtok="1", output_mtok="1"), price(input_mtok="2", output_mtok="2")
    constraint = {"is": "TimeOfDateConstraint"}
    hours = [{"prices": night}, {"prices": day, "constraint": constraint}]
    assert in_force(hours, datetime.date(2026, 1, 1)) is day
    hours = [{"prices": day}, {"prices": night, "constraint": constraint}]
    assert in_force(hours, datetime.date(2026, 1, 1)) is day


def test_a_price_that_has_not_begun_stands_where_there_is_no_other() -> None:
    later = price(input_mtok="1")
    constraint = {"is": "StartDateConstraint", "start_date": datetime.date(2030, 1, 1)}
    assert in_force([{"prices": later, "constraint": constraint}], datetime.date(2026, 1, 1)) is later


@pytest.mark.parametrize(
    ("prices", "name", "rates"),
    [
        (price(input_mtok="1", web_searches_kcount="10"), "m", {"input": 10**9}),
        (price(input_mtok="1", requests_kcount="10"), "m", None),  # a fee for each call
        (price(input_mtok="1", something_new="10"), "m", None),
        (price(output_mtok="1"), "m", None),
        (price(), "m", None),
        (price(), "m:free", {"input": 0, "output": 0}),
    ],
)
def test_a_price_is_kept_only_where_tokens_tell_the_cost(
    prices: dict[str, Any], name: str, rates: dict[str, int] | None
) -> None:
    found = table_of(prices, name)
    assert (None if found is None else found[0]) == rates


def test_a_floats_last_digits_are_rounded_away() -> None:
    assert nano(Decimal("0.18000000000000002")) == 180_000_000
    with pytest.raises(ValueError, match="negative"):
        nano(Decimal(-1))


def test_conditions_are_any_of_all_of() -> None:
    begins = {"is": "ClauseStartsWith", "starts_with": "A"}
    either = {
        "is": "ClauseOr",
        "or_": [{"is": "ClauseEndsWith", "ends_with": "z"}, {"is": "ClauseContains", "contains": "m"}],
    }
    assert conditions({"is": "ClauseAnd", "and_": [begins, either]}) == [["^a", "$z"], ["^a", "*m"]]


@pytest.mark.parametrize(
    ("pattern", "has"),
    [
        (r"https://api\.openai\.com", "https://api.openai.com"),
        (r"https://(.*\.)?googleapis\.com", "googleapis.com"),
        (r"https://api\.minimax(i)?\.(?:com|io)", "https://api.minimax"),
        (r"(https?://)?([^.]*\.)?(?:a\.com|b\.com)", ""),
        (r"https://api\.(?:(?:us|eu\.x)\.)?eleven\.io(?:/|$)", "https://api."),
    ],
)
def test_the_literal_of_a_pattern_is_in_all_that_it_matches(pattern: str, has: str) -> None:
    assert literal(pattern) == has


def test_the_bundled_table_is_as_the_tool_writes_it() -> None:
    text = BUNDLED.read_text(encoding="utf-8")
    book = msgspec.json.decode(text, type=PriceTable)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", book.source.as_of)
    assert [provider.has for provider in book.providers] == [literal(provider.url) for provider in book.providers]
    locked = (Path(__file__).parents[2] / "requirements" / "prices.txt").read_text()
    assert f"genai-prices=={book.source.version} " in locked
    assert json.loads(text)["source"]["package"] == "genai-prices"
