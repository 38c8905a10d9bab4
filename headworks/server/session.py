"""Reads from a request which session it belongs to.

Always true: what is read here is kept and counted, and lets nobody in, for a caller may write what it likes.
"""

from __future__ import annotations

from typing import Final

from headworks.core.record import MOST_TEXT
from headworks.core.session import SESSION_HEADERS, SESSION_NAMES, Session
from headworks.http.request_parser import Request

AGENT: Final = b"x-claude-code-agent-id"
PARENT: Final = b"x-claude-code-parent-agent-id"


def session(request: Request, said: str | None) -> Session | None:
    """The session that the headers name, else the one that the body named (`said`); None where neither does."""
    if SESSION_HEADERS.isdisjoint(request.names):
        return Session(said[:MOST_TEXT]) if said else None
    name = next((text for header in SESSION_NAMES if (text := _text(request, header))), "") or (said or "")[:MOST_TEXT]
    return Session(name, agent=_text(request, AGENT), parent=_text(request, PARENT)) if name else None


def _text(request: Request, header: bytes) -> str:
    value = request.get(header)
    return "" if value is None else value[:MOST_TEXT].decode("latin-1").strip()
