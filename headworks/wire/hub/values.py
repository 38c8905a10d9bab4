"""What a hub's struct may hold besides text and numbers.

A value that nobody between two dialects looks into (a tool's schema) is a `Raw`: its JSON text as it was written. It costs
a seventh of a value that is read and written again. Everything else is read: a `Json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

Json: TypeAlias = Any
"""A JSON value, read: dict, list, str, int, float, bool or None."""

Raw: TypeAlias = msgspec.Raw
"""A JSON value, unread."""

Extra: TypeAlias = Mapping[str, Mapping[str, Json]]
"""What only one dialect can say, by the dialect's name: its own members with their own names and values.

A writer of that dialect puts them back as they were; every other writer leaves them out and says so.
"""

NO_EXTRA: Final[Extra] = MappingProxyType({})

CHAT: Final = "openai.chat"
RESPONSES: Final = "openai.responses"
MESSAGES: Final = "anthropic.messages"
GENERATE: Final = "gemini.generate"
CONVERSE: Final = "bedrock.converse"
"""Dialects by name, as `extra` and `origin` have them."""
