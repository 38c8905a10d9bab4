"""The toy dialect to and from the hub: the third of its three files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from headworks.core.errors import Garbled
from headworks.core.reply import Usage
from headworks.wire import hub
from headworks.wire.hub.fields import FIELDS
from headworks.wire.sse import events_in

WHY: Final[Mapping[hub.Reason, str]] = {
    "stop": "said",
    "stop_sequence": "said",
    "length": "full",
    "content_filter": "barred",
}
REASONS: Final[Mapping[str, hub.Reason]] = {"said": "stop", "full": "length", "barred": "content_filter"}
SIDES: Final[Mapping[hub.Role, str]] = {"system": "rules", "developer": "rules", "user": "me", "assistant": "it"}

_CARRIED: Final = {"system": "say", "turns.system": "say", "text": "say", "max_output": "most", "streamed": "bits"}
_HINTS: Final = (
    *("turns.name", "thinking", "sampling.temperature", "sampling.top_p", "sampling.seed", "parallel", "reasoning"),
    *("verbosity", "cache", "user", "metadata", "service_tier", "store", "extra"),
)
"""How fields begin without which the answer is still what was asked for."""


def _row(field: str) -> hub.Row:
    if field in _CARRIED:
        return hub.Row("carried", _CARRIED[field])
    return hub.Row("left_out" if field.startswith(_HINTS) else "refused", note="it has text, and nothing else")


TABLE: Final = hub.Table(dialect="toy.say", title="toy", rows={field: _row(field) for field in FIELDS})
"""What becomes of each field of a question on its way to a toy vendor."""


# Questions


def question_of(body: bytes) -> hub.Question:
    asked = json.loads(body)
    said = [(side, (hub.Text(text=text),)) for side, text in asked["say"]]
    roles: dict[str, hub.Role] = {"me": "user", "it": "assistant"}
    return hub.Question(
        model=asked["who"],
        system=tuple([hub.Turn(role="system", parts=parts) for side, parts in said if side == "rules"]),
        turns=tuple([hub.Turn(role=roles[side], parts=parts) for side, parts in said if side != "rules"]),
        max_output=asked.get("most"),
        streamed=bool(asked.get("bits")),
    )


def body_of(question: hub.Question, model: str, left_out: list[str] | None = None) -> bytes:
    hub.carried(question, TABLE, left_out)
    say = [[SIDES[turn.role], text_in(turn.parts)] for turn in (*question.system, *question.turns)]
    asked: dict[str, Any] = {"who": model, "say": say}
    if question.streamed:
        asked["bits"] = True
    if question.max_output is not None:
        asked["most"] = question.max_output
    return msgspec.json.encode(asked)


def text_in(parts: Sequence[hub.Part]) -> str:
    return "".join([part.text for part in parts if isinstance(part, hub.Text)])


# Answers


class ToyPieces(hub.Decoder):
    """A toy vendor's answer to the hub's words."""

    def feed(self, events: bytes, /) -> list[hub.Piece]:
        pieces: list[hub.Piece] = []
        for one in events_in(events):
            if one.data == b"over":
                continue
            said = json.loads(one.data)
            if "bit" in said:
                pieces.append(hub.TextDelta(text=said["bit"]))
            elif "why" in said:
                pieces.append(hub.Finished(finish=_finish(said)))
                pieces += [hub.Counted(usage=usage) for usage in _usage(said)]
            else:
                raise Garbled("The vendor said something that is neither a bit nor an end.")
        return pieces

    def end(self) -> list[hub.Piece]:
        return []

    def whole(self, body: bytes, /) -> hub.Answer:
        said = json.loads(body)
        choice = hub.Choice(parts=(hub.Text(text=said["words"]),), finish=_finish(said))
        return hub.Answer(choices=(choice,), usage=next(iter(_usage(said)), None))


def _finish(said: Mapping[str, Any]) -> hub.Finish:
    return hub.Finish(reason=REASONS.get(said["why"], "other"))


def _usage(said: Mapping[str, Any]) -> list[hub.Usage]:
    if "cost" not in said:
        return []
    asked, answered = said["cost"]
    return [hub.Usage(tokens=Usage(input=asked, output=answered))]


class ToyEvents(hub.Encoder):
    """The hub's words to what a toy caller reads."""

    def __init__(self) -> None:
        self._ending: dict[str, Any] = {"why": "unknown"}

    def feed(self, pieces: Sequence[hub.Piece], /) -> bytes:
        data = b""
        for piece in pieces:
            if isinstance(piece, hub.TextDelta):
                data += b"data: %b\n\n" % msgspec.json.encode({"bit": piece.text})
            elif isinstance(piece, hub.Finished):
                self._ending["why"] = WHY.get(piece.finish.reason, "unknown")
            elif isinstance(piece, hub.Counted):
                self._ending["cost"] = _cost(piece.usage)
        return data

    def end(self) -> bytes:
        return b"data: %b\n\ndata: over\n\n" % msgspec.json.encode(self._ending)

    def whole(self, answer: hub.Answer, /) -> bytes:
        [choice] = answer.choices
        words = text_in(choice.parts)
        finish = choice.finish.reason if choice.finish is not None else "other"
        said: dict[str, Any] = {"words": words, "why": WHY.get(finish, "unknown")}
        if answer.usage is not None:
            said["cost"] = _cost(answer.usage)
        return msgspec.json.encode(said)


def _cost(usage: hub.Usage) -> list[int]:
    return [usage.tokens.input_tokens, usage.tokens.output_tokens]
