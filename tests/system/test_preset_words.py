"""A vendor's word as `dialect:`: its address and the variable of its key are implied, and all may be written over."""

from __future__ import annotations

import pytest

from headworks.gateway.leaves import Leaves
from headworks.providers.remote import Remote
from headworks.system.schema.secrets import named_variables
from headworks.system.schema.system import OpenAI, System
from headworks.wire.openai.compatible import CompatibleChat
from headworks.wire.presets import BY_WORD, WORDS
from tests.system.files import NOWHERE, odd, right, wrong

ENV = {"GROQ_API_KEY": "groq-0123456789", "PPLX_API_KEY": "pplx-0123456789", "VLLM_API_KEY": "vllm-0123456789"}


def provider(written: str, env: dict[str, str] = ENV) -> OpenAI:
    found = right(f"providers: {{v: {written}}}\nmodels: {{a: v/x}}", env).providers["v"]
    assert isinstance(found, OpenAI)
    return found


def key(one: OpenAI) -> str | None:
    return None if one.api_key is None else one.api_key.reveal()


def test_the_word_alone_is_a_provider() -> None:
    found = provider("{dialect: groq}")
    assert (found.base_url, key(found)) == ("https://api.groq.com/openai/v1", "groq-0123456789")
    assert str(found.api_key) == "Secret(${env:GROQ_API_KEY})"


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_a_provider_without_warnings(word: str) -> None:
    env = dict.fromkeys(BY_WORD[word].keys, "k" * 20)
    text = f"providers: {{v: {{dialect: {word}}}}}\nmodels: {{a: v/x}}"
    assert odd(text, env) == []
    found = right(text, env).providers["v"]
    assert isinstance(found, OpenAI)
    assert found.base_url == BY_WORD[word].base_url
    assert (found.api_key is None) == (not BY_WORD[word].keys)


def test_the_first_variable_that_is_set_is_the_key() -> None:
    assert key(provider("{dialect: perplexity}")) == "pplx-0123456789"
    assert key(provider("{dialect: perplexity}", {**ENV, "PERPLEXITY_API_KEY": "p" * 20})) == "p" * 20


def test_every_key_may_be_written_over_the_word() -> None:
    found = provider("{dialect: groq, base_url: 'https://proxy.example/v1', api_key: 'w23456789012', rpm: 60}")
    assert (found.base_url, key(found), found.rpm) == ("https://proxy.example/v1", "w23456789012", 60)


def test_a_key_in_a_header_is_the_only_one() -> None:
    assert provider("{dialect: vllm, headers: {Authorization: '${env:GROQ_API_KEY}'}}").api_key is None


def test_a_server_of_ones_own_has_a_key_where_the_variable_is_set() -> None:
    assert key(provider("{dialect: vllm}")) == "vllm-0123456789"
    assert key(provider("{dialect: vllm}", {})) is None


def test_a_missing_key_is_told_by_the_name_of_its_variable() -> None:
    assert wrong("providers: {v: {dialect: groq}}\nmodels: {a: v/x}", {}) == [
        "1:26 providers.v.api_key: the environment variable GROQ_API_KEY is not set -> set it before the start: export GROQ_API_KEY=..."
    ]


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("Groq", "did you mean `groq`?"),
        ("XAI", "write dialect: xai"),
        ("bedrok", "did you mean `bedrock`?"),
        ("nothing-like-it", "known: openai, "),
    ],
)
def test_another_spelling_of_a_word_is_corrected(word: str, remedy: str) -> None:
    [told] = wrong(f"providers: {{v: {{dialect: {word}, base_url: 'https://x.example'}}}}\nmodels: {{a: v/x}}", {})
    assert remedy in told


def test_two_words_are_two_systems() -> None:
    def digest(word: str) -> str:
        return right(f"providers: {{v: {{dialect: {word}, base_url: 'https://x.example'}}}}\nmodels: {{a: v/x}}").digest

    assert digest("vllm") != digest("sglang")


def test_the_variable_of_a_word_reaches_the_other_processes() -> None:
    content = b"providers: {v: {dialect: groq}, w: {dialect: openai, api_key: '${env:OTHER}'}}"
    assert named_variables(content, {**ENV, "OTHER": "o", "MORE": "m"}) == {
        "GROQ_API_KEY": ENV["GROQ_API_KEY"],
        "OTHER": "o",
    }


def side_of(system: System) -> object:
    leaf = Leaves(system, NOWHERE, seed=1).leaf("v", "x")
    assert isinstance(leaf, Remote)
    return leaf.dialect["openai.chat"]


def test_what_is_particular_follows_from_the_word_and_from_a_known_host() -> None:
    for written in ("{dialect: ollama}", "{dialect: openai, base_url: 'https://api.mistral.ai/v1'}"):
        assert isinstance(side_of(right(f"providers: {{v: {written}}}\nmodels: {{a: v/x}}")), CompatibleChat)
    plain = "{dialect: openai, base_url: 'http://127.0.0.1:11434/v1'}"
    assert not isinstance(side_of(right(f"providers: {{v: {plain}}}\nmodels: {{a: v/x}}")), CompatibleChat)
