"""Which session a call belongs to: a run of an agent, or a conversation."""

from __future__ import annotations

from typing import Final

import msgspec

SESSION_NAMES: Final = (
    b"x-claude-code-session-id",
    b"session-id",
    b"session_id",
    b"x-session-id",
    b"x-session-affinity",
    b"thread-id",
)
"""Headers in which clients name their session: the first that is there counts. Captured from Claude Code 2.1, Codex CLI 0.171 and
OpenCode 1.18."""


class Session(msgspec.Struct, frozen=True):
    """A client's own name for a run of calls. agent: which of its agents asks, "" for the only one. parent: who started that agent."""

    id: str
    agent: str = ""
    parent: str = ""
