"""Filler in place of texts: nothing of them is left, and everything else is."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.wire.bedrock.event_stream import Splitter
from headworks.wire.filler import Filler, text
from tests.wire.bedrock import frames

FILLER = Filler(b"salt")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("said", "filled"),
    [
        ("Hello, world 42!", "Xxxxx, xxxxx 11!"),
        ("été", "éxé"),
        ("naïve €5 🎉", "xxéxx €1 \N{GRINNING FACE}"),
        ('{"city": "Paris", "now": true, "at": null}', '{"xxxx": "Xxxxx", "xxx": true, "xx": null}'),
        ("truely false", "xxxxxx false"),
    ],
)
def test_letters_and_digits_are_replaced_and_everything_else_stays(said: str, filled: str) -> None:
    assert text(said.encode()).decode() == filled


def test_bytes_that_are_no_text_are_replaced_too() -> None:
    assert text(b"a\xff\x80b\xe2\x82") == b"xxxxxx"


@pytest.mark.parametrize(
    ("said", "filled"),
    [
        (r'"a\nb\"c\\d"', r'"x\nx\"x\\x"'),
        (r'"caf\u00e9 \u0061\u003c \u0414"', r'"xxx\u00e9 \u0078\u003c \u00e9"'),
        (r'"\ud83c\udf89!"', r'"\ud83d\ude00!"'),
    ],
)
def test_escapes_keep_their_form_and_say_nothing(said: str, filled: str) -> None:
    assert FILLER.body(said.encode()).decode() == filled


def test_what_an_api_calls_things_stays_where_it_is_one_word() -> None:
    said: dict[str, Any] = {
        "type": "tool_use",
        "finish_reason": "stop",
        "model": "gpt-5-mini",
        "code": "two words",
        "text": "stop",
        "list": ["stop"],
        "n": 12,
    }
    filled = json.loads(FILLER.body(json.dumps(said).encode()))
    assert [filled[name] for name in ("type", "finish_reason", "model", "n")] == ["tool_use", "stop", "gpt-5-mini", 12]
    assert (filled["code"], filled["text"], filled["list"]) == ("xxx xxxxx", "xxxx", ["xxxx"])
    assert list(filled) == list(said)


def test_ids_are_told_from_each_other_and_found_again() -> None:
    said = {"id": "call_Ab1-xyz", "other_id": "call_Ab1-xyz", "item_id": "call_Ab2-xyz", "responseId": "aa bb"}
    filled = json.loads(FILLER.body(json.dumps(said).encode()))
    assert filled["id"] == filled["other_id"] != filled["item_id"]
    assert filled["id"].startswith("call_")
    assert filled["id"] != said["id"]
    assert len(filled["id"]) == len(said["id"])
    assert filled["responseId"] == "xx xx", "what is no single word is a text"
    assert json.loads(Filler(b"other").body(json.dumps(said).encode()))["id"] != filled["id"]


@settings(max_examples=40)
@given(VALUES)
def test_json_stays_json_of_the_same_length_and_form(value: Any) -> None:
    for ascii_only in (True, False):
        said = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        filled = FILLER.body(said)
        assert len(filled) == len(said)
        if ascii_only and isinstance(value, dict):
            assert list(json.loads(filled)) == list(value)


@settings(max_examples=60)
@given(st.text(), st.text())
def test_pieces_of_a_text_join_to_the_filler_of_the_whole(first: str, second: str) -> None:
    one, other = first.encode("utf-8", "replace"), second.encode("utf-8", "replace")
    if not any(word in one + other for word in (b"true", b"false", b"null")):
        assert text(one) + text(other) == text(one + other)


def test_a_stream_keeps_its_lines_its_events_and_its_end() -> None:
    said = (
        b': OPENROUTER PROCESSING\nretry: 3000\nid: evt_77\nevent: message_start\ndata: {"type":"ping","text":"hi there"}\r\n\n'
        b'event: My secret event\ndata: not json\n\ndata: [DONE]\n\n{"error":{"message":"no"}}\n'
    )
    lines = FILLER.stream(said).split(b"\n")
    assert lines[0] == b": XXXXXXXXXX XXXXXXXXXX"
    assert lines[1] == b"retry: 3000"
    assert lines[2].startswith(b"id:")
    assert b"77" not in lines[2]
    assert lines[3:5] == [b"event: message_start", b'data: {"type":"ping","text":"xx xxxxx"}\r']
    assert lines[6:8] == [b"event: Xx xxxxxx xxxxx", b"data: xxx xxxx"]
    assert lines[9] == b"data: [DONE]"
    assert lines[11] == b'{"error":{"message":"xx"}}'


def test_messages_of_an_event_stream_are_filled_and_their_sums_are_right() -> None:
    said = frames.stream([frames.delta(0, {"text": "hello"})]) + frames.exception(
        "throttlingException", {"message": "no"}
    )
    filled = FILLER.frames(said + b"\0\0\0\xff half of one, and so left out")
    assert len(filled) == len(said)
    assert FILLER.frames(said) == filled
    payloads = [json.loads(one.payload) for one in Splitter().feed(filled)]
    assert payloads[0]["delta"] == {"text": "xxxxx"}
    assert payloads[1] == {"message": "xx"}


def test_a_page_of_html_and_an_empty_body_are_texts() -> None:
    assert FILLER.body(b"<b>Bad Gateway</b>") == b"<x>Xxx Xxxxxxx</x>"
    assert FILLER.body(b"") == b""
    assert FILLER.body(b"12") == b"11"


@pytest.mark.parametrize("hostile", [b'"' + b'\\"' * 20_000, b'{"a"' + b" " * 40_000, b'"' * 40_000, b"[" * 40_000])
def test_hostile_bytes_take_linear_time(hostile: bytes) -> None:
    began = time.process_time()
    assert len(FILLER.stream(b"data: " + hostile)) == len(hostile) + 6
    assert len(FILLER._json(hostile)) == len(hostile)
    assert time.process_time() - began < 2, "a second of work at most, where quadratic would be many"
