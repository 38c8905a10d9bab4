"""Whether a refusal that may follow from one call's own body is met by others too.

Theory. A vendor answers 404 to a model that is gone, and to a picture that its model cannot see. Whoever takes the second
for the first lets any caller take a target from everybody. So the first caller who meets such a refusal only casts
doubt; another caller who meets it too, with nothing answered between, proves it.

Always true: one caller alone proves nothing, however often he asks; who is not known by a key is nobody's other caller;
an answer in between takes the doubt away, and so does time. A target that answers one operation (chat) and has never
answered another (embeddings) is no worse for refusing the other: who asks an embedding model to chat takes it from nobody.
"""

from __future__ import annotations

from typing import Final

from headworks.core.dialect import Operation

LASTING: Final = 600.0
"""Seconds for which a doubt is remembered."""


class Doubt:
    """Who suspects one target, and what it has answered (`answered`: operations). `caller` is "" where there is no doubt."""

    __slots__ = ("_at", "answered", "caller")

    def __init__(self) -> None:
        self.caller = ""
        self.answered: set[Operation] = set()
        self._at = 0.0

    def is_of(self, operation: Operation) -> bool:
        """Whether a refusal of this operation can tell anything of the target: not where it answers only others."""
        return not self.answered or operation in self.answered

    def is_proven(self, caller: str, now: float) -> bool:
        """Notes that this caller met a refusal; whether another one has met it before."""
        if not caller:
            return False
        if self.caller and self.caller != caller and now - self._at <= LASTING:
            return True
        if self.caller != caller or now - self._at > LASTING:
            self.caller, self._at = caller, now
        return False

    def clear(self, operation: Operation) -> None:
        """The target has answered somebody: what it refused was about the call."""
        self.caller = ""
        self.answered.add(operation)
