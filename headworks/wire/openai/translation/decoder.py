"""A vendor's stream of a chat completion to pieces.

Theory. An event adds to fields of its choices' deltas; a part of the hub is what is added to one field without another in
between, a tool call what has one `index`. So text after a tool call is a new part, and calls may grow side by side. An id is
believed once: some servers give each event its own. What only this dialect says is told where it stands (`extra`), each time
it says something; of the event itself only what has changed.

Events come as ChatDecoder lets them pass, whole: it has told faults and errors before.
"""

from __future__ import annotations

from typing import Any

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.hub.values import CHAT, GENERATE, Extra, only
from headworks.wire.json_text import read_json, write_json
from headworks.wire.openai.answer import says
from headworks.wire.openai.translation import reasoning
from headworks.wire.openai.translation.answer_reader import answer_of, content_parts, head_of, spoken, taken_likely
from headworks.wire.openai.translation.calls import LEGACY, signature_in
from headworks.wire.openai.translation.message import audio_of, citations_of, images_of, text_in
from headworks.wire.openai.translation.words import finish_of, usage_of
from headworks.wire.sse import Event, events_in

_DROPPED = ("object", "obfuscation")
"""Members of an event that are dropped: its kind, and the padding that hides a text's length."""

_KEPT = frozenset({"id", "created"})
"""What an answer has from its first event on, whatever later events say."""

_PIECE = frozenset({"choices", "usage", "id"})
"""An event without any of these is no piece of an answer: what a proxy says of itself."""


