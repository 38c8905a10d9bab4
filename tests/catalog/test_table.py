"""The bundled table: well known models as it has them, and who is matched how."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headworks.catalog.matching import holds, matches
from headworks.catalog.table import BUNDLED, Catalog, ModelRow, PriceTable, is_one_letter_off
from headworks.core.money import Rates

BUNDLE = Catalog()

OPENAI = "https://api.openai.com/v1"
GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai"


@pytest.mark.parametrize(
    ("base_url", "model", "name", "dollars"),
    [
        (OPENAI, "gpt-5-mini", "openai/gpt-5-mini", (0.25, 0.025, 2)),
        (OPENAI, "gpt-5-mini-2025-08-07", "openai/gpt-5-mini", (0.25, 0.025, 2)),
        (OPENAI, "gpt-5-mini-20250807", "openai/gpt-5-mini", (0.25, 0.025, 2)),
        (OPENAI, "gpt-5", "openai/gpt-5", (1.25, 0.125, 10)),
        (OPENAI, "gpt-4o", "openai/gpt-4o", (2.5, 1.25, 10)),
        (OPENAI, "GPT-4o-mini-2024-07-18", "openai/gpt-4o-mini", (0.15, 0.075, 0.6)),
        (OPENAI, "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13", (5, None, 15)),
        (OPENAI, "text-embedding-3-small", "openai/text-embedding-3-small", (0.02, None, None)),
        ("https://API.OpenAI.com/v1", "gpt-4.1-nano", "openai/gpt-4.1-nano", (0.1, 0.025, 0.4)),
        ("https://api.together.xyz/v1", "openai/gpt-oss-120b", "together/openai/gpt-oss-120b", (0.15, None, 0.6)),
        ("https://api.groq.com/openai/v1", "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b", (0.15, 0.075, 0.6)),
        ("https://openrouter.ai/api/v1", "openai/gpt-oss-120b", "openrouter/openai/gpt-oss-120b", (0.1, None, 0.5)),
        ("https://me.openai.azure.com/openai/v1", "gpt-4o-mini", "openai/gpt-4o-mini", (0.15, 0.075, 0.6)),
        ("https://api.anthropic.com/v1", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5", (3, 0.3, 15)),
        (GOOGLE, "gemini-2.5-flash", "google/gemini-2.5-flash", (0.3, 0.03, 2.5)),
        ("https://api.mistral.ai/v1", "mistral-large-latest", "mistral/mistral-large", (2, None, 6)),
        ("https://api.x.ai/v1", "grok-4", "x-ai/grok-4-0709", (3, 0.75, 15)),
    ],
)
def test_a_well_known_model_has_its_price(
    base_url: str, model: str, name: str, dollars: tuple[float, float | None, float | None]
) -> None:
    entry = BUNDLE.find(base_url, model)
    assert entry is not None
    assert entry.price is not None
    rates = entry.price.rates
    nano = tuple(None if rate is None else round(rate * 1e9) for rate in dollars)
    assert (entry.name, (rates.input, rates.cached_input, rates.output)) == (name, nano)
    assert entry.as_of == entry.price.at == BUNDLE.source.as_of


def test_long_questions_cost_more_where_the_vendor_says_so() -> None:
    entry = BUNDLE.find(GOOGLE, "gemini-2.5-pro")
    assert entry is not None
    assert entry.price is not None
    [tier] = entry.price.tiers
    assert (tier.above, tier.rates.input, tier.rates.output) == (200_000, 2_500_000_000, 15_000_000_000)
    assert tier.rates.cached_input == 250_000_000


def test_what_is_cheaper_at_night_has_the_price_of_the_day() -> None:
    entry = BUNDLE.find("https://api.deepseek.com/v1", "deepseek-chat")
    assert entry is not None
    assert entry.price is not None
    assert entry.price.rates.input == 270_000_000  # and 135000000 at night


def test_context_windows_are_known_where_the_source_has_them() -> None:
    mini, pro = BUNDLE.find(OPENAI, "gpt-5-mini"), BUNDLE.find(GOOGLE, "gemini-2.5-pro")
    assert mini is not None
    assert pro is not None
    assert (mini.context_window, pro.context_window) == (400_000, None)


@pytest.mark.parametrize(
    ("base_url", "model"),
    [
        (OPENAI, "house-model"),
        (OPENAI, "gpt-5-mini-2031-01-01"),  # another snapshot may cost something else
        (OPENAI, ""),
        ("http://127.0.0.1:8000/v1", "gpt-5-mini"),  # the same name elsewhere is not the same price
        ("https://example.com/api.openai.com", "gpt-5-mini"),
    ],
)
def test_what_the_table_does_not_have_is_unknown(base_url: str, model: str) -> None:
    assert BUNDLE.find(base_url, model) is None


def test_a_model_that_is_paid_by_the_call_is_known_without_a_price() -> None:
    entry = BUNDLE.find("https://api.perplexity.ai", "sonar")
    assert entry is not None
    assert (entry.price, entry.context_window) == (None, 128_000)


def test_every_row_can_be_read_and_most_have_a_price() -> None:
    rows = [
        row
        for provider in BUNDLE.book.providers
        for row in msgspec.json.decode(provider.models, type=tuple[ModelRow, ...])
    ]
    priced = [row for row in rows if row.rates is not None]
    assert len(rows) > 2000
    assert len(priced) > 0.9 * len(rows)
    for row in rows:
        assert row.match
        assert all(texts and all(text[0] in "=^$*~" for text in texts) for texts in row.match)
        assert not matches(row.match, "\N{SNOWMAN}")  # also runs every regular expression
        assert [tier.above for tier in row.tiers] == sorted({tier.above for tier in row.tiers})


def test_the_table_says_where_it_is_from() -> None:
    source = BUNDLE.source
    assert (source.package, source.licence) == ("genai-prices", "MIT")
    notice = (Path(__file__).parents[2] / "NOTICE").read_text()
    assert f"genai-prices` {source.version}" in notice


def test_nothing_is_read_before_it_is_needed() -> None:
    broken = Catalog(b"not json")
    with pytest.raises(msgspec.DecodeError):
        broken.find(OPENAI, "gpt-5")


@pytest.mark.parametrize(
    ("text", "name", "is_so"),
    [
        ("=gpt-5", "gpt-5", True),
        ("=gpt-5", "gpt-5-mini", False),
        ("^gpt-5", "gpt-5-mini", True),
        ("^gpt-5", "my-gpt-5", False),
        ("$-mini", "gpt-5-mini", True),
        ("$-mini", "gpt-5-mini-1", False),
        ("*claude", "vendor/claude-3", True),
        ("*claude", "gpt", False),
        (r"~^gpt-\d$", "gpt-5", True),
        (r"~^gpt-\d$", "gpt-55", False),
    ],
)
def test_one_condition(text: str, name: str, is_so: bool) -> None:
    assert holds(text, name) is is_so


def test_any_of_the_lists_all_of_whose_texts_hold() -> None:
    match = (("^a", "$z"), ("=b",))
    assert [name for name in ("a-z", "b", "a", "z", "b-z") if matches(match, name)] == ["a-z", "b"]


def table(*providers: str) -> Catalog:
    source = '{"as_of":"2030-01-02","package":"p","version":"1","licence":"MIT"}'
    return Catalog(f'{{"source":{source},"providers":[{",".join(providers)}]}}'.encode())


def test_the_first_match_wins_and_a_reseller_sells_others_models_too() -> None:
    catalog = table(
        r'{"id":"a","url":"https://a\\.test","has":"a.test","also":["b","gone"],"models":['
        r'["x",[["=x"]],0,{"input":1}],["all x",[["^x"]],5]]}',
        r'{"id":"b","url":"https://b\\.test","has":"b.test","also":["a"],"models":[["y",[["^y"]],7,{"input":2}]]}',
    )
    found = [catalog.find("https://a.test/v1", name) for name in ("x", "x1", "y1", "z")]
    assert [entry and (entry.name, entry.price and entry.price.rates, entry.context_window) for entry in found] == [
        ("a/x", Rates(input=1), None),
        ("a/all x", None, 5),
        ("b/y", Rates(input=2), 7),
        None,
    ]


def test_the_hint_of_a_provider_is_in_its_pattern() -> None:
    book = msgspec.json.decode(BUNDLED.read_bytes(), type=PriceTable)
    for provider in book.providers:
        assert provider.has in provider.url.replace("\\", "")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gpt-5-minni", "gpt-5-mini"),
        ("gpt-5-mni", "gpt-5-mini"),
        ("gpt-5-mimi", "gpt-5-mini"),
        ("gpt-5-miin", "gpt-5-mini"),
        ("pgt-5", "gpt-5"),
        ("GPT5-mini", "gpt-5-mini"),
    ],
)
def test_one_slip_of_the_hand_has_a_model_that_was_meant(written: str, meant: str) -> None:
    assert BUNDLE.meant(OPENAI, written) == meant


@pytest.mark.parametrize("written", ["gpt-5-mini", "gpt-6", "gpt-5.7", "gpt-5-mini-2025-08-07", "ft:gpt-5:me", "llama"])
def test_a_known_model_a_newer_version_and_another_name_are_no_slip(written: str) -> None:
    assert BUNDLE.meant(OPENAI, written) is None


def test_nothing_is_meant_at_a_provider_that_the_table_has_not() -> None:
    assert BUNDLE.meant("http://127.0.0.1:8000/v1", "gpt-5-minni") is None


@pytest.mark.parametrize(("one", "other"), [("ab", "ab"), ("abcd", "badc"), ("abc", "xyz"), ("a1", "a2"), ("abc", "a")])
def test_equal_names_several_slips_and_digits_are_no_slip(one: str, other: str) -> None:
    assert not is_one_letter_off(one, other)
