"""The part of a record that the indexer decodes: half the time of all of it, and an older record is no error."""

from __future__ import annotations

import re

import msgspec

from headworks.core.record import Opened
from headworks.core.reply import Usage

GOOD = frozenset({"ok", "cancelled"})
"""Outcomes that are no failures: a whole answer, or a caller who hung up."""

MOST_SECONDS = 1e9
"""Durations and instants beyond are not ours: SQLite has 63 bits for the microseconds."""


class AttemptFacts(msgspec.Struct, frozen=True):
    target: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    at: float
    arrived_at: float
    last_at: float = 0.0
    model: str
    key: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    user: str = ""
    session: str = ""
    status: int
    outcome: str
    error: str = ""
    reason: str = ""
    tokens: Usage | None = None
    cost_nano: int | None = None
    attempts: list[AttemptFacts] = []
    erased: bool = False

    @property
    def duration(self) -> int:
        """Microseconds from the arrival to the last byte."""
        return max(0, round((self.last_at - self.arrived_at) * 1e6)) if self.last_at else 0

    @property
    def is_failed(self) -> bool:
        return self.outcome not in GOOD


_decode = msgspec.json.Decoder(Facts).decode
_decode_opened = msgspec.json.Decoder(Opened).decode
OPENED = b'{"opened":'
"""How the line of a call begins that is no record yet."""

USER = b'"user":'
"""In the line of every call that says whose it is, and of few others."""

ERASED = re.compile(r"erased-[0-9a-f]{3}")
"""The request id of a call whose user was purged: what of the digest stands in the call's key (`store.py`), and no more."""


def facts(line: bytes) -> Facts | None:
    """The facts in a journal line, or None where it is no record (torn, or no JSON after a crash of the disk)."""
    try:
        found = _decode(line)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    if found.erased and not ERASED.fullmatch(found.request_id):
        return None
    return found if 0 <= found.at < 4 * MOST_SECONDS and found.duration < MOST_SECONDS * 1e6 else None


def opened(line: bytes) -> Opened | None:
    """The call that a journal line opens, or None where it opens none."""
    if not line.startswith(OPENED):
        return None
    try:
        found = _decode_opened(line)
    except (ValueError, RecursionError):
        return None
    return found if 0 <= found.at < 4 * MOST_SECONDS and 0 <= found.reserved_nano < 2**62 else None
