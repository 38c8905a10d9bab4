"""How many tokens a question has: Gemini says it, for others it is estimated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.dialect import Weight
from headworks.core.errors import Denied, Failed, Garbled, Malformed
from headworks.providers.estimating import estimate as answered
from headworks.server.app import CALLERS
from headworks.wire.gemini.count_tokens import COUNT, MOST_COMMAS, MOST_READ, CountedTokens, estimate
from headworks.wire.gemini.dialect import GEMINI
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.sides import Estimating
from headworks.wire.translated import between
from tests.wire.gemini.corpus import RECORDED, body, user
from tests.wire.gemini.corpus import question as asking

AT = "/v1beta/models/m:countTokens"
VENDOR = CountedTokens()


def call(said: Any) -> Call:
    return Call(id="r", alias="a", body=body(said), dialect=COUNT)


def test_it_is_a_path_of_its_own_and_names_its_model_there() -> None:
    assert CALLERS["/v1beta/models/{model}:countTokens"] is COUNT
    assert COUNT.read(body(asking()), AT).model == "m"
    assert COUNT.read(b'{"generate_content_request":{}}', AT).model == "m"
    assert COUNT.weigh(b"{}") == Weight()
    with pytest.raises(Malformed) as caught:
        COUNT.read(b"{}", AT)
    assert caught.value.param == "contents"


def test_a_vendor_of_geminis_is_asked_and_the_question_within_names_its_model() -> None:
    assert between(COUNT, GEMINI) is GEMINI["gemini.count"]
    assert VENDOR.path("x", streamed=False) == b"/models/x:countTokens"
    plain = call(asking())
    assert VENDOR.request(plain, b'"x"', counted=True) is plain.body
    within = {"generateContentRequest": {"model": "models/a", **asking()}}
    asked = json.loads(VENDOR.request(call(within), b'"x"', counted=True))
    assert asked == {"generateContentRequest": {"model": "models/x", **asking()}}


def test_its_answer_passes_as_it_came() -> None:
    said = b'{"totalTokens": 7, "promptTokensDetails": []}'
    assert VENDOR.whole(said, call(asking())).data == said
    for wrong in (b"{}", b"<html>"):
        with pytest.raises(Garbled):
            VENDOR.whole(wrong, call(asking()))
    assert VENDOR.decoder(call({})) is None
    assert VENDOR.spent(said).usage is None
    assert VENDOR.returned((), frozenset()) == ("", ())
    assert isinstance(VENDOR.error(400, (), RECORDED["api_key.json"], 0.0), Denied)
    assert not VENDOR.refuses_counting(Failed(), call({}))


def test_elsewhere_it_is_estimated() -> None:
    assert between(COUNT, OPENAI) is None
    assert isinstance(COUNT, Estimating)
    assert json.loads(COUNT.estimated(body(asking(user({"text": "a" * 40})))))["totalTokens"] == 10
    assert callable(answered)


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        (asking(user({"text": "é" * 4})), 2),
        (asking(user({"text": "", "thoughtSignature": "x" * 99})), 1),
        (asking(user({"inlineData": {"mimeType": "image/png", "data": "x" * 9}})), 258),
        (asking(user({"inline_data": {"data": "x" * 400_000}}, {"file_data": {"file_uri": "gs://x"}})), 258 * 4),
        (
            {
                "generateContentRequest": {
                    **asking(user({"text": "a" * 8})),
                    "system_instruction": {"parts": [{"text": "b" * 8}]},
                }
            },
            4,
        ),
        (asking(user({"text": "a" * 8}), tools=[1, 2, 3]), 4),
        ({"contents": 5}, 1),
        ([1, 2], 2),
    ],
)
def test_what_an_estimate_counts(said: Any, tokens: int) -> None:
    assert estimate(body(said)) == tokens


def test_what_cannot_be_read_or_is_too_large_is_counted_by_its_length() -> None:
    assert estimate(b"{" * 8) == 2
    assert estimate(b"[" * (MOST_READ + 4)) == (MOST_READ + 4) // 4
    many = b'{"contents":[%b""]}' % (b'"",' * MOST_COMMAS + b'"",')
    assert estimate(many) == -(-len(many) // 4)
