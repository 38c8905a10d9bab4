"""An answer in its other form: a stream as one body, a body as a stream. For answers that are kept or shared.

Theory. The last event of a stream has the whole answer in it, so the body is there as it stands. A body's items are told one by
one, each delta at once. The last event has content of its own: there is no end mark, and no event that only has the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headworks.core.reply import Chunk
from headworks.wire.json_text import read_json
from headworks.wire.openai.responses import events
from headworks.wire.openai.responses.events import EventWriter
from headworks.wire.openai.responses.words import COMPLETED, INCOMPLETE, OUT_OF_TOKENS
from headworks.wire.sse import events_in

END: Final = b""

_LAST: Final = (b'"response.completed"', b'"response.incomplete"')


class _Ending(msgspec.Struct):
    type: str
    response: msgspec.Raw


class _Status(msgspec.Struct):
    status: str | None = None


_STATUS: Final = msgspec.json.Decoder(_Status)
_ENDING: Final = msgspec.json.Decoder(_Ending)


def parted(chunks: Sequence[Chunk]) -> tuple[bytes, bytes]:
    """A stream's events: all of them, for the tokens stand in the last one."""
    return b"".join([chunk.unasked + chunk.data for chunk in chunks]), b""


def as_body(events_of: bytes, counts: bytes, /) -> bytes | None:
    """A stream as the body of an answer; None where its end is missing."""
    found = events_in(events_of)
    if not found or not any(kind in found[-1].data for kind in _LAST):
        return None
    try:
        said = _ENDING.decode(found[-1].data)
    except (ValueError, RecursionError):
        return None
    return bytes(said.response) if said.type in ("response.completed", "response.incomplete") else None


def has_ended(body: bytes, /) -> bool:
    """Whether it is the body of an answer that came to an end, whole or at a bound."""
    try:
        return _STATUS.decode(body).status in (COMPLETED, INCOMPLETE)
    except (ValueError, RecursionError):
        return False


def as_events(body: bytes, /) -> tuple[bytes, bytes] | None:
    """An answer's body as a stream; None where it is no answer that came to an end."""
    try:
        answer = read_json(body)
        if not isinstance(answer, dict) or answer.get("status") not in (COMPLETED, INCOMPLETE):
            return None
        return _events(answer, answer["status"]), b""
    except (ValueError, RecursionError):
        return None


def _events(answer: dict[str, Any], status: str) -> bytes:
    output = answer.get("output")
    if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        raise ValueError("no items")
    writer = EventWriter()
    begun = {**answer, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    begun.pop("completed_at", None)
    writer.say(events.CREATED, {"response": begun})
    writer.say(events.IN_PROGRESS, {"response": begun})
    for index, item in enumerate(output):
        writer.item(index, item)
    writer.say(f"response.{status}", {"response": answer})
    return writer.taken()


def is_finished(asked: bytes, answer: bytes, finish: str | None, /, *, streamed: bool, is_bounded: bool) -> bool:
    """Whether the answer lacks nothing: it stopped by itself, or at the bound that the call has."""
    return finish == COMPLETED or (is_bounded and finish == OUT_OF_TOKENS)
