"""Reads from a request which session it belongs to.

Always true: what is read here is kept and counted, and lets nobody in, for a caller may write what it likes.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.record import MOST_TEXT
from headworks.core.session import SESSION_NAMES, Session
from headworks.http.request_parser import Request
from headworks.system.schema.system import SessionNames

AGENT: Final = b"x-claude-code-agent-id"
PARENT: Final = b"x-claude-code-parent-agent-id"

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAME: Final = msgspec.json.Decoder(str | int)


class Sessions:
    """What of a system's calls names their session: first what its file says (`session:`), then what clients are known to send."""

    def __init__(self, names: SessionNames) -> None:
        self.headers = (*(name.lower().encode() for name in names.headers), *SESSION_NAMES)
        self.fields = tuple([tuple(name.split(".")) for name in names.body])
        self.own = len(names.headers)

    def session(self, request: Request, body: bytes, said: str | None) -> Session | None:
        """said: what the body calls it in its API's own words. None where nothing names a session."""
        name = ""
        for at, header in enumerate(self.headers):
            if at == self.own and (name := found(body, self.fields)):
                break
            if name := _text(request, header):
                break
        name = name or (said or "")[:MOST_TEXT]
        return Session(name, agent=_text(request, AGENT), parent=_text(request, PARENT)) if name else None


def found(body: bytes, fields: tuple[tuple[str, ...], ...]) -> str:
    """The first of these fields that a body has, as far as a record keeps it; "" where it has none. What is no text and no whole
    number names nothing."""
    for path in fields:
        raw = msgspec.Raw(body)
        try:
            for name in path:
                raw = _OBJECT.decode(raw)[name]
            if said := str(_NAME.decode(raw)):
                return said[:MOST_TEXT]
        except (KeyError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
            continue
    return ""


def _text(request: Request, header: bytes) -> str:
    value = request.get(header)
    return "" if value is None else value[:MOST_TEXT].decode("latin-1").strip()
