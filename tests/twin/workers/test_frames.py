"""What goes to a worker: every part of a system, and the value of no secret."""

import pickle

import pytest

from headworks.system.schema.system import PRESETS, OpenAI, System
from headworks.twin.workers.frames import pickled
from tests.system.files import right


@pytest.mark.parametrize("word", [*PRESETS, "openai", "anthropic", "gemini", "simulated", "local"])
def test_a_system_with_a_provider_of_each_word_gets_there_whole(word: str) -> None:
    base = 'base_url: "https://v/v1", ' if word == "openai" else ""
    key = "" if word in ("simulated", "local") else ', api_key: "sk-0123456789-verysecret"'
    system = right(f"providers: {{v: {{{base}dialect: {word}{key}}}}}\nmodels: {{a: v/m}}\n")
    sent = pickled(system)
    assert b"verysecret" not in sent
    found = pickle.loads(sent)
    assert isinstance(found, System)
    assert type(found.providers["v"]) is type(system.providers["v"])
    assert found.digest == system.digest
    provider = found.providers["v"]
    if isinstance(provider, OpenAI):
        assert provider.api_key is not None
        assert provider.api_key.reveal() == ""
