"""What an ordinary call is: one in which nothing can be the reason why a model is not found."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.dialect import Dialect
from headworks.testing import call
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from headworks.wire.openai.ordinary import DENSE


def with_body(body: Any) -> Call:
    return msgspec.structs.replace(call(), body=body if isinstance(body, bytes) else json.dumps(body).encode())


def is_ordinary(call: Call) -> bool:
    return call.dialect.is_ordinary(call.body, call.forwarded)


def asked(**fields: Any) -> Call:
    return with_body({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields})


def said(**message: Any) -> Call:
    return asked(messages=[{"role": "system", "content": "s"}, {"role": "user", **message}])


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


@pytest.mark.parametrize(
    "ordinary",
    [
        call(),
        call(streamed=True, include_usage=True, max_output=5),
        asked(temperature=0.5, top_p=1, n=1, stop=["."], seed=1, user="u", presence_penalty=0, frequency_penalty=0),
        said(content=[{"type": "text", "text": "hi"}], name="ann"),
        msgspec.structs.replace(call(), forwarded=((b"traceparent", b"00-a-b-01"), (b"idempotency-key", b"1"))),
        msgspec.structs.replace(with_body({"model": "m", "input": "hi"}), dialect=EMBEDDINGS),
    ],
)
def test_text_and_fields_that_every_model_takes_are_ordinary(ordinary: Call) -> None:
    assert is_ordinary(ordinary)


@pytest.mark.parametrize(
    "odd",
    [
        said(content=[{"type": "text", "text": "what is it?"}, PICTURE]),
        said(content=[PICTURE]),
        said(content=[{"type": "text", "text": "hi", "cache_control": {}}]),
        said(content=["hi"]),
        said(content=None),
        said(content="hi", tool_call_id="1"),
        asked(messages=[{"role": "tool", "content": "hi"}]),
        asked(messages=["hi"]),
        asked(messages={}),
        asked(provider={"only": ["x"]}),
        asked(models=["x"]),
        asked(tools=[]),
        asked(response_format={"type": "json_object"}),
        asked(service_tier="flex"),
        with_body(b"[]"),
        with_body(b"{"),
        with_body(b"[" * 100_000),
        msgspec.structs.replace(call(), forwarded=((b"openai-beta", b"assistants=v2"),)),
        msgspec.structs.replace(with_body({"model": "m", "input": "hi", "dimensions": 7}), dialect=EMBEDDINGS),
    ],
)
def test_a_picture_a_tool_a_field_or_header_that_we_do_not_know_is_not(odd: Call) -> None:
    assert not is_ordinary(odd)


@pytest.mark.parametrize("dialect", [CHAT, EMBEDDINGS], ids=lambda one: str(one.name))
def test_a_body_of_very_many_parts_is_no_ordinary_one_and_is_not_read(dialect: Dialect) -> None:
    fields = {"input": [[1]] * (DENSE + 1)} if dialect is EMBEDDINGS else {"messages": [{}] * (DENSE + 1)}
    assert not is_ordinary(msgspec.structs.replace(with_body({"model": "m", **fields}), dialect=dialect))
