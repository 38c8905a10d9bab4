"""How a client calls in each API: where it posts, with which headers, the shortest body, and who reads the answer.

For what in this package is itself a client of the gateway: loads, drills, the API in your own process. So none of them names a
vendor. What a gateway does with such a call stands in each API's own folder, and nothing of it is known here.

Always true: a body has one question of one user, and nothing that an API does not demand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from headworks.core.dialect import Dialect
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.anthropic.vendor import AnthropicMessages
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.gemini.vendor import GeminiGenerate
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.completions.caller import COMPLETIONS
from headworks.wire.openai.completions.vendor import OpenAICompletions
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.vendor import OpenAIResponses
from headworks.wire.sides import VendorDialect, VendorSide
from headworks.wire.translated import between

LEAST_RESPONSE: Final = 16
"""Tokens: OpenAI's Responses refuse a smaller `max_output_tokens` with a 400 (its words are in
https://github.com/vectorize-io/hindsight/issues/58, read on 2026-12-01)."""

BEARER: Final = b"authorization"


class Question(NamedTuple):
    """One question. model, text: as JSON strings, quotes included. output: tokens of the answer at most."""

    model: bytes
    text: bytes
    output: int
    streamed: bool


@dataclass(frozen=True)
class ClientApi:
    """An API as its client uses it. path: `{model}` in it stands for the model's name. key_header: in lower case; in
    `authorization` a key is a bearer token. headers: what the API's own SDKs always send beside."""

    word: str
    caller: Dialect
    vendor: VendorSide
    body: Callable[[Question], bytes]
    path: str
    streamed_path: str = ""
    key_header: bytes = BEARER
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def target(self, model: str, *, streamed: bool) -> str:
        """The path on the public port, with its query."""
        path = (streamed and self.streamed_path) or self.path
        return path.replace("{model}", quote(model, safe=""))

    def sent_headers(self, key: str | None) -> list[tuple[bytes, bytes]]:
        made = [(b"content-type", b"application/json"), *self.headers]
        if key:
            made.append((self.key_header, (b"Bearer " if self.key_header == BEARER else b"") + key.encode()))
        return made

    def written(self, model: str, text: str, output: int, *, streamed: bool) -> bytes:
        """A body that asks this."""
        return self.body(Question(msgspec.json.encode(model), msgspec.json.encode(text), output, streamed))


_STREAMED: Final = b',"stream":true'
_COUNTED: Final = b',"stream":true,"stream_options":{"include_usage":true}'


def _chat(asked: Question) -> bytes:
    more = _COUNTED if asked.streamed else b""
    return b'{"model":%b,"messages":[{"role":"user","content":%b}],"max_tokens":%d%b}' % (
        asked.model,
        asked.text,
        asked.output,
        more,
    )


def _messages(asked: Question) -> bytes:
    more = _STREAMED if asked.streamed else b""
    return b'{"model":%b,"max_tokens":%d,"messages":[{"role":"user","content":%b}]%b}' % (
        asked.model,
        asked.output,
        asked.text,
        more,
    )


def _responses(asked: Question) -> bytes:
    more = _STREAMED if asked.streamed else b""
    return b'{"model":%b,"input":[{"role":"user","content":%b}],"max_output_tokens":%d,"store":false%b}' % (
        asked.model,
        asked.text,
        max(LEAST_RESPONSE, asked.output),
        more,
    )


def _completions(asked: Question) -> bytes:
    more = _COUNTED if asked.streamed else b""
    return b'{"model":%b,"prompt":%b,"max_tokens":%d%b}' % (asked.model, asked.text, asked.output, more)


def _generate(asked: Question) -> bytes:
    return b'{"contents":[{"role":"user","parts":[{"text":%b}]}],"generationConfig":{"maxOutputTokens":%d}}' % (
        asked.text,
        asked.output,
    )


CLIENT_APIS: Final[Mapping[str, ClientApi]] = MappingProxyType(
    {
        one.word: one
        for one in (
            ClientApi("chat", CHAT, OpenAIChat(), _chat, "/v1/chat/completions"),
            ClientApi(
                "messages",
                MESSAGES,
                AnthropicMessages(),
                _messages,
                "/v1/messages",
                key_header=b"x-api-key",
                headers=((b"anthropic-version", b"2023-06-01"),),
            ),
            ClientApi("responses", RESPONSES, OpenAIResponses(), _responses, "/v1/responses"),
            ClientApi(
                "gemini",
                GENERATE,
                GeminiGenerate(),
                _generate,
                "/v1beta/models/{model}:generateContent",
                "/v1beta/models/{model}:streamGenerateContent?alt=sse",
                key_header=b"x-goog-api-key",
            ),
            ClientApi("completions", COMPLETIONS, OpenAICompletions(), _completions, "/v1/completions"),
        )
    }
)
"""By the word that `--dialect` takes."""

OWN_API: Final = CLIENT_APIS["chat"]
"""The API in which this package calls where nobody says another."""


def api_for(dialect: VendorDialect) -> ClientApi:
    """In which API this package asks a vendor directly: in its own where it can be translated, else in the first that the vendor has."""
    return next((one for one in CLIENT_APIS.values() if between(one.caller, dialect) is not None), OWN_API)
