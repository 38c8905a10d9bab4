"""Another attempt's stream, rewritten so that the caller's SDK sees one stream that never broke.

Always true: every event that is shown has the id, the instant and the model of the first attempt's events; no second
role is announced; text that was shown before is not shown again (what is new, the given `Seam` says); tokens in the
caller's own usage event are those of the whole answer. Events with nothing left in them are dropped. This is the slow path: an
event costs a decode and an encode without types.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.dialect import Before, Seam
from headworks.core.errors import Diverged
from headworks.core.reply import Chunk
from headworks.wire.openai.answer import encoded, reason_in, says, untyped
from headworks.wire.openai.body import whole
from headworks.wire.sse import events_in

_KEPT: Final = ("id", "created", "model", "system_fingerprint", "object")
_REASONING: Final = ("reasoning_content", "reasoning")
_DETAILS: Final = "reasoning_details"
"""The reasoning again, in parts, beside `reasoning`."""
SEAL: Final = "\0"
"""Stands for a signature, or for thinking that is encrypted, where thinking is compared: another attempt has another one, which
means as much."""

_TEXTS: Final = frozenset({"role", "content", _DETAILS, *_REASONING})


class _Asked(msgspec.Struct):
    n: msgspec.Raw = msgspec.Raw(b"1")
    logprobs: msgspec.Raw = msgspec.Raw(b"null")
    top_logprobs: msgspec.Raw = msgspec.Raw(b"null")
    audio: msgspec.Raw = msgspec.Raw(b"null")
    modalities: msgspec.Raw = msgspec.Raw(b"null")
    response_format: msgspec.Raw = msgspec.Raw(b"null")


class _Format(msgspec.Struct):
    type: str | None = None


_ASKED = msgspec.json.Decoder(_Asked)
_FORMAT = msgspec.json.Decoder(_Format)

_NOTHING: Final = frozenset({b"null", b"false", b"0", b'""', b"[]", b"{}"})
_ONE: Final = frozenset({b"null", b"0", b"1"})
_MOST_READ: Final = 1000
"""Bytes of `modalities`: there are two or three words in it."""


def may_resume(body: bytes) -> bool:
    """Whether another attempt may go on with an answer to this: one choice, text, and no numbers beside each token."""
    try:
        asked = _ASKED.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    if any(bytes(one) not in _NOTHING for one in (asked.logprobs, asked.top_logprobs, asked.audio)):
        return False
    if bytes(asked.modalities) not in _NOTHING and (
        len(asked.modalities) > _MOST_READ or msgspec.json.decode(asked.modalities) != ["text"]
    ):
        return False
    return bytes(asked.n) in _ONE or whole(asked.n) == 1


def may_continue(body: bytes) -> bool:
    """Whether an answer may be gone on with from its middle: a grammar would begin anew there."""
    try:
        return _FORMAT.decode(_ASKED.decode(body).response_format).type == "text"
    except msgspec.ValidationError:  # no object: none is asked for
        return True


def reasoning_in(data: bytes) -> str | None:
    """The reasoning of a chunk's events; None where they carry something that is neither that nor text."""
    said = ""
    for event in _events(data):
        if event is None:
            return None
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or {}
            thought = next((delta[name] for name in _REASONING if isinstance(delta.get(name), str)), "")
            thought += "".join(_thought(part) for part in _parts(delta))
            details = delta.get(_DETAILS)
            if not thought and _is_seal(details):
                thought = SEAL
            if choice.get("index") or _is_more(delta) or (says(details) and not thought):
                return None
            said += thought
    return said


def _is_seal(details: Any) -> bool:
    """Whether parts of reasoning only seal what was thought: signatures, and what is encrypted."""
    return (
        isinstance(details, list)
        and bool(details)
        and all(
            isinstance(one, dict)
            and not one.get("text")
            and not one.get("summary")
            and (one.get("signature") or (one.get("type") == "reasoning.encrypted" and one.get("data")))
            for one in details
        )
    )


def _parts(delta: dict[str, Any]) -> list[Any]:
    """Content that is a list of parts, as one vendor streams text beside its thinking."""
    content = delta.get("content")
    return content if isinstance(content, list) else []


def _kind(part: Any) -> str:
    return str(part.get("type", "text")) if isinstance(part, dict) else ""


def _thought(part: Any) -> str:
    """The text of a part that is thinking."""
    inside = part.get("thinking") if _kind(part) == "thinking" else None
    return (
        "".join(str(one.get("text") or "") for one in inside if isinstance(one, dict))
        if isinstance(inside, list)
        else ""
    )


def _is_more(delta: dict[str, Any]) -> bool:
    """Whether a delta has anything that is neither text nor reasoning."""
    return any(says(value) for name, value in delta.items() if name not in _TEXTS) or any(
        says(part) and _kind(part) not in ("text", "thinking") for part in _parts(delta)
    )


def stamp_of(data: bytes) -> dict[str, Any]:
    """What every event of a stream repeats, read off one with content: Azure's first names neither id nor model."""
    for event in filter(None, _events(data)):
        return {name: event[name] for name in _KEPT if says(event.get(name))}
    return {}


