"""The first file: right in every environment, its numbers estimated from what is there."""

import msgspec
import pytest

from headworks.core.money import Price, Rates
from headworks.gateway.prices import Prices
from headworks.system.drafts.prompt import Prompt
from headworks.system.drafts.system import ALIAS, VENDORS, choose_target, draft, first_cost_bound
from headworks.wire.presets import Preset
from tests.system.files import FakeMachine, odd, right

NO_MODULES = FakeMachine(has_modules=False)
PRICE = Price(rates=Rates(input=250_000_000, output=2_000_000_000))


UNPRICED = {"perplexity", "nvidia", "sambanova", "deepinfra", "huggingface", "dashscope"}
"""Vendors of whose first model the bundled table has no price a token."""


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.word)
def test_a_vendor_whose_key_is_set_answers_and_its_price_is_known(vendor: Preset) -> None:
    env = {vendor.keys[0]: "k" * 20}
    text = draft(choose_target(env, NO_MODULES), Prompt("prompt.txt", "Be kind."), None)
    system = right(text, env)
    [[target]] = system.models[ALIAS].targets
    assert (target.provider, target.model) == (vendor.word, vendor.model)
    has_price = Prices(system).of(system.models[ALIAS], target) is not None
    assert has_price or vendor.word in UNPRICED
    assert odd(text, env) == []


def test_the_first_key_counts_and_an_empty_one_does_not() -> None:
    env = {"OPENAI_API_KEY": "", "GROQ_API_KEY": "g" * 20, "TOGETHER_API_KEY": "t" * 20}
    assert choose_target(env, NO_MODULES).target.startswith("together/")


def test_further_vendors_whose_keys_are_set_are_written_as_comments() -> None:
    env = {
        "GROQ_API_KEY": "g" * 20,
        "AZURE_OPENAI_API_KEY": "a" * 20,
        "OLLAMA_API_KEY": "o" * 20,
        "MISTRAL_API_KEY": "m" * 20,
    }
    choice = choose_target(env, NO_MODULES)
    text = draft(choice, None, None)
    assert choice.target.startswith("mistral/")
    assert "  # groq: {dialect: groq}\n" in text
    assert "  # azure: {dialect: azure, resource: RESOURCE}\n" in text
    assert "ollama" not in text, "a server of one's own is not taken to be there because of a variable"
    assert right(text.replace("  # groq:", "  groq:"), env).providers["groq"]


def test_without_a_key_the_embedded_model_answers_or_a_simulated_vendor() -> None:
    for machine, target in ((FakeMachine(), "here/gemma-3-270m"), (NO_MODULES, "sim/simulated")):
        text = draft(choose_target({}, machine), None, None)
        assert [[str(one) for one in tier] for tier in right(text, machine=machine).models[ALIAS].targets] == [[target]]
        assert odd(text, machine=machine) == []


def test_sizes_follow_the_prompt() -> None:
    text = draft(choose_target({}, NO_MODULES), Prompt("prompt.txt", "x" * 4001), None)
    sizes = right(text).requirements.traffic.prompt_tokens
    assert sizes is not None
    assert (sizes.p50, sizes.p95) == (1061, 1361)
    assert "prompt.txt has about 1001" in text


@pytest.mark.parametrize(
    ("price", "written"),
    [(None, "$0.01"), (PRICE, "$0.0016"), (Price(rates=Rates(input=0, output=0)), "$0.01")],
)
def test_the_bound_on_cost_is_well_above_the_estimate(price: Price | None, written: str) -> None:
    assert first_cost_bound(price, 500) == written


def test_a_file_of_the_longest_prompt_is_right() -> None:
    prompt = Prompt("a 'b' # c: {d}.txt", "é" * 1_000_000)
    assert msgspec.json.encode(right(draft(choose_target({}, NO_MODULES), prompt, PRICE)).name)
