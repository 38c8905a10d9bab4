"""A vendor's whole message to an Answer.

Always true: what is not understood is kept where it stands. The call of the tool that stands for a schema is the answer's text.
"""

from __future__ import annotations

from typing import Any

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.anthropic.translation.blocks import part_of
from headworks.wire.anthropic.translation.question_writer import ANSWER
from headworks.wire.anthropic.translation.sealed import Sealed
from headworks.wire.anthropic.translation.words import finish_of, usage_of
from headworks.wire.hub.values import MESSAGES, only
from headworks.wire.json_text import read_json

_SAID = (hub.Text, hub.Thinking, hub.ToolCall)
"""What is read of an answer's content; the rest stays as it is there."""

ENDING = ("stop_reason", "stop_sequence", "stop_details")


def answer_of(body: bytes) -> hub.Answer:
    """Raises Garbled for what is no answer."""
    try:
        said = read_json(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise Garbled("The vendor's answer cannot be read: it is no JSON, or nested too deep.") from None
    if not isinstance(said, dict) or not isinstance(content := said.pop("content", None), list):
        raise Garbled("The vendor's answer has no content.")
    parts = tuple([answer_part(block) for block in content])
    finish = finish_of(said)
    if finish is not None and any(_is_answer(block) for block in content):
        finish = hub.Finish(reason="stop") if finish.reason == "tool_calls" else finish
    for name in ENDING if finish is not None else ():
        said.pop(name, None)
    usage = usage_of(said.get("usage"))
    if usage is not None:
        del said["usage"]
    head = head_of(said)
    choice = hub.Choice(parts=parts, finish=finish)
    return hub.Answer(choices=(choice,), usage=usage, extra=only(MESSAGES, said), **head)


def head_of(said: dict[str, Any]) -> dict[str, Any]:
    """What a message says of itself; taken out, with what all of them say and with null, which says nothing."""
    for name in ("type", "role"):
        said.pop(name, None)
    head = {name: said.pop(name) for name in ("id", "model") if isinstance(said.get(name), str)}
    for name in [name for name, value in said.items() if value is None]:
        del said[name]
    return head


def _is_answer(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_use" and block.get("name") == ANSWER


def answer_part(block: Any) -> hub.Part:
    part = part_of(block)
    if isinstance(part, hub.ToolCall) and part.name == ANSWER:
        return hub.Text(text=part.arguments)
    if isinstance(part, Sealed) or not isinstance(part, _SAID):
        return hub.Only(dialect=MESSAGES, value=block)
    return part
