"""Tombstones of purged users (`headworks logs purge --user`): their cached answers are given to nobody.

Theory. A tombstone is a user's digest and an instant: answers to their calls before it are given to nobody. There are few, and
their number is bounded: beyond `most` the oldest is dropped. Then every answer from before its instant counts as purged, for any
user. That costs cache misses and leaks nothing. Until the tombstones have been read, all answers count as purged.
"""

from __future__ import annotations

from typing import Final

MOST: Final = 50_000
"""Tombstones in memory: ten megabytes."""

EVER: Final = float("inf")


class Tombstones:
    """The tombstones that one gateway knows. is_known: whether they were read once."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.is_known = True
        self._marks: dict[str, float] = {}
        self._newest = 0.0
        self._floor = 0.0

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, user: str, at: float) -> None:
        """Adds a tombstone: calls of this user (a digest) before an instant (seconds since 1970) are purged."""
        self._marks.pop(user, None)
        self._marks[user] = at
        self._newest = max(self._newest, at)
        if len(self._marks) > self.most:
            self._floor = max(self._floor, self._marks.pop(next(iter(self._marks))))

    def covers(self, user: str | None, asked_at: float) -> bool:
        """Whether the answer to a call is purged. user: the digest, None where it is not known. asked_at: when the call came."""
        if not self.is_known:
            return True
        if user is None:
            return asked_at < self._newest
        return asked_at < max(self._floor, self._marks.get(user, 0.0))
