"""Everything that is written to Gemini's callers has the members and types that google-genai reads.

The SDK's types refuse a member that they do not know. What they are is frozen in `google_genai_types.json`: the SDK itself would bring a dozen
packages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.errors import CallError
from headworks.server.gemini_models import shown
from headworks.wire.gemini.caller import EMBED_BATCH, GENERATE
from headworks.wire.gemini.count_tokens import COUNT
from headworks.wire.json_text import write_json
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.sides import VendorDialect
from headworks.wire.sse import events_in
from headworks.wire.translated import between
from tests.wire.gemini.corpus import body
from tests.wire.openai.translation.corpus import ANSWERS, STREAMS

TYPES = json.loads((Path(__file__).parents[1] / "google_genai_types.json").read_text(encoding="utf-8"))["types"]
SCALARS = {"text": str, "number": (int, float), "flag": bool, "object": dict}


def unfit(value: Any, kind: Any, path: str = "$") -> Iterator[str]:
    """Where a value is not of its type."""
    if isinstance(kind, list):
        if not isinstance(value, list):
            yield f"{path}: no list"
        for at, one in enumerate(value if isinstance(value, list) else ()):
            yield from unfit(one, kind[0], f"{path}[{at}]")
    elif kind in TYPES:
        if not isinstance(value, dict):
            yield f"{path}: no object"
        for name, one in value.items() if isinstance(value, dict) else ():
            if name not in TYPES[kind]:
                yield f"{path}.{name}: {kind} has no such member"
            else:
                yield from unfit(one, TYPES[kind][name], f"{path}.{name}")
    elif kind in SCALARS and not isinstance(value, SCALARS[kind]):
        yield f"{path}: no {kind}"


def call() -> Call:
    return Call(id="r", alias="a", body=b'{"contents":[]}', dialect=GENERATE, include_usage=True)


def streamed(vendor: VendorDialect, stream: bytes) -> list[Any]:
    side = between(GENERATE, vendor)
    assert side is not None
    decoder = side.decoder(call(), b'{"messages":[1]}')
    assert decoder is not None
    data = b"".join([chunk.data for chunk in decoder.feed(stream) + decoder.end()])
    return [json.loads(one.data) for one in events_in(data)]


@pytest.mark.parametrize("name", STREAMS)
def test_every_event_is_a_response_of_the_sdk(name: str) -> None:
    found = [where for one in streamed(OPENAI, STREAMS[name]) for where in unfit(one, "GenerateContentResponse")]
    assert found == []


@pytest.mark.parametrize("name", ANSWERS)
def test_every_whole_answer_is_a_response_of_the_sdk(name: str) -> None:
    side = between(GENERATE, OPENAI)
    assert side is not None
    try:
        answer = side.whole(ANSWERS[name], call(), b"{}").data
    except CallError:
        return  # no answer
    assert list(unfit(json.loads(answer), "GenerateContentResponse")) == []


def test_so_are_embeddings_counts_and_models() -> None:
    side = between(EMBED_BATCH, OPENAI)
    assert side is not None
    asked = Call(
        id="r", alias="a", body=body({"requests": [{"content": {"parts": [{"text": "a"}]}}]}), dialect=EMBED_BATCH
    )
    said = json.loads(side.whole(b'{"data":[{"embedding":[1]}]}', asked, b"{}").data)
    assert list(unfit(said, "EmbedContentResponse")) == []
    assert set(json.loads(COUNT.estimated(b'{"contents":[]}'))) >= {"totalTokens"} <= set(TYPES["CountTokensResponse"])
    assert set(json.loads(write_json(shown("a")))) - set(TYPES["Model"]) == {
        "supportedGenerationMethods"
    }  # renamed by the SDK


def test_what_does_not_fit_is_told() -> None:
    assert list(unfit({"candidates": [{"novel": 1, "index": "x", "content": 5}]}, "GenerateContentResponse")) == [
        "$.candidates[0].novel: Candidate has no such member",
        "$.candidates[0].index: no number",
        "$.candidates[0].content: no object",
    ]
    assert list(unfit({"candidates": 5}, "GenerateContentResponse")) == ["$.candidates: no list"]
