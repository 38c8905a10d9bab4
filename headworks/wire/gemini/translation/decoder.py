"""A vendor's stream of generateContent to pieces.

Theory. An event is an answer by itself, and a candidate's parts are appended: texts of one kind that follow one another are one part,
until a signature ends it; everything else is a part of its own. What is said of the answer comes with every event, and is told
once. What only this dialect says of a candidate is told where it stands (`extra`).

Events come as GenerateDecoder lets them pass, whole: it has told faults and errors before.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.gemini.translation.answer_reader import Answered, answer_of, blocked, head_of
from headworks.wire.gemini.translation.citations import citations_of
from headworks.wire.gemini.translation.content import parts_of
from headworks.wire.gemini.translation.words import finish_of, taken_likely, usage_of
from headworks.wire.hub.values import GENERATE, only
from headworks.wire.json_text import read_json
from headworks.wire.sse import events_in

_SAME: Final = frozenset({"createTime", "modelStatus"})
"""What every event says again."""


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    parts: list[_Said]
    role: str = "model"


class _Candidate(msgspec.Struct, forbid_unknown_fields=True):
    content: _Content
    index: int = 0


class _Event(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """An event with text and nothing else, as most are. Its tokens are those up to here: the last event tells them all."""

    candidates: list[_Candidate]
    usage_metadata: msgspec.Raw = msgspec.Raw()
    model_version: str = ""
    response_id: str = ""


_TEXT: Final = msgspec.json.Decoder(_Event)


class GeneratePieces(hub.Decoder):
    """See hub.Decoder."""

    __slots__ = ("_choices", "_head", "_named", "_once")

    def __init__(self) -> None:
        self._named = Answered()
        self._head: dict[str, Any] = {}
        self._once: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}

    def feed(self, events: bytes, /) -> list[hub.Piece]:
        pieces: list[hub.Piece] = []
        try:
            if events[:6] == b"data: " and events.find(b"\n") == len(events) - 2 and events[-1:] == b"\n":
                self._add(events[6:-2], pieces)  # one event in one line: how most tokens come
            elif events:
                for event in events_in(events):
                    self._add(event.data, pieces)
        except (ValueError, RecursionError):
            raise Garbled(
                "An event of the vendor's stream cannot be read: it is no JSON, or nested too deep."
            ) from None
        return pieces

    def end(self) -> list[hub.Piece]:
        return []

    def whole(self, body: bytes, /) -> hub.Answer:
        return answer_of(body)

    def _add(self, data: bytes, pieces: list[hub.Piece]) -> None:
        if self._choices and self._is_text(data, pieces):
            return
        said = read_json(data)
        if not isinstance(said, dict):
            raise ValueError("not an object")
        head = head_of(said, self._named)
        usage = usage_of(said.pop("usageMetadata", None))
        listed = said.pop("candidates", None)
        if head != self._head or said:
            self._start(head, said, pieces)
        for at, one in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(one, dict):
                self._choice(at, one, pieces)
        if (finish := blocked(said)) is not None and not listed:
            pieces += [hub.ChoiceStarted(), hub.Finished(finish=finish)]
        if usage is not None:
            pieces.append(hub.Counted(usage=usage))

    def _is_text(self, data: bytes, pieces: list[hub.Piece]) -> bool:
        """Whether the event has more text of a candidate that began, and nothing new beside it."""
        try:
            event = _TEXT.decode(data)
        except msgspec.DecodeError:
            return False
        head = self._head
        if len(event.candidates) != 1 or event.model_version != head.get("model", ""):
            return False
        candidate = event.candidates[0]
        choice = self._choices.get(candidate.index)
        if choice is None or event.response_id != head.get("id", "") or candidate.content.role != "model":
            return False
        pieces.extend([choice.text(one.text) for one in candidate.content.parts if one.text])
        return True

    def _start(self, head: dict[str, Any], said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        changed = {name: value for name, value in head.items() if self._head.get(name) != value}
        fresh = {name: value for name, value in said.items() if name not in _SAME or self._once.get(name) != value}
        self._head |= changed
        self._once |= {name: value for name, value in fresh.items() if name in _SAME}
        if changed or fresh:
            pieces.append(hub.Started(extra=only(GENERATE, fresh), **changed))

    def _choice(self, at: int, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        index = said.pop("index") if type(said.get("index")) is int else at
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(index)
            pieces.append(hub.ChoiceStarted(choice=index))
        content = said.pop("content") if isinstance(said.get("content"), dict) else {}
        parts = content.get("parts")
        if isinstance(parts, list):
            choice.add(parts_of(parts, self._named), pieces)
        self._beside(choice, said, pieces)
        finish = finish_of(said.get("finishReason"), said.get("finishMessage"), has_calls=choice.has_calls)
        if finish is not None:
            del said["finishReason"]
            if finish.detail:
                del said["finishMessage"]
        if said:
            pieces.append(hub.ChoiceExtra(extra={GENERATE: said}, choice=index))
        if finish is not None and not choice.is_over:
            choice.is_over = True
            pieces.append(hub.Finished(finish=finish, choice=index))

    def _beside(self, choice: _Choice, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        """Likelihoods and citations; what these were read from stays."""
        likely = taken_likely(said)
        if likely is not None:
            pieces.append(hub.LikelyDelta(choice=choice.index, likely=likely))
        if "groundingMetadata" in said or "citationMetadata" in said:
            for at, citations in citations_of(said, ["".join(text) for text in choice.texts.values()]).items():
                part = list(choice.texts)[at]
                pieces.extend([hub.CitationDelta(citation=one, choice=choice.index, part=part) for one in citations])


class _Choice:
    """One candidate under way: which part of it is growing. texts: what its texts say so far, by the part's number."""

    __slots__ = ("_growing", "_parts", "has_calls", "index", "is_over", "texts")

    def __init__(self, index: int) -> None:
        self.index = index
        self.has_calls = False
        self.is_over = False
        self.texts: dict[int, list[str]] = {}
        self._parts = 0
        self._growing = ""

    def _part(self, growing: str) -> int:
        if not growing or growing != self._growing:
            self._parts += 1
        self._growing = growing
        return self._parts - 1

    def add(self, parts: tuple[hub.Part, ...], pieces: list[hub.Piece]) -> None:
        for part in parts:
            if isinstance(part, hub.Text):
                self._text(part, pieces)
            elif isinstance(part, hub.Thinking):
                self._think(part, pieces)
            elif isinstance(part, hub.ToolCall):
                self._call(part, pieces)
            else:
                pieces.append(hub.Whole(value=part, choice=self.index, part=self._part("")))

    def text(self, text: str) -> hub.TextDelta:
        """A text that nothing is said beside."""
        at = self._part("text")
        self.texts.setdefault(at, []).append(text)
        return hub.TextDelta(text=text, choice=self.index, part=at)

    def _text(self, said: hub.Text, pieces: list[hub.Piece]) -> None:
        if not said.text and not said.signature and not said.extra:
            return
        at = self._part("text")
        self.texts.setdefault(at, []).append(said.text)
        pieces.append(
            hub.TextDelta(
                text=said.text,
                choice=self.index,
                part=at,
                signature=said.signature,
                origin=said.origin,
                extra=said.extra,
            )
        )
        if said.signature or said.extra:
            self._growing = ""

    def _think(self, said: hub.Thinking, pieces: list[hub.Piece]) -> None:
        pieces.append(
            hub.ThinkingDelta(
                origin=GENERATE,
                text=said.text,
                choice=self.index,
                part=self._part("thinking"),
                signature=said.signature,
                is_summary=said.is_summary,
                extra=said.extra,
            )
        )
        if said.signature or said.extra:
            self._growing = ""

    def _call(self, said: hub.ToolCall, pieces: list[hub.Piece]) -> None:
        self.has_calls = True
        pieces.append(
            hub.ToolCallDelta(
                choice=self.index,
                part=self._part(""),
                id=said.id,
                name=said.name,
                arguments=said.arguments,
                signature=said.signature,
                origin=said.origin,
                extra=said.extra,
            )
        )
