"""Presets: one row a vendor, and nothing in it without a source."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from headworks.core.dialect import Prefill
from headworks.wire.hub.fields import FIELDS
from headworks.wire.openai.dialect import SIDES
from headworks.wire.openai.translation.table import TABLE
from headworks.wire.prefill import known_prefill
from headworks.wire.presets import BY_HOST, BY_WORD, PRESETS, WORDS, Preset, preset_of

OF_THE_ISSUE = (
    *("openrouter", "groq", "together", "fireworks", "mistral", "deepseek", "xai", "cerebras", "nvidia", "ollama"),
    *("vllm", "sglang", "lmstudio", "perplexity", "azure", "bedrock", "anthropic", "gemini"),
)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda one: one.word)
def test_every_row_has_an_address_a_key_and_a_source(preset: Preset) -> None:
    assert preset.sources
    assert all(re.match(r"https://|[\w.-]+/[\w.-]+#\d+$", source) for source in preset.sources)
    assert re.match(r"https?://[\w.:{}-]+(/|$)", preset.base_url)
    assert re.match(r"(https://[\w.:{}-]+(\?|$))?", preset.versioned_url)
    assert preset.keys or preset.is_open or preset.credential
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in preset.keys)
    assert set(preset.fates) <= set(FIELDS)
    assert all(form in get_args(Prefill) for _, _, form in preset.prefills)
    assert set(preset.renamed) <= {row.name for row in TABLE.rows.values()}
    assert all(page.startswith("https://") for page in preset.partly.values())
    assert set(preset.partly) <= set(SIDES) - set(preset.apis)
    assert preset.base_url.startswith("https://") or "//127.0.0.1:" in preset.base_url


def test_no_word_and_no_host_stands_twice() -> None:
    assert len(BY_WORD) == len(PRESETS)
    assert len(BY_HOST) == sum(len(one.hosts) for one in PRESETS)
    assert set(OF_THE_ISSUE) <= set(BY_WORD)
    assert "openai" not in WORDS


@pytest.mark.parametrize(
    ("word", "url", "found"),
    [
        ("groq", "https://proxy.example/groq", "groq"),  # the word decides
        ("mistral", "https://api.groq.com/openai/v1", "mistral"),
        ("openai", "https://API.groq.com/openai/v1", "groq"),
        ("openai", "https://unknown.example/v1", None),
        ("openai", "http://127.0.0.1:11434/v1", None),  # anything may listen there
        ("openai", "http://[", None),
        ("another", "https://api.mistral.ai/v1", "mistral"),
    ],
)
def test_a_row_is_found_by_its_word_and_else_by_its_host(word: str, url: str, found: str | None) -> None:
    preset = preset_of(word, url)
    assert (None if preset is None else preset.word) == found


def test_the_word_says_which_form_of_prefill_a_server_of_ones_own_takes() -> None:
    assert known_prefill("http://gpu:8000/v1", "qwen", "vllm") == "final_message"
    assert known_prefill("http://gpu:8000/v1", "qwen", "llamacpp") == "message"
    assert known_prefill("http://gpu:8000/v1", "qwen") == "none"
    assert known_prefill("https://proxy.example/beta", "deepseek-chat", "deepseek") == "none"
