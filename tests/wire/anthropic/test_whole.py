"""Whole answers, and what a vendor's side says beside."""

from __future__ import annotations

import json

import pytest

from headworks.core.call import Call
from headworks.core.errors import CallError, Cut, Failed, Garbled
from headworks.core.reply import Usage
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.anthropic.count_tokens import CountedTokens
from headworks.wire.anthropic.decoder import MessagesDecoder
from headworks.wire.anthropic.translation.decoder import MessagesPieces
from headworks.wire.anthropic.vendor import ANTHROPIC, AnthropicMessages
from headworks.wire.sides import TranslatedSide, VendorSide
from tests.wire.anthropic.test_decoder import END, OPEN, RECORDED, START, STREAMS, WHOLE, WORD, event

VENDOR = AnthropicMessages()
MESSAGE = (RECORDED / "message.json").read_bytes()


def call(body: bytes = b"{}", bound: int | None = None) -> Call:
    return Call(id="r", alias="a", body=body, dialect=MESSAGES, bound=bound)


def test_both_sides_are_what_leaves_ask_for() -> None:
    sides: list[VendorSide] = list(ANTHROPIC.values())
    assert [isinstance(side, TranslatedSide) for side in sides] == [True, False]
    assert VENDOR.path("m", streamed=True) == b"/messages"
    assert CountedTokens().path("m", streamed=False) == b"/messages/count_tokens"


def test_a_whole_answer_is_its_own_chunk() -> None:
    chunk = VENDOR.whole(MESSAGE, call())
    assert (chunk.data, chunk.text, chunk.finish, chunk.last) == (MESSAGE, "Ipsum é.", "tool_use", True)
    assert (chunk.begins_tool_call, chunk.is_refusal) == (True, False)
    assert chunk.usage == Usage(input=25, cached_input=5, cache_write=10, cache_write_1h=20, output=30, reasoning=20)
    assert (
        chunk.size == len("Lorem") + len("Ipsum é.".encode()) + len("get_weather") + 30
    )  # the call's input as it stands
    assert VENDOR.spent(MESSAGE).usage == chunk.usage


def test_an_answer_whose_fields_have_other_types_is_read_all_the_same() -> None:
    said = {
        "content": [{"type": "text", "text": 5}, {"type": "text", "text": "half \ud83d"}, 7, {"type": "novel"}],
        "stop_reason": None,
        "usage": {"input_tokens": "12", "output_tokens": 3.0, "cache_creation": {"ephemeral_1h_input_tokens": 2.0}},
    }
    chunk = VENDOR.whole(json.dumps(said).encode(), call())
    assert (chunk.text, chunk.finish) == ("half \ud83d", None)
    assert chunk.usage == Usage(input=12, cache_write_1h=2, output=3)
    assert VENDOR.whole(b'{"content":[]}', call()).usage is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"content":5}', b"{}", b"[" * 3000])
def test_what_is_no_answer_is_garbled_and_nothing_was_used(body: bytes) -> None:
    with pytest.raises(Garbled):
        VENDOR.whole(body, call())
    assert VENDOR.spent(body).received == 0


def test_an_error_inside_a_success_is_what_it_means() -> None:
    with pytest.raises(Failed) as caught:
        VENDOR.whole(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', call())
    assert caught.value.said is not None
    assert caught.value.said.status == 529


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_where_a_body_was_asked_for_is_put_together(name: str) -> None:
    whole = VENDOR.whole(STREAMS[name], call())
    said = json.loads(whole.data)
    assert said["type"] == "message"
    assert said["stop_reason"] == whole.finish
    assert VENDOR.spent(STREAMS[name]).usage == whole.usage


def test_a_stream_that_is_no_answer_raises_where_a_body_was_asked_for() -> None:
    for stream, kind in (
        (STREAMS["overloaded"], Garbled),
        (START, Garbled),
        (START + OPEN + event("content_block_delta", index=0, delta={"type": "novel", "text": "x"}) + END, Garbled),
    ):
        with pytest.raises(kind) as caught:
            VENDOR.whole(stream, call())
        assert not isinstance(caught.value, Cut)
    assert VENDOR.spent(START + OPEN + WORD).received == 2


def test_the_model_is_put_into_the_callers_bytes_and_a_bound_where_he_set_none() -> None:
    body = b'{"model":"a","messages":[ {"role":"user","content":"x"} ],"novel" : 1}'
    assert VENDOR.request(call(body), b'"m"', counted=True) == body.replace(b'"a"', b'"m"')
    assert json.loads(VENDOR.request(call(body, 50), b'"m"', counted=True))["max_tokens"] == 50
    null = body.replace(b'"novel"', b'"max_tokens":null,"novel"')
    assert json.loads(VENDOR.request(call(null, 50), b'"m"', counted=True))["max_tokens"] == 50
    other = body.replace(b'"novel"', b'"max_other":7,"novel"')
    assert json.loads(VENDOR.request(call(other, 50), b'"m"', counted=True))["max_tokens"] == 50
    assert VENDOR.begun(body, "message") == body


def test_headers_that_speak_of_an_account_pass_in_no_direction() -> None:
    passing = ["anthropic-version", "anthropic-beta", "traceparent", "idempotency-key"]
    held = ["anthropic-organization-id", "anthropic-workspace-id", "x-api-key", "openai-organization"]
    assert [name for name in passing + held if VENDOR.forwards(name.encode())] == passing
    headers = [
        (b"request-id", b"req_9"),
        (b"anthropic-organization-id", b"org"),
        (b"anthropic-ratelimit-requests-remaining", b"5"),
        (b"x-more", b"1"),
        (b"x-other", b"1"),
    ]
    told = VENDOR.returned(headers, frozenset({b"x-more", b"anthropic-organization-id"}))
    assert told == ("req_9", ((b"anthropic-ratelimit-requests-remaining", b"5"), (b"x-more", b"1")))


def test_the_other_operation_counts_tokens() -> None:
    counting = CountedTokens()
    body = b'{"model":"a","messages":[]}'
    assert counting.request(call(body), b'"m"', counted=False) == body.replace(b'"a"', b'"m"')
    assert counting.decoder(call()) is None
    assert counting.whole(b'{"input_tokens":5}', call()).data == b'{"input_tokens":5}'
    assert counting.spent(b"{}").received == 0
    with pytest.raises(Garbled):
        counting.whole(b'{"input_tokens":"many"}', call())
    assert isinstance(VENDOR.decoder(call()), MessagesDecoder)
    assert isinstance(VENDOR.pieces(), MessagesPieces)
    assert MESSAGES.encoder(call()).end()


def test_tokens_are_never_asked_for() -> None:
    assert not VENDOR.refuses_counting(CallError(), call())
    assert not CountedTokens().refuses_counting(CallError(), call())
