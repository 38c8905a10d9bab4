"""An answer in its other form, and a stream that goes on with another attempt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.dialect import Before
from headworks.core.errors import Diverged
from headworks.core.reply import Chunk, Usage
from headworks.policy.midstream import ReplayFilter
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.gemini.decoder import GenerateDecoder
from headworks.wire.gemini.splice import Rewriting, config_of
from headworks.wire.sse import events_in
from tests.wire.gemini.corpus import ANSWERS, STREAMS, WHOLE_STREAMS, body, configured
from tests.wire.gemini.corpus import question as asking
from tests.wire.gemini.test_stream import event

FORMS = GENERATE.forms
SPLICE = GENERATE.splice


def chunks(stream: bytes) -> list[Chunk]:
    decoder = GenerateDecoder(b"{}")
    return decoder.feed(stream) + decoder.end()


def as_body(stream: bytes) -> Any:
    made = FORMS.as_body(*FORMS.parted(chunks(stream)))
    return None if made is None else json.loads(made)


def test_a_stream_as_a_body() -> None:
    said = as_body(STREAMS["thinking_call.sse"])
    assert [list(part) for part in said["candidates"][0]["content"]["parts"]] == [
        ["text", "thought"],
        ["functionCall", "thoughtSignature"],
        ["text"],
    ]
    assert said["candidates"][0]["content"]["parts"][0]["text"].startswith("**Calculating**")
    assert said["candidates"][0]["content"]["parts"][0]["text"].endswith("the rest.\n")
    assert said["usageMetadata"]["candidatesTokenCount"] == 12
    assert said["responseId"] == "48SHaPHpHKbG-8YPtZCawAk"


def test_what_grows_and_what_is_said_last() -> None:
    sources = as_body(STREAMS["recitation.sse"])["candidates"][0]["citationMetadata"]["citationSources"]
    assert [one["uri"] for one in sources] == ["https://www.example.com/", "https://www.example.com/b"]
    first, second = as_body(STREAMS["two_candidates.sse"])["candidates"]
    assert first["content"]["parts"] == [{"text": "one."}]
    assert (second["content"]["parts"], second["finishReason"]) == ([{"text": "uno!"}], "MAX_TOKENS")
    tokens = {"usageMetadata": {"promptTokenCount": 1}}
    likely = [
        event({"text": text}, **tokens).replace(
            b'"index"', b'"logprobsResult": {"chosenCandidates": [{"token": "%b"}], "n": 1}, "index"' % text.encode()
        )
        for text in "ab"
    ]
    said = as_body(b"".join(likely) + event(finish="STOP", **tokens))
    assert said["candidates"][0]["logprobsResult"] == {"chosenCandidates": [{"token": "a"}, {"token": "b"}], "n": 1}


@pytest.mark.parametrize(
    "stream",
    [
        STREAMS["finish_message.sse"],
        event({"text": "a"}, usageMetadata={}),
        event({"text": "a"}, usageMetadata={}, novel=1) + event(finish="STOP", usageMetadata={}, novel=2),
        b'data: {"usageMetadata": {}, "candidates": [{"index": 1, "finishReason": "STOP"}]}\n\n',
        b'data: {"usageMetadata": {}, "candidates": [{"index": "0", "finishReason": "STOP"}]}\n\n',
        b'data: {"usageMetadata": {}, "candidates": [{"content": {"parts": [5]}, "finishReason": "STOP"}]}\n\n',
        b'data: {"usageMetadata": {}, "candidates": [5]}\n\n',
        b"data: [5]\n\n",
        b"data: ping\n\n",
    ],
)
def test_what_cannot_be_told_for_certain_is_none(stream: bytes) -> None:
    assert FORMS.as_body(stream, b"") is None


def test_a_blocked_prompt_has_no_candidates_in_any_form() -> None:
    blocked = b'data: {"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":1}}\n\n'
    assert FORMS.as_body(blocked, b"") == blocked[6:-2]


def test_a_body_is_one_event_on_one_line() -> None:
    made = FORMS.as_events(ANSWERS["cached.json"])
    assert made is not None
    assert json.loads(made[0][6:]) == json.loads(ANSWERS["cached.json"])
    assert (made[0].count(b"\n"), made[1], FORMS.end) == (2, b"", b"")
    assert [FORMS.as_events(one) for one in (ANSWERS["parallel_calls.json"], b"[]", b"{")] == [None, None, None]


@pytest.mark.parametrize("name", ["short.sse", "code_execution.sse", "image.sse", "utf8.sse"])
def test_there_and_back(name: str) -> None:
    made = FORMS.as_body(*FORMS.parted(chunks(WHOLE_STREAMS[name])))
    assert made is not None
    again = FORMS.as_events(made)
    assert again is not None
    assert FORMS.as_body(*again) == made


@pytest.mark.parametrize(
    ("finish", "is_bounded", "is_finished"),
    [
        ("STOP", False, True),
        ("MAX_TOKENS", False, False),
        ("MAX_TOKENS", True, True),
        ("SAFETY", True, False),
        (None, True, False),
    ],
)
def test_an_answer_that_lacks_nothing_is_finished(finish: str | None, is_bounded: bool, is_finished: bool) -> None:
    assert FORMS.is_finished(b"{}", b"", finish, streamed=False, is_bounded=is_bounded) == is_finished


def test_every_candidate_has_to_be_finished() -> None:
    two = body(configured(candidateCount=2))
    stream = STREAMS["two_candidates.sse"]
    assert FORMS.is_finished(two, stream, "STOP", streamed=True, is_bounded=True)
    assert not FORMS.is_finished(two, stream, "STOP", streamed=True, is_bounded=False)
    assert not FORMS.is_finished(two, ANSWERS["cached.json"], "STOP", streamed=False, is_bounded=True)
    assert not FORMS.is_finished(two, b"{", "STOP", streamed=False, is_bounded=True)


# Going on


@pytest.mark.parametrize(
    ("said", "may_resume", "may_continue"),
    [
        (asking(), True, True),
        (configured(responseModalities=["TEXT"], responseMimeType="text/plain"), True, True),
        (configured(responseModalities=["IMAGE"]), False, True),
        (configured(responseModalities="TEXT"), False, True),
        (configured(responseLogprobs=True), False, True),
        (configured(candidateCount=2), False, True),
        ({"generation_config": {"response_mime_type": "application/json"}}, True, False),
        ({"generationConfig": 5}, True, True),
    ],
)
def test_what_may_be_gone_on_with(said: Any, may_resume: bool, may_continue: bool) -> None:
    assert (SPLICE.may_resume(body(said)), SPLICE.may_continue(body(said))) == (may_resume, may_continue)
    assert isinstance(config_of(body(said)), dict)


@pytest.mark.parametrize(
    ("data", "reasoning"),
    [
        (event({"text": "hm", "thought": True}) + event({"text": "a"}), "hm"),
        (event({"functionCall": {"name": "f"}}), None),
        (event({"inlineData": {}}), None),
        (event({"text": "", "thoughtSignature": "x"}), None),
        (b'data: {"candidates": [{"index": 1, "content": {"parts": [{"text": "a"}]}}]}\n\n', None),
        (b"data: ping\n\n", None),
        (b'data: {"usageMetadata": {}}\n\n', ""),
    ],
)
def test_the_thoughts_of_an_event(data: bytes, reasoning: str | None) -> None:
    assert SPLICE.reasoning_in(data) == reasoning


FIRST = b'data: {"responseId":"first","modelVersion":"one","candidates":[]}\n\n'
TOKENS = {
    "usageMetadata": {
        "promptTokenCount": 30,
        "cachedContentTokenCount": 25,
        "candidatesTokenCount": 3,
        "totalTokenCount": 33,
        "promptTokensDetails": [],
    }
}
AGAIN = (
    event({"text": "hm", "thought": True}, responseId="second", modelVersion="two")
    + event({"text": "Hello"})
    + event({"text": " world"})
    + event({"text": ""}, finish="STOP", **TOKENS)
)


def spliced(stream: bytes, said: str = "", reasoning: str = "", before: Before | None = None) -> list[Chunk]:
    rewriting = SPLICE.rewriting(FIRST, ReplayFilter(said, reasoning), before)
    return [fresh for chunk in chunks(stream) if (fresh := rewriting.chunk(chunk)) is not None]


def contents(shown: list[Chunk]) -> list[Any]:
    return [json.loads(one.data) for one in events_in(b"".join([chunk.data for chunk in shown]))]


@pytest.mark.parametrize("end", range(len("Hello world") + 1))
def test_wherever_it_broke_the_rest_follows_exactly(end: int) -> None:
    said = "Hello world"[:end]
    shown = spliced(AGAIN, said, "hm")
    parts = [part for one in contents(shown) for part in one["candidates"][0]["content"]["parts"]]
    assert said + "".join([part["text"] for part in parts]) == "Hello world"
    assert said + "".join([chunk.text for chunk in shown]) == "Hello world"
    assert all((one["responseId"], one["modelVersion"]) == ("first", "one") for one in contents(shown))
    assert [chunk.finish for chunk in shown if chunk.finish] == ["STOP"]
    assert shown[-1].last


def test_thoughts_that_were_not_shown_are_and_other_words_diverge() -> None:
    [thought, *_] = contents(spliced(AGAIN, "", "h"))
    assert thought["candidates"][0]["content"]["parts"] == [{"text": "m", "thought": True}]
    with pytest.raises(Diverged):
        spliced(AGAIN, "Hallo", "hm")
    with pytest.raises(Diverged):
        SPLICE.rewriting(FIRST, ReplayFilter(""), None).chunk(Chunk(data=b"data: {\n\n"))


def test_what_is_no_text_is_shown_where_all_was_said() -> None:
    call = event({"functionCall": {"name": "f", "args": {}}}) + event(finish="STOP")
    [first, *_] = contents(spliced(call))
    assert "functionCall" in first["candidates"][0]["content"]["parts"][0]
    blocked = b'data: {"promptFeedback": {"blockReason": "SAFETY"}, "candidates": [{"content": 5}, {"content": {"role": "model"}}]}\n\n'
    assert contents(spliced(blocked))[0]["promptFeedback"]
    assert Rewriting(FIRST, ReplayFilter(""), None).chunk(Chunk(data=b"data: [1]\n\n")) is None


@pytest.mark.parametrize(
    ("before", "usage"),
    [
        (
            Before(asked=Usage(input=10), said=5, handed=0),
            {"promptTokenCount": 10, "cachedContentTokenCount": 10, "candidatesTokenCount": 8, "totalTokenCount": 18},
        ),
        (
            Before(asked=None, said=5, handed=4),
            {"promptTokenCount": 26, "cachedContentTokenCount": 25, "candidatesTokenCount": 8, "totalTokenCount": 34},
        ),
    ],
)
def test_the_tokens_are_those_of_the_whole_answer(before: Before, usage: Any) -> None:
    [said] = contents(spliced(event(finish="STOP", **TOKENS), before=before))
    assert said["usageMetadata"] == usage


def test_tokens_that_are_not_told_are_not_made_up() -> None:
    before = Before(asked=Usage(input=10), said=5)
    [said] = contents(spliced(event(finish="STOP", usageMetadata={"thoughtsTokenCount": 1}), before=before))
    assert said["usageMetadata"] == {"thoughtsTokenCount": 1}
    [said] = contents(spliced(event(finish="STOP", usageMetadata={"promptTokenCount": 12}), before=before))
    assert said["usageMetadata"] == {"promptTokenCount": 10, "candidatesTokenCount": 5}


@pytest.mark.parametrize(
    ("said", "config"),
    [
        (asking(), None),
        (configured(maxOutputTokens=10, seed=1), {"maxOutputTokens": 8, "seed": 1}),
        ({"contents": [1], "generation_config": {"max_output_tokens": 1}}, {"max_output_tokens": 1}),
        (configured(maxOutputTokens=0), {"maxOutputTokens": 0}),
    ],
)
def test_the_beginning_of_an_answer_is_the_models_last_content(said: Any, config: Any) -> None:
    made = json.loads(SPLICE.prefilled(body(said), "Hello w", "message"))
    assert made["contents"][-1] == {"role": "model", "parts": [{"text": "Hello w"}]}
    assert made.get("generationConfig", made.get("generation_config")) == config
