"""What a local model is asked, and what is refused by name before it is asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.core.errors import Malformed
from headworks.providers.local.chat_template import OWN_TEMPLATE, TRANSCRIPT, ChatFormat, Turn, transcript
from headworks.providers.local.json_grammar import JSON_MARKER_TOKENS
from headworks.providers.local.request import parse_request

HELLO = {"role": "user", "content": "Hello!"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"type": "object"}}}


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({"model": "here", "messages": [HELLO], **fields})


def generation(manner: ChatFormat = OWN_TEMPLATE, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.json.decode(parse_request(body(**fields), manner, 4096).generation)
    return made


def refusal(content: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse_request(content, TRANSCRIPT, 4096)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "alloy"}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"messages": [{"role": "tool", "content": "4", "tool_call_id": "x"}]}, "messages[0].role"),
        ({"messages": [HELLO, {"role": "assistant", "tool_calls": [{}]}]}, "messages[1].tool_calls"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "input_audio"}]}]}, "messages[0].content[1]"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_refused_with_the_field(fields: dict[str, Any], param: str) -> None:
    error = refusal(body(**fields))
    assert (error.status, error.type, error.code) == (400, "invalid_request_error", "unsupported_parameter")
    assert error.param == param


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"", None),
        (b"{bad", None),
        (b"[1]", None),
        (b"\xff", None),
        (b'{"x":' * 50_000, None),
        (b"{}", "messages"),
        (body(messages=[]), "messages"),
        (body(messages="hi"), "messages"),
        (body(messages=[{"role": "user"}]), "messages[0].content"),
        (body(messages=[{"content": "x"}]), "messages"),
        (body(temperature=3), "temperature"),
        (body(temperature="hot"), "temperature"),
        (body(top_p=1.5), "top_p"),
        (body(presence_penalty=-3), "presence_penalty"),
        (body(max_tokens=0), "max_tokens"),
        (body(max_completion_tokens=-1), "max_completion_tokens"),
        (body(seed=1.5), "seed"),
        (body(stop=["a"] * 5), "stop"),
        (body(stop=["a", ""]), "stop"),
        (body(response_format={"type": "yaml"}), "response_format"),
        (body(response_format={"type": "json_schema"}), "response_format.json_schema.schema"),
    ],
)
def test_what_is_wrong_is_refused_with_the_field(content: bytes, param: str | None) -> None:
    error = refusal(content)
    assert (error.status, error.type, error.code) == (400, "invalid_request_error", "invalid_request")
    assert error.param == param


@pytest.mark.parametrize("inside", ['{"properties":{"a":%s}}', '{"anyOf":[%s]}', '{"const":{"a":%s}}'])
@pytest.mark.parametrize("manner", [TRANSCRIPT, OWN_TEMPLATE])
def test_a_schema_that_is_nested_too_deep_is_refused_with_its_field(inside: str, manner: ChatFormat) -> None:
    def asked(levels: int) -> bytes:
        schema = "{}"
        for _ in range(levels):
            schema = inside % schema
        wanted = f'{{"type":"json_schema","json_schema":{{"schema":{schema}}}}}'
        return b'{"messages":[{"role":"user","content":"Hi"}],"response_format":%s}' % wanted.encode()

    for levels in (51, 101, 200, 400):
        with pytest.raises(Malformed, match="nested too deep") as caught:
            parse_request(asked(levels), manner, 2048)
        assert caught.value.param is not None
        assert caught.value.param.startswith("response_format")
    assert parse_request(asked(49), manner, 2048).in_json


def test_a_text_that_cannot_fit_is_refused_before_it_is_cut_into_tokens() -> None:
    error = refusal(body(messages=[{"role": "user", "content": "a" * 300_000}]))
    assert (error.code, error.param) == ("context_length_exceeded", "messages")


def test_fields_without_a_meaning_here_and_llama_cpps_own_are_not_passed() -> None:
    fields = {"user": "u", "metadata": {"a": "b"}, "store": True, "tools": [], "tool_choice": "none", "n": 1}
    own = {"ignore_eos": True, "id_slot": 1, "n_predict": -1, "grammar": "root ::= [a]", "chat_template": "x"}
    assert generation(**fields, **own) == generation()


def test_the_callers_numbers_are_passed() -> None:
    fields = {"temperature": 0.5, "top_p": 0.9, "presence_penalty": 1.0, "frequency_penalty": -1.0, "seed": 7}
    made = generation(**fields, max_tokens=9, stop="end")
    assert {name: made[name] for name in fields} == fields
    assert (made["max_tokens"], made["stop"]) == (9, ["end"])


def test_a_whole_number_is_one_however_it_is_written() -> None:
    made = generation(max_tokens=2.0, n=1.0)["max_tokens"]
    assert (made, type(made)) == (2, int)
    with pytest.raises(Malformed) as caught:
        generation(max_tokens=2.5)
    assert caught.value.param == "max_tokens"


def test_the_newer_bound_on_tokens_wins() -> None:
    assert generation(max_tokens=9, max_completion_tokens=5)["max_tokens"] == 5


@pytest.mark.parametrize("seed", [-5, 2**63, 0xFFFF_FFFF])
def test_every_seed_of_openai_is_one_of_llama_cpp(seed: int) -> None:
    assert 0 <= generation(seed=seed)["seed"] < 0x7FFF_FFFF


def test_an_answer_has_a_bound_even_if_nobody_asked_for_one() -> None:
    assert generation(TRANSCRIPT)["max_tokens"] == 256
    assert generation(TRANSCRIPT, response_format=SCHEMA)["max_tokens"] == 512 + JSON_MARKER_TOKENS


def test_every_generation_gives_a_sign_of_life_after_each_batch() -> None:
    made = generation()
    assert made["stream"] is True
    assert made["return_progress"] is True
    assert made["stream_options"] == {"include_usage": True}


def test_text_parts_become_one_text_and_developers_are_the_system() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    made = generation(messages=[{"role": "developer", "content": "short"}, {"role": "user", "content": parts}])
    assert made["messages"] == [{"role": "system", "content": "short"}, {"role": "user", "content": "a\nb"}]


def test_a_base_model_gets_a_transcript_its_stops_and_its_temperature() -> None:
    made = generation(TRANSCRIPT, stop=["mine"])
    assert made["messages"] == [{"role": "user", "content": transcript([Turn(role="user", content="Hello!")])}]
    assert made["stop"] == [*TRANSCRIPT.stop, "mine"]
    assert made["temperature"] == 0.0
    assert generation(TRANSCRIPT, temperature=0.7)["temperature"] == 0.7


def test_a_schema_becomes_a_grammar_without_a_penalty_on_repeated_quotes() -> None:
    made = generation(TRANSCRIPT, response_format=SCHEMA)
    assert made["grammar"].startswith("%llguidance")
    assert "frequency_penalty" not in made
    assert "grammar" not in generation(response_format={"type": "text"})
    assert '"type":"object"' in generation(response_format={"type": "json_object"})["grammar"]


@pytest.mark.parametrize(
    ("fields", "streamed", "usage"),
    [
        ({}, False, False),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": None, "stream_options": None}, False, False),
    ],
)
def test_what_the_answer_should_look_like(fields: dict[str, Any], streamed: bool, usage: bool) -> None:
    asked = parse_request(body(**fields), TRANSCRIPT, 4096)
    assert (asked.streamed, asked.include_usage, asked.model) == (streamed, usage, "here")
