"""OpenAI's chat to and from the hub, as `wire/sides.py` asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from headworks.wire import hub


def question_of(body: bytes) -> hub.Question:
    """A caller's body. Raises Malformed with the field."""
    raise NotImplementedError


def body_of(question: hub.Question, model: str) -> bytes:
    """The body for a vendor of this dialect. Raises Unsupported(field)."""
    raise NotImplementedError


class ChatPieces(hub.Decoder):
    """A vendor's chat completion to pieces."""

    def feed(self, events: bytes) -> list[hub.Piece]:
        raise NotImplementedError

    def end(self) -> list[hub.Piece]:
        raise NotImplementedError

    def whole(self, body: bytes) -> hub.Answer:
        raise NotImplementedError


class ChatEvents(hub.Encoder):
    """Pieces to a chat completion. id, model, created: for answers whose vendor says none."""

    def __init__(self, *, id: str = "", model: str = "", created: int = 0, include_usage: bool = True) -> None:
        raise NotImplementedError

    def feed(self, pieces: Sequence[hub.Piece]) -> bytes:
        raise NotImplementedError

    def end(self) -> bytes:
        raise NotImplementedError

    def whole(self, answer: hub.Answer) -> bytes:
        raise NotImplementedError
