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


def own(extra: Extra, dialect: str) -> Mapping[str, Json]:
    """What this dialect alone says."""
    return extra.get(dialect) or _NOTHING


def only(dialect: str, members: Mapping[str, Json]) -> Extra:
    """The extra of these members; none where there are none."""
    return {dialect: members} if members else NO_EXTRA


def merged(said: dict[str, Json], more: Mapping[str, Json]) -> dict[str, Json]:
    """Both, `more` where both say something else; objects are merged member by member. Changes `said`."""
    for name, value in more.items():
        known = said.get(name)
        if isinstance(known, dict) and isinstance(value, Mapping):
            said[name] = merged(dict(known), value)
        else:
            said[name] = value
    return said


_NOTHING: Final[Mapping[str, Json]] = MappingProxyType({})

CHAT: Final = "openai.chat"
RESPONSES: Final = "openai.responses"
MESSAGES: Final = "anthropic.messages"
GENERATE: Final = "gemini.generate"
CONVERSE: Final = "bedrock.converse"
"""Dialects by name, as `extra` and `origin` have them."""
