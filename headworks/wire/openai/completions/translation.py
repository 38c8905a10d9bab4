"""Legacy completions by a chat: the prompt is one turn of the user's, the answer's text a choice's.

What is written behind the prompt itself has no place in a chat: `suffix`, `echo`, several prompts and prompts of tokens are
refused, as is what needs numbers of each token in this API's own form (`logprobs`, `best_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from headworks.core.errors import Garbled, Malformed
from headworks.wire import hub
from headworks.wire.hub.values import only
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import Members, members
from headworks.wire.openai.forms import DONE
from headworks.wire.openai.translation.table import TABLE as CHAT_TABLE
from headworks.wire.openai.translation.taking import read_member, taken, taken_whole, texts_of
from headworks.wire.openai.translation.words import finish_word, written_usage

COMPLETIONS: Final = "openai.completions"

TABLE: Final = hub.Table(
    dialect=COMPLETIONS,
    title="OpenAI's legacy completions",
    rows=MappingProxyType(
        {
            **CHAT_TABLE.rows,
            "text": hub.Row("carried", "prompt"),
            "max_output": hub.Row("carried", "max_tokens"),
        }
    ),
)
"""What these callers call each field, for refusals. No question is written in this API: a vendor that has it gets bytes."""

_NUMBERS: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_REQUIRED: Final = frozenset({"prompt", "suffix", "echo", "best_of", "logprobs"})
_UNSAID: Final = frozenset({b"null", b"false", b"0", b'""'})


def question_of(body: bytes) -> hub.Question:
    """Raises Malformed, with `param` where one field is the reason."""
    try:
        return _question(members(body))
    except (ValueError, RecursionError):
        raise Malformed("The body cannot be read: it is nested too deep, or a number in it is too long.") from None


def _question(found: Members) -> hub.Question:
    fields: dict[str, Any] = {"model": taken(found, "model", str) or ""}
    found.pop("model", None)
    for name in ("stream_options", "suffix", "echo", "best_of", "logprobs"):
        if name in found and (name == "stream_options" or bytes(found[name]) in _UNSAID):
            del found[name]
    if "best_of" in found and bytes(found["best_of"]) == b"1":
        del found["best_of"]
    turns: tuple[hub.Turn, ...] = ()
    prompt = read_member(found, "prompt")
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str):
        prompt = prompt[0]
    if isinstance(prompt, str):
        turns = (hub.Turn(role="user", parts=(hub.Text(text=prompt),)),)
        del found["prompt"]
    sampling: dict[str, Any] = {}
    for name in _NUMBERS:
        if (value := taken(found, name, (int, float))) is not None:
            sampling[name] = value
    if (seed := taken(found, "seed", int)) is not None:
        sampling["seed"] = seed
    if (biases := taken(found, "logit_bias", dict)) is not None:
        sampling["logit_bias"] = biases
    if (number := taken_whole(found, "n")) is not None:
        sampling["choices"] = number
    if (bound := taken_whole(found, "max_tokens")) is not None:
        fields["max_output"] = bound
    if (stop := texts_of(read_member(found, "stop"))) is not None:
        fields["stop"] = stop
        del found["stop"]
    fields["user"] = taken(found, "user", str) or ""
    fields["streamed"] = taken(found, "stream", bool) or False
    extra = {name: read_json(raw) for name, raw in found.items()}
    return hub.Question(
        turns=turns,
        sampling=hub.Sampling(**sampling),
        origin=COMPLETIONS,
        required=tuple([name for name in extra if name in _REQUIRED]),
        extra=only(COMPLETIONS, extra),
        **fields,
    )


class CompletionEvents(hub.Encoder):
    """Pieces to the events of a completion's stream. id, model, created: for an answer whose vendor says none."""

    __slots__ = ("_head", "_usage")

    def __init__(self, *, id: str, model: str, created: int) -> None:
        self._head: dict[str, Any] = {"id": id, "object": "text_completion", "created": created, "model": model}
        self._usage: hub.Usage | None = None

    def feed(self, pieces: Sequence[hub.Piece]) -> bytes:
        events: list[bytes] = []
        for piece in pieces:
            if isinstance(piece, (hub.TextDelta, hub.RefusalDelta)):
                if piece.text:
                    events.append(self._event([_choice(piece.choice, piece.text, None)]))
            elif isinstance(piece, hub.Finished):
                events.append(self._event([_choice(piece.choice, "", finish_word(piece.finish))]))
            elif isinstance(piece, hub.Started):
                self._head["model"] = piece.model or self._head["model"]
                self._usage = piece.usage or self._usage
            elif isinstance(piece, hub.Counted):
                self._usage = piece.usage
        return b"".join(events)

    def end(self) -> bytes:
        if self._usage is None:
            return DONE
        return self._event([], {"usage": self._counted(self._usage)}) + DONE

    def whole(self, answer: hub.Answer) -> bytes:
        choices = []
        for choice in answer.choices:
            text = "".join([part.text for part in choice.parts if isinstance(part, (hub.Text, hub.Refusal))])
            choices.append(_choice(choice.index, text, None if choice.finish is None else finish_word(choice.finish)))
        body = {**self._head, "model": answer.model or self._head["model"], "choices": choices}
        if answer.usage is not None:
            body["usage"] = self._counted(answer.usage)
        try:
            return write_json(body)
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None

    def _counted(self, usage: hub.Usage) -> dict[str, Any]:
        return written_usage(usage)

    def _event(self, choices: list[Any], more: dict[str, Any] | None = None) -> bytes:
        try:
            return b"data: %b\n\n" % write_json({**self._head, "choices": choices, **(more or {})})
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
