"""Items of earlier answers that a call refers to: which are found in a turn, and what is put in their place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.errors import Malformed
from headworks.core.kept_answer import MOST_REFERENCES, Conversation
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.kept import KEEPING
from headworks.wire.openai.responses.references import MOST_PLACES

CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
BARE = {"type": "reasoning", "id": "rs_1", "summary": []}
THOUGHT = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "x"}


def item(id: str) -> dict[str, Any]:
    return {"type": "item_reference", "id": id}


def opened(input: Any, *items: dict[str, Any], before: Conversation | None = None, **fields: Any) -> list[Any]:
    body = json.dumps({"model": "m", "input": input, **fields}).encode()
    made, added, _ = KEEPING.opened(body, before, {one["id"]: json.dumps(one).encode() for one in items})
    found: list[Any] = json.loads(made)["input"]
    if before is None:
        assert json.loads(added) == found
    return found


@pytest.mark.parametrize("store", [True, False])
def test_each_item_stands_where_its_reference_stood(store: bool) -> None:
    user, odd = {"role": "user", "content": "a"}, {"content": [{"type": "item_reference"}]}
    given = [user, item("fc_1"), odd, item("rs_2"), 7, ["item_reference"]]
    assert opened(given, CALL, THOUGHT, store=store) == [user, CALL, odd, THOUGHT, 7, ["item_reference"]]


def test_what_stands_there_already_is_not_put_in_twice_and_bare_reasoning_not_at_all() -> None:
    assert opened([item("fc_1"), item("fc_1"), item("rs_1")], CALL, BARE) == [CALL]
    turn = json.dumps({"input": [{"role": "user", "content": "a"}, 7], "output": [BARE, CALL]}).encode()
    before = Conversation(id="resp_1", root="resp_1", total=1, turns=[turn], head=b"{}")
    again = opened([item("fc_1"), item("rs_2")], CALL, THOUGHT, before=before, previous_response_id="resp_1")
    assert again == [{"role": "user", "content": "a"}, 7, CALL, THOUGHT]


def test_what_is_nested_too_deep_is_refused_with_words() -> None:
    deep = b"[" * 20_000 + b"]" * 20_000
    body = b'{"model":"m","input":[{"type":"item_reference","id":"a"}]}'
    before = Conversation(id="r", root="r", total=1, turns=[b'{"input":[%b],"output":[]}' % deep], head=b"{}")
    with pytest.raises(Malformed, match="nested too deep"):
        KEEPING.opened(body, before, {"a": b"{}"})


def test_the_places_of_an_outputs_items_are_found() -> None:
    twins = [CALL, {**CALL, "id": "fc_2"}, {"type": "message"}, 7, {"id": 7}, {"id": "a b"}, {"id": "x" * 201}]
    given = [{"type": "function_call_output", "output": twins}]
    turn = b'{"input":%b,"output":%b}' % (json.dumps(given).encode(), json.dumps(twins, indent=1).encode())
    found = KEEPING.item_places(turn)
    assert [json.loads(turn[one.position : one.position + one.size]) for one in found] == twins[:2]
    assert [one.id for one in found] == ["fc_1", "fc_2"]
    assert found[0].position > turn.index(b'],"output":')


def test_items_that_are_found_are_bounded_and_a_turn_that_cannot_be_read_has_none() -> None:
    many = json.dumps([{"id": f"m{number}"} for number in range(MOST_PLACES + 1)]).encode()
    assert len(KEEPING.item_places(b'{"input":[],"output":%b}' % many)) == MOST_PLACES
    assert list(KEEPING.item_places(b'{"input":[],"output":[%b]}' % (b"[" * 20_000 + b"]" * 20_000))) == []


def test_no_more_references_are_read_than_are_needed_to_refuse_them() -> None:
    body = json.dumps({"model": "m", "input": [item("m")] * (MOST_REFERENCES + 50)}).encode()
    unkept = RESPONSES.read(body).unkept
    assert unkept is not None
    assert len(unkept.item_ids) == MOST_REFERENCES + 1
