"""What the tests of Responses share: recorded streams, the official SDK as a judge, and bodies that clients send."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from headworks.core.call import Call
from headworks.wire import hub
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.encoder import ResponsesEvents
from headworks.wire.sse import events_in

RECORDED: Final[Mapping[str, bytes]] = {
    path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "recorded").glob("*.sse"))
}
_EVENTS: Final[Mapping[str, Any]] = {
    get_args(one.model_fields["type"].annotation)[0]: one for one in get_args(get_args(ResponseStreamEvent)[0])
}
"""The SDK's types of events, by the kind."""

_ANSWER: Final = TypeAdapter(Response)
ID: Final = "req_0190a1b2c3d4" + "0" * 20


def asked(body: Mapping[str, Any] | bytes = b"", **fields: Any) -> Call:
    said = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = said or b'{"model":"m","input":"hi"}'
    return Call(id=ID, alias="m", body=said, dialect=RESPONSES, streamed=True, include_usage=True, **fields)


def encoder(body: Mapping[str, Any] | bytes = b"") -> ResponsesEvents:
    return RESPONSES.encoder(asked(body))


def said(*pieces: hub.Piece, body: Mapping[str, Any] | bytes = b"") -> list[dict[str, Any]]:
    """The events that say these pieces, judged by the SDK."""
    caller = encoder(body)
    data = b"".join([caller.feed([piece]) for piece in pieces]) + caller.end()
    return judged(data)


def events(data: bytes) -> list[dict[str, Any]]:
    found = []
    for event in events_in(data):
        content = json.loads(event.data)
        assert event.name.decode() == content["type"], "the name stands twice"
        found.append(content)
    return found


def judged(data: bytes, *, is_typed: bool = True) -> list[dict[str, Any]]:
    """The events of a whole stream: each is of the SDK's own types, its accumulator takes them, and nothing is missing.

    is_typed: False where a recorded answer is told again, which lacks members that came later.
    """
    found = events(data)
    assert [one["sequence_number"] for one in found] == list(range(len(found)))
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    for one in found:
        kind = _EVENTS[one["type"]]
        state.handle_event(kind.model_validate(one) if is_typed else construct_type(type_=kind, value=one))
    assert {one["response"]["id"] for one in found if "response" in one} == {found[0]["response"]["id"]}
    closed(found)
    return found


def closed(found: Sequence[dict[str, Any]]) -> None:
    """What was opened is closed, in order, and the answer's end has the same items."""
    opened: dict[int, str] = {}
    done: dict[int, Any] = {}
    for one in found:
        index = one.get("output_index")
        if one["type"] == "response.output_item.added":
            assert index == len(opened), "indexes grow by one"
            opened[index] = one["item"]["id"]
        elif index is not None:
            assert index in opened, f"{one['type']} before its item"
            assert index not in done, f"{one['type']} behind its item"
            if one["type"] == "response.output_item.done":
                done[index] = one["item"]
                assert one["item"]["id"] == opened[index]
            else:
                assert one["item_id"] == opened[index]
    assert found[0]["type"] == "response.created"
    assert found[1]["type"] == "response.in_progress"
    assert found[-1]["type"] in ("response.completed", "response.incomplete")
    assert found[-1]["response"]["output"] == [done[index] for index in sorted(opened)]


def answer(body: bytes) -> dict[str, Any]:
    """A whole answer, judged by the SDK."""
    content: dict[str, Any] = msgspec.json.decode(body)
    _ANSWER.validate_python(content)
    return content


def kinds(found: Sequence[dict[str, Any]]) -> list[str]:
    return [one["type"].removeprefix("response.") for one in found]
