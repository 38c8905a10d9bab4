"""What a dialect gives the hub: a Decoder where it is a vendor's, an Encoder where it is a caller's.

Both are made for one answer and used for it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headworks.wire.hub.answer import Answer
from headworks.wire.hub.pieces import Piece


class Decoder(Protocol):
    """A vendor's answer to hub's words. It is given whole events, as the dialect's StreamDecoder cuts them (`Chunk.data`)."""

    def feed(self, events: bytes, /) -> list[Piece]:
        """What these events say: none, one or several whole events. Raises Garbled."""
        ...

    def end(self) -> list[Piece]:
        """What was held back until no more events come. Raises Garbled."""
        ...

    def whole(self, body: bytes, /) -> Answer:
        """An answer that is not streamed. Raises Garbled."""
        ...


class Encoder(Protocol):
    """The hub's words to the bytes of one API."""

    def feed(self, pieces: Sequence[Piece], /) -> bytes:
        """The events that say this; b"" where nothing is to be said yet."""
        ...

    def end(self) -> bytes:
        """The events that end the stream: `[DONE]`, `message_stop`. Called once, and only where the answer is whole."""
        ...

    def whole(self, answer: Answer, /) -> bytes:
        """The body of an answer that is not streamed."""
        ...
