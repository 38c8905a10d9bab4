"""Priors: no row without an address and a date, and nothing for a model that no source names."""

from __future__ import annotations

import re

import pytest

from headworks.system.schema.system import Local, OpenAI, Simulated
from headworks.system.speeds.priors import PRIORS, SPREAD, VENDORS, WIDEST_FIRST_TOKEN, WIDEST_PER_TOKEN, prior_of
from headworks.wire.presets import BY_HOST


def found(base_url: str, model: str) -> str | None:
    prior = prior_of(OpenAI(base_url=base_url), model)
    return None if prior is None else f"{prior.vendor}/{prior.family}"


def test_every_row_has_an_address_a_date_and_numbers_above_zero() -> None:
    for row in PRIORS:
        assert row.vendor in VENDORS.values()
        assert row.seen
        for one in row.seen:
            assert one.source.url.startswith("https://")
            assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", one.source.at)
            assert 0 < one.first_token < 60
            assert 1 < one.tokens < 10_000


def test_no_family_of_a_vendor_has_two_rows() -> None:
    names = [(row.vendor, row.family) for row in PRIORS]
    assert len(names) == len(set(names))


def test_every_vendor_is_a_host_that_speaks_the_dialect() -> None:
    assert set(VENDORS) <= set(BY_HOST)


@pytest.mark.parametrize(
    ("base_url", "model", "row"),
    [
        ("https://api.mistral.ai/v1", "mistral-small-latest", "mistral/mistral-small"),
        ("https://api.mistral.ai/v1", "mistral-small-2506", "mistral/mistral-small"),
        ("https://api.openai.com/v1", "gpt-4o-2024-08-06", "openai/gpt-4o"),
        ("https://API.openai.com/v1", "gpt-4o-mini", "openai/gpt-4o-mini"),
        ("https://api.openai.com/v1", "gpt-4o-audio-preview", None),
        ("https://api.openai.com/v1", "gpt-5-mini", None),
        ("https://api.together.xyz/v1", "Qwen/Qwen2.5-72B-Instruct-Turbo", "together/qwen2.5-72b-instruct-turbo"),
        ("https://api.groq.com/openai/v1", "llama-3.1-8b-instant", "groq/llama-3.1-8b-instant"),
        ("https://gateway.example/v1", "gpt-4o", None),  # another vendor of the same model is another speed
    ],
)
def test_a_row_is_of_a_family_at_a_vendor(base_url: str, model: str, row: str | None) -> None:
    assert found(base_url, model) == row


def test_of_a_model_on_this_machine_and_of_a_made_up_vendor_no_source_says_anything() -> None:
    assert prior_of(Local(), "gemma-3-270m") is None
    assert prior_of(Simulated(), "simulated") is None


def test_an_interval_reaches_beyond_every_source() -> None:
    for row in PRIORS:
        assert row.first_token.low * SPREAD == pytest.approx(min(one.first_token for one in row.seen))
        assert row.first_token.high == pytest.approx(max(one.first_token for one in row.seen) * SPREAD)
        assert row.per_token.low < row.per_token.middle < row.per_token.high


def test_what_is_unknown_may_be_as_fast_and_as_slow_as_any_row() -> None:
    assert all(WIDEST_FIRST_TOKEN.low <= row.first_token.low for row in PRIORS)
    assert all(row.per_token.high <= WIDEST_PER_TOKEN.high for row in PRIORS)
