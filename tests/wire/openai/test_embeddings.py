"""Embeddings pass through; their tokens are counted."""

from __future__ import annotations

import json

import pytest

from headworks.core.call import Call
from headworks.core.dialect import Asked
from headworks.core.errors import Failed, Garbled, Malformed, Rejected
from headworks.core.reply import Usage
from headworks.wire.openai.caller import EMBEDDINGS as CALLER
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.openai.embeddings import OpenAIEmbeddings, read_embeddings
from headworks.wire.openai.passed.vendor import VENDORS

EMBEDDINGS = OpenAIEmbeddings()
BODY = b'{"model": "small", "input": ["a", "b"], "dimensions": 4, "user": "u"}'
CALL = Call(id="r", alias="small", body=BODY, dialect=CALLER)


def test_what_policies_need_is_read() -> None:
    assert read_embeddings(BODY) == Asked("small", user="u")


@pytest.mark.parametrize("given", [b'"text"', b"[1,2]", b"[[1],[2]]", b'[ "a"]', b'{"new":1}'])
def test_any_input_is_the_vendors_to_judge(given: bytes) -> None:
    assert read_embeddings(b'{"model":"m","input":' + given + b"}").model == "m"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"input":"a"}', "model"),
        (b'{"model":"m"}', "input"),
        (b'{"model":"m","input":null}', "input"),
        (b'{"model":"m","input":""}', "input"),
        (b'{"model":"m","input":[ ]}', "input"),
        (b'{"model":"m","input":"a","user":1}', "user"),
        (b'{"model":"m","input":"a","input":"b"}', "input"),
    ],
)
def test_a_body_that_cannot_be_understood_names_its_field(body: bytes, param: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_embeddings(body)
    assert caught.value.param == param


def test_only_the_model_is_replaced() -> None:
    sent = EMBEDDINGS.request(CALL, b'"text-embedding-3-small"', counted=True)
    assert sent == BODY.replace(b'"small"', b'"text-embedding-3-small"')
    assert json.loads(sent)["dimensions"] == 4


def test_there_are_no_streams() -> None:
    assert EMBEDDINGS.decoder(CALL) is None
    assert not EMBEDDINGS.refuses_counting(Failed(), CALL)


def test_an_answer_keeps_its_bytes_and_is_counted() -> None:
    body = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-0.2]}],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}'
    chunk = EMBEDDINGS.whole(body, CALL)
    assert chunk.data == body
    assert chunk.last
    assert chunk.has_content
    assert chunk.usage == Usage(input=8)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"[]", b"{}", b'{"data":[]}', b'{"data":null}', b'{"data":{}}'),
        *(b'{"error":{"message":"oops"}}', b'{"data":[ ]}', b'{"data":[1],"error":"oops"}'),
    ],
)
def test_a_200_that_is_no_answer_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        EMBEDDINGS.whole(body, CALL)


def test_an_answer_without_a_count_has_none() -> None:
    assert EMBEDDINGS.whole(b'{"data":[1],"usage":null}', CALL).usage is None


def test_errors_and_headers_are_those_of_every_operation() -> None:
    assert isinstance(EMBEDDINGS.error(400, [], b"", 0.0), Rejected)
    assert EMBEDDINGS.returned([(b"x-request-id", b"1")], frozenset()) == ("1", ())
    assert EMBEDDINGS.forwards(b"openai-beta")


def test_the_api_has_its_operations() -> None:
    assert {
        name: (side.operation, side.path("m", streamed=False)) for name, side in OPENAI.items() if name not in VENDORS
    } == {
        "openai.chat": ("chat", b"/chat/completions"),
        "openai.embeddings": ("embeddings", b"/embeddings"),
    }


def test_what_was_used_is_input_wherever_it_is_found() -> None:
    surface = OpenAIEmbeddings()
    assert surface.spent(b'{"data": [], "usage": {"total_tokens": 7}}').usage == Usage(input=7)
    for nothing in (b'{"usage": 7}', b"<html>", b"{}"):
        assert surface.spent(nothing).usage is None
