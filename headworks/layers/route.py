"""Routing: finds the pool of the alias."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from headworks.core.call import Call
from headworks.core.errors import UnknownModel, UnknownPath
from headworks.core.service import Opening, Service


class Route:
    """Finds the stack of the alias that was asked for; for a call that passes by its path, that of the path's word (`passages`)."""

    def __init__(self, aliases: Mapping[str, Service], passages: Mapping[str, Service] = MappingProxyType({})) -> None:
        self.aliases = aliases
        self.passages = passages

    def open(self, call: Call) -> Opening:
        if call.refusal is not None:  # a body that nobody understands: found at the edge, raised where it is recorded
            raise call.refusal.again()
        if call.passage is not None:
            passage = self.passages.get(call.passage.word)
            if passage is None:  # a reload has taken the word out of the file a moment ago
                raise UnknownPath(f"/v1/{call.passage.word} is not served here.")
            return passage.open(call)
        inner = self.aliases.get(call.alias)
        if inner is None:
            raise UnknownModel.named(call.alias)
        return inner.open(call)
