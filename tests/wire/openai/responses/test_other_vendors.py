"""Callers of Responses at vendors of other APIs: the official SDK takes every recorded stream, and thinking comes back unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import pytest

from headworks.core.reply import Chunk
from headworks.gateway.leaves import DIALECTS
from headworks.wire import hub
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.sides import TranslatedSide
from headworks.wire.translated import Translated, between
from tests.wire.openai.responses.speaking import ID, asked, judged

_HERE: Final = Path(__file__).parents[2]
STREAMS: Final[Mapping[str, tuple[str, bytes]]] = {
    f"{word}/{path.name}": (word, path.read_bytes())
    for word in ("anthropic", "gemini")
    for path in sorted((_HERE / word / "recorded").glob("*.sse"))
}
CHAT: Final = {
    path.name: ("openai", path.read_bytes()) for path in sorted((_HERE / "openai" / "recorded").glob("*.sse"))
}
ALL: Final = {**STREAMS, **CHAT}


def side(word: str) -> Translated:
    found = between(RESPONSES, DIALECTS[word])
    assert isinstance(found, Translated)
    return found


def told(word: str, stream: bytes) -> bytes | None:
    """What the caller is sent; None where the stream broke."""
    call = asked({"model": "m", "input": "hi", "stream": True})
    decoder = side(word).decoder(call, b"{}")
    assert decoder is not None
    data = b"".join([chunk.data for chunk in (*decoder.feed(stream), *decoder.end())])
    return None if decoder.fault is not None else data


@pytest.mark.parametrize("name", ALL)
def test_the_sdk_takes_every_recorded_stream_of_other_vendors(name: str) -> None:
    data = told(*ALL[name])
    if data is not None:
        found = judged(data)
        assert found[0]["response"]["id"] == "resp_" + ID.removeprefix("req_")


def test_most_of_them_are_whole() -> None:
    whole = [name for name in ALL if told(*ALL[name]) is not None]
    assert {"anthropic/thinking.sse", "anthropic/tools.sse", "gemini/thinking_call.sse", "openai.sse"} <= set(whole)


@pytest.mark.parametrize(
    ("name", "kind"), [("anthropic/thinking.sse", hub.Thinking), ("gemini/thinking_call.sse", hub.ToolCall)]
)
def test_what_a_vendor_signed_goes_back_to_it_through_the_client(name: str, kind: type[msgspec.Struct]) -> None:
    word, stream = ALL[name]
    data = told(word, stream)
    assert data is not None
    output = judged(data)[-1]["response"]["output"]
    for item in output:
        item.pop("content", None) if item["type"] == "reasoning" else None  # as Codex does
    body = {"model": "m", "input": [{"role": "user", "content": "hi"}, *output]}
    question = RESPONSES.question_of(json.dumps(body).encode())
    vendor = side(word).vendor
    assert isinstance(vendor, TranslatedSide)
    pieces = vendor.pieces()
    events = [chunk.unasked + chunk.data for chunk in _chunks(word, stream)]
    signed = [one.signature for event in events for one in pieces.feed(event) if getattr(one, "signature", "")]
    kept = [
        part.signature for turn in question.turns for part in turn.parts if isinstance(part, kind) and part.signature
    ]  # type: ignore[attr-defined]
    assert kept
    assert set(kept) <= set(signed)
    assert kept[0].encode() in vendor.body_of(question, "m")


def _chunks(word: str, stream: bytes) -> list[Chunk]:
    call = asked({"model": "m", "input": "hi", "stream": True})
    decoder = side(word).vendor.decoder(call, b"{}")
    assert decoder is not None
    return [*decoder.feed(stream), *decoder.end()]
