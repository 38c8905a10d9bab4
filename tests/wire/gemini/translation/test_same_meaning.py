"""Gemini's API to Gemini's API through the hub means the same: what clients send, and what was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.wire import hub
from headworks.wire.gemini.decoder import GenerateDecoder
from headworks.wire.gemini.forms import as_body, parted
from headworks.wire.gemini.translation.decoder import GeneratePieces
from headworks.wire.gemini.translation.encoder import GenerateEvents
from headworks.wire.gemini.translation.question_reader import question_of
from headworks.wire.gemini.translation.question_writer import body_of
from headworks.wire.gemini.translation.table import TABLE
from tests.wire.gemini.corpus import ANSWERS, QUESTIONS, SPELLED, WHOLE_STREAMS, body


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_comes_back_member_by_member(name: str) -> None:
    assert json.loads(body_of(question_of(body(QUESTIONS[name])), "m")) == without_nulls(QUESTIONS[name])


@pytest.mark.parametrize("name", SPELLED)
def test_a_question_in_other_words_means_the_same(name: str) -> None:
    said, written = SPELLED[name]
    assert json.loads(body_of(question_of(body(said)), "m")) == written


@pytest.mark.parametrize("name", QUESTIONS)
def test_of_a_question_in_this_dialect_nothing_is_left_out_or_refused(name: str) -> None:
    assert hub.carried(question_of(body(QUESTIONS[name])), TABLE).left_out == ()


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_the_same_on_the_other_side(name: str) -> None:
    written = GenerateEvents().whole(GeneratePieces().whole(ANSWERS[name]))
    assert told(json.loads(written)) == told(json.loads(ANSWERS[name]))


@pytest.mark.parametrize("name", WHOLE_STREAMS)
def test_a_stream_means_the_same_on_the_other_side(name: str) -> None:
    decoder = GenerateDecoder(b"{}")
    chunks = decoder.feed(WHOLE_STREAMS[name]) + decoder.end()
    vendor, caller = GeneratePieces(), GenerateEvents()
    written = b"".join([caller.feed(vendor.feed(chunk.data)) for chunk in chunks])
    written += caller.feed(vendor.end()) + caller.end()
    assert counted(written) == counted(parted(chunks)[0])


def counted(events: bytes) -> Any:
    """A stream as one body, and of a stream without tokens with some."""
    tokens = b'data: {"usageMetadata": {}}\n\n'
    made = as_body(tokens + events, b"")
    return (
        told(json.loads(made)) if made is not None else [one for one in events.split(b"\n") if b"promptFeedback" in one]
    )


def told(said: dict[str, Any]) -> Any:
    """What was said, without what says nothing: an empty text, an index of 0, a role that is the model's."""
    for candidate in said.get("candidates", ()):
        candidate.setdefault("index", 0)
        content = candidate.setdefault("content", {})
        content.pop("role", None)
        content["parts"] = [part for part in content.get("parts", ()) if part != {"text": ""}]
    for name in ("modelVersion", "responseId"):
        said[name] = said.get(name) or ""
    return said


def without_nulls(value: Any) -> Any:
    """Members of the body that are null are none; what stands within other members is the caller's own."""
    return {name: one for name, one in value.items() if one is not None}
