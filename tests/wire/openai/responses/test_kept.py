"""How an answer of Responses is kept and gone on from: what is put before an input, what an answer says of itself, lists of items."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseItem
from pydantic import TypeAdapter

from headworks.core.dialect import Said
from headworks.core.errors import Malformed
from headworks.core.kept_answer import Conversation
from headworks.wire.openai.responses import forms
from headworks.wire.openai.responses.kept import KEEPING
from tests.wire.openai.responses.speaking import RECORDED, events

SAID = Said(id="resp_ours", earlier="resp_before", is_kept=True)
MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}
ANSWER = {"id": "resp_theirs", "object": "response", "status": "completed", "output": [MESSAGE], "store": False}
_ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hi", **fields}).encode()


def conversation(*turns: tuple[Any, Any], head: Any = None) -> Conversation:
    kept = [json.dumps({"input": given, "output": said}).encode() for given, said in turns]
    shown = json.dumps(head or {**ANSWER, "output": []}).encode()
    return Conversation(id="resp_before", root="resp_root", total=sum(map(len, kept)), turns=kept, head=shown)


BEFORE = conversation(([{"role": "user", "content": "a"}], [MESSAGE]), ([{"role": "user", "content": "b"}], []))


def opened(before: Conversation | None = None, **fields: Any) -> tuple[dict[str, Any], Any, bool]:
    made, added, is_kept = KEEPING.opened(body(**fields), before, {})
    return json.loads(made), json.loads(added), is_kept


# Going on


def test_the_earlier_turns_stand_before_the_input_in_order() -> None:
    made, added, is_kept = opened(BEFORE, previous_response_id="resp_before", temperature=0)
    mine = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    assert made == {
        "model": "m",
        "temperature": 0,
        "input": [{"role": "user", "content": "a"}, MESSAGE, {"role": "user", "content": "b"}, mine],
    }
    assert (added, is_kept) == ([mine], True)


def test_a_body_without_an_input_gets_the_earlier_turns() -> None:
    made, added, _ = KEEPING.opened(b'{"model":"m","previous_response_id":"resp_before"}', BEFORE, {})
    assert (len(json.loads(made)["input"]), added) == (3, b"[]")


@settings(max_examples=15)
@given(
    st.lists(
        st.lists(st.dictionaries(st.sampled_from(["a", "é", "]", '"']), st.integers(), min_size=1), max_size=3),
        min_size=2,
        max_size=6,
    )
)
def test_no_item_is_lost_changed_or_moved(lists: list[list[dict[str, int]]]) -> None:
    *earlier, own = lists
    turns = [(one, []) for one in earlier]
    made, _, _ = opened(conversation(*turns), previous_response_id="r", input=own)
    assert made["input"] == [item for one in lists for item in one]


def test_reasoning_that_no_vendor_can_read_is_left_out_and_other_reasoning_is_not() -> None:
    bare = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": None,
    }
    sealed = {**bare, "encrypted_content": "gAAA"}
    told = {**bare, "content": [{"type": "reasoning_text", "text": "hm"}]}
    made, _, _ = opened(conversation(([], [bare, sealed, told, MESSAGE])), previous_response_id="r")
    assert made["input"][:-1] == [sealed, told, MESSAGE]


@pytest.mark.parametrize(
    ("fields", "include"),
    [
        ({}, None),
        ({"reasoning": None}, None),
        ({"reasoning": {"effort": "low"}}, ["reasoning.encrypted_content"]),
        ({"reasoning": {}, "include": None}, ["reasoning.encrypted_content"]),
        ({"reasoning": {}, "include": ["a"]}, ["a", "reasoning.encrypted_content"]),
        ({"reasoning": {}, "include": ["reasoning.encrypted_content"]}, ["reasoning.encrypted_content"]),
        ({"reasoning": {}, "store": False}, None),
    ],
)
def test_what_a_later_call_needs_of_the_reasoning_is_asked_for_where_the_call_reasons(
    fields: dict[str, Any], include: list[str] | None
) -> None:
    assert opened(**fields)[0].get("include") == include


def test_a_body_that_needs_nothing_stays_as_it_came() -> None:
    for said in (b'{ "model": "m",\n"input":"hi" }', body(store=False), body(store=None)):
        assert KEEPING.opened(said, None, {})[0] is said


@pytest.mark.parametrize(
    ("fields", "is_kept"),
    [
        ({}, True),
        ({"store": None}, True),
        ({"store": True}, True),
        ({"store": False}, False),
        ({"background": True}, False),
    ],
)
def test_an_answer_is_kept_unless_the_call_says_otherwise(fields: dict[str, Any], is_kept: bool) -> None:
    assert opened(**fields)[2] is is_kept


# What an answer says of itself


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_of_a_stream_only_what_it_says_of_itself_is_changed(name: str) -> None:
    before, after = events(RECORDED[name]), events(KEEPING.told(RECORDED[name], SAID, streamed=True))
    for was, now in zip(before, after, strict=True):
        if "response" in was:
            assert now["response"] == {
                **was["response"],
                "id": "resp_ours",
                "store": True,
                "previous_response_id": "resp_before",
            }
            now["response"] = was["response"]
        assert now == was


def test_an_event_without_an_answer_keeps_its_bytes() -> None:
    delta = (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"\\"response\\""}\n\n'
    )
    assert KEEPING.told(delta, SAID, streamed=True) is delta
    other = b'data: {"type":"response.created","novel":"x","response":7}\n\ndata: {"type":"other","response":{"id":"a"}}\n\n'
    assert KEEPING.told(other, SAID, streamed=True) == other
    for odd in (
        b'data: {"response":{}}\n\n',
        b'data: {"type":[],"response":{}}\n\n',
        b'data: {"type":"response.created","type":1,"response":{}}\n\n',
        b'data: "response"\n\n',
    ):
        assert KEEPING.told(odd, SAID, streamed=True) == odd
    nothing = b'data: {"type":"response.created","sequence_number":1,"x":{"response":1}}\n\n'
    assert KEEPING.told(nothing, SAID, streamed=True) == nothing


def test_a_whole_answer_says_the_same_of_itself() -> None:
    told = json.loads(KEEPING.told(json.dumps(ANSWER).encode(), SAID, streamed=False))
    assert told == {**ANSWER, "id": "resp_ours", "store": True, "previous_response_id": "resp_before"}
    first = Said(id="resp_ours", earlier="", is_kept=False)
    assert json.loads(KEEPING.told(b"{}", first, streamed=False)) == {
        "id": "resp_ours",
        "store": False,
        "previous_response_id": None,
    }
    assert KEEPING.told(b"no json", SAID, streamed=False) == b"no json"


def test_what_is_kept_of_a_stream_and_of_a_whole_answer_is_the_same_answer() -> None:
    whole = json.dumps(ANSWER).encode()
    made = forms.as_events(whole)
    assert made is not None
    said = []
    for data, streamed in ((whole, False), (made[0], True)):
        closed = KEEPING.closed(data, b'[{"role":"user"}]', SAID, streamed=streamed)
        assert closed is not None
        turn, head = closed
        assert json.loads(turn) == {"input": [{"role": "user"}], "output": [MESSAGE]}
        found = Conversation(id="resp_ours", root="resp_ours", total=1, turns=[turn], head=head)
        said.append(json.loads(KEEPING.body(found)))
        assert events(KEEPING.events(found, -1))[-1]["response"] == said[-1]
    assert said[0] == said[1] == {**ANSWER, "id": "resp_ours", "store": True, "previous_response_id": "resp_before"}


@pytest.mark.parametrize(
    ("data", "streamed"),
    [
        (b'data: {"type":"error"}\n\n', True),
        (b'data: {"type":"response.failed","response":{"status":"failed","output":[]}}\n\n', True),
        (b'{"status":"failed","output":[]}', False),
        (b'{"status":7,"output":[]}', False),
        (b"[]", False),
        (b'{"status":"completed"}', False),
        (b'{"status":"completed","output":{}}', False),
        (b'{"status":"completed","output":[],"output":[]}', False),
    ],
)
def test_an_answer_without_an_end_or_an_output_is_not_kept(data: bytes, streamed: bool) -> None:
    assert KEEPING.closed(data, b"[]", SAID, streamed=streamed) is None


def test_a_kept_answer_that_is_no_more_readable_as_a_stream_is_an_empty_one() -> None:
    assert KEEPING.events(conversation(([], [7])), -1) == b""


# The items that it was made from


def listed(found: Conversation, **query: str) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(KEEPING.inputs(found, query))
    return page


def test_every_listed_item_has_an_id_and_is_one_of_the_sdks() -> None:
    items = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "c"}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "1"},
    ]
    page = listed(conversation((items, [MESSAGE])), order="asc")
    for item in page["data"]:
        _ITEM.validate_python(item)
    ids = [item["id"] for item in page["data"]]
    assert len(set(ids)) == 5
    assert [one.partition("_")[0] for one in ids] == ["msg", "msg", "msg", "fc", "item"]
    assert (page["first_id"], page["last_id"]) == (ids[0], ids[-1])
    assert page["data"][1]["content"][0]["type"] == "output_text"


def test_an_answer_without_input_has_an_empty_page() -> None:
    assert listed(conversation(([], [MESSAGE]))) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_what_is_no_item_is_listed_all_the_same() -> None:
    page = listed(conversation(([7, {"id": 7}, {"x": 1}], [])), order="asc")
    assert [item.get("value") for item in page["data"]] == [7, None, None]
    assert page["data"][0]["id"].startswith("item_")


@settings(max_examples=15)
@given(st.integers(1, 30), st.integers(1, 12), st.sampled_from(["asc", "desc"]))
def test_pages_have_every_item_once(count: int, limit: int, order: str) -> None:
    found = conversation(([{"role": "user", "content": str(number)} for number in range(count)], []))
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = listed(found, limit=str(limit), order=order, **after)
        seen += [item["content"][0]["text"] for item in page["data"]]
        if not page["has_more"]:
            break
        after = {"after": page["last_id"]}
    assert seen == [str(number) for number in (range(count) if order == "asc" else reversed(range(count)))]


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": "99999999"}, {"order": "up"}, {"after": "msg_x"}],
)
def test_a_page_that_cannot_be_had_is_refused_with_the_field(query: dict[str, str]) -> None:
    with pytest.raises(Malformed) as caught:
        listed(BEFORE, **query)
    assert caught.value.param in query


def test_what_is_nested_too_deep_is_refused_and_breaks_nothing() -> None:
    deep = b'{"type":"reasoning","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    turn = b'{"input":[%b],"output":[%b]}' % (deep, deep)
    found = Conversation(id="resp_1", root="resp_1", total=1, turns=[turn], head=b"{}")
    for act in (
        lambda: KEEPING.inputs(found, {}),
        lambda: KEEPING.opened(body(previous_response_id="resp_1"), found, {}),
    ):
        with pytest.raises(Malformed, match="nested too deep"):
            act()


def test_too_many_items_are_refused_before_they_are_looked_through() -> None:
    with pytest.raises(Malformed, match="too many"):
        listed(conversation(([1] * 600_000, [])))
