"""Routing: finds the pool of the alias."""

from __future__ import annotations

from collections.abc import Mapping

from headworks.core.call import Call
from headworks.core.errors import UnknownModel
from headworks.core.service import Opening, Service


class Route:
    """Finds the stack of the alias that was asked for."""

    def __init__(self, aliases: Mapping[str, Service]) -> None:
        self.aliases = aliases

    def open(self, call: Call) -> Opening:
        if call.refusal is not None:  # a body that nobody understands: found at the edge, raised where it is recorded
            raise call.refusal.again()
        inner = self.aliases.get(call.alias)
        if inner is None:
            raise UnknownModel.named(call.alias)
        return inner.open(call)
