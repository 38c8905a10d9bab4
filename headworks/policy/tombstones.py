"""Whose kept answers are nobody's any more: users who were purged (`headworks logs purge --user`).

Theory. A mark is a user's digest and an instant: what their calls of before got is given to nobody. Marks are few, and bounded
all the same: where there are more than `most`, the oldest is let go, and then every answer to a call of any user that came
before that one counts as purged, which costs misses and shows nobody anything. As long as nobody knows the marks, all do.
"""

from __future__ import annotations

from typing import Final

MOST: Final = 50_000
"""Marks in memory: ten megabytes."""

EVER: Final = float("inf")


class Tombstones:
    """The marks that one gateway knows. is_known: whether they were read once."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.is_known = True
        self._marks: dict[str, float] = {}
        self._newest = 0.0
        self._floor = 0.0

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, user: str, at: float) -> None:
        """Calls of this user (a digest) that came before an instant (seconds since 1970) are nobody's."""
        self._marks.pop(user, None)
        self._marks[user] = at
        self._newest = max(self._newest, at)
        if len(self._marks) > self.most:
            self._floor = max(self._floor, self._marks.pop(next(iter(self._marks))))

    def covers(self, user: str | None, asked_at: float) -> bool:
        """Whether the answer to a call of this user that came then may be given to nobody. None: whose it was is not known."""
        if not self.is_known:
            return True
        if user is None:
            return asked_at < self._newest
        return asked_at < max(self._floor, self._marks.get(user, 0.0))
