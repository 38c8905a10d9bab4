"""What policies need of a caller's body of Responses, and how its errors and prompts are told."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import openai
import pytest

from headworks.core.dialect import Schema, Weight
from headworks.core.errors import Cut, Malformed, Rejected, VendorSaid
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.errors import number_after
from headworks.wire.openai.responses.weight import MOST_DENSE
from headworks.wire.same_question import DENSE, LARGE
from tests.wire.openai.responses.speaking import asked


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hi", **fields}).encode()


def test_what_is_asked_is_read() -> None:
    assert RESPONSES.read(body(tools=[], instructions="be")).model == "m"
    assert RESPONSES.encoder(asked(body(max_output_tokens=None), bound=7)).feed([]).count(b'"max_output_tokens":7') == 2
    said = RESPONSES.read(body(stream=True, max_output_tokens=5, user="u", store=True))
    assert (said.model, said.streamed, said.max_output, said.user, said.include_usage) == ("m", True, 5, "u", True)
    assert RESPONSES.read(body(safety_identifier="s")).user == "s"
    assert RESPONSES.read(b'{"model":"prompt/p"}').model == "prompt/p"
    assert RESPONSES.read(b'{"model":"m","prompt":{"id":"p"}}').max_output is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 5}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"previous_response_id": 1}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"tools": {}}, "tools"),
        ({"text": "json"}, "text"),
        ({"store": "yes"}, "store"),
        ({"background": 1}, "background"),
        ({"stream": 1}, "stream"),
        ({"max_output_tokens": 0.5}, "max_output_tokens"),
        ({"instructions": ["be"]}, "instructions"),
    ],
)
def test_what_no_vendor_takes_or_names_what_is_kept_is_refused_with_the_field(
    fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(Malformed) as caught:
        RESPONSES.read(body(**fields))
    assert caught.value.param == param


def test_what_goes_on_from_an_earlier_answer_is_read_with_its_refusal() -> None:
    asked = RESPONSES.read(body(previous_response_id="resp_1"))
    assert asked.model == "m"
    assert asked.unkept is not None
    assert (asked.unkept.answer_id, asked.unkept.param) == ("resp_1", "previous_response_id")
    assert "responses: {store: 30d}" in asked.unkept.message
    assert RESPONSES.read(body()).unkept is None


def test_a_body_without_input_is_refused() -> None:
    with pytest.raises(Malformed, match="`input` is missing"):
        RESPONSES.read(b'{"model":"m"}')
    assert RESPONSES.read(body(previous_response_id=None, conversation=None)).model == "m"


def test_an_item_that_is_only_referred_to_is_refused_with_the_remedy() -> None:
    """The Vercel AI SDK's default: OpenAI would say that it keeps no such item, although its caller has asked it to."""
    said = {"role": "user", "content": 'the word "item_reference"'}
    asked = RESPONSES.read(
        body(input=[said, {"type": "item_reference", "id": "fc_1"}, {"type": "item_reference", "id": 7}])
    )
    assert asked.unkept is not None
    assert re.search(r"`input\[1\]` refers to an item .* `store: false`", asked.unkept.message)
    assert (asked.unkept.param, asked.unkept.answer_id, asked.unkept.item_ids) == ("input", "", ["fc_1", ""])
    both = RESPONSES.read(body(input=[{"type": "item_reference", "id": "fc_1"}], previous_response_id="resp_1"))
    assert both.unkept is not None
    assert (both.unkept.answer_id, both.unkept.item_ids) == ("resp_1", ["fc_1"])


def test_a_prompt_without_an_input_refers_to_nothing() -> None:
    assert RESPONSES.read(b'{"model":"prompt/a","metadata":{"a":"item_reference"}}').unkept is None


@pytest.mark.parametrize(
    "fields",
    [
        {"input": [{"role": "user", "content": [{"type": "item_reference"}]}]},
        {"input": [["item_reference"]]},
        {"input": "hi", "metadata": {"a": "item_reference"}},
        {"input": [{"role": "user", "content": "hi"}], "metadata": {"a": "item_reference"}},
    ],
)
def test_the_word_in_another_place_is_none(fields: dict[str, Any]) -> None:
    asked = RESPONSES.read(body(**fields))
    assert (asked.model, asked.unkept) == ("m", None)


# Equal questions


