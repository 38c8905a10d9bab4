"""What of a body decides how many tokens it can have, and what nobody can bound."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.core.dialect import Weight
from headworks.wire.openai.body import with_bound
from headworks.wire.openai.weight import DENSE, MOST_DENSE, MOST_PARTS, weigh_chat, weigh_embeddings


def body(content: Any = "hi", message: dict[str, Any] | None = None, **fields: Any) -> bytes:
    return msgspec.json.encode({"messages": [{"role": "user", "content": content, **(message or {})}], **fields})


def picture(**fields: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": "https://example.com/a.png", **fields}}


@pytest.mark.parametrize(
    ("sent", "weight"),
    [
        (body(), Weight()),
        (body([{"type": "text", "text": "hi"}], n=3), Weight(choices=3)),
        (body([picture(), picture(detail="low"), picture(detail="auto")]), Weight(pictures=(1, 2))),
        (body([{"type": "image_url", "image_url": "https://example.com"}]), Weight(pictures=(0, 1))),
        (body([{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]), Weight(is_audible=True)),
        (body(modalities=["text", "audio"], audio={"voice": "alloy"}), Weight(is_audible=True)),
        (body(n=None, audio=None, web_search_options=None), Weight()),
        (body([{"type": "file", "file": {"file_id": "f"}}]), Weight(unbounded="file")),
        (body([{"type": "video_url", "video_url": {"url": "u"}}]), Weight(unbounded="video_url")),
        (body(message={"audio": {"id": "a"}}), Weight(unbounded="audio")),
        (body(web_search_options={}), Weight(unbounded="web_search_options")),
        (body(n="three"), Weight(unbounded="n")),
        (b'{"messages": [{"content": {"a": 1}}]}', Weight(unbounded="messages")),
        (b'{"messages": [{"content": [{"t\\u0079pe": "file"}]}]}', Weight(unbounded="file")),
    ],
)
def test_the_weight_of_a_chat_body(sent: bytes, weight: Weight) -> None:
    assert weigh_chat(sent) == weight


def test_embeddings_weigh_their_bytes() -> None:
    assert weigh_embeddings(b'{"input": "a"}') == Weight()


@pytest.mark.parametrize(
    ("sent", "model", "name"),
    [
        (b'{"model":"a","messages":[]}', b'"gpt-4o"', "max_tokens"),
        (b'{"model":"a","messages":[]} ', b'"llama"', "max_tokens"),
        (b'{"model":"a","messages":[]}', b'"gpt-5-mini"', "max_completion_tokens"),
        (b'{"model":"a","messages":[]}', b'"openai/o3"', "max_completion_tokens"),
        (b'{"model":"a","max_tokens":null}', b'"llama"', "max_tokens"),
        (b'{"model":"a","max_tokens":-1}', b'"gpt-5"', "max_completion_tokens"),
        (b'{"model":"a","max_completion_tokens":null,"max_tokens":null}', b'"llama"', "max_tokens"),
        (b'{"model":"a","m\\u0061x_tokens":null}', b'"llama"', "max_tokens"),
    ],
)
def test_a_bound_that_the_caller_did_not_set_is_sent_once(sent: bytes, model: bytes, name: str) -> None:
    found = msgspec.json.decode(with_bound(sent, model, 77))
    assert {key: value for key, value in found.items() if key.startswith("max_") and value is not None} == {name: 77}
    assert {key: value for key, value in found.items() if not key.startswith("max_")} == {
        key: value for key, value in msgspec.json.decode(sent).items() if not key.startswith("max_")
    }


# Bodies of very many parts

BRACES = {"role": "user", "content": "{" * (DENSE + 1)}
"""Words that make a body dense, without any part."""


def dense(content: Any = "hi", *, message: Any = None, **fields: Any) -> bytes:
    said = {"role": "user", "content": content} | (message or {})
    return msgspec.json.encode({"model": "a", "messages": [BRACES, said], "padding": "x" * 3 * DENSE, **fields})


@pytest.mark.parametrize(
    ("sent", "weight"),
    [
        (dense(), Weight()),
        (dense(n=2.0), Weight(choices=2)),
        (dense(n=None), Weight()),
        (dense(n="many"), Weight(unbounded="n")),
        (dense([{"type": "text", "text": '"type": "file"'}]), Weight()),
        (
            dense([picture(), {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]),
            Weight(pictures=(0, 2)),
        ),
        (dense([{"type": "input_audio", "input_audio": {}}]), Weight(is_audible=True)),
        (dense(audio={"voice": "alloy"}), Weight(is_audible=True)),
        (dense(modalities=["audio"]), Weight(is_audible=True)),
        (dense([{"type": "file", "file": {}}]), Weight(unbounded="file")),
        (dense([{"type": 7}]), Weight(unbounded="messages")),
        (dense("type"), Weight(unbounded="messages")),
        (dense(message={"audio": {"id": "a"}}), Weight(unbounded="audio")),
        (dense(message={"tool_calls": [{"type": "function", "id": "c"}]}), Weight()),
        (dense(web_search_options={}), Weight(unbounded="web_search_options")),
        (dense().replace(b'"hi"', b'[{"t\\u0079pe":"file"}]'), Weight(unbounded="messages")),
        (dense([{"type": "text"}] * (MOST_PARTS + 1)), Weight(unbounded="messages")),
        (dense("x" * MOST_DENSE), Weight(unbounded="messages")),
        (dense() + b"}", Weight(unbounded="messages")),
        (b'{"padding":"' + b"{" * 4 * DENSE + b'"}', Weight()),
    ],
)
def test_the_weight_of_a_body_of_very_many_parts_is_never_less_than_it_is(sent: bytes, weight: Weight) -> None:
    assert weigh_chat(sent) == weight


@pytest.mark.parametrize("written", [b"3", b"3.0", b"30e-1"])
def test_choices_weigh_the_same_however_their_number_is_written(written: bytes) -> None:
    assert weigh_chat(b'{"messages":[],"n":%s}' % written) == Weight(choices=3)
