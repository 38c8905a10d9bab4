"""Gemini's API as a vendor speaks it: every operation of it that is spoken here."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from headworks.wire.gemini.count_tokens import CountedTokens
from headworks.wire.gemini.embeddings import GeminiBatchEmbed, GeminiEmbed
from headworks.wire.gemini.vendor import GeminiGenerate
from headworks.wire.sides import VendorDialect

GEMINI: Final[VendorDialect] = MappingProxyType(
    {
        "gemini.generate": GeminiGenerate(),
        "gemini.count": CountedTokens(),
        "gemini.embed": GeminiEmbed(),
        "gemini.embed_batch": GeminiBatchEmbed(),
    }
)
