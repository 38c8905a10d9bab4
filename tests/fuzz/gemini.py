"""What is fuzzed of Gemini's API: the same bytes as what a caller asks, and as what a vendor answers, to and from OpenAI's too."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, Final

from headworks.core.call import Call
from headworks.core.errors import CallError
from headworks.server.problems import answer
from headworks.wire.gemini.caller import EMBED, EMBED_BATCH, GENERATE
from headworks.wire.gemini.count_tokens import COUNT
from headworks.wire.gemini.dialect import GEMINI
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.translated import between

AT: Final = "/v1beta/models/m:generateContent"
SEED: Final = (
    b'{"contents":[{"role":"user","parts":[{"text":"hi"},{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}],'
    b'"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]}],"generationConfig":{"maxOutputTokens":5}}'
)
EVENTS: Final = (
    b'data: {"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":2}}\r\n\r\n'
    b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"AA=="}]},'
    b'"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}]}}]}\r\n\r\n'
)


def asked(data: bytes) -> None:
    """What a caller asks, read, weighed, compared, and told to vendors of both APIs."""
    for caller in (GENERATE, EMBED, EMBED_BATCH, COUNT):
        try:
            caller.read(data, AT)
        except CallError as error:
            answer(error, "req_1", (), caller)
            continue
        for look in (caller.question, caller.weigh, lambda one: caller.is_ordinary(one, ())):  # noqa: B023
            look(data)
        for vendor in (GEMINI, OPENAI):
            if (side := between(caller, vendor)) is not None:
                call = Call(id="req_1", alias="a", body=data, dialect=caller, bound=9, streamed=caller is GENERATE)
                with contextlib.suppress(CallError):
                    side.request(call, b'"m"', counted=True)
    COUNT.estimated(data)


def answered(pieces: Callable[[], Iterable[bytes]], data: bytes) -> None:
    """What a vendor answers, to callers of both APIs."""
    ways: tuple[Any, ...] = (
        (GENERATE, GEMINI),
        (CHAT, GEMINI),
        (GENERATE, OPENAI),
        (EMBEDDINGS, GEMINI),
        (EMBED, OPENAI),
    )
    for caller, vendor in ways:
        side = between(caller, vendor)
        assert side is not None
        call = Call(id="req_1", alias="a", body=b'{"input":"a","content":{"parts":[{"text":"a"}]}}', dialect=caller)
        try:
            side.whole(data, call, b"{}")
        except CallError as error:
            answer(error, "req_1", (), caller)
        side.spent(data)
        decoder = side.decoder(call, b"{}")
        for piece in pieces() if decoder is not None else ():
            decoder.feed(piece)
        if decoder is not None:
            decoder.end()
            if decoder.fault is not None:
                caller.event(decoder.fault)
