"""Pieces become the events of Responses in the order in which OpenAI sends them, and the official SDK takes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core import reply
from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.openai.responses.encoder import free_text, is_whole
from headworks.wire.openai.responses.envelope import TEXT, Sealed, opened
from headworks.wire.openai.responses.question_reader import question_of
from tests.wire.openai.responses.speaking import ID, answer, encoder, events, judged, kinds, said

STARTED = hub.Started(id="chatcmpl-1", model="vendor-model", created=5)
STOP = hub.Finished(finish=hub.Finish(reason="stop"))
LENGTH = hub.Finished(finish=hub.Finish(reason="length"))
COUNTED = hub.Counted(usage=hub.Usage(tokens=reply.Usage(input=5, cached_input=2, output=3, reasoning=1)))
NAMESPACE = {
    "type": "namespace",
    "name": "crm",
    "description": "d",
    "tools": [{"type": "function", "name": "find"}, {"type": "custom", "name": "note"}],
}


def text(*texts: str, part: int = 0) -> list[hub.Piece]:
    return [hub.TextDelta(text=one, part=part) for one in texts]


def call(part: int, *arguments: str, id: str = "c", name: str = "f", **fields: Any) -> list[hub.Piece]:
    first = hub.ToolCallDelta(part=part, id=id, name=name, **fields)
    return [first, *[hub.ToolCallDelta(part=part, arguments=one) for one in arguments]]


def test_a_text_is_told_in_openais_order_under_one_id() -> None:
    found = said(STARTED, hub.ChoiceStarted(), *text("Hel", "lo"), STOP, COUNTED)
    assert kinds(found) == [
        *(
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
        ),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    response = found[-1]["response"]
    assert response["id"] == "resp_" + ID.removeprefix("req_")
    assert (response["model"], response["status"], response["store"]) == ("vendor-model", "completed", False)
    assert response["output"][0]["content"][0]["text"] == "Hello"
    assert response["usage"] == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 11,
    }


def test_an_answer_without_anything_is_an_answer() -> None:
    assert kinds(said(STARTED, STOP)) == ["created", "in_progress", "completed"]
    assert kinds(said()) == ["created", "in_progress", "completed"]


def test_what_was_asked_is_said_again_as_it_was_written() -> None:
    body = b'{"model":"m","input":"hi","tools":[{"type":"function","name":"f","parameters":{"a":1.50},"strict":false}],"store":true,'
    body += b'"metadata":{"k":"v"},"temperature":null,"instructions":"be","reasoning":{"effort":"low"}}'
    caller = encoder(body)
    first = caller.feed([STARTED])
    assert b'"parameters":{"a":1.50}' in first
    response = events(first)[0]["response"]
    assert (response["metadata"], response["temperature"], response["instructions"]) == ({"k": "v"}, None, "be")
    assert (response["store"], response["previous_response_id"]) == (False, None)
    assert encoder(b"no body").feed([])


def test_an_answer_that_is_out_of_tokens_is_incomplete_with_its_reason() -> None:
    found = said(STARTED, *text("Hel"), LENGTH)
    response = found[-1]["response"]
    assert (found[-1]["type"], response["status"]) == ("response.incomplete", "incomplete")
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"


def test_a_refusal_is_a_part_of_its_own_in_the_same_message() -> None:
    found = said(*text("a"), hub.RefusalDelta(text="no", part=1), hub.RefusalDelta(text="!", part=1), STOP)
    [message] = found[-1]["response"]["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert message["content"][1]["refusal"] == "no!"
    assert "refusal.done" in kinds(found)


def test_citations_and_logprobs_stand_with_their_text() -> None:
    likely = hub.Likely(
        token="a", logprob=-0.5, octets=(97,), others=(hub.Likely(token="b", logprob=-1.0, octets=(98,)),)
    )
    cited = hub.CitationDelta(citation=hub.Citation(url="https://x.example", title="t"))
    nowhere = hub.CitationDelta(citation=hub.Citation(title="a book"))
    caller = encoder()
    data = (
        caller.feed([hub.TextDelta(text="a"), hub.LikelyDelta(likely=(likely,)), cited, nowhere, STOP]) + caller.end()
    )
    found = judged(data)
    [delta] = [one for one in found if one["type"].endswith("output_text.delta")]
    assert delta["logprobs"][0]["token"] == "a"
    [added] = [one for one in found if one["type"].endswith("annotation.added")]
    assert added["annotation"]["url"] == "https://x.example"
    part = found[-1]["response"]["output"][0]["content"][0]
    assert (len(part["annotations"]), len(part["logprobs"])) == (1, 1)


def test_thinking_is_the_text_of_a_reasoning_item_and_its_vendor_gets_it_back() -> None:
    thought = [
        hub.ThinkingDelta(origin=hub.MESSAGES, text="hm"),
        hub.ThinkingDelta(origin=hub.MESSAGES, text=" so", signature="sig"),
    ]
    found = said(*thought, *text("a", part=1), STOP)
    assert kinds(found)[2:9] == [
        *("output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.delta"),
        *("reasoning_text.done", "content_part.done", "output_item.done"),
    ]
    reasoning, message = found[-1]["response"]["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "hm so"}]
    back = question_of(json.dumps({"model": "m", "input": [reasoning, message]}).encode())
    assert back.turns[0].parts == (
        hub.Thinking(origin=hub.MESSAGES, text="hm so", signature="sig"),
        hub.Text(text="a"),
    )


def test_a_summary_has_events_of_its_own() -> None:
    found = said(hub.ThinkingDelta(origin=hub.RESPONSES, text="so", is_summary=True, redacted="gAAA"), STOP)
    assert kinds(found)[2:8] == [
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
    ]
    [item] = found[-1]["response"]["output"]
    assert (item["summary"], item["encrypted_content"]) == ([{"type": "summary_text", "text": "so"}], "gAAA")


def test_hidden_thinking_is_an_item_without_text() -> None:
    one = hub.Thinking(origin=hub.MESSAGES, redacted="hidden", id="i")
    found = said(hub.Whole(value=one), hub.Whole(value=hub.Thinking(origin=hub.RESPONSES), part=1), STOP)
    first, second = found[-1]["response"]["output"]
    assert opened(first["encrypted_content"]) == Sealed(hub.MESSAGES, redacted="hidden", id="i")
    assert (first["summary"], second["encrypted_content"]) == ([], None)


def test_a_call_is_told_by_its_arguments() -> None:
    found = said(*call(0, '{"a":', "1}"), hub.Finished(finish=hub.Finish(reason="tool_calls")))
    assert kinds(found)[2:7] == [
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
    ]
    [item] = found[-1]["response"]["output"]
    assert (item["call_id"], item["name"], item["arguments"]) == ("c", "f", '{"a":1}')
    assert found[-1]["type"] == "response.completed"


def test_calls_one_after_the_other_are_closed_one_after_the_other() -> None:
    found = said(*call(0, "{}"), *call(1, "{}", id="d"), STOP)
    assert kinds(found)[2:] == [
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
        "completed",
    ]


def test_calls_that_grow_side_by_side_lose_nothing() -> None:
    pieces = [*call(0, '{"a"'), *call(1, '{"b"', id="d"), *call(0, ":1}")[1:], *call(1, ":2}")[1:]]
    found = said(*pieces, *text("done", part=2), STOP)
    output = found[-1]["response"]["output"]
    assert [one.get("arguments") for one in output] == ['{"a":1}', '{"b":2}', None]


def test_what_comes_behind_a_call_that_is_whole_is_left_out() -> None:
    late = hub.ToolCallDelta(part=0, arguments=" ")
    found = said(*call(0, "{}"), *call(1, "{}", id="d"), late, STOP)
    assert [one["arguments"] for one in found[-1]["response"]["output"]] == ["{}", "{}"]


def test_a_call_without_an_id_gets_one() -> None:
    found = said(*call(0, "{}", id=""), STOP)
    assert found[-1]["response"]["output"][0]["call_id"].startswith("call_")


def test_a_tool_of_a_namespace_has_its_two_names_again() -> None:
    body = {"model": "m", "input": "hi", "tools": [NAMESPACE, {"type": "function", "name": "g"}]}
    found = said(*call(0, "{}", name="crm__find"), *call(1, "{}", id="d", name="g"), STOP, body=body)
    first, second = found[-1]["response"]["output"]
    assert (first["namespace"], first["name"]) == ("crm", "find")
    assert (second.get("namespace"), second["name"]) == (None, "g")


def test_a_tool_that_takes_free_text_gets_it_from_a_vendor_that_knows_functions_only() -> None:
    body = {"model": "m", "input": "hi", "tools": [{"type": "custom", "name": "patch"}, NAMESPACE]}
    native = [hub.ToolCallDelta(part=0, id="c", name="patch", is_custom=True, arguments="raw {")]
    emulated = call(1, '{"input":', '"ab"}', id="d", name="patch")
    empty = call(2, id="e", name="crm__note")
    found = said(*native, *emulated, *empty, STOP, body=body)
    output = found[-1]["response"]["output"]
    assert [(one["type"], one["input"]) for one in output] == [
        ("custom_tool_call", "raw {"),
        ("custom_tool_call", "ab"),
        ("custom_tool_call", ""),
    ]
    assert (output[2]["namespace"], output[2]["name"]) == ("crm", "note")
    assert kinds(found).count("custom_tool_call_input.delta") == 2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input":"a"}', "a"),
        ('{"patch":"a"}', "a"),
        ('"a"', "a"),
        ("{", "{"),
        ('{"input":1}', '{"input":1}'),
        ("[1]", "[1]"),
        ("{}", "{}"),
    ],
)
def test_free_text_is_the_one_text_of_the_arguments(arguments: str, text: str) -> None:
    assert free_text(arguments) == text


def test_arguments_are_whole_at_their_last_brace_only() -> None:
    assert is_whole(['{"a"', ":1}"], is_json=True)
    assert not any(is_whole(one, is_json=True) for one in ([], ["{"], ["{}}"], ['{"a":"}'], ["[" * 5000 + "}"]))
    assert not is_whole(["{}"], is_json=False)


def test_a_signature_of_a_call_comes_back_to_its_call_and_of_a_text_to_its_text() -> None:
    signed = call(1, "{}", signature="s1", origin=hub.GENERATE)
    ending = hub.TextDelta(text="", part=0, signature="s0", origin=hub.GENERATE)
    found = said(*text("a"), ending, *signed, STOP)
    output = found[-1]["response"]["output"]
    assert opened(output[1]["encrypted_content"]) == Sealed(hub.GENERATE, signature="s0", of=TEXT)
    back = question_of(json.dumps({"model": "m", "input": output}).encode())
    said_text, said_call = back.turns[0].parts
    assert isinstance(said_text, hub.Text)
    assert isinstance(said_call, hub.ToolCall)
    assert (said_text.signature, said_text.origin) == ("s0", hub.GENERATE)
    assert (said_call.signature, said_call.origin) == ("s1", hub.GENERATE)


def test_a_picture_is_told_as_what_openais_tool_makes_of_one() -> None:
    picture = hub.Whole(value=hub.Image(source=hub.Inline("iVBO", "image/png")), part=1)
    own = hub.Whole(
        value=hub.Only(dialect=hub.RESPONSES, value={"type": "novel_call", "id": "n", "status": "completed"}), part=2
    )
    foreign = hub.Whole(value=hub.Only(dialect=hub.MESSAGES, value={}), part=3)
    located = hub.Whole(value=hub.Image(source=hub.Located("https://x.example")), part=4)
    caller = encoder()
    found = events(caller.feed([*text("a"), picture, own, foreign, located, STOP]) + caller.end())
    output = found[-1]["response"]["output"]
    assert [one["type"] for one in output] == ["message", "image_generation_call", "novel_call"]
    assert (output[1]["result"], output[2]["id"]) == ("iVBO", "n")


def test_other_choices_events_of_other_apis_and_sound_are_not_told() -> None:
    quiet = [
        hub.TextDelta(text="x", choice=1),
        hub.Finished(finish=hub.Finish(reason="length"), choice=1),
        hub.OnlyEvent(dialect=hub.MESSAGES, value={}),
        hub.AudioDelta(transcript="x"),
        hub.ChoiceExtra(extra={}),
        hub.LikelyDelta(),
    ]
    assert kinds(said(*quiet, STOP)) == ["created", "in_progress", "completed"]


def test_a_whole_answer_says_what_its_stream_says() -> None:
    parts = (
        hub.Thinking(origin=hub.CHAT, text="hm"),
        hub.Text(text="a", citations=(hub.Citation(url="https://x.example", title="t", start=0, end=1),)),
        hub.Refusal(text="no"),
        hub.ToolCall(id="c", name="f", arguments="{}", signature="s", origin=hub.GENERATE),
        hub.Text(text="signed", signature="s", origin=hub.GENERATE),
    )
    likely = (hub.Likely(token="a", logprob=-0.5, octets=(97,)),)
    choice = hub.Choice(parts=parts, finish=hub.Finish(reason="length"), likely=likely)
    whole = answer(
        encoder().whole(
            hub.Answer(choices=(choice,), model="v", usage=COUNTED.usage, service_tier="flex"),
        )
    )
    found = said(
        hub.Started(model="v", service_tier="flex"),
        *[hub.Whole(value=part, part=number) for number, part in enumerate(parts)],
        LENGTH,
        COUNTED,
    )
    streamed = found[-1]["response"]
    assert [one["type"] for one in whole["output"]] == [one["type"] for one in streamed["output"]]
    assert (whole["status"], whole["usage"], whole["service_tier"]) == ("incomplete", streamed["usage"], "flex")
    assert whole["output"][1]["content"][0]["logprobs"]
    assert answer(encoder().whole(hub.Answer(choices=())))["output"] == []


def test_names_of_tools_that_cannot_be_read_are_nobodys() -> None:
    odd = b'{"model":"m","input":"a","tools":[{"type":"custom","name":"f","x":' + b"1" * 5000 + b"}]}"
    assert encoder(odd).feed([*call(0, "{}")])


def test_what_is_nested_too_deep_is_the_vendors_fault() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    odd = hub.Only(dialect=hub.RESPONSES, value={"type": "novel_call", "x": deep})
    with pytest.raises(Garbled):
        encoder().feed([hub.Whole(value=odd)])
    with pytest.raises(Garbled):
        encoder().whole(hub.Answer(choices=(hub.Choice(parts=(odd,)),)))
    caller = encoder()
    caller.feed([hub.Counted(usage=hub.Usage(tokens=reply.Usage(), extra={hub.RESPONSES: {"x": deep}}))])
    with pytest.raises(Garbled):
        caller.end()
