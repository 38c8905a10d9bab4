"""What is hostile or just too deep is our error, wherever it is found, and costs what its length costs."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core.errors import Garbled, Malformed
from headworks.wire import hub
from headworks.wire.anthropic.translation import question_reader
from headworks.wire.anthropic.translation.decoder import MessagesPieces
from headworks.wire.anthropic.translation.encoder import MessagesEvents
from headworks.wire.anthropic.translation.question_reader import question_of
from headworks.wire.anthropic.translation.question_writer import body_of
from headworks.wire.openai.translation.encoder import ChatEvents
from headworks.wire.openai.translation.question_writer import body_of as chat_body
from tests.laws import examples

DEEP = b"[" * 2000 + b"]" * 2000


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(Malformed, match="a number is too long"):
        question_of(b'{"model":"m","messages":[],"x":%b}' % (b"9" * 5000))


def test_a_reader_that_runs_out_of_stack_says_that_the_body_is_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(found: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr(question_reader, "_question", deep)
    with pytest.raises(Malformed, match="too deep"):
        question_of(b"{}")


@pytest.mark.parametrize("levels", range(940, 1000, 6))
def test_how_deep_is_too_deep_is_the_same_error_wherever_it_is_found(levels: int) -> None:
    nested = b"[" * levels + b"]" * levels
    for asked in (b'{"model":"m","messages":[],"x":%b}', b'{"model":"m","messages":[{"role":"user","content":%b}]}'):
        try:
            question = question_of(asked % nested)
            body_of(question, "m")
        except Malformed:
            pass
    event = b'event: x\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"a","x":%b}}\n\n' % nested
    try:
        pieces = MessagesPieces().feed(event + b'data: {"type":"content_block_stop","index":0}\n\n')
        MessagesEvents(id="x", model="y").feed(pieces)
    except Garbled:
        pass


@pytest.mark.parametrize(
    "event", [b"undefined", b"[1]", b'"ping"', b"NaN", b"{", DEEP, b'{"id":%b}' % DEEP, b'{"id":"\xff"}', b"9" * 5000]
)
def test_an_event_or_body_that_cannot_be_read_is_garbled(event: bytes) -> None:
    for form in (b"data: %b\n\n", b"event: x\ndata: %b\n\n"):
        with pytest.raises(Garbled):
            MessagesPieces().feed(form % event)
    with pytest.raises(Garbled):
        MessagesPieces().whole(event)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=3)
    | st.sampled_from(["text", "tool_use", "hw1."]),
    lambda inside: (
        st.lists(inside, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("type", "text", "role", "content", "source", "data", "id", "name", "input", "tool_use_id"),
                    *("thinking", "signature", "citations", "cache_control", "index", "delta", "message", "usage"),
                    *("content_block", "stop_reason", "partial_json", "media_type", "title", "url", "enabled", "ttl"),
                ]
            ),
            inside,
            max_size=4,
        )
    ),
    max_leaves=12,
)
NAMES = ("system", "tools", "tool_choice", "thinking", "output_config", "metadata", "stop_sequences", "cache_control")


@settings(max_examples=examples(20))
@given(st.data())
def test_whatever_stands_where_something_else_is_due_it_is_passed_on_or_ours(data: st.DataObject) -> None:
    messages = data.draw(
        st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"])}, optional={"content": ANY}),
            max_size=2,
        )
    )
    fields = {name: data.draw(ANY) for name in data.draw(st.sets(st.sampled_from(NAMES), max_size=3))}
    body = msgspec.json.encode({"model": "m", "max_tokens": 5, "messages": messages, **fields})
    question = question_of(body)
    assert msgspec.json.decode(body_of(question, "m"))["messages"] is not None
    with contextlib.suppress(hub.Unsupported):
        chat_body(question, "m")
    events = data.draw(st.lists(ANY.filter(lambda one: isinstance(one, dict)), max_size=4))
    kinds = data.draw(
        st.lists(
            st.sampled_from(
                ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"]
            ),
            min_size=len(events),
            max_size=len(events),
        )
    )
    pieces, ours, theirs = MessagesPieces(), MessagesEvents(id="x", model="y"), ChatEvents()
    try:
        for kind, one in zip(kinds, events, strict=True):
            found = pieces.feed(b"data: " + msgspec.json.encode({**one, "type": kind}) + b"\n\n")
            ours.feed(found)
            theirs.feed(found)
        ours.end()
        theirs.end()
    except Garbled:
        pass


def test_a_question_of_twice_the_size_takes_twice_the_steps() -> None:
    def steps(number: int) -> int:
        block = b'{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x"}]},'
        body = b'{"model":"m","messages":[{"role":"user","content":[%b5]}]}' % (block * number)
        count = 0

        def called(frame: Any, event: str, arg: Any) -> None:
            nonlocal count
            count += 1

        sys.setprofile(called)
        try:
            body_of(question_of(body), "m")
        finally:
            sys.setprofile(None)
        return count

    assert steps(400) < 2.1 * steps(200)
