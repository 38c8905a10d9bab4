"""What `headworks record` asks of which vendor, and how what comes back is kept."""

from __future__ import annotations

import msgspec
import pytest

from headworks.wire.bedrock.vendor import BEDROCK
from headworks.wire.capture import Answered, answered, read
from headworks.wire.capture_questions import questions
from headworks.wire.openai.dialect import OPENAI, SIDES, speaking
from tests.wire.bedrock import frames

CHATS = ["text", "text_streamed", "tool", "tool_streamed", "error", "error_streamed"]
RESPONSES = ["responses_text", "responses_text_streamed", "responses_tool", "responses_tool_streamed"]


def test_every_vendor_is_asked_by_chat_and_by_responses_where_it_has_it() -> None:
    assert [one.name for one in questions(OPENAI)] == CHATS
    assert [one.name for one in questions(BEDROCK)] == CHATS
    assert [one.name for one in questions(speaking(tuple(SIDES)))] == CHATS + RESPONSES


def test_what_is_asked_is_a_call_of_its_api_and_only_the_last_is_to_be_refused() -> None:
    for one in questions(speaking(tuple(SIDES))):
        assert one.dialect.read(one.body).streamed == one.streamed
        assert one.is_refused == one.name.startswith("error")
        assert (b"get_weather" in one.body) == ("tool" in one.name)


def test_what_is_no_text_is_kept_in_base64() -> None:
    data = frames.stream([frames.delta(0, {"text": "hello"})])
    kept = answered(200, {}, data)
    assert (kept.body, kept.data) == ("", data)
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Answered).data == data


@pytest.mark.parametrize(("streamed", "data"), [(False, b"<html>"), (True, b"data: {}\n\n"), (True, b"")])
def test_what_is_no_answer_is_read_as_the_error_that_it_is(streamed: bool, data: bytes) -> None:
    found = read(OPENAI["openai.chat"], streamed, b'{"model":"a","messages":[]}', answered(200, {}, data))
    assert found.error
    assert not found.is_whole
