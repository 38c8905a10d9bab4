"""What keeps a stream alive is no event to a reader: the SDKs' own parsers, ours, and google-genai's rule for lines."""

from __future__ import annotations

import anthropic._streaming as anthropic_streaming
import openai._streaming as openai_streaming
import pytest

from headworks.core.call import Call
from headworks.core.dialect import Dialect
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.anthropic.vendor import ANTHROPIC
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.gemini.dialect import GEMINI
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from headworks.wire.openai.completions.caller import COMPLETIONS
from headworks.wire.openai.dialect import SIDES, speaking
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.sides import VendorSide

EVENT = b'data: {"a":1}\n\n'
SPEAKING = {**speaking(tuple(SIDES)), **ANTHROPIC, **GEMINI}


@pytest.mark.parametrize("keepalive", [CHAT.keepalive, COMPLETIONS.keepalive, RESPONSES.keepalive])
def test_openais_sdk_sees_no_event(keepalive: bytes) -> None:
    found = list(openai_streaming.SSEDecoder().iter_bytes(iter([keepalive, keepalive, EVENT])))
    assert [one.data for one in found] == ['{"a":1}']


def test_anthropics_sdk_sees_a_ping_and_passes_over_it() -> None:
    found = list(anthropic_streaming.SSEDecoder().iter_bytes(iter([MESSAGES.keepalive, EVENT])))
    assert [(one.event, one.data) for one in found] == [("ping", '{"type":"ping"}'), (None, '{"a":1}')]


def test_every_line_of_geminis_is_empty_for_any_other_would_be_read_as_json() -> None:
    assert GENERATE.keepalive.strip() == b""
    assert GENERATE.keepalive.endswith(b"\n")


@pytest.mark.parametrize("dialect", [CHAT, COMPLETIONS, RESPONSES, MESSAGES, GENERATE], ids=lambda one: str(one.name))
def test_another_gateway_before_ours_takes_it_for_no_content(dialect: Dialect) -> None:
    side: VendorSide = SPEAKING[dialect.name]
    decoder = side.decoder(Call(id="1", alias="a", body=b'{"model":"a"}', dialect=CHAT, streamed=True))
    assert decoder is not None
    assert not any(chunk.has_content for chunk in decoder.feed(dialect.keepalive * 3))
    assert not decoder.is_headed
    assert decoder.fault is None


def test_an_operation_without_streams_has_none() -> None:
    assert EMBEDDINGS.keepalive == b""
