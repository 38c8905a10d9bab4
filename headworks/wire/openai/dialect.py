"""OpenAI's APIs as a vendor speaks them, and which of them a vendor has.

Of the many that follow OpenAI all have chat, and few have Responses. So a vendor is asked by chat where nothing is known of it,
and callers of another API are translated. A vendor that has more says so in the system file (`apis`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.completions.vendor import OpenAICompletions
from headworks.wire.openai.embeddings import OpenAIEmbeddings
from headworks.wire.openai.responses.vendor import OpenAIResponses
from headworks.wire.sides import VendorDialect, VendorSide

SIDES: Final[Mapping[str, VendorSide]] = MappingProxyType(
    {
        "chat": OpenAIChat(),
        "responses": OpenAIResponses(),
        "completions": OpenAICompletions(),
        "embeddings": OpenAIEmbeddings(),
    }
)
"""Each API by its word in the system file: `openai.` and the word is its name."""

USUAL: Final = ("chat", "embeddings")
KNOWN: Final[Mapping[str, Sequence[str]]] = MappingProxyType({"api.openai.com": ("chat", "responses", "embeddings")})
"""What a host has beside or without the usual (https://platform.openai.com/docs/api-reference, read 2026-11-30)."""


def speaking(apis: Sequence[str]) -> VendorDialect:
    """A vendor that has these APIs. Callers of others are translated to the first of them that takes their kind of call."""
    return MappingProxyType({f"openai.{word}": SIDES[word] for word in apis})


def offered(base_url: str, apis: Sequence[str]) -> VendorDialect:
    """What a vendor speaks: what is said of it, else what is known of its host, else the usual."""
    return speaking(apis or KNOWN.get((urlsplit(base_url).hostname or "").lower(), USUAL))


OPENAI: Final[VendorDialect] = speaking(USUAL)
