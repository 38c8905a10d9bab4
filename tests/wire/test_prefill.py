"""The beginning of an answer, handed to a model in the form that it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.dialect import Prefill
from headworks.wire.openai.prefill import begun, prefilled
from headworks.wire.prefill import known_prefill, repeats, tokens_of

BODY = b'{"model":"a", "messages": [{"role":"user","content":"hi"} ] , "max_tokens": 100, "x":"y" }'


@pytest.mark.parametrize(
    ("url", "model", "form"),
    [
        ("https://api.anthropic.com/v1", "claude-sonnet-4-5", "message"),
        ("https://openrouter.ai/api/v1", "anthropic/claude-sonnet-4.5", "message"),
        ("https://openrouter.ai/api/v1", "openai/gpt-5", "none"),
        ("https://api.deepseek.com/beta", "deepseek-chat", "prefix"),
        ("https://api.deepseek.com", "deepseek-chat", "none"),
        ("https://api.mistral.ai/v1", "mistral-large-latest", "repeated_prefix"),
        ("https://api.openai.com/v1", "gpt-5", "none"),
        ("http://127.0.0.1:8000/v1", "anything", "none"),
    ],
)
def test_the_table(url: str, model: str, form: str) -> None:
    assert known_prefill(url, model) == form


@pytest.mark.parametrize(
    ("form", "marks", "fields"),
    [
        ("message", {}, {}),
        ("prefix", {"prefix": True}, {}),
        ("repeated_prefix", {"prefix": True}, {}),
        ("final_message", {}, {"continue_final_message": True, "add_generation_prompt": False}),
    ],
)
def test_the_body_ends_with_what_was_said(form: Prefill, marks: dict[str, Any], fields: dict[str, Any]) -> None:
    made = json.loads(prefilled(BODY, 'Hello "wörld"', form))
    last = {"role": "assistant", "content": 'Hello "wörld"', **marks}
    assert made == {
        **json.loads(BODY),
        "messages": [{"role": "user", "content": "hi"}, last],
        "max_tokens": 96,
        **fields,
    }
    assert repeats(form) is (form == "repeated_prefix")


def test_bounds_are_lowered_by_what_was_said_and_never_to_nothing() -> None:
    body = b'{"messages":[1],"max_tokens":null,"max_completion_tokens":3}'
    made = json.loads(prefilled(body, "a long answer that was said", "message"))
    assert (made["max_tokens"], made["max_completion_tokens"]) == (None, 1)
    assert [tokens_of(text) for text in ("", "abc", "abcde", "\N{SNOWMAN}\N{SNOWMAN}")] == [0, 1, 2, 2]


@pytest.mark.parametrize(
    ("written", "lowered"), [("100", b"96"), ("100.0", b"96"), ("1e2", b"96"), ("-1", b"-1"), ("-1.0", b"-1.0")]
)
def test_a_bound_is_lowered_however_it_is_written_and_none_is_no_bound(written: str, lowered: bytes) -> None:
    body = b'{"messages":[1],"max_tokens":%s}' % written.encode()
    assert prefilled(body, 'Hello "w\u00f6rld"', "message").endswith(b'"max_tokens":%s}' % lowered)


def test_a_message_that_is_marked_already_is_not_marked_twice() -> None:
    marked = prefilled(BODY, "Hello", "prefix")
    assert begun(marked, "repeated_prefix") == marked
    assert begun(prefilled(BODY, "Hello", "message"), "prefix") == marked
