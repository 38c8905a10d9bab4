"""A body that names a prompt: what is read of it, and what it becomes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.core.dialect import Schema
from headworks.core.errors import Failed, Malformed, Rejected, VendorSaid
from headworks.wire.openai.prompt import MOST_READ, in_words, mended, prompted, says_no_format, variables

SAID = [{"role": "user", "content": "Hi"}]


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({"model": "prompt/p", **fields})


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({}, {}),
        ({"prompt": None}, {}),
        ({"prompt": {}}, {}),
        ({"prompt": {"variables": {"a": [1]}}}, {"a": [1]}),
    ],
)
def test_what_is_put_in(fields: dict[str, Any], given: dict[str, Any]) -> None:
    assert variables(body(**fields)) == given


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": {"x" * 99: 1}}, "prompt." + "x" * 64 + "..."),
        ({"prompt": {"variables": "a"}}, "prompt.variables"),
    ],
)
def test_what_cannot_be_put_in(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Malformed) as raised:
        variables(body(**fields))
    assert raised.value.param == param


def test_a_variable_twice_is_refused() -> None:
    with pytest.raises(Malformed, match="occurs twice"):
        variables(b'{"model":"prompt/p","prompt":{"variables":{"a":1,"a":2}}}')


def test_bytes_that_are_not_ours_stay_as_they_are() -> None:
    own = b'{"model": "prompt/p", "prompt": {}, "messages": [ {"role" : "user","x":1.0} ], "seed": 1e2}'
    made = prompted(own, SAID, {}, None)
    assert b'"messages":[{"role":"user","content":"Hi"},{"role" : "user","x":1.0}]' in made
    assert b'"seed":1e2' in made


def test_the_prompts_format_stands_in_place_of_the_callers() -> None:
    made = msgspec.json.decode(
        prompted(body(response_format={"type": "text"}), SAID, {}, Schema("a.b", b'{"type":"object"}'))
    )
    asked = {"name": "a_b", "strict": True, "schema": {"type": "object"}}
    assert made["response_format"] == {"type": "json_schema", "json_schema": asked}


def test_the_callers_own_messages_follow_the_prompts() -> None:
    own = [{"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "Go on"}]
    assert msgspec.json.decode(prompted(body(messages=own), SAID, {}, None))["messages"] == [*SAID, *own]
    assert msgspec.json.decode(prompted(body(messages=[]), SAID, {}, None))["messages"] == SAID
    assert msgspec.json.decode(prompted(body(messages=None), SAID, {}, None))["messages"] == SAID


def test_a_prompts_parameters_count_where_the_caller_says_nothing_and_either_bound_is_the_callers_bound() -> None:
    parameters = {"temperature": msgspec.Raw(b"0.2"), "max_tokens": msgspec.Raw(b"60")}
    made = msgspec.json.decode(prompted(body(), SAID, parameters, None))
    assert (made["temperature"], made["max_tokens"]) == (0.2, 60)
    made = msgspec.json.decode(prompted(body(temperature=1, max_completion_tokens=5), SAID, parameters, None))
    assert (made["temperature"], made["max_completion_tokens"], "max_tokens" in made) == (1, 5, False)


def test_messages_that_are_no_list_are_refused() -> None:
    with pytest.raises(Malformed):
        prompted(body(messages={}), SAID, {}, None)


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (Rejected("", said=VendorSaid(status=400, param="response_format")), True),
        (Rejected("", said=VendorSaid(status=422, message="Structured outputs are not supported")), True),
        (Rejected("", said=VendorSaid(status=400, message="too long")), False),
        (Failed("", said=VendorSaid(status=500, message="response_format")), False),
        (Failed(""), False),
    ],
)
def test_who_takes_no_schema(error: Failed | Rejected, is_so: bool) -> None:
    assert says_no_format(error) is is_so


@pytest.mark.parametrize(
    "first", [{"role": "user", "content": "Hi"}, {"role": "system", "content": [{"type": "text"}]}]
)
def test_a_schema_in_words_is_a_system_message(first: dict[str, Any]) -> None:
    made = msgspec.json.decode(in_words(body(messages=[first], response_format={}), b'{"type":"object"}'))
    assert made["messages"][0]["role"] == "system"
    assert '{"type":"object"}' in made["messages"][0]["content"]
    assert made["messages"][1] == first
    assert "response_format" not in made


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_schema_in_words_is_said_at_the_end_of_the_system_message_that_is_there(role: str) -> None:
    said = [{"role": role, "content": "Be short."}, *SAID]
    made = msgspec.json.decode(in_words(body(messages=said), b'{"type":"object"}'))
    assert [one["role"] for one in made["messages"]] == [role, "user"]
    assert made["messages"][0]["content"].startswith("Be short.\n\nAnswer with JSON only")


def test_what_is_mended_keeps_what_was_said() -> None:
    made = msgspec.json.decode(mended(body(messages=SAID), "words", "it is not JSON"))
    assert made["messages"][:2] == [*SAID, {"role": "assistant", "content": "words"}]


def test_of_very_many_messages_none_is_read_and_the_schema_stands_before_them() -> None:
    said = [{"role": "user", "content": "x"}] * (MOST_READ + 1)
    made = msgspec.json.decode(in_words(body(messages=said, response_format={}), b'{"type":"object"}'))
    assert made["messages"][0]["role"] == "system"
    assert '{"type":"object"}' in made["messages"][0]["content"]
    assert made["messages"][1:] == said
