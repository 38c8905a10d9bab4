"""Drills whose callers ask in each API, and copies of systems whose vendors speak others than OpenAI's."""

from __future__ import annotations

import msgspec
import pytest

from headworks.core.errors import CallError, Cut, Failed, TooLong
from headworks.drill.answer_reading import READINGS
from headworks.drill.call_outcome import CallerResponse, classify, code_in
from headworks.drill.library import library
from headworks.drill.report import drill_outcome
from headworks.drill.system_copy import CopyAddresses, copied_file, resumes
from headworks.drill.virtual_time import drill_in_virtual_time
from headworks.providers.scripted import Stream
from headworks.wire.client_apis import CLIENT_APIS
from tests.drill.systems import STARTER, WIDE, system
from tests.wire.answering import WORDS, answer

LIBRARY = library()
OTHERS = ("messages", "responses", "gemini", "completions")
TELLING = ("error-529", "context-length", "content-filter", "reset-after-head", "stall")
"""Of each kind of fault one or two: before the first content, in place of an answer, and after the first content."""

EXACT = "One two three."


@pytest.mark.parametrize("name", TELLING)
@pytest.mark.parametrize("dialect", OTHERS)
def test_a_drill_holds_for_callers_of_every_api(dialect: str, name: str) -> None:
    came = drill_outcome(name, drill_in_virtual_time(system(STARTER), name, LIBRARY[name], 0, dialect))
    assert (came.verdict, came.why) == ("holds", [])
    if name not in ("context-length", "content-filter") and dialect != "completions":
        assert {call.kind for call in came.calls} == {"whole"}


def test_a_stream_of_an_api_that_nothing_can_go_on_with_is_not_expected_to_be_made_whole() -> None:
    wide = system(WIDE)
    assert {word: resumes(wide, "assistant", word) for word in WORDS} == {
        **dict.fromkeys(WORDS, True),
        "completions": False,
    }


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("word", WORDS)
def test_an_answer_of_any_api_is_whole_to_the_letter_or_is_not(word: str, streamed: bool) -> None:
    data = answer(CLIENT_APIS[word], Stream(pieces=["One ", "two ", "three."]), streamed=streamed)

    def kind(exact: str) -> str:
        return classify(CallerResponse(status=200, body=data), exact, streamed=streamed, dialect=word).kind

    assert kind(EXACT) == "whole"
    assert kind(EXACT + " Four.") == "truncated"
    assert kind("Four.") == "wrong"
    garbage = CallerResponse(status=200, body=b"<html>")
    assert classify(garbage, EXACT, streamed=streamed, dialect=word).kind == ("truncated" if streamed else "wrong")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("finish", "code"), [("length", "length"), ("content_filter", "content_filter")])
@pytest.mark.parametrize("word", WORDS)
def test_an_answer_that_says_it_is_short_does_not_look_whole(word: str, finish: str, code: str, streamed: bool) -> None:
    data = answer(CLIENT_APIS[word], Stream(pieces=["One ", "two "], finish=finish), streamed=streamed)
    came = classify(CallerResponse(status=200, body=data), EXACT, streamed=streamed, dialect=word)
    assert (came.kind, came.code) == ("error", code)


@pytest.mark.parametrize("error", [Failed("It broke."), TooLong("It is too long.")])
@pytest.mark.parametrize("word", WORDS)
def test_an_error_is_told_with_the_word_of_its_api(word: str, error: CallError) -> None:
    dialect = CLIENT_APIS[word].caller
    body = dialect.problem(error)
    came = classify(CallerResponse(status=dialect.status(error), body=body), EXACT, streamed=True, dialect=word)
    assert (came.kind, came.status, bool(came.code)) == ("error", dialect.status(error), True)
    assert error.code != "context_length_exceeded" or came.code == code_in(word, error.code)
    unreadable = CallerResponse(status=500, body=b'{"error":"no"}')
    assert classify(unreadable, EXACT, streamed=True, dialect=word).kind == "broken"


@pytest.mark.parametrize("word", WORDS)
def test_an_error_event_ends_a_stream_of_every_api(word: str) -> None:
    api = CLIENT_APIS[word]
    data = answer(api, Stream(pieces=["One ", "two ", "three."]), streamed=True)
    half = data[: data.index(b"three")]
    begun = half[: half.rindex(b"\n\n") + 2] + api.caller.event(Cut("It broke."))
    came = classify(CallerResponse(status=200, body=begun), EXACT, streamed=True, dialect=word)
    assert (came.kind, came.after_head) == ("error", True)
    failed = b'event: response.failed\ndata: {"type":"response.failed","response":{"error":null}}\n\n'
    assert READINGS["responses"].stream(failed).error == {"message": "failed"}


def test_a_hypothesis_is_told_in_the_callers_words() -> None:
    assert code_in("chat", "context_length_exceeded") == "context_length_exceeded"
    assert code_in("messages", "context_length_exceeded") == "invalid_request_error"
    assert code_in("gemini", "context_length_exceeded") == "INVALID_ARGUMENT"
    assert code_in("messages", "of_nobody") == "of_nobody"


PLACED = {name: f"http://127.0.0.1:700{at}/v1" for at, name in enumerate(("a", "g", "v", "b", "z", "o", "q", "s"))}
EACH = b"""
version: 1
providers:
  a: {dialect: anthropic, api_key: "${env:A}"}
  g: {dialect: gemini, api_key: "${env:A}"}
  v: {dialect: vertex, project: mine, api_key: "${env:A}"}
  b: {dialect: bedrock, base_url: "https://bedrock-runtime.us-east-1.amazonaws.com", api_key: "${env:A}"}
  z: {dialect: azure, base_url: "https://mine.openai.azure.com/openai/v1", api_key: "${env:A}"}
  o: {dialect: openai, base_url: "https://api.openai.com/v1", api_key: "${env:A}"}
  q: {dialect: groq, api_key: "${env:A}"}
  s: {dialect: simulated}
models: {assistant: [a/m, g/m, v/m, b/m, z/m, o/m, q/m, s/m]}
"""


def test_a_copys_vendors_speak_what_the_systems_vendors_speak() -> None:
    content = copied_file(system(EACH), CopyAddresses(urls=PLACED))
    made = msgspec.json.decode(content)["providers"]
    assert {name: one["dialect"] for name, one in made.items()} == {
        "a": "anthropic",
        "g": "gemini",
        "v": "gemini",
        "b": "bedrock",
        "z": "openai",
        "o": "openai",
        "q": "openai",
        "s": "openai",
    }
    assert "responses" in made["o"]["apis"]
    assert "apis" not in made["s"]
    assert {name: one["base_url"] for name, one in made.items()} == PLACED
    for word in (b"env", b"mine", b"amazonaws", b"azure"):
        assert word not in content
