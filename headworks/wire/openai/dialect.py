"""OpenAI's APIs as a vendor speaks them, and which of them a vendor has.

Of the many that follow OpenAI all have chat, and few have Responses. So a vendor is asked by chat where nothing is known of it,
and callers of another API are translated. A vendor that has more says so in the system file (`apis`), or in its row of
`wire/presets.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.completions.vendor import OpenAICompletions
from headworks.wire.openai.embeddings import OpenAIEmbeddings
from headworks.wire.openai.passed.vendor import VENDORS
from headworks.wire.openai.responses.compact import OpenAICompact
from headworks.wire.openai.responses.vendor import OpenAIResponses
from headworks.wire.sides import VendorDialect

SIDES: Final[Mapping[str, VendorDialect]] = MappingProxyType(
    {
        "chat": {"openai.chat": OpenAIChat()},
        "responses": {"openai.responses": OpenAIResponses(), "openai.compact": OpenAICompact()},
        "completions": {"openai.completions": OpenAICompletions()},
        "embeddings": {"openai.embeddings": OpenAIEmbeddings()},
    }
)
"""What belongs to each API, by its word in the system file."""

USUAL: Final = ("chat", "embeddings")
"""What a vendor has of which nothing is known."""


def speaking(apis: Sequence[str], chat: OpenAIChat | None = None) -> VendorDialect:
    """A vendor that has these APIs. Callers of others are translated to the first of them that takes their kind of call.

    chat: its own way of speaking chat.
    """
    sides = {name: side for word in apis for name, side in SIDES[word].items()}
    if chat is not None and "openai.chat" in sides:
        sides["openai.chat"] = chat
    return MappingProxyType({**sides, **VENDORS})


OPENAI: Final[VendorDialect] = speaking(USUAL)
