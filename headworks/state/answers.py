"""The answer cache of this process: least recently used out first, with a time to live.

Always true: `bytes` is the sum of what is kept and never above `most`; room is made by letting go first of what is too
old to be given to anybody, then of what was not asked for the longest. All answers of one store live equally long, so
the order in which they came is the order in which they expire, and each is looked at once for that.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from headworks.core.clock import now
from headworks.policy.freshness import CachedAnswer


class Answers:
    """A cache of answers by fingerprint, bounded in bytes. evicted: answers dropped before they expired.

    ttl: seconds.
    """

    def __init__(self, most: int, ttl: float) -> None:
        self.most = most
        self.ttl = ttl
        self.bytes = 0
        self.evicted = 0
        self._kept: OrderedDict[bytes, tuple[CachedAnswer, float]] = OrderedDict()  # the longest unused first
        self._expiring: deque[tuple[float, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    async def find(self, fingerprint: bytes) -> CachedAnswer | None:
        """The cached answer, unless it has expired."""
        found = self._kept.get(fingerprint)
        if found is None:
            return None
        kept, expires_at = found
        if now() >= expires_at:
            self._drop(fingerprint)
            return None
        self._kept.move_to_end(fingerprint)
        return kept

    async def keep(self, fingerprint: bytes, kept: CachedAnswer) -> None:
        """Stores an answer, in place of an earlier one. One that is larger than the whole cache is not stored."""
        at = now()
        self._drop(fingerprint)
        self._expire(at)
        size = kept.size()
        if size > self.most:
            return
        while self.bytes + size > self.most:
            self._drop(next(iter(self._kept)))
            self.evicted += 1
        expires_at = at + self.ttl
        self._kept[fingerprint] = (kept, expires_at)
        self._expiring.append((expires_at, fingerprint))
        self.bytes += size

    def _expire(self, at: float) -> None:
        expiring = self._expiring
        while expiring and expiring[0][0] <= at:
            expires_at, fingerprint = expiring.popleft()
            found = self._kept.get(fingerprint)
            if found is not None and found[1] == expires_at:  # else it was replaced or let go meanwhile
                self._drop(fingerprint)

    def _drop(self, fingerprint: bytes) -> None:
        found = self._kept.pop(fingerprint, None)
        if found is not None:
            self.bytes -= found[0].size()
