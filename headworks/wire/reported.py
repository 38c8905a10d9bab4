"""Which model a vendor says has answered, read off the bytes of an answer in any API.

Always true: this is read where something is new, not for every call; what is no JSON, or says no model, says nothing. The names of
the fields: `model`, `system_fingerprint` (OpenAI, https://developers.openai.com/api/reference/resources/chat), `response.model`
(Responses' `response.created`), `message.model` (Anthropic's `message_start`), `modelVersion` (Gemini).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

MOST_NAME: Final = 200
"""Characters of a name that is taken for one."""

MOST_LINES: Final = 16
"""Lines of a stream's beginning that are looked at."""


class Reported(NamedTuple):
    """What the vendor calls the model, and what it runs on; "" where it does not say. needles: the bytes that say so."""

    model: str
    fingerprint: str
    needles: tuple[bytes, ...]


class _Answer(msgspec.Struct):
    model: msgspec.Raw = msgspec.Raw()
    version: msgspec.Raw = msgspec.field(name="modelVersion", default=msgspec.Raw())
    system_fingerprint: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()
    message: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Answer).decode


def reported(data: bytes) -> Reported | None:
    """The model of a whole answer, or of the first event that names one; None where none does."""
    for body in _bodies(data):
        answer = _decoded(body)
        if answer is None:
            continue
        inside = _decoded(bytes(answer.response)) or _decoded(bytes(answer.message)) or answer
        found = _named(data, "modelVersion", inside.version) or _named(data, "model", inside.model)
        if found is not None:
            told = _named(data, "system_fingerprint", inside.system_fingerprint)
            needles = (found[1],) if told is None else (found[1], told[1])
            return Reported(found[0], "" if told is None else told[0], needles)
    return None


def _bodies(data: bytes) -> Iterator[bytes]:
    """The answer itself, or the whole `data` lines of a stream."""
    if data.lstrip()[:1] == b"{":
        yield data
        return
    *lines, _ = data.split(b"\n", MOST_LINES)
    for line in lines:
        if line.startswith(b"data:"):
            yield line[5:]


def _decoded(body: bytes) -> _Answer | None:
    try:
        return _decode(body) if body else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _named(data: bytes, field: str, raw: msgspec.Raw) -> tuple[str, bytes] | None:
    """A name, and the bytes that say it: the key and the value as they stand there."""
    value = bytes(raw)
    if not value.startswith(b'"') or not 2 < len(value) <= MOST_NAME:
        return None
    try:
        name = msgspec.json.decode(value, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # raw JSON is not looked at when it is taken
        return None
    for between in (b'":', b'": '):
        needle = b'"' + field.encode() + between + value
        if needle in data:
            return name, needle
    return None
