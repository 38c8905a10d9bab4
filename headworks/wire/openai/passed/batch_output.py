"""The tokens in the results of a batch, summed while they pass: one JSON object a line, each with the answer to one call.

Its form: https://platform.openai.com/docs/guides/batch; that a batch has one model: https://docs.morphllm.com/sdk/components/batch (read on
2026-12-01). A line whose call failed was not billed. What cannot be read, or names no tokens, makes the sum unknown: it is never guessed.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.reply import Usage
from headworks.wire.openai.passed.vendor import Said, usage_of

MOST_LINE: Final = 8_000_000
"""Bytes of one line that are kept until its end comes."""


class _Body(msgspec.Struct):
    model: Any = None
    usage: Any = None


class _Response(msgspec.Struct):
    status_code: int = 0
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    response: _Response | None = None


_LINE: Final = msgspec.json.Decoder(_Line)
_BODY: Final = msgspec.json.Decoder(_Body)
_CLASSES: Final = Usage.__struct_fields__


class BatchOutput:
    """is_known: every line so far was read. model: of the lines that were billed, "" before the first."""

    def __init__(self) -> None:
        self.is_known = True
        self.model = ""
        self.usage = Usage()
        self._begun = bytearray()

    def feed(self, data: bytes) -> None:
        if not self.is_known:
            return
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0] = bytes(self._begun) + whole[0]
            self._begun.clear()
        self._begun += rest
        for line in whole:
            self._read(line)
        if len(self._begun) > MOST_LINE:
            self._give_up()

    def end(self) -> Usage | None:
        """The tokens of all lines; None where they are not known."""
        self._read(bytes(self._begun))
        self._begun.clear()
        return self.usage if self.is_known else None

    def _read(self, line: bytes) -> None:
        if not line.strip() or not self.is_known:
            return
        try:
            response = _LINE.decode(line).response
            if response is None or response.status_code != 200:
                return
            body = _BODY.decode(response.body)
        except (ValueError, RecursionError):
            self._give_up()
            return
        usage, model = usage_of(Said(usage=body.usage)), body.model
        # A batch has one model: its vendor refuses another one in the same file.
        if usage is None or not isinstance(model, str) or not model or self.model not in ("", model):
            self._give_up()
            return
        self.model = model
        self.usage = Usage(**{name: getattr(self.usage, name) + getattr(usage, name) for name in _CLASSES})

    def _give_up(self) -> None:
        self.is_known = False
        self._begun.clear()
