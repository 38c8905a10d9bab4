"""Pieces to the events of a stream of generateContent.

Theory. An event is an answer by itself. Text and thoughts go out as they come, the pieces of one feed that follow one another in one
event. A function's call is whole here, so its pieces wait until its candidate ends, or another part of it begins that is no call.
The finish reasons and the tokens stand in the last event together, as Google sends them, so they wait for the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.gemini.translation.answer_writer import (
    CITED,
    called,
    ended,
    is_broken,
    shown,
    thought,
    written_answer,
)
from headworks.wire.gemini.translation.citations import grounding_of
from headworks.wire.gemini.translation.content import with_extra
from headworks.wire.gemini.translation.sealed import is_worth_it
from headworks.wire.gemini.translation.words import written as written_usage
from headworks.wire.gemini.translation.words import written_likely
from headworks.wire.hub.values import GENERATE, merged, own
from headworks.wire.json_text import write_json

Member: TypeAlias = dict[str, Any]


class GenerateEvents(hub.Encoder):
    """See hub.Encoder. id, model: for an answer whose vendor says none."""

    __slots__ = ("_choices", "_events", "_fallback", "_finished", "_head", "_is_blocked", "_once", "_parts", "_usage")

    def __init__(self, *, id: str = "", model: str = "") -> None:
        self._fallback: Member = {"responseId": id, "modelVersion": model}
        self._head: Member = {"modelVersion": model, "responseId": id}
        self._once: Member = {}  # what the next event says of the answer, and no other
        self._choices: dict[int, _Sent] = {}
        self._parts: dict[int, list[Member]] = {}  # of the event under way, by candidate
        self._events: list[bytes] = []
        self._finished: dict[int, hub.Finish] = {}
        self._usage: hub.Usage | None = None
        self._is_blocked = False

    def feed(self, pieces: Sequence[hub.Piece], /) -> bytes:
        try:
            for piece in pieces:
                self._add(piece)
            self._flush()
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None
        return self._taken()

    def end(self) -> bytes:
        try:
            self._end()
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None
        return self._taken()

    def whole(self, answer: hub.Answer, /) -> bytes:
        try:
            return write_json(written_answer(answer, self._fallback))
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None

    # Events

    def _taken(self) -> bytes:
        events, self._events = self._events, []
        return b"".join(events)

    def _flush(self) -> None:
        """Writes the parts that have come since, with what was said beside them."""
        if self._parts:
            parts, self._parts = self._parts, {}
            self._write([self._candidate(at, listed) for at, listed in parts.items()], {})

    def _candidate(self, at: int, parts: list[Member]) -> Member:
        said: Member = {"content": {"parts": parts, "role": "model"}, "index": at}
        known = self._sent(at)
        if known.extra:
            extra, known.extra = known.extra, {}
            merged(said, extra)
        return said

    def _end(self) -> None:
        for at, choice in self._choices.items():
            self._call_all(choice, at)
        candidates: list[Member] = []
        for at, choice in self._choices.items():
            said = self._candidate(at, self._parts.pop(at, []) or [{"text": ""}])
            if (finish := self._finished.get(at)) is not None:
                said |= ended(finish, choice.broken)
            if not choice.is_cited and (grounding := grounding_of(choice.cited())):
                said["groundingMetadata"] = grounding
            if choice.likely:
                said["logprobsResult"] = merged(written_likely(choice.likely), said.get("logprobsResult") or {})
            candidates.append(said)
        usage = {} if self._usage is None else {"usageMetadata": written_usage(self._usage)}
        self._write([] if self._is_blocked else candidates, usage)

    def _write(self, candidates: Sequence[Member], more: Member) -> None:
        once, self._once = self._once, {}
        said: Member = {"candidates": candidates} if candidates else {}
        self._events.append(b"data: %b\n\n" % write_json({**said, **more, **self._head, **once}))

    def _said(self, choice: int) -> list[Member]:
        """The parts of the event under way of this candidate."""
        return self._parts.setdefault(choice, [])

    # Pieces

    def _add(self, piece: hub.Piece) -> None:
        if isinstance(piece, hub.TextDelta):
            self._text(piece)
        elif isinstance(piece, hub.ThinkingDelta):
            if piece.origin != GENERATE:
                self._sent(piece.choice).think(piece)
            if piece.text or piece.origin == GENERATE:
                self._open(piece.choice)
                self._join(piece.choice, thought(piece))
        elif isinstance(piece, hub.ToolCallDelta):
            self._call(piece)
        elif isinstance(piece, hub.Finished):
            self._sent(piece.choice)
            self._finished[piece.choice] = piece.finish
        elif isinstance(piece, hub.Counted):
            self._usage = piece.usage
        elif isinstance(piece, hub.Started):
            self._start(piece)
        elif isinstance(piece, hub.ChoiceStarted):
            self._sent(piece.choice)
        else:
            self._add_rare(piece)

    def _add_rare(self, piece: hub.Piece) -> None:
        if isinstance(piece, hub.RefusalDelta):
            if piece.text:
                self._open(piece.choice)
                self._join(piece.choice, {"text": piece.text})
        elif isinstance(piece, hub.CitationDelta):
            self._sent(piece.choice).cite(piece.part, piece.citation)
        elif isinstance(piece, hub.LikelyDelta):
            self._sent(piece.choice).likely.extend(piece.likely or ())
        elif isinstance(piece, hub.ChoiceExtra):
            self._beside(piece)
        elif isinstance(piece, hub.AudioDelta):
            if piece.data:
                kind = piece.media_type or "audio/L16;codec=pcm;rate=24000"
                self._open(piece.choice).append({"inlineData": {"mimeType": kind, "data": piece.data}})
        elif isinstance(piece, hub.Whole):
            self._open(piece.choice).extend(shown(piece.value))
            if isinstance(piece.value, hub.Thinking):
                whole = self._sent(piece.choice).thoughts[piece.part] = _Thought(piece.value.origin)
                whole.add(piece.value)
            if isinstance(piece.value, hub.Text):
                for citation in piece.value.citations:
                    self._sent(piece.choice).cite(piece.part, citation)

    def _beside(self, piece: hub.ChoiceExtra) -> None:
        known, said = self._sent(piece.choice), own(piece.extra, GENERATE)
        if not known.extra.keys().isdisjoint(said):
            self._said(piece.choice)
            self._flush()
        known.extra |= said
        known.is_cited = known.is_cited or not CITED.isdisjoint(said)

    def _sent(self, choice: int) -> _Sent:
        known = self._choices.get(choice)
        if known is None:
            known = self._choices[choice] = _Sent()
        return known

    def _open(self, choice: int) -> list[Member]:
        """The parts under way, behind the calls that came before."""
        known = self._sent(choice)
        if known.calls:
            self._call_all(known, choice)
        return self._said(choice)

    def _join(self, choice: int, part: Member) -> None:
        """Adds a text to the event under way; to the last part where that is the same kind of text."""
        parts = self._said(choice)
        last = parts[-1] if parts else {}
        if last and last.keys() == part.keys() and part.keys() <= {"text", "thought"}:
            last["text"] += part["text"]
        else:
            parts.append(part)

    def _start(self, piece: hub.Started) -> None:
        if piece.id:
            self._head["responseId"] = piece.id
        if piece.model:
            self._head["modelVersion"] = piece.model
        if piece.usage is not None:
            self._usage = piece.usage
        for name, value in own(piece.extra, GENERATE).items():
            (self._head if name == "createTime" else self._once)[name] = value
            if name == "promptFeedback" and isinstance(value, dict) and value.get("blockReason"):
                self._is_blocked = True

    def _text(self, piece: hub.TextDelta) -> None:
        known = self._sent(piece.choice)
        if known.calls:
            self._call_all(known, piece.choice)
        known.grow(piece.part, piece.text)
        if piece.signature and piece.origin == GENERATE:
            part = {"text": piece.text, "thoughtSignature": piece.signature}
            self._said(piece.choice).append(with_extra(part, piece.extra))
        elif piece.extra.get(GENERATE):
            self._said(piece.choice).append(with_extra({"text": piece.text}, piece.extra))
        elif piece.text:
            self._join(piece.choice, {"text": piece.text})

    def _call(self, piece: hub.ToolCallDelta) -> None:
        known = self._sent(piece.choice)
        call = known.calls.get(piece.part)
        if call is None:
            call = known.calls[piece.part] = _Call()
        call.add(piece)

    def _call_all(self, known: _Sent, choice: int) -> None:
        """Writes the calls that are whole by now."""
        pending, known.calls = known.calls, {}
        for call in pending.values():
            made = call.made()
            if is_broken(made.arguments, is_custom=made.is_custom):
                known.broken = made.name
            else:
                thoughts = [one for thought in known.thoughts.values() if is_worth_it(one := thought.made())]
                self._said(choice).append(called(made, thoughts))
                known.thoughts.clear()


class _Call:
    """A call under way."""

    __slots__ = ("_arguments", "_first", "_signature")

    def __init__(self) -> None:
        self._first: Member = {"id": "", "name": ""}
        self._arguments: list[str] = []
        self._signature = ""

    def add(self, piece: hub.ToolCallDelta) -> None:
        first = self._first
        for name in ("id", "name", "is_custom", "origin"):
            first[name] = getattr(piece, name) or first.get(name) or getattr(piece, name)
        if piece.extra:
            first["extra"] = piece.extra
        self._signature = piece.signature or self._signature
        self._arguments.append(piece.arguments)

    def made(self) -> hub.ToolCall:
        return hub.ToolCall(arguments="".join(self._arguments), signature=self._signature, **self._first)


class _Thought:
    """What another vendor's model thinks, under way."""

    __slots__ = ("_said", "_texts")

    def __init__(self, origin: str) -> None:
        self._said: Member = {"origin": origin}
        self._texts: list[str] = []

    def add(self, piece: hub.Thinking | hub.ThinkingDelta) -> None:
        self._texts.append(piece.text)
        for name in ("signature", "redacted", "id", "is_summary"):
            if value := getattr(piece, name):
                self._said[name] = value

    def made(self) -> hub.Thinking:
        return hub.Thinking(text="".join(self._texts), **self._said)


class _Sent:
    """What of one candidate has come. extra: what this API alone says beside its next parts."""

    __slots__ = ("_cited", "_texts", "broken", "calls", "extra", "is_cited", "likely", "thoughts")

    def __init__(self) -> None:
        self.calls: dict[int, _Call] = {}
        self.broken = ""
        self.is_cited = False  # in this API's own words
        self.extra: Member = {}
        self.likely: list[hub.Likely] = []
        self.thoughts: dict[int, _Thought] = {}  # another vendor's, by part, since the last call
        self._texts: dict[int, list[str]] = {}
        self._cited: dict[int, list[hub.Citation]] = {}

    def think(self, piece: hub.ThinkingDelta) -> None:
        known = self.thoughts.get(piece.part)
        if known is None:
            known = self.thoughts[piece.part] = _Thought(piece.origin)
        known.add(piece)

    def grow(self, part: int, text: str) -> None:
        self._texts.setdefault(part, []).append(text)

    def cite(self, part: int, citation: hub.Citation) -> None:
        self._cited.setdefault(part, []).append(citation)

    def cited(self) -> list[tuple[int, str, list[hub.Citation]]]:
        return [(part, "".join(self._texts.get(part, ())), said) for part, said in self._cited.items()]
