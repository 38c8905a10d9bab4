"""Pieces to the events of a chat completion's stream.

Theory. An event says news of one part of one choice, so the order of parts is the order of events; what comes together with
it and behind it (citations, logprobs, a finish reason) goes into the same event, as long as no field is said twice. The
fields of an event are read in the order of `_TEXT` to `_FINISH`. The first event of a choice has the role. `id` and `created` are those of the first event for the whole stream. The tokens come
once, in the event before `[DONE]`, as OpenAI sends them. What a vendor of another dialect says and this one has no field for
is written where compatible servers have it, or left out: see `answer_writer.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.hub.values import CHAT, GENERATE, merged, own
from headworks.wire.json_text import write_json
from headworks.wire.openai.forms import DONE
from headworks.wire.openai.translation.answer_writer import written_answer, written_logprobs
from headworks.wire.openai.translation.calls import is_legacy
from headworks.wire.openai.translation.message import annotation_of, written_audio, written_images
from headworks.wire.openai.translation.reasoning import DETAILS, FORMATS, detail_of
from headworks.wire.openai.translation.words import finish_word, written_usage

_Member: TypeAlias = dict[str, Any]
_Placed: TypeAlias = (
    hub.TextDelta
    | hub.ThinkingDelta
    | hub.RefusalDelta
    | hub.ToolCallDelta
    | hub.AudioDelta
    | hub.CitationDelta
    | hub.Whole
)
"""Pieces that name their part."""

_TEXT, _CITED, _BESIDE, _LIKELY, _EXTRA, _FINISH = range(6)

_KEPT = ("service_tier", "system_fingerprint")
"""What every event says again, beside the id, the kind, the time and the model."""


class ChatEvents(hub.Encoder):
    """See hub.Encoder. id, model, created: for an answer whose vendor says none. include_usage: the caller asked for it."""

    __slots__ = (
        "_choices",
        "_event",
        "_events",
        "_fallback",
        "_has_begun",
        "_head",
        "_include_usage",
        "_once",
        "_part",
        "_said",
        "_usage",
    )

    def __init__(self, *, id: str = "", model: str = "", created: int = 0, include_usage: bool = True) -> None:
        self._fallback: _Member = {"id": id, "created": created, "model": model}
        self._head: _Member = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._once: _Member = {}  # what the next event says of the answer, and no other
        self._choices: dict[int, _Sent] = {}
        self._event: _Member | None = None  # the choice of the event under way
        self._part: int | None = None  # the part that it is about
        self._said = _TEXT  # the last field that it has
        self._events: list[bytes] = []
        self._usage: hub.Usage | None = None
        self._include_usage = include_usage
        self._has_begun = False

    def feed(self, pieces: Sequence[hub.Piece]) -> bytes:
        try:
            for piece in pieces:
                self._add(piece)
            return self._flushed()
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None

    def end(self) -> bytes:
        usage = {}
        if self._include_usage and self._usage is not None:
            usage = {"usage": written_usage(self._usage)}
        if usage or self._once:
            try:
                self._write([], usage)
            except RecursionError:
                raise Garbled("The vendor's answer is nested too deep.") from None
        return self._flushed() + DONE

    def whole(self, answer: hub.Answer) -> bytes:
        try:
            return write_json(written_answer(answer, self._fallback))
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None

    # Events

    def _flushed(self) -> bytes:
        self._flush()
        events, self._events = self._events, []
        return b"".join(events)

    def _flush(self) -> None:
        event, self._event, self._part, self._said = self._event, None, None, _TEXT
        if event is None:
            return
        if event["delta"] == {"role": "assistant"} and event["finish_reason"] is None:
            event["delta"]["content"] = ""
        self._write([event], {})

    def _write(self, choices: list[_Member], more: _Member) -> None:
        once, self._once = self._once, {}
        self._has_begun = True
        self._events.append(b"data: %b\n\n" % write_json({**once, **self._head, "choices": choices, **more}))

    def _choice(self, index: int, field: int) -> _Member:
        """The event under way, of this choice, in which nothing is said yet that is read behind this field."""
        event = self._event
        if event is not None and event["index"] == index and self._said <= field:
            self._said = field
            return event
        self._flush()
        self._said = field
        delta: _Member = {}
        if index not in self._choices:
            self._choices[index] = _Sent()
            delta["role"] = "assistant"
        self._event = {"index": index, "delta": delta, "finish_reason": None}
        return self._event

    def _without(self, index: int, name: str, field: int) -> _Member:
        """The event under way, in which this field is not said yet."""
        event = self._choice(index, field)
        if event.get(name) is not None:
            self._flush()
            event = self._choice(index, field)
        return event

    def _delta(self, piece: _Placed, *names: str, field: int = _TEXT) -> _Member:
        """The delta under way, which is about this part, and in which none of these fields is said yet."""
        delta: _Member = self._choice(piece.choice, field)["delta"]
        if self._part not in (None, piece.part) or not delta.keys().isdisjoint(names):
            self._flush()
            delta = self._choice(piece.choice, field)["delta"]
        self._part = piece.part
        return delta

    # Pieces

    def _add(self, piece: hub.Piece) -> None:
        if isinstance(piece, hub.TextDelta):
            self._text(piece)
        elif isinstance(piece, hub.ThinkingDelta):
            self._think(piece)
        elif isinstance(piece, hub.ToolCallDelta):
            self._call(piece)
        elif isinstance(piece, hub.Finished):
            self._without(piece.choice, "finish_reason", _FINISH)["finish_reason"] = finish_word(piece.finish)
        elif isinstance(piece, hub.ChoiceStarted):
            self._choice(piece.choice, _TEXT)
        elif isinstance(piece, hub.Started):
            self._start(piece)
        elif isinstance(piece, hub.Counted):
            self._usage = piece.usage
        elif isinstance(piece, hub.OnlyEvent):
            self._only(piece)
        else:
            self._add_rare(piece)

    def _add_rare(
        self,
        piece: hub.RefusalDelta | hub.AudioDelta | hub.CitationDelta | hub.LikelyDelta | hub.ChoiceExtra | hub.Whole,
    ) -> None:
        if isinstance(piece, hub.RefusalDelta):
            self._delta(piece, "refusal")["refusal"] = piece.text
        elif isinstance(piece, hub.AudioDelta):
            self._delta(piece, "audio")["audio"] = written_audio(piece)
        elif isinstance(piece, hub.CitationDelta):
            self._cite(piece)
        elif isinstance(piece, hub.LikelyDelta):
            self._without(piece.choice, "logprobs", _LIKELY)["logprobs"] = written_logprobs(piece)
        elif isinstance(piece, hub.ChoiceExtra):
            self._extra(piece)
        else:
            self._whole_part(piece)

    def _start(self, piece: hub.Started) -> None:
        head = self._head
        if not self._has_begun:
            head["id"] = piece.id or head["id"]
            head["created"] = piece.created or head["created"]
        head["model"] = piece.model or head["model"]
        if piece.service_tier:
            head["service_tier"] = piece.service_tier
        if piece.usage is not None:
            self._usage = piece.usage
        said = own(piece.extra, CHAT)
        if not self._once.keys().isdisjoint(said):
            self._flush()
        if not self._once.keys().isdisjoint(said):
            self._write([], {})  # it is said again before any choice says something
        for name, value in said.items():
            (head if name in _KEPT else self._once)[name] = value

    def _only(self, piece: hub.OnlyEvent) -> None:
        if piece.dialect == CHAT:
            self._flush()
            name = f"event: {piece.name}\n".encode() if piece.name else b""
            self._events.append(b"%bdata: %b\n\n" % (name, write_json(piece.value)))

    def _text(self, piece: hub.TextDelta) -> None:
        more = own(piece.extra, CHAT)
        said = [{"type": "text", "text": piece.text, **more}] if more else piece.text
        self._delta(piece, "content")["content"] = said
        self._choices[piece.choice].grow(piece.part, len(piece.text))

    def _think(self, piece: hub.ThinkingDelta) -> None:
        if said := own(piece.extra, CHAT):
            self._delta(piece, *said).update(said)
            return
        delta = self._delta(piece, "reasoning_content", DETAILS)
        if piece.text:
            delta["reasoning_content"] = piece.text
        if piece.origin in FORMATS:
            delta[DETAILS] = [detail_of(piece, self._choices[piece.choice].thought(piece.part))]

    def _call(self, piece: hub.ToolCallDelta) -> None:
        if is_legacy(piece.extra):
            legacy = (
                {"name": piece.name, "arguments": piece.arguments} if piece.name else {"arguments": piece.arguments}
            )
            self._delta(piece, "function_call")["function_call"] = legacy
            return
        delta = self._delta(piece, "tool_calls")
        said: _Member = {"index": self._choices[piece.choice].called(piece.part)}
        field = "custom" if piece.is_custom else "function"
        inside = {"input" if piece.is_custom else "arguments": piece.arguments}
        if piece.id:
            said["id"] = piece.id
        if piece.name:
            said["type"] = field
            inside = {"name": piece.name, **inside}
        said[field] = inside
        if piece.signature and piece.origin == GENERATE:
            said["extra_content"] = {"google": {"thought_signature": piece.signature}}
        delta["tool_calls"] = [merged(said, own(piece.extra, CHAT))]

    def _cite(self, piece: hub.CitationDelta) -> None:
        delta = self._delta(piece, field=_CITED)
        start, end = self._choices[piece.choice].place(piece.part)
        said = annotation_of(piece.citation, start, end)
        if said is not None:
            delta.setdefault("annotations", []).append(said)

    def _extra(self, piece: hub.ChoiceExtra) -> None:
        said = own(piece.extra, CHAT)
        field = _BESIDE if piece.in_message else _EXTRA
        event = self._choice(piece.choice, field)
        inside = event["delta"] if piece.in_message else event
        if not inside.keys().isdisjoint(said):
            self._flush()
            event = self._choice(piece.choice, field)
        (event["delta"] if piece.in_message else event).update(said)

    def _whole_part(self, piece: hub.Whole) -> None:
        """A part that came at once, as the deltas that it is."""
        value, choice, part = piece.value, piece.choice, piece.part
        if isinstance(value, hub.Image):
            self._delta(piece, "images")["images"] = written_images([value])
        elif isinstance(value, hub.Only) and value.dialect == CHAT:
            self._delta(piece, "content")["content"] = [value.value]
        elif isinstance(value, hub.Text):
            self._text(hub.TextDelta(text=value.text, choice=choice, part=part, extra=value.extra))
            for citation in value.citations:
                self._cite(hub.CitationDelta(citation=citation, choice=choice, part=part))
        elif isinstance(value, hub.Thinking):
            self._think(hub.ThinkingDelta(choice=choice, part=part, **_same(value, _THOUGHT)))
        elif isinstance(value, hub.ToolCall):
            self._call(hub.ToolCallDelta(choice=choice, part=part, **_same(value, _CALLED)))
        elif isinstance(value, hub.Refusal):
            self._delta(piece, "refusal")["refusal"] = value.text
        elif isinstance(value, hub.Audio):
            self._delta(piece, "audio")["audio"] = written_audio(value)


_THOUGHT = ("origin", "text", "signature", "redacted", "id", "is_summary", "extra")
_CALLED = ("id", "name", "arguments", "is_custom", "signature", "origin", "extra")


def _same(value: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


class _Sent:
    """What of one choice has been sent."""

    __slots__ = ("_calls", "_length", "_part", "_start", "_thoughts")

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}  # the number of a part, and its `index` among the calls
        self._thoughts: dict[int, int] = {}
        self._part = -1  # the part of the newest text, where it begins in the content, and how long all of it is
        self._start = 0
        self._length = 0

    def called(self, part: int) -> int:
        return self._calls.setdefault(part, len(self._calls))

    def thought(self, part: int) -> int:
        return self._thoughts.setdefault(part, len(self._thoughts))

    def grow(self, part: int, length: int) -> None:
        if part != self._part:
            self._part, self._start = part, self._length
        self._length += length

    def place(self, part: int) -> tuple[int, int]:
        """Where the text of this part stands, as far as it is known."""
        return (self._start if part == self._part else self._length), self._length
