"""Which of OpenAI's APIs a vendor has: what is said of it, what is known of it, else the usual."""

from __future__ import annotations

import json

import pytest

from headworks.wire import hub
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.compatible import CompatibleChat, openai_at
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.openai.passed.vendor import VENDORS
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.vendor import OpenAIResponses
from headworks.wire.presets import BY_WORD
from headworks.wire.translated import Translated, between


@pytest.mark.parametrize(
    ("word", "said", "apis"),
    [
        ("openai", (), ["chat", "responses", "compact", "embeddings"]),
        ("openai", ("chat",), ["chat"]),
        ("vllm", (), ["chat", "completions", "embeddings"]),
        ("groq", (), ["chat", "embeddings"]),
        ("mistral", ("responses", "chat"), ["responses", "compact", "chat"]),
    ],
)
def test_what_a_vendor_has(word: str, said: tuple[str, ...], apis: list[str]) -> None:
    assert list(openai_at(BY_WORD[word], said)) == [*[f"openai.{api}" for api in apis], *VENDORS]


def test_a_vendor_of_which_nothing_is_known_has_chat_and_embeddings() -> None:
    assert openai_at(None) is OPENAI
    assert list(openai_at(None, ("responses",))) == ["openai.responses", "openai.compact", *VENDORS]
    assert isinstance(openai_at(BY_WORD["mistral"], ("responses", "chat"))["openai.chat"], CompatibleChat)


def test_a_vendor_that_only_calls_the_bound_otherwise_is_sent_names() -> None:
    chat = openai_at(BY_WORD["together"])["openai.chat"]
    assert isinstance(chat, CompatibleChat)
    named = hub.Question(model="m", turns=(hub.Turn(role="user", name="ann"),), max_output=5)
    assert json.loads(chat.body_of(named, "m")) == {
        "model": "m",
        "messages": [{"role": "user", "name": "ann", "content": ""}],
        "max_tokens": 5,
    }


def test_callers_of_what_a_vendor_has_are_served_in_their_bytes_and_others_by_translation() -> None:
    assert isinstance(between(RESPONSES, openai_at(BY_WORD["openai"])), OpenAIResponses)
    assert isinstance(between(RESPONSES, OPENAI), Translated)
    only = between(CHAT, openai_at(None, ("responses",)))
    assert isinstance(only, Translated)
    assert isinstance(only.vendor, OpenAIResponses)
