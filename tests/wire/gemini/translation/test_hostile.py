"""Nothing that a caller or a vendor sends raises anything but our errors, and citations cost no more than their text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core.errors import CallError, Garbled, Malformed
from headworks.wire import hub
from headworks.wire.gemini.translation import question_reader
from headworks.wire.gemini.translation.citations import LONGEST, MOST, citations_of, grounding_of
from headworks.wire.gemini.translation.decoder import GeneratePieces
from headworks.wire.gemini.translation.encoder import GenerateEvents
from headworks.wire.gemini.translation.question_reader import question_of
from headworks.wire.gemini.translation.question_writer import body_of
from headworks.wire.gemini.translation.words import finish_word, likely_of
from tests.laws import examples
from tests.wire.gemini.corpus import ANSWERS, QUESTIONS, body

DEEP = b"[" * 2000 + b"]" * 2000


@pytest.mark.parametrize(
    ("said", "param", "words"),
    [
        (b"{", None, "not valid JSON"),
        (b'{"contents":5}', "contents", "must be a list"),
        (b'{"contents":[5]}', "contents[0]", "a list of `parts`"),
        (b'{"contents":[{"parts":[]},{"parts":5}]}', "contents[1]", "a list of `parts`"),
        (b'{"contents":[],"x":' + DEEP + b"}", None, "too deep"),
        (b'{"contents":[],"x":%b}' % (b"9" * 5000), None, "a number is too long"),
    ],
)
def test_a_body_that_cannot_be_read_is_malformed(said: bytes, param: str | None, words: str) -> None:
    with pytest.raises(Malformed, match=words) as caught:
        question_of(said)
    assert caught.value.param == param


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def test_what_could_just_be_read_may_be_too_deep_to_be_written_and_is_malformed_then() -> None:
    question = hub.Question(model="m", turns=(), origin=hub.GENERATE, extra={hub.GENERATE: {"x": nested(2000)}})
    with pytest.raises(Malformed, match="too deep"):
        body_of(question, "m")


def test_what_the_reader_has_no_stack_left_for_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(found: object) -> hub.Question:
        raise RecursionError

    monkeypatch.setattr(question_reader, "_question", exhausted)
    with pytest.raises(Malformed, match="too deep"):
        question_of(b'{"contents":[]}')


@pytest.mark.parametrize("said", [b"[]", b"{", b"5", b'{"x":' + DEEP + b"}"])
def test_what_is_no_answer_is_garbled(said: bytes) -> None:
    with pytest.raises(Garbled):
        GeneratePieces().whole(said)
    with pytest.raises(Garbled):
        GeneratePieces().feed(b"data: %b\n\n" % said)


ODD = st.recursive(
    st.sampled_from([None, True, 0, 1.5, "", "x", "STOP", 2**70]),
    lambda inside: (
        st.lists(inside, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "candidates",
                        "content",
                        "parts",
                        "text",
                        "functionCall",
                        "args",
                        "name",
                        "finishReason",
                        "index",
                        "id",
                    ),
                    *(
                        "usageMetadata",
                        "promptTokenCount",
                        "groundingMetadata",
                        "groundingChunks",
                        "groundingSupports",
                        "web",
                    ),
                    *(
                        "segment",
                        "endIndex",
                        "groundingChunkIndices",
                        "logprobsResult",
                        "chosenCandidates",
                        "topCandidates",
                    ),
                    *(
                        "promptFeedback",
                        "blockReason",
                        "inlineData",
                        "fileData",
                        "functionResponse",
                        "response",
                        "contents",
                    ),
                    *(
                        "tools",
                        "functionDeclarations",
                        "toolConfig",
                        "functionCallingConfig",
                        "mode",
                        "generationConfig",
                    ),
                    *(
                        "thinkingConfig",
                        "systemInstruction",
                        "role",
                        "citationMetadata",
                        "responseSchema",
                        "mimeType",
                        "data",
                    ),
                ]
            ),
            inside,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(ODD)
@settings(max_examples=examples(15))
def test_whatever_a_vendor_says_is_told_or_is_an_error_of_ours(said: Any) -> None:
    for answer in (
        said,
        {"candidates": [said, {"content": {"parts": [said]}, **(said if isinstance(said, dict) else {})}]},
    ):
        data = body(answer)
        vendor, caller = GeneratePieces(), GenerateEvents()
        try:
            caller.feed(vendor.feed(b"data: %b\n\n" % data))
            caller.end()
            GenerateEvents().whole(GeneratePieces().whole(data))
        except CallError:
            pass


@given(ODD)
@settings(max_examples=examples(15))
def test_whatever_a_caller_says_is_asked_or_is_an_error_of_ours(said: Any) -> None:
    for asked in (
        said,
        {"contents": [{"parts": [said]}], "tools": [said], "toolConfig": said, "generationConfig": said},
    ):
        try:
            body_of(question_of(body(asked)), "gemini-3-pro")
        except CallError:
            pass


def grounded(
    *supports: Any, chunks: Any = ({"web": {"uri": "u", "title": 5}}, {"retrievedContext": {"uri": "r"}}, {})
) -> Any:
    return {"groundingMetadata": {"groundingChunks": list(chunks), "groundingSupports": list(supports)}}


def test_citations_are_bounded_and_odd_ones_are_none() -> None:
    many = grounded(*[{"segment": {"endIndex": 1}, "groundingChunkIndices": [0, 0]}] * (MOST + 5))
    assert len(citations_of(many, ["ab"])[0]) == MOST
    odd = grounded("x", {"groundingChunkIndices": 5}, {"segment": 5, "groundingChunkIndices": [9, "0", 2]})
    [found] = citations_of(odd, ["ab"])[0]
    assert (found.url, found.start) == ("", -1)
    assert citations_of(many, []) == {}
    assert citations_of({"groundingMetadata": 5, "citationMetadata": 5}, ["a"]) == {}


def test_ranges_are_in_characters_of_the_part_that_they_name() -> None:
    found = citations_of(
        grounded({"segment": {"partIndex": 1, "startIndex": 3, "endIndex": 99}, "groundingChunkIndices": [1]}),
        ["a", "éé!"],
    )
    assert [(one.url, one.start, one.end) for one in found[1]] == [("r", 1, 3)]
    ascii_text = citations_of(
        grounded({"segment": {"partIndex": 9, "endIndex": 99}, "groundingChunkIndices": [0]}), ["ab"]
    )
    assert [(one.start, one.end) for one in ascii_text[0]] == [(0, 2)]
    long = citations_of(grounded({"segment": {"endIndex": 9}, "groundingChunkIndices": [0]}), ["é" * (LONGEST + 1)])
    assert (long[0][0].start, long[0][0].end) == (-1, -1)


def test_chunks_without_a_range_are_of_the_last_text() -> None:
    assert list(citations_of(grounded(chunks=[{"web": {"uri": "u"}}]), ["a", "b"])) == [1]


def test_citations_of_any_api_become_ranges_in_bytes() -> None:
    cited = [
        (0, "é b", [hub.Citation(url="u", title="t", start=2, end=3), hub.Citation(title="no address")]),
        (
            2,
            "abc",
            [hub.Citation(url="u", title="t", start=0, end=9), hub.Citation(url="u", unit="page", start=1, end=1)],
        ),
    ]
    said = grounding_of(cited)
    assert said["groundingChunks"] == [{"web": {"uri": "u", "title": "t"}}, {"web": {"uri": "u", "title": ""}}]
    assert [one["segment"] for one in said["groundingSupports"]] == [
        {"startIndex": 3, "endIndex": 4, "text": "b"},
        {"partIndex": 2, "endIndex": 3, "text": "abc"},
        {"partIndex": 2, "endIndex": 3, "text": "abc"},
    ]
    assert grounding_of([]) == {}


def test_likelihoods_of_other_forms_are_none_and_short_lists_are_filled() -> None:
    assert likely_of(None) is None
    assert likely_of({"chosenCandidates": [5]}) is None
    found = likely_of(
        {
            "chosenCandidates": [{"token": "a", "logProbability": "x", "tokenId": 5}, {}],
            "topCandidates": [{"candidates": [5, {"token": "b"}]}],
        }
    )
    assert found is not None
    assert [(one.token, one.logprob, [other.token for other in one.others]) for one in found] == [
        ("a", None, ["b"]),
        ("", None, []),
    ]
    assert likely_of({"chosenCandidates": [{}], "topCandidates": ["x"]}) == (hub.Likely(token=""),)


def test_the_corpus_is_asked_of_nobody_else_without_an_error_of_ours() -> None:
    for said in QUESTIONS.values():
        assert question_of(json.dumps(said).encode()).origin == hub.GENERATE
    assert all(GeneratePieces().whole(one).choices for one in ANSWERS.values())
    assert finish_word(hub.Finish(reason="pause")) == "STOP"
