"""OpenAI's API as a vendor speaks it: every operation of it that is spoken here."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.embeddings import OpenAIEmbeddings
from headworks.wire.sides import VendorDialect

OPENAI: Final[VendorDialect] = MappingProxyType({"openai.chat": OpenAIChat(), "openai.embeddings": OpenAIEmbeddings()})
