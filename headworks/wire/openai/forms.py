"""An answer in its other form: a stream as one body, a body as a stream. For answers that are kept or shared.

Theory. A stream says in pieces what a body says whole: `delta`s add up to a `message`, text by joining, tool calls by
their `index`, logprobs by appending; everything else is said once, or again with the same value. So a piece of a field
that is not known to add up, with another value than before, is a reason to give up: the answer is then not there in the
other form, and the vendor is asked. Nothing is ever guessed into an answer. Likewise a body has to say what was used, or
a caller of the other form would miss it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from headworks.core.reply import Chunk
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.answer import Completion, decoded, encoded, reason_in, says, untyped
from headworks.wire.sse import events_in

DONE: Final = b"data: [DONE]\n\n"

_OWN_END: Final = frozenset({"stop", "tool_calls", "function_call"})
_OWN_OR_BOUND: Final = _OWN_END | {"length"}


def ends(*, is_bounded: bool) -> frozenset[str]:
    """How an answer ends that lacks nothing. `length` is what was asked for where the call has a bound; without one it
    stopped in the middle, as with `content_filter`."""
    return _OWN_OR_BOUND if is_bounded else _OWN_END


_JOINED: Final = frozenset({"content", "refusal", "reasoning_content", "reasoning", "arguments", "input"})
"""Texts whose pieces are joined; `input` is a custom tool call's."""

_APPENDED: Final = frozenset({"content", "refusal", "annotations"})
"""Lists that grow: those of logprobs, and a message's citations."""

_GROWING: Final = _JOINED | _APPENDED

_DROPPED: Final = ("object", "choices", "usage", "obfuscation")
"""Members of an event that a body has elsewhere or not at all, such as the padding that hides a text's length."""


_PIECE: Final = frozenset({"choices", "usage", "id"})
"""What an event has that is a piece of an answer: one of these."""

_EACH_EVENTS: Final = ("created", "id")
"""What may be each event's own, and 0 or "" is none: an answer has the first."""


class _Unclear(Exception):
    """What this answer would be in the other form cannot be told for certain."""


def is_whole(body: bytes, finishes: frozenset[str], *, streamed: bool, choices: int) -> bool:
    """Whether every choice ended in one of these ways. streamed: `body` is the events of a stream."""
    try:
        pieces = [decoded(event.data) for event in events_in(body)] if streamed else [decoded(body)]
    except (ValueError, RecursionError):
        return False
    said = [reason_in(one.finish_reason) for piece in pieces for one in piece.choices or ()]
    found = [finish for finish in said if finish is not None]
    return len(found) >= choices and finishes.issuperset(found)


def is_finished(asked: bytes, answer: bytes, finish: str | None, *, streamed: bool, is_bounded: bool) -> bool:
    """Whether every choice that was asked for lacks nothing. finish: the first choice's finish reason."""
    finishes = ends(is_bounded=is_bounded)
    if not openai_body.may_ask_several(asked):  # one choice, and its finish reason is known
        return finish in finishes
    return is_whole(answer, finishes, streamed=streamed, choices=openai_body.choices_asked(asked))


def parted(chunks: Sequence[Chunk]) -> tuple[bytes, bytes]:
    """A stream's events without the two that end it, and the one that only has the tokens (b"" where there is none)."""
    events: list[bytes] = []
    counts = b""
    for chunk in chunks:
        if chunk.usage is None and not chunk.last:
            events.append(chunk.data)
            continue
        for event in events_in(chunk.unasked + chunk.data):
            if event.data[:6] == b"[DONE]":
                continue
            if chunk.usage is not None and _is_counts(event.data):
                counts = event.raw
            else:
                events.append(event.raw)
    return b"".join(events), counts


def as_body(events: bytes, counts: bytes, *, is_counted: bool = True) -> bytes | None:
    """A stream as the body of an answer, or None where that cannot be told for certain. is_counted: it must say what was used."""
    try:
        made = _joined([untyped(event.data) for event in events_in(events + counts)], is_counted=is_counted)
    except (_Unclear, ValueError, RecursionError):
        return None
    return encoded(made)


