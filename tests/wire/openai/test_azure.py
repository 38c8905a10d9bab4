"""Azure OpenAI: its two addresses, its content filter, and how it says to wait.

The events and errors are those of https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter and
https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-streaming, read 2026-11-30.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.errors import Denied, Filtered, Throttled
from headworks.core.reply import Chunk
from headworks.wire.hosts import names_deployments
from headworks.wire.openai.azure import azure_at
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.openai.translation.decoder import ChatPieces

SAFE = {"filtered": False, "severity": "safe"}
PROMPT = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [
        {"prompt_index": 0, "content_filter_results": {"hate": SAFE, "jailbreak": {"filtered": False}}}
    ],
}
OFFSETS = {
    "choices": [
        {
            "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 198},
            "content_filter_results": {"protected_material_code": {"filtered": False, "detected": False}},
            "finish_reason": None,
            "index": 0,
        }
    ],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
}


def told(content: str = "", finish: str | None = None) -> Any:
    delta = {"content": content} if content else {}
    choice = {
        "index": 0,
        "delta": delta,
        "finish_reason": finish,
        "content_filter_results": {"hate": SAFE},
        "logprobs": None,
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5-mini",
        "choices": [choice],
    }


def stream(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events) + b"data: [DONE]\n\n"


def fed(data: bytes, size: int) -> tuple[list[Chunk], Any]:
    body = b'{"model":"a","messages":[{"role":"user","content":"hi"}],"stream":true}'
    decoder = OPENAI["openai.chat"].decoder(Call(id="1", alias="a", body=body, dialect=CHAT, streamed=True), body)
    assert decoder is not None
    chunks = [one for at in range(0, len(data), size) for one in decoder.feed(data[at : at + size])]
    return [*chunks, *decoder.end()], decoder


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_the_filter_says_of_the_prompt_is_no_head_and_passes(size: int) -> None:
    data = stream(PROMPT, told("Hi"), OFFSETS, told(finish="stop"))
    chunks, decoder = fed(data, size)
    assert decoder.fault is None
    assert [one.has_content for one in chunks] == [False, True, False, True, False]
    assert b"".join(one.data for one in chunks) == data
    assert decoder.finish == "stop"


def test_a_stream_that_the_filter_ends_says_so() -> None:
    chunks, decoder = fed(stream(PROMPT, told("Hi"), told(finish="content_filter")), 100)
    assert (decoder.fault, decoder.finish, chunks[-1].last) == (None, "content_filter", True)


def test_callers_of_other_apis_get_the_text_and_not_the_filter() -> None:
    reader = ChatPieces()
    data = stream(PROMPT, told("Hi"), OFFSETS, told(finish="content_filter"))
    pieces = reader.feed(data.removesuffix(b"data: [DONE]\n\n"))
    assert [one.text for one in pieces if type(one).__name__ == "TextDelta"] == ["Hi"]
    [finished] = [one for one in pieces if type(one).__name__ == "Finished"]
    assert finished.finish.reason == "content_filter"


def error(status: int, said: Any, *headers: tuple[bytes, bytes]) -> Any:
    return OPENAI["openai.chat"].error(status, headers, json.dumps(said).encode(), 0.0)


def test_a_prompt_that_the_filter_refuses_is_the_callers_and_a_key_is_ours() -> None:
    words = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"jailbreak": {"filtered": True, "detected": True}},
    }
    said = {
        "message": words,
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": inner,
    }
    assert type(error(400, {"error": said})) is Filtered
    denied = error(
        401,
        {"error": {"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint."}},
    )
    assert type(denied) is Denied
    gone = error(
        404,
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}},
    )
    assert (type(gone), gone.about) == (Denied, "model")


def test_how_long_to_wait_stands_in_its_headers() -> None:
    said = {
        "error": {
            "code": "429",
            "message": "Requests to the ChatCompletions_Create Operation have exceeded token rate limit.",
        }
    }
    for headers, wait in (
        ([(b"retry-after-ms", b"1500"), (b"retry-after", b"2")], 1.5),
        ([(b"retry-after", b"20")], 20.0),
    ):
        limited = error(429, said, *headers)
        assert (type(limited), limited.retry_after) == (Throttled, wait)


@pytest.mark.parametrize(
    ("base_url", "older"),
    [
        ("https://acme.openai.azure.com/openai/v1", False),
        ("https://acme.openai.azure.com/openai/v1/?api-version=preview", False),
        ("https://acme.openai.azure.com?api-version=2024-10-21", True),
        ("https://acme.openai.azure.com/?api-version=2024-10-21", True),
        ("https://acme.openai.azure.com/openai/deployments/d?api-version=2024-10-21", False),
    ],
)
def test_the_address_says_which_paths_are_used(base_url: str, older: bool) -> None:
    assert names_deployments(base_url) is older
    side = azure_at(base_url)
    path = side["openai.chat"].path("my deployment/1", streamed=True)
    assert path == (b"/openai/deployments/my%20deployment%2F1/chat/completions" if older else b"/chat/completions")
    embeds = side["openai.embeddings"].path("e", streamed=False)
    assert embeds == (b"/openai/deployments/e/embeddings" if older else b"/embeddings")


def test_the_older_paths_of_other_apis_are_used_where_the_file_names_them() -> None:
    sides = azure_at("https://acme.openai.azure.com?api-version=2025-04-01-preview", ("responses", "completions"))
    paths = {name: side.path("my gpt", streamed=True) for name, side in sides.items()}
    assert paths == {
        "openai.responses": b"/openai/responses",
        "openai.completions": b"/openai/deployments/my%20gpt/completions",
    }


def test_the_newer_address_has_responses_as_openai_has_it() -> None:
    newer = "https://acme.openai.azure.com/openai/v1"
    assert {"openai.chat", "openai.responses", "openai.compact", "openai.embeddings"} <= set(azure_at(newer))
    assert "openai.responses" not in azure_at(newer, ("chat",))