def test_delivery_is_no_part_of_a_question() -> None:
    plain = RESPONSES.question(body())
    assert plain is not None
    assert RESPONSES.question(body(stream=True, store=True)) == plain
    assert RESPONSES.question(b'{"input": "hi", "model": "other"}') == plain
    assert RESPONSES.question(body(instructions="be")) != plain


@pytest.mark.parametrize("name", ["user", "safety_identifier", "prompt_cache_key", "metadata"])
def test_what_an_answer_repeats_of_its_caller_is_not_given_to_another(name: str) -> None:
    questions = {RESPONSES.question(body(**fields)) for fields in ({}, {name: "ann"}, {name: "bob"})}
    assert len(questions) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.5},
        {"background": True},
        {"prompt": {"id": "p"}},
        {"tools": [{"type": "web_search"}]},
        {"tools": [5]},
    ],
)
def test_what_depends_on_chance_or_the_hour_has_no_question(fields: dict[str, Any]) -> None:
    assert RESPONSES.question(body(**fields)) is None
    assert RESPONSES.question(body(**fields, input="x" * LARGE)) is None


def test_large_bodies_are_compared_as_they_are() -> None:
    large = body(input="x" * LARGE, tools=[{"type": "function", "name": "f"}])
    assert RESPONSES.question(large) == large
    dense = body(input=[[] for _ in range(DENSE + 1)])
    assert RESPONSES.question(dense) == dense
    assert RESPONSES.question(body(input="x" * LARGE, temperature=0, prompt="p" * 20_000)) is None
    assert RESPONSES.question(b'{"model":"m","input":"a","input":"b"}') is None
    assert RESPONSES.question(b"[1]") is None
    assert RESPONSES.question(body(tools=None)) is not None


# Weight


@pytest.mark.parametrize(
    ("fields", "weight"),
    [
        ({}, Weight()),
        ({"tools": [{"type": "function"}, {"type": "web_search"}]}, Weight()),
        ({"tools": [{"type": "file_search"}]}, Weight(unbounded="file_search")),
        ({"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}, Weight(unbounded="web_search")),
        ({"tool_choice": {"type": "function", "name": "f"}}, Weight()),
        ({"tool_choice": "auto", "tools": 5}, Weight()),
        ({"background": True}, Weight(unbounded="background")),
        ({"context_management": [{"type": "compaction"}]}, Weight(unbounded="context_management")),
        ({"context_management": []}, Weight()),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, Weight(unbounded="compaction")),
        ({"input": [{"id": "msg_1"}]}, Weight(unbounded="item_reference")),
        ({"input": [{"id": "msg_1", "role": "assistant", "content": "a"}]}, Weight()),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}, Weight()),
        (
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_image"}, {"type": "input_image", "detail": "low"}]}
                ]
            },
            Weight(pictures=(1, 1)),
        ),
        (
            {"input": [{"type": "function_call_output", "output": [{"type": "input_image"}, 5]}, 5]},
            Weight(pictures=(0, 1)),
        ),
        (
            {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot"}}]},
            Weight(pictures=(0, 1)),
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, Weight(is_audible=True)),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, Weight(unbounded="input_file")),
        ({"input": [{"id": "rs_1", "x": "_call"}]}, Weight(unbounded="item_reference")),
        ({"input": [{"type": "item_reference", "id": "rs_1"}]}, Weight(unbounded="item_reference")),
        ({"input": "input_\u00e9 \\u"}, Weight()),
        ({"input": [[]] * (MOST_DENSE + 1)}, Weight(unbounded="input")),
    ],
)
def test_what_a_body_can_cost(fields: dict[str, Any], weight: Weight) -> None:
    assert RESPONSES.weigh(body(**fields)) == weight


def test_what_cannot_be_read_is_unbounded() -> None:
    assert RESPONSES.weigh(b"[") == Weight(unbounded="input")
    assert RESPONSES.weigh(b'{"model":"m","x":"_call"}') == Weight()


# Ordinary calls


def test_an_ordinary_call_is_text_and_nothing_else() -> None:
    said = [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}, {"role": "assistant", "content": "b"}]
    assert RESPONSES.is_ordinary(body(), ())
    assert RESPONSES.is_ordinary(body(input=said, stream=True), [(b"traceparent", b"x")])
    for fields in (
        {"tools": []},
        {"input": [{"type": "function_call"}]},
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        {"input": [{"role": "critic", "content": "a"}]},
        {"input": 5},
        {"input": [[]] * 30_000},
    ):
        assert not RESPONSES.is_ordinary(body(**fields), ())
    assert not RESPONSES.is_ordinary(body(), [(b"x-team", b"a")])
    assert not RESPONSES.is_ordinary(b"[", ())
    assert not RESPONSES.is_ordinary(b"[]", ())


