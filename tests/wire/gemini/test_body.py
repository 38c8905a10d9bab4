"""What a caller of Gemini's API asks, what of it weighs, what makes two calls equal, and what every model takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.dialect import Asked, Weight
from headworks.core.errors import Malformed
from headworks.wire.gemini.body import choices_asked, read_generate, with_bound
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.gemini.ordinary import DENSE as MOST_ORDINARY
from headworks.wire.gemini.question import LARGE, question
from headworks.wire.gemini.vendor import GeminiGenerate
from headworks.wire.gemini.weight import DENSE
from tests.wire.gemini.corpus import body, configured, user
from tests.wire.gemini.corpus import question as asking

PATH = "/v1beta/models/gemini-x:generateContent"
STREAMED = "/v1beta/models/gemini-x:streamGenerateContent?alt=sse&key=k"
HI = body(asking())


@pytest.mark.parametrize(
    ("path", "model", "streamed"),
    [
        (PATH, "gemini-x", False),
        (STREAMED, "gemini-x", True),
        ("/v1/models/org%2Fx%20y:generateContent", "org/x y", False),
        ("/v1beta/models/org/x:8b:streamGenerateContent?alt=sse", "org/x:8b", True),
        ("", "", False),
    ],
)
def test_the_model_and_the_way_of_delivery_are_read_from_the_path(path: str, model: str, streamed: bool) -> None:
    assert read_generate(HI, path) == Asked(model, streamed, include_usage=True)


@pytest.mark.parametrize("query", ["", "?alt=json", "?key=alt"])
def test_a_stream_is_sent_as_events_only_and_the_refusal_says_how(query: str) -> None:
    with pytest.raises(Malformed, match=r"\?alt=sse") as caught:
        read_generate(HI, f"/v1beta/models/m:streamGenerateContent{query}")
    assert caught.value.param == "alt"


@pytest.mark.parametrize(
    ("config", "bound"),
    [
        ({"maxOutputTokens": 5}, 5),
        ({"max_output_tokens": "5"}, 5),
        ({"maxOutputTokens": 5.0, "candidateCount": 2}, 5),
        ({"maxOutputTokens": 0}, None),
        ({"maxOutputTokens": None}, None),
        ({}, None),
    ],
)
def test_the_bound_is_read_in_either_spelling(config: Any, bound: int | None) -> None:
    assert read_generate(body({"contents": [1], "generation_config": config}), PATH).max_output == bound


@pytest.mark.parametrize(
    ("said", "param", "words"),
    [
        ({}, "contents", "missing"),
        ({"contents": []}, "contents", "empty"),
        ({"contents": "hi"}, "contents", "must be a list"),
        ({"contents": [1], "generationConfig": 5}, "generationConfig", "must be an object"),
        ({"contents": [1], "generationConfig": {}, "generation_config": {}}, "generation_config", "occurs twice"),
        (
            {"contents": [1], "generationConfig": {"maxOutputTokens": "x"}},
            "generationConfig.maxOutputTokens",
            "whole number",
        ),
        (
            {"contents": [1], "generationConfig": {"maxOutputTokens": 2**40}},
            "generationConfig.maxOutputTokens",
            "too large",
        ),
        (
            {"contents": [1], "generationConfig": {"candidateCount": 1.5}},
            "generationConfig.candidateCount",
            "whole number",
        ),
    ],
)
def test_what_cannot_be_understood_names_its_field(said: Any, param: str, words: str) -> None:
    with pytest.raises(Malformed, match=words) as caught:
        read_generate(body(said), PATH)
    assert caught.value.param == param


def test_a_prompt_needs_no_contents_and_a_configuration_may_be_null() -> None:
    assert read_generate(b'{"generationConfig":null}', "/v1beta/models/prompt/x:generateContent").model == "prompt/x"


@pytest.mark.parametrize(
    ("said", "choices"),
    [
        (b"{}", 1),
        (b'{"x":"candidate"}', 1),
        (b'{"generationConfig":{"candidateCount":3}}', 3),
        (b'{"generation_config":{"candidate_count":2}}', 2),
        (b'{"generationConfig":{"candidateCount":"3"}}', 3),
        (b'{"generationConfig":{"\\u0063andidateCount":3}}', 3),
        (b'{"generationConfig":{"candidateCount":3.0}}', 3),
        (b'{"generationConfig":{"candidateCount":null}}', 1),
        (b'{"generationConfig":null,"x":"candidate"}', 1),
        (b'{"generationConfig":{"x":"candidate"}}', 1),
        (b'{"generationConfig":{"candidateCount":"many"}}', 1),
        (b'{"generationConfig":"candidate"}', 1),
    ],
)
def test_how_many_candidates_are_asked_for(said: bytes, choices: int) -> None:
    assert choices_asked(said) == choices


@pytest.mark.parametrize(
    ("said", "bounded"),
    [
        (b'{"contents": [1] }', b'{"contents": [1] ,"generationConfig":{"maxOutputTokens":9}}'),
        (b"{}", b'{"generationConfig":{"maxOutputTokens":9}}'),
        (
            b'{"generation_config": {"seed":1,"max_output_tokens":0}, "x": 1}',
            b'{"generation_config": {"seed":1,"maxOutputTokens":9}, "x": 1}',
        ),
        (b'{"generationConfig":null}', b'{"generationConfig":{"maxOutputTokens":9}}'),
    ],
)
def test_a_bound_is_put_in_and_every_other_byte_stays(said: bytes, bounded: bytes) -> None:
    assert with_bound(said, 9) == bounded


def test_without_a_bound_the_body_is_the_callers_own() -> None:
    call = Call(id="r", alias="a", body=HI, dialect=GENERATE)
    assert GeminiGenerate().request(call, b'"m"', counted=True) is HI


# Weight


BLOB = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}
SOUND = {"inline_data": {"mime_type": "audio/wav", "data": "UklG"}}


@pytest.mark.parametrize(
    ("said", "weight"),
    [
        (asking(), Weight()),
        (
            asking(
                user(
                    {"text": "a", "thoughtSignature": "x"},
                    {"functionCall": {}},
                    {"inlineData": {"mimeType": "text/csv"}},
                )
            ),
            Weight(),
        ),
        (asking(user(BLOB, BLOB)), Weight(pictures=(0, 2))),
        (asking(user(SOUND)), Weight(is_audible=True)),
        (
            asking(user({"functionResponse": {"parts": [BLOB]}}), systemInstruction={"parts": [BLOB]}),
            Weight(pictures=(0, 2)),
        ),
        (configured(candidateCount=3, responseModalities=["AUDIO"]), Weight(choices=3, is_audible=True)),
        (configured(responseModalities=["TEXT", "IMAGE"]), Weight(unbounded="generationConfig.responseModalities")),
        (asking(user({"fileData": {"fileUri": "gs://x"}})), Weight(unbounded="fileData")),
        (asking(user({"functionResponse": "odd"})), Weight(unbounded="functionResponse")),
        (asking(user({"inlineData": {"mimeType": "application/pdf"}})), Weight(unbounded="inlineData")),
        (asking(user({"inlineData": "odd"})), Weight(unbounded="inlineData")),
        (asking(user("odd")), Weight(unbounded="contents.parts")),
        (asking("odd"), Weight()),
        (asking(cachedContent="c"), Weight(unbounded="cachedContent")),
        (asking(cached_content="", tools=[{"function_declarations": []}, "odd"]), Weight()),
        (asking(tools=[{"googleSearch": {}}]), Weight(unbounded="tools.googleSearch")),
        ({"contents": 5, "generationConfig": 5, "tools": 5}, Weight()),
        ([], Weight(unbounded="contents")),
    ],
)
def test_what_decides_how_many_tokens_a_body_can_have(said: Any, weight: Weight) -> None:
    assert GENERATE.weigh(body(said)) == weight


def test_a_body_with_too_many_parts_is_not_weighed() -> None:
    for part in (b"{}", b"[]"):
        assert GENERATE.weigh(b'{"contents":[%b]}' % ((part + b",") * DENSE + part)).unbounded == "contents"


def test_a_body_of_bare_values_is_not_weighed() -> None:
    assert GENERATE.weigh(b'{"contents":[%b]}' % (b"1," * DENSE + b"1")).unbounded == "contents"
    assert GENERATE.weigh(b'{"contents":[%b]}' % (b"1," * (DENSE - 1) + b"1")) == Weight()


# Equal calls


def test_equal_questions_are_equal_whatever_their_spelling_and_order() -> None:
    first = question(body({"contents": [user({"text": "a"})], "generation_config": {"seed": 1}}))
    second = question(b'{"generationConfig": {"seed":1},  "contents":[{"parts":[{"text":"a"}],"role":"user"}]}')
    assert first == second is not None
    assert question(body(asking(user({"text": "b"})))) != first


@pytest.mark.parametrize(
    "said",
    [
        configured(temperature=0.5),
        configured(responseModalities=["AUDIO"]),
        {"contents": [1], "generation_config": {"response_modalities": ["IMAGE"]}},
        asking(cachedContent="c"),
        asking(cached_content="c"),
        asking(store=True),
        asking(tools=[{"googleSearch": {}}]),
        asking(tools=5),
        [1],
    ],
)
def test_some_answers_are_not_shared(said: Any) -> None:
    assert question(body(said)) is None


@pytest.mark.parametrize(
    "said",
    [
        configured(temperature=0, responseModalities=["text"]),
        asking(tools=[{"functionDeclarations": [{"name": "f"}]}, {"function_declarations": []}]),
    ],
)
def test_other_answers_are(said: Any) -> None:
    assert question(body(said)) is not None


def test_keys_that_occur_twice_in_any_spelling_are_nobodys_equal() -> None:
    assert question(b'{"contents":[1], "contents":[2]}') is None
    assert question(b'{"safetySettings":[],"safety_settings":[]}') is None
    assert question(b"{") is None


def test_a_large_body_is_compared_as_it_is() -> None:
    large = body(asking(user({"text": "a" * LARGE})))
    assert question(large) == large
    assert question(body(asking(user({"text": "a" * LARGE}), store=True))) is None


# Ordinary calls


@pytest.mark.parametrize(
    ("said", "is_ordinary"),
    [
        (asking(), True),
        (asking(systemInstruction={"parts": [{"text": "s"}]}, generationConfig={"seed": 1}), True),
        (asking(user(BLOB)), False),
        (asking(systemInstruction={"parts": [BLOB]}), False),
        (asking(tools=[]), False),
        (configured(responseMimeType="application/json"), False),
        (asking(generationConfig=5), False),
        (asking({"role": "oracle", "parts": []}), False),
        (asking({"parts": "hi"}), False),
        (asking("hi"), False),
        ({"contents": {}}, False),
        ([1], False),
    ],
)
def test_an_ordinary_call_has_text_only(said: Any, is_ordinary: bool) -> None:
    assert GENERATE.is_ordinary(body(said), ()) == is_ordinary


def test_what_is_dear_or_broken_or_has_other_headers_is_not_ordinary() -> None:
    assert not GENERATE.is_ordinary(HI, ((b"x-other", b"1"),))
    assert GENERATE.is_ordinary(HI, ((b"x-goog-api-client", b"genai"),))
    assert not GENERATE.is_ordinary(b"{", ())
    assert not GENERATE.is_ordinary(b"[" * (MOST_ORDINARY + 1), ())
    assert json.loads(HI)
