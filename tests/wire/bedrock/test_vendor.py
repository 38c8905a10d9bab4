"""How Bedrock is asked and what its errors mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.errors import CallError, Denied, Failed, Garbled, Rejected, Throttled, TooLong
from headworks.core.reply import Usage
from headworks.wire.bedrock.vendor import BedrockConverse
from headworks.wire.openai.caller import CHAT
from headworks.wire.sides import Spent
from tests.wire.bedrock.frames import WHOLE

SIDE = BedrockConverse()
CALL = Call(id="1", alias="a", body=b"{}", dialect=CHAT)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("amazon.nova-lite-v1:0", b"/model/amazon.nova-lite-v1%3A0/converse"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama3-3-70b-instruct-v1:0",
            b"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.meta.llama3-3-70b-instruct-v1%3A0/converse",
        ),
        ("../../x?y=1#z", b"/model/..%2F..%2Fx%3Fy%3D1%23z/converse"),
    ],
)
def test_the_model_stands_in_the_path_whole(model: str, path: bytes) -> None:
    assert SIDE.path(model, streamed=False) == path
    assert SIDE.path(model, streamed=True) == path + b"-stream"


# The bodies and headers are those of https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html and of
# API_runtime_Converse.html#API_runtime_Converse_Errors, read 2026-11-30.
@pytest.mark.parametrize(
    ("status", "kind", "message", "error"),
    [
        (400, "ValidationException", "The provided model identifier is invalid.", Rejected),
        (400, "ValidationException", "Input is too long for requested model.", TooLong),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", Denied),
        (403, "UnrecognizedClientException", "The security token included in the request is invalid.", Denied),
        (403, "ExpiredTokenException", "The security token included in the request is expired", Denied),
        (404, "ResourceNotFoundException", "Could not resolve the foundation model from the model identifier.", Denied),
        (408, "ModelTimeoutException", "Model has timed out in processing the request.", Failed),
        (424, "ModelErrorException", "The system encountered an unexpected error during processing.", Failed),
        (429, "ThrottlingException", "Too many requests, please wait before trying again.", Throttled),
        (429, "ModelNotReadyException", "Model is not ready for inference.", Throttled),
        (500, "InternalServerException", "The system encountered an unexpected error.", Failed),
        (503, "ServiceUnavailableException", "Bedrock is unable to process your request.", Failed),
    ],
)
def test_an_error_means_what_its_type_says(status: int, kind: str, message: str, error: type[CallError]) -> None:
    headers = [(b"x-amzn-errortype", f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/".encode())]
    found = SIDE.error(status, headers, json.dumps({"message": message}).encode(), 0.0)
    assert type(found) is error
    assert found.said is not None
    assert found.said.type == kind
    assert found.said.status == status


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"Message": "capital"}', "capital"),
        (b"plain words", "plain words"),
        (b"[]", "The vendor answered 500 without a message."),
        (b'{"message": ""}', "The vendor answered 500 without a message."),
    ],
)
def test_the_words_of_an_error_are_found(body: bytes, words: str) -> None:
    found = SIDE.error(500, [(b"x-amzn-errortype", b"InternalServerException")], body, 0.0)
    assert str(found) == words


def test_an_error_without_its_type_is_told_by_its_status() -> None:
    assert type(SIDE.error(503, [], b"<html>busy</html>", 0.0)) is Failed


def test_headers_both_ways() -> None:
    assert SIDE.forwards(b"traceparent")
    assert not SIDE.forwards(b"openai-beta")
    headers = [(b"x-amzn-requestid", b"r-1"), (b"x-amzn-bedrock-cache", b"1"), (b"date", b"d")]
    assert SIDE.returned(headers, frozenset({b"x-amzn-bedrock-cache"})) == ("r-1", ((b"x-amzn-bedrock-cache", b"1"),))
    assert SIDE.returned([], frozenset()) == ("", ())
    assert not SIDE.refuses_counting(Rejected("x"), CALL)
    assert SIDE.begun(b"{}", "message") == b"{}"


def test_a_whole_answer_says_what_policies_need() -> None:
    chunk = SIDE.whole(json.dumps(WHOLE).encode(), CALL)
    assert (chunk.text, chunk.finish, chunk.begins_tool_call, chunk.last) == ("Let me look.", "tool_use", True, True)
    assert chunk.usage == Usage(input=30, cached_input=500, cache_write=100, output=12)
    assert chunk.size > 100
    bare = SIDE.whole(b'{"output": {"message": {"content": 1}}}', CALL)
    assert (bare.text, bare.finish, bare.usage) == ("", None, None)


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"{}", b'{"output": {"message": 1}}', b"[" * 100_000])
def test_a_body_that_is_no_answer_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        SIDE.whole(body, CALL)


@pytest.mark.parametrize(
    ("body", "spent"),
    [
        (b'{"usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}}', Spent(Usage(input=3, output=1))),
        (b"{}", Spent(None)),
        (b"no json", Spent()),
    ],
)
def test_what_was_spent_for_no_answer(body: bytes, spent: Any) -> None:
    assert SIDE.spent(body) == spent
