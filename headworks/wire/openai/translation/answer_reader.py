"""A vendor's whole chat completion to an Answer.

Always true: what is not understood is kept where it stands, in the `extra` of the answer or of its choice (`message` has what
stood there). Null says nothing.
"""

from __future__ import annotations

from typing import Any, Final

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.hub.values import CHAT, only
from headworks.wire.json_text import read_json
from headworks.wire.openai.translation import calls, reasoning
from headworks.wire.openai.translation.content import parts_of
from headworks.wire.openai.translation.message import audio_of, citations_of, images_of, text_in
from headworks.wire.openai.translation.words import finish_of, likely_of, usage_of

_SAID: Final = (hub.Text, hub.Thinking, hub.Refusal)
"""What is read of an answer's content; the rest stays as it is there."""


def answer_of(body: bytes) -> hub.Answer:
    """Raises Garbled for what is no answer."""
    try:
        said = read_json(body.removeprefix(b"\xef\xbb\xbf"))
        if not isinstance(said, dict) or not isinstance(said.get("choices"), list):
            raise Garbled("The vendor's answer has no choices.")
        return _answer(said)
    except (ValueError, RecursionError):
        raise Garbled("The vendor's answer cannot be read: it is no JSON, or nested too deep.") from None


def _answer(said: dict[str, Any]) -> hub.Answer:
    objects = [choice for choice in said.pop("choices") if isinstance(choice, dict)]
    choices = tuple([_choice(at, choice) for at, choice in enumerate(objects)])
    head = head_of(said)
    usage = usage_of(said.get("usage"))
    if usage is not None:
        del said["usage"]
    return hub.Answer(choices=choices, usage=usage, extra=only(CHAT, spoken(said)), **head)


def head_of(said: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of itself, and every event of a stream again; taken out."""
    said.pop("object", None)
    head: dict[str, Any] = {}
    for name in ("id", "model", "service_tier"):
        if isinstance(said.get(name), str):
            head[name] = said.pop(name)
    if isinstance(said.get("created"), int):
        head["created"] = said.pop("created")
    return head


def spoken(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def _choice(at: int, said: dict[str, Any]) -> hub.Choice:
    index = said.pop("index") if isinstance(said.get("index"), int) else at
    finish = finish_of(said.get("finish_reason"))
    if finish is not None:
        del said["finish_reason"]
    likely, likely_refusal = taken_likely(said)
    message = said.pop("message") if isinstance(said.get("message"), dict) else {}
    message.pop("role", None)
    parts = _parts(message)
    if message := spoken(message):
        said["message"] = message
    return hub.Choice(
        index=index,
        parts=parts,
        finish=finish,
        likely=likely,
        likely_refusal=likely_refusal,
        extra=only(CHAT, spoken(said)),
    )


def taken_likely(said: dict[str, Any]) -> tuple[tuple[hub.Likely, ...] | None, tuple[hub.Likely, ...] | None]:
    """The logprobs of text and refusal, taken out where all of them are understood."""
    logprobs = said.get("logprobs")
    if not isinstance(logprobs, dict) or not logprobs.keys() <= {"content", "refusal"}:
        return None, None
    found = [likely_of(logprobs.get(name)) for name in ("content", "refusal")]
    if any(
        one is None and logprobs.get(name) is not None for name, one in zip(("content", "refusal"), found, strict=True)
    ):
        return None, None
    del said["logprobs"]
    return found[0], found[1]


def _parts(message: dict[str, Any]) -> tuple[hub.Part, ...]:
    """The parts of a message, taken out of its members."""
    parts: list[hub.Part] = [part for part in reasoning.taken(message) if part.text or part.extra]
    content = message.get("content")
    if isinstance(content, (str, list)):
        parts.extend(content_parts(content))
        del message["content"]
    _cite(message, parts)
    if refusal := text_in(message, "refusal"):
        parts.append(hub.Refusal(text=refusal))
        del message["refusal"]
    parts.extend(calls.taken(message))
    if (images := images_of(message.get("images"))) is not None:
        parts.extend(images)
        del message["images"]
    if (audio := audio_of(message.get("audio"))) is not None:
        parts.append(audio)
        del message["audio"]
    return tuple(parts)


def content_parts(content: str | list[Any]) -> list[hub.Part]:
    """An answer's content. What is neither text nor thinking among its parts stays as it is there."""
    read = parts_of(content)
    return [
        part if isinstance(part, _SAID) else hub.Only(dialect=CHAT, value=content[at]) for at, part in enumerate(read)
    ]


def _cite(message: dict[str, Any], parts: list[hub.Part]) -> None:
    """Gives the citations to the last text; without one they stay."""
    said = message.get("annotations")
    at = next((at for at in reversed(range(len(parts))) if isinstance(parts[at], hub.Text)), None)
    if not isinstance(said, list) or at is None:
        return
    text = parts[at]
    assert isinstance(text, hub.Text)
    parts[at] = hub.Text(text=text.text, citations=tuple(citations_of(said)), cache=text.cache, extra=text.extra)
    del message["annotations"]
