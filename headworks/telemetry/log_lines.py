"""Log formatters, as text and as JSON (`log: {format: json}`), with secrets masked.

Always true: one line is one object, whatever is in its text; `at`, `level`, `logger` and `message` are in each; `event` is in
each that tells of a change, and beside it what that change is about. What is no JSON is written as text.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import msgspec

from headworks.core.masking import NOTHING, Mask

_OURS = frozenset({"at", "level", "logger", "event"})
"""Fields that cannot contain a secret."""

_encode = msgspec.json.Encoder(enc_hook=repr).encode


class TextLines(logging.Formatter):
    """Formats records of `logging` as text. mask: what no line shows, once it is known."""

    mask: Mask = NOTHING

    def format(self, record: logging.LogRecord) -> str:
        return self.mask.text(super().format(record))


class JsonLines(logging.Formatter):
    """Formats records of `logging`. worker: which of several processes writes; None where it is the only one, or their parent.
    mask: what no line shows, once it is known."""

    mask: Mask = NOTHING

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **self._worker,
            **getattr(record, "fields", {}),
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        if record.stack_info:
            said["stack"] = record.stack_info
        if self.mask is not NOTHING:
            hide = self.mask.text
            said |= {name: hide(value) for name, value in said.items() if isinstance(value, str) and name not in _OURS}
        return printable(said)


def hide_in_log(mask: Mask) -> None:
    """Masks secrets in every log line of this process from now on."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, (TextLines, JsonLines)):
            handler.formatter.mask = mask


def printable(said: dict[str, object]) -> str:
    """One line of JSON. Half of a surrogate pair, which UTF-8 cannot carry, becomes a question mark."""
    try:
        return _encode(said).decode()
    except (UnicodeEncodeError, msgspec.MsgspecError):
        cleaned = {name: str(value).encode("utf-8", "replace").decode() for name, value in said.items()}
        return _encode(cleaned).decode()
