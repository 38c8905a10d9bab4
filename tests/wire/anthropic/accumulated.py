"""A stream as the official SDK puts it together."""

from __future__ import annotations

import json
from typing import Any, cast

from anthropic import NOT_GIVEN
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from headworks.wire.sse import events_in

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def accumulated(stream: bytes) -> dict[str, Any]:
    """The message that the SDK makes of a stream; every event has to be of its types."""
    message: Any = None
    buffers: dict[int, bytes] = {}
    for one in events_in(stream):
        if json.loads(one.data)["type"] == "ping":
            continue
        event = EVENT.validate_json(one.data)
        assert one.name.decode() == event.type
        message = (
            accumulate_event(event=event, current_snapshot=message, json_bufs=buffers, output_format=NOT_GIVEN)
            if message is not None or event.type == "message_start"
            else None
        )
    assert message is not None
    return cast("dict[str, Any]", message.to_dict())
