"""Notes which model a target's vendor says has answered, and tells when that changes.

Theory. A vendor may put another model behind a name, or the same one on another build, and say so in a field of its answers. Looking
for the bytes that said so before costs a search in bytes that are there anyway, and no step; only an answer that has them not is
read. Vendors answer from several builds at once, so a name is new only if it is none of the last `MOST` ones.

Always true: the first name is no change; at most `MOST` names of each kind are kept; a vendor that never names a model is not
looked at for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from headworks.wire.reported import Reported, reported

MOST: Final = 8
"""Names of one kind that are known at a time."""

MOST_IN_VAIN: Final = 16
"""Answers without a name in a row after which a vendor is taken for one that names none."""

FINGERPRINT: Final = b'"system_fingerprint":"'

START: Final = 65_536
END: Final = 2_048
"""Bytes at the beginning and at the end of an answer that are searched: models are named there, before or after what was said."""

What: TypeAlias = Literal["model", "system_fingerprint"]
Observer: TypeAlias = Callable[[What, str, str], None]
"""Told of a change: of what, from and to which name."""


class ReportedModel:
    """The names of one target. The leaf compares `known` with each answer by itself, and calls `look` where none fits."""

    __slots__ = ("_builds", "_in_vain", "_models", "is_on", "known", "observer")

    def __init__(self) -> None:
        self.known: tuple[tuple[bytes, bytes], ...] = ()
        """The bytes that said the model and the fingerprint (b"" for none), of the last answers that differed."""
        self.observer: Observer | None = None
        self.is_on = True
        """Whether answers are looked at."""
        self._models: deque[str] = deque(maxlen=MOST)
        self._builds: deque[str] = deque(maxlen=MOST)
        self._in_vain = 0

    def look(self, data: bytes) -> None:
        """Reads what an answer reports: it is new, or not said in the usual bytes."""
        found = reported(data)
        if found is None:
            self._in_vain += 1
            self.is_on = bool(self.known) or self._in_vain < MOST_IN_VAIN
            return
        self._in_vain = 0
        self._note("model", self._models, found.model)
        if found.fingerprint:
            self._note("system_fingerprint", self._builds, found.fingerprint)
        self.known = (self._pair(found), *[one for one in self.known if one != self._pair(found)][: MOST - 1])

    @staticmethod
    def _pair(found: Reported) -> tuple[bytes, bytes]:
        model, *build = found.needles
        return model, build[0] if build else b""

    def _note(self, what: What, names: deque[str], name: str) -> None:
        if name in names:
            return
        before = names[-1] if names else ""
        names.append(name)
        if before and self.observer is not None:
            self.observer(what, before, name)
