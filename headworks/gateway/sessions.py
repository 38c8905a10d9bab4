"""Reads from a request which session it belongs to.

Always true: what is read here is kept and counted, and lets nobody in, for a caller may write what it likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from headworks.core.record import MOST_TEXT
from headworks.core.session import SESSION_NAMES, Session
from headworks.http.request_parser import Request
from headworks.system.schema.system import Model

AGENT: Final = b"x-claude-code-agent-id"
PARENT: Final = b"x-claude-code-parent-agent-id"

BODY: Final = "body:"

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAME: Final = msgspec.json.Decoder(str | int)


class Sessions:
    """What of a call names its session: first what its alias says in the file (`session:`), then what clients are known to send."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self.sources = {alias: model.session for alias, model in models.items() if model.session is not None}

    def session(self, request: Request, body: bytes, alias: str, said: str | None) -> Session | None:
        """said: what the body calls it in its API's own words. None where nothing names a session."""
        name = ""
        if source := self.sources.get(alias):
            path = source.partition(":")[2]
            name = _field(body, path) if source.startswith(BODY) else _text(request, path.lower().encode())
        for header in SESSION_NAMES:
            name = name or _text(request, header)
        name = name or (said or "")[:MOST_TEXT]
        return Session(name, agent=_text(request, AGENT), parent=_text(request, PARENT)) if name else None


def _field(body: bytes, path: str) -> str:
    """What a body has in a field, as far as a record keeps it; "" where that is missing, or no text and no whole number."""
    raw = msgspec.Raw(body)
    try:
        for name in path.split("."):
            raw = _OBJECT.decode(raw)[name]
        return str(_NAME.decode(raw))[:MOST_TEXT]
    except (KeyError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return ""


def _text(request: Request, header: bytes) -> str:
    value = request.get(header)
    return "" if value is None else value[:MOST_TEXT].decode("latin-1").strip()
