"""Requests to vendors that differ from OpenAI: what their rows say, and nothing of a caller's own bytes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.wire import hub
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.compatible import CompatibleChat, openai_at
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.presets import BY_WORD

ASKED = b'{"model":"a","messages":[{"role":"user","content":"hi"}],"stream":true}'


def side(word: str) -> CompatibleChat:
    found = openai_at(BY_WORD[word])["openai.chat"]
    assert isinstance(found, CompatibleChat)
    return found


def sent(word: str, model: str = "m", *, bound: int | None = None, body: bytes = ASKED, counted: bool = True) -> Any:
    call = Call(id="1", alias="a", body=body, dialect=CHAT, streamed=True, bound=bound)
    return json.loads(
        openai_at(BY_WORD[word])["openai.chat"].request(call, json.dumps(model).encode(), counted=counted)
    )


def question(**more: Any) -> hub.Question:
    turns = (hub.Turn(role="user", name="ann", parts=(hub.Text(text="hi"),)),)
    return hub.Question(model="a", turns=turns, origin=hub.MESSAGES, **more)


def translated(word: str, asked: hub.Question) -> Any:
    return json.loads(side(word).body_of(asked, "m"))


def test_vendors_without_differences_are_asked_as_openai_is() -> None:
    for word in ("openai", "openrouter", "cerebras", "vllm"):
        assert openai_at(BY_WORD[word])["openai.chat"] is OPENAI["openai.chat"]
    assert openai_at(None) is OPENAI


def test_a_vendor_that_takes_no_stream_options_is_not_sent_any() -> None:
    assert "stream_options" not in sent("mistral")
    assert sent("groq")["stream_options"] == {"include_usage": True}
    theirs = msgspec.json.encode({**json.loads(ASKED), "stream_options": {"include_usage": True}})
    assert sent("mistral", body=theirs)["stream_options"] == {"include_usage": True}, "a caller's bytes are his own"


def test_a_bound_of_ours_has_the_name_that_the_vendor_knows() -> None:
    assert sent("ollama", "gpt-5-like", bound=7)["max_tokens"] == 7
    assert sent("groq", "gpt-5-like", bound=7)["max_completion_tokens"] == 7
    assert "max_tokens" not in sent("ollama", "gpt-5-like", bound=None)


def test_a_translated_body_has_the_names_that_the_vendor_knows() -> None:
    asked = question(max_output=9, sampling=hub.Sampling(seed=4))
    made = translated("mistral", asked)
    assert (made["max_tokens"], made["random_seed"]) == (9, 4)
    assert not {"max_completion_tokens", "seed"} & set(made)
    assert translated("groq", asked)["max_completion_tokens"] == 9


def test_a_hint_that_the_vendor_refuses_is_left_out_of_a_translated_body() -> None:
    made = translated("mistral", question(user="u", store=True, service_tier="auto", cache_key="k"))
    assert set(made) == {"model", "messages"}
    assert made["messages"] == [{"role": "user", "content": "hi"}]
    assert translated("groq", question(user="u"))["user"] == "u"


@pytest.mark.parametrize(
    ("word", "asked", "field"),
    [
        ("groq", question(sampling=hub.Sampling(logprobs=True)), "sampling.logprobs"),
        ("mistral", question(sampling=hub.Sampling(logit_bias={"1": 2})), "sampling.logit_bias"),
        ("perplexity", question(tools=(hub.Tool(name="f"),)), "tools"),
    ],
)
def test_what_the_vendor_cannot_do_is_refused_before_anything_is_sent(
    word: str, asked: hub.Question, field: str
) -> None:
    with pytest.raises(hub.Unsupported) as refused:
        translated(word, asked)
    assert refused.value.field == field
    assert BY_WORD[word].title in str(refused.value)
