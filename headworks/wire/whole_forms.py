"""The forms of an answer that is never streamed: it is whole or none."""

from __future__ import annotations

from typing import Final


class WholeForms:
    end: Final = b""

    def parted(self, chunks: object, /) -> tuple[bytes, bytes]:
        raise AssertionError("there are no streams")

    def as_body(self, events: bytes, counts: bytes, /) -> bytes | None:
        return None

    def as_events(self, body: bytes, /) -> tuple[bytes, bytes] | None:
        return None

    def is_finished(
        self, asked: bytes, answer: bytes, finish: str | None, /, *, streamed: bool, is_bounded: bool
    ) -> bool:
        return True
