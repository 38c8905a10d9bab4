"""An Answer to the body of a chat completion, whichever vendor gave it.

Reasoning, pictures and signatures are written where compatible servers have them (`reasoning_content`, `reasoning_details`,
`images`, `extra_content`): SDKs pass on members that they do not know. Parts that only another dialect has are left out.
"""

from __future__ import annotations

from typing import Any

from headworks.wire import hub
from headworks.wire.hub.values import CHAT, merged, own
from headworks.wire.openai.translation import calls, reasoning
from headworks.wire.openai.translation.content import content_of, is_content
from headworks.wire.openai.translation.message import annotation_of, written_audio, written_images
from headworks.wire.openai.translation.words import finish_word, written_likely, written_usage


def written_answer(answer: hub.Answer, head: dict[str, Any]) -> dict[str, Any]:
    """head: `id`, `model` and `created`, for an answer whose vendor says none."""
    body: dict[str, Any] = {
        "id": answer.id or head["id"],
        "object": "chat.completion",
        "created": answer.created or head["created"],
        "model": answer.model or head["model"],
        "choices": [_choice(choice) for choice in answer.choices],
    }
    if answer.usage is not None:
        body["usage"] = written_usage(answer.usage)
    if answer.service_tier:
        body["service_tier"] = answer.service_tier
    return merged(body, own(answer.extra, CHAT))


def _choice(choice: hub.Choice) -> dict[str, Any]:
    said: dict[str, Any] = {
        "index": choice.index,
        "message": _message(choice.parts),
        "finish_reason": None if choice.finish is None else finish_word(choice.finish),
    }
    if choice.likely is not None or choice.likely_refusal is not None:
        said["logprobs"] = written_logprobs(choice)
    return merged(said, own(choice.extra, CHAT))


def written_logprobs(said: hub.Choice | hub.LikelyDelta) -> dict[str, Any]:
    both = {"content": said.likely, "refusal": said.likely_refusal}
    return {name: None if tokens is None else written_likely(tokens) for name, tokens in both.items()}


def _message(parts: tuple[hub.Part, ...]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    content: list[hub.Part] = []
    thoughts: list[hub.Thinking] = []
    called: list[hub.ToolCall] = []
    images: list[hub.Image] = []
    refusals: list[str] = []
    for part in parts:
        if isinstance(part, hub.Thinking) and not is_content(part):
            thoughts.append(part)
        elif isinstance(part, hub.ToolCall):
            called.append(part)
        elif isinstance(part, hub.Image):
            images.append(part)
        elif isinstance(part, hub.Audio):
            message["audio"] = written_audio(part)
        elif isinstance(part, hub.Only) and part.dialect != CHAT:
            continue  # it means something there only
        elif isinstance(part, hub.Refusal):
            refusals.append(part.text)
        else:
            content.append(part)
    message["content"] = _content(content)
    if refusals:
        message["refusal"] = "".join(refusals)
    if annotations := _annotations(content):
        message["annotations"] = annotations
    if images:
        message["images"] = written_images(images)
    reasoning.put(message, thoughts)
    calls.put(message, called, is_signed=True)
    return message


def _content(parts: list[hub.Part]) -> str | list[Any] | None:
    """One text, as every client reads it; a list only where this dialect said one."""
    if any(not isinstance(part, hub.Text) or part.extra.get(CHAT) for part in parts):
        return content_of(parts) or None
    texts = [part.text for part in parts if isinstance(part, hub.Text)]
    return "".join(texts) if texts else None


def _annotations(parts: list[hub.Part]) -> list[Any]:
    found: list[Any] = []
    at = 0
    for part in parts:
        if isinstance(part, hub.Text):
            end = at + len(part.text)
            said = [annotation_of(citation, at, end) for citation in part.citations]
            found.extend([one for one in said if one is not None])
            at = end
    return found
