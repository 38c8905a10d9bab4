"""Sticky load balancing: a session stays at one target, where the vendor's prompt cache has its beginning.

Theory. Each session has a *home* among the targets of a tier, by weighted rendezvous hashing (Thaler and Ravishankar 1998; with
weights: Schindler and Schomaker 2005): every target draws a number from the session's name and its own, and the lowest wins. So

- workers and replicas agree without asking each other, and a restart changes nothing;
- targets get sessions in proportion to their weights;
- a target that is added takes only its share, and one that is removed gives away only its own sessions.

If the session's target may not be asked (circuit open, set aside, inside a Retry-After), the session *moves* to the next by the same
hashing, and stays there when the first is well again: by then the second has the warm cache, and moving back would be paid for
once more. Moves are remembered in this process only, for `REMEMBERED` sessions at most, the least recently used evicted first, and
until a session has been idle for `IDLE`. A move that is forgotten costs one cold prompt.

A target that only failed this call, or had no room for it, is left for this call and not for the session.

Always true: what is picked is one of the candidates that were handed in; a session whose home may be asked and that was not
moved is there; the first attempt of a call probes a target that is due, as in every policy.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from hashlib import blake2b
from math import log
from random import Random
from typing import Final

from headworks.policy.balancing import Candidate, available

REMEMBERED: Final = 10_000
"""Moved sessions of one tier: about 2 MB."""

IDLE: Final = 3600.0
"""Seconds after which no vendor's cache is warm by its usual rules: the longest life that a caller can ask for at most vendors."""

_RANGE: Final = float(2**64)


def rank(session: bytes, candidate: Candidate) -> float:
    """The number that a target draws for a session: exponential with the weight as its rate. The lowest wins."""
    drawn = blake2b(session + candidate.name.encode(), digest_size=8).digest()
    return -log((int.from_bytes(drawn, "big") + 0.5) / _RANGE) / candidate.weight


def nearest(session: bytes, candidates: Sequence[Candidate]) -> Candidate:
    """The first in the session's order."""
    return min(candidates, key=lambda candidate: rank(session, candidate))


class Moves:
    """Which sessions have left their home, and where each is now."""

    __slots__ = ("_most", "_moved")

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._moved: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._moved)

    def target(self, session: bytes, now: float) -> str:
        """The target's name, which is used now; "" where the session is at home."""
        known = self._moved.pop(session, None)
        if known is None or now - known[1] > IDLE:
            return ""
        self._moved[session] = known[0], now
        return known[0]

    def move(self, session: bytes, target: str, now: float) -> None:
        self._moved[session] = target, now
        if len(self._moved) > self._most:
            self._moved.popitem(last=False)

    def forget(self, session: bytes) -> None:
        self._moved.pop(session, None)


class Sticky:
    """The sessions of one tier. candidates: all its targets, also those that a call may not be sent to now."""

    __slots__ = ("candidates", "moves")

    def __init__(self, candidates: Sequence[Candidate], moves: Moves) -> None:
        self.candidates = candidates
        self.moves = moves

    def place(self, session: bytes, now: float) -> Candidate:
        """Where the session is, whether that may be asked or not."""
        if moved := self.moves.target(session, now):
            for candidate in self.candidates:
                if candidate.name == moved:
                    return candidate
        return nearest(session, self.candidates)

    def picker(self, session: bytes) -> StickyPicker:
        return StickyPicker(self, session)


class StickyPicker:
    """Picks for one session. session: its digest."""

    __slots__ = ("_session", "_sticky")

    def __init__(self, sticky: Sticky, session: bytes) -> None:
        self._sticky = sticky
        self._session = session

    def pick(
        self, candidates: Sequence[Candidate], tried: Collection[str], rng: Random, now: float
    ) -> Candidate | None:
        """One that may be asked now, by preference one whose name is not in `tried`; None when none may."""
        allowed = available(candidates, tried, now)
        if not allowed:
            return None
        if not tried:
            for candidate in allowed:
                if candidate.circuit.state != "closed":
                    return candidate  # a probe
        sticky, session = self._sticky, self._session
        place = sticky.place(session, now)
        if place in allowed:
            return place
        picked = nearest(session, allowed)
        if now < place.circuit.blocked_until:
            self._move(picked, now)
        return picked

    def _move(self, picked: Candidate, now: float) -> None:
        sticky, session = self._sticky, self._session
        if picked is nearest(session, sticky.candidates):
            sticky.moves.forget(session)
        else:
            sticky.moves.move(session, picked.name, now)
