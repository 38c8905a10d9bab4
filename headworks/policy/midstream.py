"""How a stream that broke after its head is continued, and whether the new text matches what was sent.

Theory. What was sent cannot be taken back. So another attempt may only be shown from the place on where the first one
stopped, and the seam must be exact or not there at all:

- *restart* asks the same question again. The new text is compared, as it arrives, with what was sent, and dropped while
  it is equal; a piece that reaches beyond is shown from there on. At the first difference nothing can be mended: the
  stream ends with an error, `stream_diverged`. It needs an attempt that repeats itself: a low temperature, a seed, a cache;
- *continue* hands what was said to the next target as the beginning of its own answer. There is nothing to compare,
  except where a vendor repeats that beginning: then it is dropped in the same way.

A choice's text and its reasoning are two texts, each compared with its own; reasoning that comes while text is still
being repeated, or text before all of the reasoning was, has lost the order in which the reader saw them.

Always true: pieces shown of both attempts, joined, are one text that the last attempt said (restart); what the reader has
got is never repeated; nothing goes on once a tool call has begun, when it is not known what was sent, or when the
caller's own deadline has passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from headworks.core.errors import CallError, Cut, Diverged, Expired
from headworks.core.text import is_well_formed, joined

MidStream = Literal["error", "restart", "continue"]
ResumeMode = Literal["restart", "continue"]

MOST_SENT = 1_000_000
"""Characters that are kept of an answer to compare with: some 250,000 tokens. A longer one is not resumed."""

_PASSING = frozenset({408, 409, 429})


class SentAnswer:
    """The part of an answer that the caller was sent. After `close` no other attempt may continue it."""

    __slots__ = ("_text", "_thoughts", "is_closed", "size")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self.is_closed = False
        self.size = 0  # characters

    def say(self, text: str) -> None:
        self._text.append(text)
        self._keep(len(text))

    def think(self, thought: str) -> None:
        self._thoughts.append(thought)
        self._keep(len(thought))

    def _keep(self, more: int) -> None:
        """Forgets an answer that is too long to be compared with: it may be as long as memory."""
        self.size += more
        if self.size > MOST_SENT:
            self._text.clear()
            self._thoughts.clear()
            self.close()

    def close(self) -> None:
        """A tool call has begun, the answer has finished, or something was sent that cannot be compared."""
        self.is_closed = True

    @property
    def text(self) -> str:
        return _joined(self._text)

    @property
    def reasoning(self) -> str:
        return _joined(self._thoughts)


def _joined(pieces: list[str]) -> str:
    """The pieces as one, and kept so: the next time there is nothing to join."""
    if len(pieces) > 1:
        pieces[:] = [joined(pieces)]
    return pieces[0] if pieces else ""


def resume_modes(mode: MidStream, error: CallError, told: SentAnswer, *, may_continue: bool) -> Sequence[ResumeMode]:
    """How a stream may be resumed after `error`, the best way first; empty where it may not.

    may_continue: some target takes the beginning of its answer, and the caller asked for nothing that forbids it.
    """
    if mode == "error" or told.is_closed or not is_break(error):
        return ()
    if mode == "continue" and may_continue and told.text and not told.reasoning and is_well_formed(told.text):
        return ("continue", "restart")
    return ("restart",)


def is_break(error: CallError) -> bool:
    """Whether a stream ended because of its vendor, so that another attempt may do better: a cut, a garbled event, a stall.

    An error that the vendor sent as an event and that blames the call (its content policy, its length) is an answer.
    """
    if isinstance(error, Diverged):
        return False
    if isinstance(error, Cut):
        status = error.said.status if error.said is not None else 0
        return not 400 <= status < 500 or status in _PASSING
    return isinstance(error, Expired) and error.phase == "between_tokens"


class ReplayFilter:
    """Drops the part of another attempt's answer that was sent already. Raises Diverged at the first difference.

    Compared is in UTF-16, as JSON counts: one attempt may say a character in two halves, and another one whole.
    """

    __slots__ = ("_text", "_text_at", "_thoughts", "_thoughts_at")

    def __init__(self, text: str, reasoning: str = "") -> None:
        self._text = _units(text)
        self._text_at = 0
        self._thoughts = _units(reasoning)
        self._thoughts_at = 0

    def text(self, piece: str) -> str:
        if self._thoughts_at < len(self._thoughts):
            raise _diverged()
        units = _units(piece)
        fresh = _fresh(units, self._text, self._text_at)
        self._text_at = min(self._text_at + len(units), len(self._text))
        return _spelled(fresh)

    def reasoning(self, piece: str) -> str:
        units = _units(piece)
        fresh = _fresh(units, self._thoughts, self._thoughts_at)
        self._thoughts_at = min(self._thoughts_at + len(units), len(self._thoughts))
        if fresh and self._text_at < len(self._text):
            raise _diverged()
        return _spelled(fresh)

    def other(self) -> None:
        """Something that is no text: a tool call, a finish reason. It may come only once everything was repeated."""
        if self._text_at < len(self._text) or self._thoughts_at < len(self._thoughts):
            raise _diverged()


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _spelled(units: bytes) -> str:
    return units.decode("utf-16-le", "surrogatepass")


def _fresh(piece: bytes, said: bytes, at: int) -> bytes:
    """What of the piece goes beyond `said`, of which `at` bytes were repeated already."""
    left = len(said) - at
    if left >= len(piece):
        if not said.startswith(piece, at):
            raise _diverged()
        return b""
    if left and not piece.startswith(said[at:]):
        raise _diverged()
    return piece[left:]


def _diverged() -> Diverged:
    return Diverged("The answer broke off, and another attempt said something else than what was sent already.")
