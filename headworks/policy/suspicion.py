"""Whether a vendor's refusal is about the target, or only about the body of one call.

Theory. A vendor answers 404 to a model that is gone, and to a picture that its model cannot see. If the second
were taken for the first, any caller could take a target away from all others. So the first caller's refusal only raises a
suspicion. The same refusal of another caller's call, with no answer in between, confirms it.

Always true: one caller alone confirms nothing, however often it calls; callers without a key do not count; an answer in between
clears the suspicion, and so does time. A target that answers one operation (chat) and never answered another (embeddings) is
not suspected for refusing the other.
"""

from __future__ import annotations

from typing import Final

from headworks.core.dialect import Operation

LASTING: Final = 600.0
"""Seconds for which a suspicion is remembered."""


class Suspicion:
    """The suspicion against one target. caller: whose call raised it, "" if there is none. answered: operations that the target
    has answered."""

    __slots__ = ("_at", "answered", "caller")

    def __init__(self) -> None:
        self.caller = ""
        self.answered: set[Operation] = set()
        self._at = 0.0

    def is_of(self, operation: Operation) -> bool:
        """Whether a refusal of this operation can tell anything of the target: not where it answers only others."""
        return not self.answered or operation in self.answered

    def is_confirmed(self, caller: str, now: float) -> bool:
        """Notes that this caller met a refusal; whether another one has met it before."""
        if not caller:
            return False
        if self.caller and self.caller != caller and now - self._at <= LASTING:
            return True
        if self.caller != caller or now - self._at > LASTING:
            self.caller, self._at = caller, now
        return False

    def clear(self, operation: Operation) -> None:
        """Clears the suspicion after an answer: the refusal was about the call."""
        self.caller = ""
        self.answered.add(operation)
