"""A line of the log as an object, for machines: `log: {format: json}`.

Always true: one line is one object, whatever is in its text; `at`, `level`, `logger` and `message` are in each; `event` is in
each that tells of a change, and beside it what that change is about. What is no JSON is written as text.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import msgspec

_encode = msgspec.json.Encoder(enc_hook=repr).encode


class JsonLines(logging.Formatter):
    """Formats records of `logging`. worker: which of several processes writes; None where it is the only one, or their parent."""

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
        return printable(said)


def printable(said: dict[str, object]) -> str:
    """One line of JSON. Half of a surrogate pair, which UTF-8 cannot carry, becomes a question mark."""
    try:
        return _encode(said).decode()
    except (UnicodeEncodeError, msgspec.MsgspecError):
        cleaned = {name: str(value).encode("utf-8", "replace").decode() for name, value in said.items()}
        return _encode(cleaned).decode()
