"""Nothing that a caller or a vendor sends raises anything but our errors, and nothing costs more than its length."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core.errors import CallError, Garbled, Malformed
from headworks.wire import hub
from headworks.wire.openai.translation import question_reader
from headworks.wire.openai.translation.decoder import ChatPieces
from headworks.wire.openai.translation.encoder import ChatEvents
from headworks.wire.openai.translation.question_reader import question_of
from headworks.wire.openai.translation.question_writer import body_of
from headworks.wire.sse import events_in
from tests.laws import examples
from tests.wire.openai.translation.corpus import ANSWERS, QUESTIONS, STREAMS

DEEP = b"[" * 2000 + b"]" * 2000


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"{", None, "not valid JSON"),
        (b'{"model":"m","messages":5}', "messages", "must be a list"),
        (b'{"model":"m","messages":[5]}', "messages[0]", "with a `role`"),
        (b'{"model":"m","messages":[{"role":"user"},{"role":5}]}', "messages[1]", "with a `role`"),
        (b'{"model":"m","messages":[],"messages":[]}', "messages", "occurs twice"),
        (b'{"model":"m","messages":[],"x":' + DEEP + b"}", None, "too deep"),
        (b'{"model":"m","messages":[],"x":%b}' % (b"9" * 5000), None, "a number is too long"),
    ],
)
def test_a_body_that_cannot_be_read_is_malformed(body: bytes, param: str | None, words: str) -> None:
    with pytest.raises(Malformed, match=words) as caught:
        question_of(body)
    assert caught.value.param == param


def test_what_no_vendor_takes_is_kept_for_the_vendor_all_the_same() -> None:
    body = b'{"model":"m","messages":[],"tools":{"a":1},"stop":5}'
    question = question_of(body)
    assert question.extra == {hub.CHAT: {"tools": {"a": 1}, "stop": 5}}
    assert json.loads(body_of(question, "m")) == json.loads(body)


def test_what_could_just_be_read_may_be_too_deep_to_be_written_and_is_malformed_then() -> None:
    nested: Any = 0
    for _ in range(2000):
        nested = [nested]
    question = hub.Question(model="m", turns=(), extra={hub.CHAT: {"x": nested}})
    with pytest.raises(Malformed, match="too deep"):
        body_of(question, "m")


def test_a_reader_that_runs_out_of_stack_says_that_the_body_is_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(found: object) -> hub.Question:
        raise RecursionError

    monkeypatch.setattr(question_reader, "_question", exhausted)
    with pytest.raises(Malformed, match="too deep"):
        question_of(b'{"model":"m","messages":[]}')


def refusal(work: Callable[[], object]) -> str:
    """What our error says, or "" where there is none."""
    try:
        work()
    except CallError as error:
        return error.message
    return ""


@pytest.mark.parametrize("levels", range(940, 1000, 2))
def test_how_deep_is_too_deep_is_the_same_error_wherever_it_is_found(levels: int) -> None:
    nested = b"[" * levels + b"]" * levels
    asked = b'{"model":"m","messages":[],"x":%b}' % nested
    said = refusal(lambda: body_of(question_of(asked), "m"))
    assert said == "" or "too deep" in said
    event = b'data: {"choices":[{"delta":{"x":%b}}]}\n\n' % nested.replace(b"[]", b"[1]")
    said = refusal(lambda: ChatEvents().feed(ChatPieces().feed(event)))
    assert said == "" or "too deep" in said


@pytest.mark.parametrize(
    "event", [b"undefined", b"[1]", b'"ping"', b"NaN", b"{", DEEP, b'{"id":%b}' % DEEP, b'{"id":"\xff"}', b"9" * 5000]
)
def test_an_event_or_body_that_cannot_be_read_is_garbled(event: bytes) -> None:
    with pytest.raises(Garbled):
        ChatPieces().feed(b"data: " + event + b"\n\n")
    with pytest.raises(Garbled):
        ChatPieces().whole(event)


def test_an_answer_without_choices_is_garbled() -> None:
    with pytest.raises(Garbled, match="no choices"):
        ChatPieces().whole(b'{"id":"c"}')
    assert ChatPieces().whole(b'\xef\xbb\xbf{"choices":[]}') == hub.Answer(choices=())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "a", "\ud83d", "data:a;base64,b"]),
    lambda inside: (
        st.lists(inside, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "id", "name", "url", "index"]), inside, max_size=2)
    ),
    max_leaves=3,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inside in steps:
        found.extend(places(inside, (*path, step)))
    return found


def changed(data: st.DataObject, text: bytes) -> bytes:
    """The JSON text with another value somewhere in it."""
    said = json.loads(text)
    *way, last = data.draw(st.sampled_from(places(said)))
    inside = said
    for step in way:
        inside = inside[step]
    inside[last] = data.draw(JSON)
    return json.dumps(said).encode()


def is_json(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


EVENTS = [event.data for text in STREAMS.values() for event in events_in(text) if is_json(event.data)]


@given(st.data())
@settings(max_examples=examples(40))
def test_whatever_stands_where_something_else_is_due_it_is_passed_on_or_ours(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["question", "answer", "events"]))
    try:
        if kind == "question":
            asked = question_of(
                changed(data, data.draw(st.sampled_from([text for text in QUESTIONS.values() if is_json(text)])))
            )
            assert json.loads(body_of(asked, asked.model))["model"] == asked.model
        elif kind == "answer":
            answer = ChatPieces().whole(changed(data, data.draw(st.sampled_from(list(ANSWERS.values())))))
            assert isinstance(json.loads(ChatEvents().whole(answer)), dict)
        else:
            vendor, caller = ChatPieces(), ChatEvents()
            for event in data.draw(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=3)):
                caller.feed(vendor.feed(b"data: " + changed(data, event) + b"\n\n"))
            assert caller.end().endswith(b"data: [DONE]\n\n")
    except CallError:
        pass


def steps(work: Callable[[], object]) -> int:
    """Calls of functions, ours and the interpreter's."""
    count = 0

    def counted(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def many(size: int) -> list[Callable[[], object]]:
    """The same kinds of work at this size."""
    part = {"type": "text", "text": "a", "novel": 1}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    details = [{"type": "reasoning.text", "text": "a"}] * size
    message = {"role": "assistant", "content": [part] * size, "tool_calls": [call] * size, "reasoning_details": details}
    body = json.dumps({"model": "m", "messages": [message, *[{"role": "user", "content": "a"}] * size]}).encode()
    question = question_of(body)
    choice = {"message": message | {"annotations": [part] * size}, "index": 0}
    answer = json.dumps({"choices": [choice], **{f"m{at}": at for at in range(size)}}).encode()
    read = ChatPieces().whole(answer)
    delta = {"delta": {"tool_calls": [{**call, "index": at} for at in range(size)]}, "index": 0}
    event = (
        b"data: %b\n\n" % json.dumps({"id": "c", "choices": [delta] + [{"delta": {"content": "a"}}] * size}).encode()
    )
    pieces = ChatPieces().feed(event)
    return [
        lambda: question_of(body),
        lambda: body_of(question, "m"),
        lambda: ChatPieces().whole(answer),
        lambda: ChatEvents().whole(read),
        lambda: ChatPieces().feed(event * 3),
        lambda: ChatEvents().feed(pieces),
    ]


def test_twice_as_much_takes_twice_as_many_steps() -> None:
    for once, twice in zip(many(50), many(100), strict=True):
        assert steps(twice) < 2.3 * steps(once)


def test_a_stream_is_told_event_by_event_and_keeps_nothing_of_what_was_said() -> None:
    vendor, caller = ChatPieces(), ChatEvents()
    event = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
    caller.feed(vendor.feed(event % b"a"))
    for size in (1, 1000):
        told = caller.feed(vendor.feed(event % (b"z" * size)))
        assert told.count(b"z") == size
    assert caller.feed([]) == b""