# Errors


def test_the_event_of_a_broken_stream_has_the_next_number_and_the_error_where_sdks_look() -> None:
    sent = b'event: a\ndata: {"type":"a","sequence_number":6}\n\nevent: b\ndata: {"type":"b","sequence_number":7}\n\n'
    error = Cut("The stream ended.", said=VendorSaid(status=500, message="broke", code="server_error"))
    event = RESPONSES.event_after(error, sent)
    assert event.startswith(b"event: error\ndata: ")
    said = json.loads(event.partition(b"data: ")[2])
    assert (said["type"], said["sequence_number"], said["message"], said["code"]) == (
        "error",
        8,
        "broke",
        "server_error",
    )
    assert said["error"]["message"] == "broke"
    openai.types.responses.ResponseErrorEvent.model_validate(said)
    assert json.loads(RESPONSES.event(error).partition(b"data: ")[2])["sequence_number"] == 0


@pytest.mark.parametrize("sent", [b"", b"data: {\n\n", b"data: 5\n\n", b'data: {"sequence_number":"x"}\n\n'])
def test_a_number_that_nobody_knows_is_none(sent: bytes) -> None:
    assert number_after(sent) == 0


# Prompts

TURNS = RESPONSES.turns
SAID = [{"role": "system", "content": "be"}]
SCHEMA = Schema("a.b", b'{"type":"object"}')


def prompted(said: dict[str, Any], parameters: dict[str, bytes] | None = None, schema: Schema | None = None) -> Any:
    raw = {name: msgspec.Raw(value) for name, value in (parameters or {}).items()}
    return json.loads(TURNS.prompted(json.dumps({"model": "m", **said}).encode(), SAID, raw, schema))


def test_a_prompts_messages_go_before_the_callers_items() -> None:
    assert prompted({"input": "hi", "prompt": {}})["input"] == [*SAID, {"role": "user", "content": "hi"}]
    assert prompted({"input": [{"role": "user", "content": "x"}]})["input"] == [*SAID, {"role": "user", "content": "x"}]
    assert prompted({})["input"] == prompted({"input": None})["input"] == SAID
    with pytest.raises(Malformed):
        prompted({"input": 5})


def test_a_prompts_parameters_have_this_apis_names() -> None:
    said = prompted({"temperature": 1}, {"max_tokens": b"5", "temperature": b"0", "reasoning_effort": b'"low"'})
    assert (said["max_output_tokens"], said["temperature"], said["reasoning"]) == (5, 1, {"effort": "low"})
    with pytest.raises(Malformed, match="`stop`"):
        prompted({}, {"stop": b'"x"'})


def test_a_prompts_schema_is_the_form_of_the_answer_and_can_be_asked_for_in_words() -> None:
    said = prompted({"text": {"verbosity": "low", "format": {"type": "text"}}}, schema=SCHEMA)
    assert said["text"]["verbosity"] == "low"
    assert said["text"]["format"] == {
        "type": "json_schema",
        "name": "a_b",
        "strict": True,
        "schema": {"type": "object"},
    }
    words = json.loads(TURNS.in_words(json.dumps(said).encode(), SCHEMA.text))
    assert words["text"] == {"verbosity": "low"}
    assert "JSON Schema" in words["instructions"]
    again = json.loads(TURNS.in_words(b'{"model":"m","input":"a","instructions":"be","text":{"format":{}}}', b"{}"))
    assert again["instructions"].startswith("be\n\n")
    assert "text" not in again


def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    said = json.loads(TURNS.mended(body(), "{}", "no name"))
    assert [item["role"] for item in said["input"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize(
    ("message", "status", "says"),
    [
        ("Unknown: text.format", 400, True),
        ("no response_format", 422, True),
        ("Structured output is off", 400, True),
        ("x", 400, False),
        ("json_schema", 500, False),
    ],
)
def test_a_vendor_that_takes_no_schema_says_so(message: str, status: int, says: bool) -> None:
    error = Rejected(message, said=VendorSaid(status=status, message=message))
    assert TURNS.says_no_format(error) is says
    assert not TURNS.says_no_format(Rejected("x"))
