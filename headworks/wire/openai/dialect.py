"""OpenAI's API: every operation of it that is spoken here."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from headworks.wire.dialect import Dialect
from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.embeddings import OpenAIEmbeddings

OPENAI: Final[Dialect] = MappingProxyType({"chat": OpenAIChat(), "embeddings": OpenAIEmbeddings()})
