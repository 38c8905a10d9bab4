"""Embeddings of Gemini's callers and vendors, among themselves and from and to OpenAI's."""

from __future__ import annotations

import json
from base64 import b64decode
from struct import unpack
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.dialect import Weight
from headworks.core.errors import CallError, Denied, Garbled, Malformed, Refused, Throttled
from headworks.core.reply import Usage
from headworks.server.app import CALLERS
from headworks.wire.density import MOST_PARTS
from headworks.wire.gemini.caller import EMBED, EMBED_BATCH
from headworks.wire.gemini.dialect import GEMINI
from headworks.wire.gemini.weight import DENSE
from headworks.wire.openai.caller import EMBEDDINGS
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.sides import VendorSide
from headworks.wire.translated import between
from headworks.wire.translated_embeddings import MOST_INPUTS
from tests.wire.gemini.corpus import RECORDED, body

AT = "/v1beta/models/e:embedContent"


def side(caller: Any, vendor: Any) -> VendorSide:
    found = between(caller, vendor)
    assert found is not None
    return found


def content(*texts: str) -> dict[str, Any]:
    return {"parts": [{"text": text} for text in texts]}


SINGLE = {"model": "models/e", "content": content("a", "b"), "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 3}
BATCH = {"requests": [{"model": "models/e", "content": content("a")}, {"content": content("é")}]}
ANSWERED = {"embeddings": [{"values": [0.1, 0.2]}, {"values": [1, -2e-3]}], "usageMetadata": {"totalTokenCount": 5}}


def call(caller: Any, said: Any) -> Call:
    return Call(id="r", alias="e", body=body(said), dialect=caller)


def request(caller: Any, vendor: Any, said: Any) -> Any:
    return json.loads(side(caller, vendor).request(call(caller, said), b'"x"', counted=True))


def answered(caller: Any, vendor: Any, asked: Any, answer: Any) -> Any:
    chunk = side(caller, vendor).whole(body(answer), call(caller, asked))
    assert chunk.last
    return json.loads(chunk.data)


def test_between_gemini_and_gemini_only_the_models_name_is_another() -> None:
    assert request(EMBED, GEMINI, SINGLE) == {**SINGLE, "model": "models/x"}
    assert request(EMBED_BATCH, GEMINI, BATCH)["requests"] == [
        {"model": "models/x", "content": content("a")},
        {"model": "models/x", "content": content("é")},
    ]
    plain = {"content": content("a")}
    assert side(EMBED, GEMINI).request(call(EMBED, plain), b'"x"', counted=True) == body(plain)
    text = {"content": content('"model"'), "requests": ["odd", {"model": 1}]}
    assert request(EMBED_BATCH, GEMINI, text)["requests"] == ["odd", {"model": "models/x"}]
    assert request(EMBED, GEMINI, {"content": content("a"), "x": {"model": 1}}) == {
        "content": content("a"),
        "x": {"model": 1},
    }
    assert answered(EMBED_BATCH, GEMINI, BATCH, ANSWERED) == ANSWERED
    assert side(EMBED, GEMINI).path("x", streamed=False) == b"/models/x:embedContent"
    assert side(EMBEDDINGS, GEMINI).path("x", streamed=False) == b"/models/x:batchEmbedContents"


@pytest.mark.parametrize("novel", [b"1" * 5000, b"[" * 5000 + b"]" * 5000, b"[" + b"[]," * MOST_PARTS + b"1]"])
def test_a_batch_that_cannot_be_taken_apart_is_refused_before_anything_is_sent(novel: bytes) -> None:
    said = b'{"requests":[{"model":"models/a","content":{"parts":[{"text":"x"}]},"novel":%b}]}' % novel
    asked = Call(id="r", alias="e", body=said, dialect=EMBED_BATCH)
    with pytest.raises(Malformed):
        side(EMBED_BATCH, GEMINI).request(asked, b'"m"', counted=False)


def test_geminis_callers_at_a_vendor_of_openais() -> None:
    said = request(EMBED, OPENAI, SINGLE)
    assert said == {"model": "x", "input": ["a\nb"], "encoding_format": "float", "dimensions": 3}
    assert request(EMBED_BATCH, OPENAI, BATCH)["input"] == ["a", "é"]
    rows = [{"index": 1, "embedding": [3]}, {"index": 0, "embedding": [1, 2.5]}]
    answer = {"data": rows, "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4}}
    tokens = {"usageMetadata": {"promptTokenCount": 4}}
    assert answered(EMBED_BATCH, OPENAI, BATCH, answer) == {
        "embeddings": [{"values": [1, 2.5]}, {"values": [3]}],
        **tokens,
    }
    assert answered(EMBED, OPENAI, SINGLE, {"data": rows[1:]}) == {"embedding": {"values": [1, 2.5]}}


def test_openais_callers_at_a_vendor_of_geminis() -> None:
    asked = {"model": "e", "input": ["a", "é"], "dimensions": 2, "user": "u"}
    sent = request(EMBEDDINGS, GEMINI, asked)["requests"]
    assert sent == [{"model": "models/x", "content": content(text), "outputDimensionality": 2} for text in ("a", "é")]
    assert request(EMBEDDINGS, GEMINI, {"model": "e", "input": "a"})["requests"] == [
        {"model": "models/x", "content": content("a")}
    ]
    said = answered(EMBEDDINGS, GEMINI, asked, ANSWERED)
    assert [row["embedding"] for row in said["data"]] == [[0.1, 0.2], [1, -0.002]]
    assert (said["model"], said["usage"]) == ("e", {"prompt_tokens": 5, "total_tokens": 5})
    packed = answered(
        EMBEDDINGS, GEMINI, {**asked, "encoding_format": "base64"}, {"embeddings": ANSWERED["embeddings"]}
    )
    assert unpack("<2f", b64decode(packed["data"][0]["embedding"])) == pytest.approx((0.1, 0.2))
    assert packed["usage"]["total_tokens"] == 0


def test_openais_user_goes_to_openais_vendors_only() -> None:
    vendor = OPENAI["openai.embeddings"]
    asked = EMBEDDINGS.embedding_of(body({"model": "e", "input": [[1, 2], [3]], "user": "u"}))
    assert json.loads(vendor.embedding_body(asked, "m"))["user"] == "u"  # type: ignore[attr-defined]
    assert asked.inputs == ((1, 2), (3,))
    assert EMBEDDINGS.embedding_of(body({"model": "e", "input": [1, 2]})).inputs == ((1, 2),)


@pytest.mark.parametrize(
    ("caller", "vendor", "said", "kind"),
    [
        (EMBEDDINGS, GEMINI, {"model": "e", "input": [1, 2]}, Refused),
        (EMBEDDINGS, GEMINI, {"model": "e", "input": {"a": 1}}, Malformed),
        (EMBEDDINGS, GEMINI, {"model": "e", "input": ["a"] * (MOST_INPUTS + 1)}, Malformed),
        (EMBED, OPENAI, {"content": {"parts": [{"inlineData": {}}]}}, Refused),
        (EMBED, OPENAI, {"content": {"parts": ["odd"]}}, Refused),
        (EMBED, OPENAI, {"content": {"parts": []}}, Refused),
        (EMBED, OPENAI, {"content": "odd"}, Refused),
        (EMBED_BATCH, OPENAI, {"requests": ["odd"]}, Refused),
        (
            *(EMBED_BATCH, OPENAI),
            {"requests": [{"content": content("a")}, {"content": content("b"), "outputDimensionality": 3}]},
            Refused,
        ),
    ],
)
def test_what_another_vendor_cannot_embed_is_refused_before_anything_is_sent(
    caller: Any, vendor: Any, said: Any, kind: type[CallError]
) -> None:
    with pytest.raises(kind) as caught:
        request(caller, vendor, said)
    assert caught.value.param


@pytest.mark.parametrize(
    ("caller", "vendor", "answer", "kind"),
    [
        (EMBED, GEMINI, b"{}", Garbled),
        (EMBED, GEMINI, b"<html>", Garbled),
        (EMBED, GEMINI, b'{"embedding": {}}', Garbled),
        (EMBED, GEMINI, RECORDED["api_key.json"], Denied),
        (EMBEDDINGS, GEMINI, RECORDED["quota.json"], Throttled),
        (EMBEDDINGS, GEMINI, b'{"embeddings": [{"values": [1]}]}', Garbled),
        (EMBED, OPENAI, b'{"data": [{"embedding": "AAAA"}]}', Garbled),
        (EMBED, OPENAI, b'{"data": [5]}', Garbled),
    ],
)
def test_what_is_no_answer_raises(caller: Any, vendor: Any, answer: bytes, kind: type[CallError]) -> None:
    asked = {"model": "e", "input": ["a", "b"]} if caller is EMBEDDINGS else SINGLE
    with pytest.raises(kind):
        side(caller, vendor).whole(answer, call(caller, asked))


def test_a_vector_that_is_no_list_of_numbers_cannot_be_packed() -> None:
    asked = {"model": "e", "input": "a", "encoding_format": "base64"}
    for values in (["x"], [1e300]):
        with pytest.raises(Garbled):
            answered(EMBEDDINGS, GEMINI, asked, {"embeddings": [{"values": values}]})


def test_errors_between_apis_are_told_in_our_words() -> None:
    way = side(EMBEDDINGS, GEMINI)
    error = way.error(429, (), RECORDED["quota.json"], 0.0)
    assert json.loads(EMBEDDINGS.problem(error))["error"]["code"] == "rate_limit_exceeded"
    assert not way.refuses_counting(error, call(EMBEDDINGS, {}))
    assert way.spent(body(ANSWERED)).usage == Usage(input=5)
    assert way.decoder(call(EMBEDDINGS, {})) is None
    assert way.forwards(b"x-goog-api-client")
    assert way.returned((), frozenset()) == ("", ())
    assert way.operation == "embeddings"
    own = side(EMBED, GEMINI)
    assert (own.spent(b"{").usage, own.decoder(call(EMBED, {}))) == (None, None)
    assert not own.refuses_counting(error, call(EMBED, {}))
    assert isinstance(own.error(400, (), RECORDED["api_key.json"], 0.0), Denied)
    unreachable = side(EMBEDDINGS, GEMINI)
    with pytest.raises(Garbled) as caught:
        unreachable.whole(b"{}", call(EMBEDDINGS, {"model": "e", "input": "a"}))
    assert caught.value.said is None


class Stranger:
    """A caller of an API that nobody translates."""

    name = "stranger.say"
    operation = "chat"


def test_a_vendor_that_embeds_nothing_is_none_and_so_is_a_caller_whom_nobody_translates() -> None:
    assert between(EMBED, {"gemini.generate": GEMINI["gemini.generate"]}) is None
    assert between(Stranger(), GEMINI) is None  # type: ignore[arg-type]


# Callers


@pytest.mark.parametrize(
    ("caller", "said", "param"),
    [(EMBED, {}, "content"), (EMBED, {"content": None}, "content"), (EMBED_BATCH, {"requests": []}, "requests")],
)
def test_what_is_missing_is_named(caller: Any, said: Any, param: str) -> None:
    with pytest.raises(Malformed) as caught:
        caller.read(body(said), AT)
    assert caught.value.param == param


def test_the_model_stands_in_the_path() -> None:
    assert EMBED.read(body(SINGLE), AT).model == "e"
    assert EMBED_BATCH.read(body(BATCH), "/v1/models/org/e:batchEmbedContents").model == "org/e"
    assert CALLERS["/v1beta/models/{model}:embedContent"] is EMBED
    assert CALLERS["/v1/models/{model}:batchEmbedContents"] is EMBED_BATCH


@pytest.mark.parametrize(
    ("said", "weight"),
    [
        (SINGLE, Weight()),
        (
            {"requests": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png"}}]}}, "odd"]},
            Weight(pictures=(0, 1)),
        ),
        ({"content": {"parts": [{"fileData": {}}]}}, Weight(unbounded="fileData")),
        ([], Weight()),
    ],
)
def test_what_decides_how_many_tokens_there_are(said: Any, weight: Weight) -> None:
    assert EMBED.weigh(body(said)) == weight


def test_bodies_that_cannot_be_read_weigh_too_much_and_are_not_ordinary() -> None:
    dense = body({"requests": [[]] * DENSE})
    assert EMBED_BATCH.weigh(dense) == Weight(unbounded="content")
    assert EMBED.weigh(b"{").unbounded == "content"
    assert EMBED.is_ordinary(body(SINGLE), ())
    assert not EMBED.is_ordinary(b"{", ())
    assert not EMBED.is_ordinary(body({**SINGLE, "novel": 1}), ())
    assert EMBED.question(body(SINGLE)) is not None


def test_an_embedding_has_no_streams_and_is_whole() -> None:
    assert EMBED.forms.is_finished(b"", b"", None, streamed=False, is_bounded=False)
    assert (EMBED.forms.as_body(b"", b""), EMBED.forms.as_events(b"")) == (None, None)
    with pytest.raises(AssertionError):
        EMBED.forms.parted(())