class Rewriting:
    """Rewrites chunks of one attempt. first: an event with content of the first attempt. before: what of the answer was there, where it goes on; None where it begins anew."""

    def __init__(self, first: bytes, seam: Seam, before: Before | None = None) -> None:
        self._stamp = stamp_of(first)
        self._seam = seam
        self._before = before
        self._fresh = ""

    def chunk(self, chunk: Chunk) -> Chunk | None:
        """The chunk as the caller may see it, None where nothing of it is left. Raises what the seam raises."""
        self._fresh = ""
        data = b"".join([self._event(event) for event in events_in(chunk.data)]) if chunk.data else b""
        unasked = b"".join([self._event(event) for event in events_in(chunk.unasked)]) if chunk.unasked else b""
        usage = chunk.usage if chunk.usage is None or self._before is None else self._before.joined(chunk.usage)
        if not data and usage is None and not chunk.last:
            return None
        return Chunk(
            data=data,
            has_content=chunk.has_content and bool(data),
            text=self._fresh,
            begins_tool_call=chunk.begins_tool_call,
            is_mixed=chunk.is_mixed,
            finish=chunk.finish,
            usage=usage,
            last=chunk.last,
            unasked=unasked,
            size=chunk.size,
        )

    def _event(self, event: Any) -> bytes:
        if event.data[:6] == b"[DONE]":
            self._seam.other()
            return bytes(event.raw)
        try:
            content = untyped(event.data)
        except (ValueError, RecursionError):
            raise Diverged("The stream went on with an event that cannot be told again.") from None
        if not isinstance(content, dict):
            return b""
        choices = content.get("choices")
        is_shown = bool(content.get("usage"))
        for choice in choices if isinstance(choices, list) else ():
            is_shown |= self._choice(choice)
        if not is_shown:
            return b""
        if isinstance(content.get("usage"), dict) and self._before is not None:
            _join(content["usage"], self._before)
        return b"data: " + encoded(content | self._stamp) + b"\n\n"

    def _choice(self, choice: dict[str, Any]) -> bool:
        """Takes out of a choice what was shown; whether there is anything left."""
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice["delta"] = {}
        delta.pop("role", None)
        named = [name for name in _REASONING if isinstance(delta.get(name), str)]
        is_sealed = _is_seal(delta.get(_DETAILS)) and not any(delta[name] for name in named)
        if is_sealed:
            is_sealed = self._is_fresh_seal()
            if not is_sealed:
                delta.pop(_DETAILS)
        elif named:  # under both names it is said once
            thought = delta[named[0]]
            fresh = self._seam.reasoning(thought)
            delta.update(dict.fromkeys(named, fresh))
            if fresh != thought:
                delta.pop(_DETAILS, None)
        has_more = _is_more(delta) or (says(delta.get(_DETAILS)) and not named and not is_sealed)
        has_more |= reason_in(choice.get("finish_reason")) is not None
        self._say(delta)
        if has_more:
            self._seam.other()
        return has_more or is_sealed or any(delta.get(name) for name in ("content", *_REASONING))

    def _is_fresh_seal(self) -> bool:
        """Whether the caller has no seal of this thinking yet. While there is something of the answer to be repeated, he has one:
        it came before that."""
        try:
            return bool(self._seam.reasoning(SEAL))
        except Diverged:
            return False

    def _say(self, delta: dict[str, Any]) -> None:
        """Takes out of a delta's text what was shown."""
        said = delta.get("content")
        rest: list[Any] = []
        if isinstance(said, list):
            if thought := self._seam.reasoning("".join(map(_thought, said))):
                rest.append({"type": "thinking", "thinking": [{"type": "text", "text": thought}]})
            rest += [part for part in said if _kind(part) not in ("text", "thinking")]
            said = "".join(str(part.get("text") or "") for part in said if _kind(part) == "text")
        if isinstance(said, str):
            fresh = self._seam.text(said) if said else ""
            delta["content"] = [{"type": "text", "text": fresh}, *rest] if rest else fresh
            self._fresh += fresh


def _join(usage: dict[str, Any], before: Before) -> None:
    """Tokens of the whole answer, as `Before.joined`, in the vendor's own words."""
    asked, said, total = (usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    if not isinstance(asked, int) or not isinstance(said, int):
        return
    prompt = max(0, asked - before.handed) if before.asked is None else before.asked.input_tokens
    usage["prompt_tokens"], usage["completion_tokens"] = prompt, said + before.said
    if isinstance(total, int):
        usage["total_tokens"] = total + prompt - asked + before.said
    details = usage.get("prompt_tokens_details")
    if isinstance(details, dict):
        usage["prompt_tokens_details"] = {
            name: min(count, prompt) if isinstance(count, int) else count for name, count in details.items()
        }


def _events(data: bytes) -> list[dict[str, Any] | None]:
    """What a chunk's events say. None for one that cannot be had: what decodes answers skips a number without an end, or bytes
    that are no text, where it does not know the member."""
    found: list[dict[str, Any] | None] = []
    for event in events_in(data):
        if event.data[:6] != b"[DONE]":
            try:
                content = untyped(event.data)
            except (ValueError, RecursionError):
                content = None
            if content is None or isinstance(content, dict):
                found.append(content)
    return found