class ChatPieces(hub.Decoder):
    """See hub.Decoder."""

    __slots__ = ("_choices", "_head")

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}

    def feed(self, events: bytes) -> list[hub.Piece]:
        pieces: list[hub.Piece] = []
        try:
            if events[:6] == b"data: " and events.find(b"\n") == len(events) - 2 and events[-1:] == b"\n":
                self._add(events[6:-2], b"", pieces)  # one event in one line: how most tokens come
            else:
                for event in events_in(events):
                    self._event(event, pieces)
        except (ValueError, RecursionError):
            raise Garbled(
                "An event of the vendor's stream cannot be read: it is no JSON, or nested too deep."
            ) from None
        return pieces

    def end(self) -> list[hub.Piece]:
        return []

    def whole(self, body: bytes) -> hub.Answer:
        return answer_of(body)

    def _event(self, event: Event, pieces: list[hub.Piece]) -> None:
        self._add(event.data, event.name, pieces)

    def _add(self, data: bytes, name: bytes, pieces: list[hub.Piece]) -> None:
        if data[:6] == b"[DONE]":
            return
        said = read_json(data)
        if not isinstance(said, dict):
            raise ValueError("not an object")
        if said.keys().isdisjoint(_PIECE):
            pieces.append(hub.OnlyEvent(dialect=CHAT, value=said, name=name.decode("utf-8", "replace")))
            return
        choices = said.pop("choices") if isinstance(said.get("choices"), list) else ()
        usage = usage_of(said.get("usage"))
        if usage is not None:
            del said["usage"]
        self._start(said, pieces)
        for choice in choices:
            if isinstance(choice, dict):  # SDKs know no other
                usage = self._choice(choice, pieces) or usage
        if usage is None and isinstance(groq := said.get("x_groq"), dict):
            usage = usage_of(groq.get("usage"))
        if usage is not None:
            pieces.append(hub.Counted(usage=usage))

    def _start(self, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        head = self._head
        changed: dict[str, Any] = {}
        for name, value in said.items():
            if name in head:
                is_new = name not in _KEPT and (head[name] != value or isinstance(value, list))
            else:
                is_new = name not in _DROPPED and says(value) and not (name == "created" and value == 0)
            if is_new and says(value):
                head[name] = changed[name] = value
        if changed:
            fields = head_of(changed)
            pieces.append(hub.Started(extra=only(CHAT, changed), **fields))

    def _choice(self, said: dict[str, Any], pieces: list[hub.Piece]) -> hub.Usage | None:
        index = said.pop("index") if isinstance(said.get("index"), int) else 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(index)
            pieces.append(hub.ChoiceStarted(choice=index))
        delta = said.get("delta")
        if isinstance(delta, dict) or delta is None:
            said.pop("delta", None)
        if delta and isinstance(delta, dict):
            choice.add(delta, pieces)
        if said.get("logprobs"):
            likely, likely_refusal = taken_likely(said)
            if likely is not None or likely_refusal is not None:
                pieces.append(hub.LikelyDelta(choice=index, likely=likely, likely_refusal=likely_refusal))
        word = said.get("finish_reason")
        finish = finish_of(word)
        if isinstance(word, str):
            del said["finish_reason"]
        usage = usage_of(said.get("usage"))
        if usage is not None:
            del said["usage"]
        if rest := _saying(said):
            pieces.append(hub.ChoiceExtra(extra={CHAT: rest}, choice=index))
        if finish is not None:
            pieces.append(hub.Finished(finish=finish, choice=index))
        return usage


def _saying(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if says(value)}


class _Call:
    """A tool call under way: what was told of it."""

    __slots__ = ("id", "is_custom", "name", "part")

    def __init__(self, part: int) -> None:
        self.part = part
        self.id = ""
        self.name = ""
        self.is_custom = False


class _Choice:
    """One choice under way: which part of it is growing, and its calls by what the vendor tells them apart."""

    __slots__ = ("_calls", "_growing", "_index", "_last", "_parts")

    def __init__(self, index: int) -> None:
        self._index = index
        self._parts = 0
        self._growing: object = None
        self._calls: dict[int | str, _Call] = {}
        self._last: int | str = ""

    def _part(self, growing: object) -> int:
        """The number of the part that this field or call adds to."""
        if growing != self._growing:
            self._growing = growing
            self._parts += 1
        return self._parts - 1

    def add(self, delta: dict[str, Any], pieces: list[hub.Piece]) -> None:
        delta.pop("role", None)
        content = delta.get("content")
        if isinstance(content, str) and len(delta) == 1:  # how most tokens come
            if content:
                pieces.append(hub.TextDelta(text=content, choice=self._index, part=self._part("text")))
            return
        for thinking in reasoning.taken(delta):
            self._think(thinking, pieces)
        if isinstance(content, (str, list)):
            del delta["content"]
            if content:
                self._content(content_parts(content), pieces)
        if isinstance(delta.get("refusal"), str) and (refusal := delta.pop("refusal")):
            pieces.append(hub.RefusalDelta(text=refusal, choice=self._index, part=self._part("refusal")))
        self._call_all(delta, pieces)
        self._beside(delta, pieces)
        if rest := _saying(delta):
            pieces.append(hub.ChoiceExtra(extra={CHAT: rest}, choice=self._index, in_message=True))

    def _think(self, said: hub.Thinking, pieces: list[hub.Piece]) -> None:
        if not said.text and not says(dict(said.extra.get(CHAT, {}))):
            return
        details = said.extra.get(CHAT, {}).get(reasoning.DETAILS)
        first = details[0] if details else None
        block = (first.get("index"), first.get("type")) if isinstance(first, dict) else ()
        pieces.append(
            hub.ThinkingDelta(
                origin=said.origin,
                text=said.text,
                choice=self._index,
                part=self._part(("thinking", repr(block))),
                signature=said.signature,
                redacted=said.redacted,
                id=said.id,
                is_summary=said.is_summary,
                extra=said.extra,
            )
        )

    def _content(self, parts: list[hub.Part], pieces: list[hub.Piece]) -> None:
        for part in parts:
            if isinstance(part, hub.Thinking):
                self._think(part, pieces)
            elif isinstance(part, hub.Text):
                if part.text or part.extra:
                    place = self._part("text")
                    pieces.append(hub.TextDelta(text=part.text, choice=self._index, part=place, extra=part.extra))
            elif isinstance(part, hub.Refusal):
                pieces.append(hub.RefusalDelta(text=part.text, choice=self._index, part=self._part("refusal")))
            else:
                pieces.append(hub.Whole(value=part, choice=self._index, part=self._part(object())))

    def _beside(self, delta: dict[str, Any], pieces: list[hub.Piece]) -> None:
        if isinstance(said := delta.get("annotations"), list):
            del delta["annotations"]
            for citation in citations_of(said):
                place = self._part("text")
                pieces.append(hub.CitationDelta(citation=citation, choice=self._index, part=place))
        if (images := images_of(delta.get("images"))) is not None:
            del delta["images"]
            pieces.extend([hub.Whole(value=one, choice=self._index, part=self._part(object())) for one in images])
        if (audio := audio_of(delta.get("audio"))) is not None:
            del delta["audio"]
            pieces.append(
                hub.AudioDelta(
                    choice=self._index,
                    part=self._part("audio"),
                    id=audio.id,
                    data=audio.source.data if isinstance(audio.source, hub.Inline) else "",
                    transcript=audio.transcript,
                    expires_at=audio.expires_at,
                    extra=audio.extra,
                )
            )

    # Calls

    def _call_all(self, delta: dict[str, Any], pieces: list[hub.Piece]) -> None:
        if isinstance(said := delta.get("tool_calls"), list):
            del delta["tool_calls"]
            for one in said:
                if isinstance(one, dict):
                    self._call(one, pieces)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            del delta["function_call"]
            if says(legacy):  # some servers send an empty one with every event
                self._fragment("function_call", "", legacy, LEGACY, pieces)

    def _call(self, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        index = said.pop("index") if isinstance(said.get("index"), int) else None
        id = said.pop("id") if isinstance(said.get("id"), str) else ""
        kind = said.get("type")
        is_custom = kind == "custom" or (kind != "function" and "custom" in said)
        if kind in ("function", "custom", None):
            said.pop("type", None)
        field = "custom" if is_custom else "function"
        inside = said.pop(field) if isinstance(said.get(field), dict) else {}
        key: int | str = index if index is not None else id or self._last
        known = self._calls.get(key)
        name = text_in(inside, "name")
        is_other = bool(id and known.id and known.id != id) if known is not None else False
        if known is not None and name and known.name and (is_other or (index is None and not id)):
            del self._calls[key]  # another call: some servers call every index 0, or say none
        self._fragment(key, id, inside, only(CHAT, spoken(said)), pieces, is_custom=is_custom)

    def _fragment(
        self,
        key: int | str,
        id: str,
        said: dict[str, Any],
        extra: Extra,
        pieces: list[hub.Piece],
        *,
        is_custom: bool = False,
    ) -> None:
        """A call, or what it grows by. Its id and name are told once."""
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = _Call(self._part(object()))
            call.is_custom = is_custom
        self._growing = call
        self._last = key
        id, call.id = "" if call.id else id, call.id or id
        name = "" if call.name else text_in(said, "name")
        call.name = call.name or name
        arguments = said.get("input" if call.is_custom else "arguments")
        if not isinstance(arguments, str):
            arguments = write_json(arguments).decode() if says(arguments) else ""
        signature = signature_in(extra.get(CHAT, {}))
        pieces.append(
            hub.ToolCallDelta(
                choice=self._index,
                part=call.part,
                id=id,
                name=name,
                arguments=arguments,
                is_custom=call.is_custom,
                signature=signature,
                origin=GENERATE if signature else "",
                extra=extra,
            )
        )