def as_events(body: bytes, *, is_counted: bool = True) -> tuple[bytes, bytes] | None:
    """An answer's body as the events of a stream and the one with the tokens, or None. The end mark is not among them.

    is_counted: the body must say what was used; else there may be no event with the tokens (b"").
    """
    try:
        answer = untyped(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or (is_counted and not isinstance(answer.get("usage"), dict)):
        return None
    usage = answer.get("usage")
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return None
    stamp = {name: value for name, value in answer.items() if name not in _DROPPED}
    stamp["object"] = "chat.completion.chunk"
    events: list[bytes] = []
    for choice in choices:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            return None
        said = {name: value for name, value in choice.items() if name not in ("message", "finish_reason")}
        delta = dict(choice["message"])
        if isinstance(calls := delta.get("tool_calls"), list):
            if not all(isinstance(call, dict) for call in calls):
                return None
            delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
        events.append(_event({**stamp, "choices": [{**said, "delta": delta, "finish_reason": None}]}))
        ending = {"index": choice.get("index", 0), "delta": {}, "finish_reason": choice.get("finish_reason")}
        if "logprobs" in said:
            ending["logprobs"] = None
        events.append(_event({**stamp, "choices": [ending]}))
    counts = _event({**stamp, "choices": [], "usage": usage}) if isinstance(usage, dict) else b""
    return b"".join(events), counts


# Pieces


def _event(content: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % encoded(content)


def _is_counts(data: bytes) -> bool:
    """Whether an event has the tokens and nothing of any choice."""
    try:
        piece: Completion = decoded(data)
    except (ValueError, RecursionError):
        return False
    return piece.usage is not None and not piece.choices


def _joined(pieces: Sequence[Any], *, is_counted: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    usage = None
    for piece in pieces:
        if _members(piece).keys().isdisjoint(_PIECE):
            continue  # what a proxy says of itself (`{"type": "ping"}`) is nothing of the answer
        for name, value in piece.items():
            if name in _EACH_EVENTS:
                made[name] = made.get(name) or value
            elif name not in _DROPPED:
                made[name] = _merged(made[name], value) if name in made else value
        usage = _usage_in(piece) or usage
        for choice in piece.get("choices") or ():
            _add(choices.setdefault(_index(choice), {}), choice)
    if (is_counted and not isinstance(usage, dict)) or sorted(choices) != list(range(len(choices))):
        raise _Unclear
    whole = [_choice(index, choices[index]) for index in range(len(choices))]
    answer = {**made, "object": "chat.completion", "choices": whole}
    return {**answer, "usage": usage} if isinstance(usage, dict) else answer


def _usage_in(piece: dict[str, Any]) -> Any:
    """What an event says was used: beside the choices, or in one, as Moonshot's streams have it."""
    if usage := piece.get("usage"):
        return usage
    return next((one.pop("usage") for one in piece.get("choices") or () if _members(one).get("usage")), None)


def _choice(index: int, said: dict[str, Any]) -> dict[str, Any]:
    message = said.pop("delta", None) or {}
    calls = message.pop("tool_calls", None)
    made = {"role": "assistant", "content": None, **message}
    if calls is not None:
        made["tool_calls"] = [calls[number] for number in sorted(calls)]
    finish = said.pop("finish_reason", None)
    if finish is None:
        raise _Unclear
    rest = {name: value for name, value in said.items() if name != "index"}
    return {"index": index, "message": made, **rest, "finish_reason": finish}


def _add(choice: dict[str, Any], piece: dict[str, Any]) -> None:
    """Adds one event's piece of a choice to what is known of it."""
    for name, value in piece.items():
        if name == "delta":
            known = choice.setdefault("delta", {})
            for field, said in _members(value or {}).items():
                if field == "tool_calls":
                    _add_calls(known.setdefault("tool_calls", {}), said or ())
                else:
                    known[field] = _merged(known[field], said, field) if field in known else said
        elif name != "finish_reason" or reason_in(value) is not None:
            choice[name] = _merged(choice[name], value) if name in choice else value


def _add_calls(calls: dict[int, dict[str, Any]], pieces: Sequence[Any]) -> None:
    for piece in pieces:
        call = calls.setdefault(_index(piece), {})
        for name, value in piece.items():
            if name != "index":
                call[name] = _merged(call[name], value, name) if name in call else value


def _members(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Unclear
    return value


def _index(piece: Any) -> int:
    index = _members(piece).get("index")
    if type(index) is not int:
        raise _Unclear
    return index


def _merged(known: Any, said: Any, name: str = "") -> Any:
    """What a field is once another piece of it has come."""
    if not says(said) or (known == said and name not in _GROWING):
        return known
    if not says(known):
        return said
    if isinstance(known, str) and isinstance(said, str) and name in _JOINED:
        return known + said
    if isinstance(known, list) and isinstance(said, list) and name in _APPENDED:
        return known + said
    if isinstance(known, dict) and isinstance(said, dict):
        made = dict(known)
        for key, value in said.items():
            made[key] = _merged(made[key], value, key) if key in made else value
        return made
    raise _Unclear
