"""An Answer to the body of a message, whichever vendor gave it. Of several choices the first is written."""

from __future__ import annotations

from typing import Any

from headworks.wire import hub
from headworks.wire.anthropic.translation.block_writer import blocks_of
from headworks.wire.anthropic.translation.call_ids import fitting
from headworks.wire.anthropic.translation.words import written_finish, written_usage
from headworks.wire.hub.values import MESSAGES, merged, own

NO_USAGE = {"input_tokens": 0, "output_tokens": 0}
"""The counts of an answer whose vendor tells none: clients want them."""


def written_answer(answer: hub.Answer, head: dict[str, Any]) -> dict[str, Any]:
    """head: `id` and `model`, for an answer whose vendor says none."""
    choice = answer.choices[0] if answer.choices else hub.Choice()
    body: dict[str, Any] = {
        **message_head(answer.id or head["id"], answer.model or head["model"]),
        "content": content_of(choice.parts, head["id"]),
        **written_finish(choice.finish or hub.Finish(reason="other")),
        "usage": NO_USAGE if answer.usage is None else written_usage(answer.usage),
    }
    return merged(body, own(answer.extra, MESSAGES))


def message_head(id: str, model: str) -> dict[str, Any]:
    return {"id": id, "type": "message", "role": "assistant", "model": model}


def content_of(parts: tuple[hub.Part, ...], id: str) -> list[Any]:
    """The blocks of an answer. A call without an id is given one: the caller has to name it with its result."""
    blocks = blocks_of(parts, is_answer=True)
    for at, block in enumerate(blocks):
        if isinstance(block, dict) and block.get("type") == "tool_use":
            block["id"] = call_id(str(block.get("id") or ""), id, at)
    return blocks


def call_id(given: str, id: str, at: int) -> str:
    """The id of a call as clients take it. id: of the answer. at: where in it the call stands."""
    return fitting(given) if given else f"toolu_{fitting(id.removeprefix('msg_'))}_{at}"
