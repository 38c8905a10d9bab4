"""The callers' side of legacy completions, put together from the files of this folder and of chat."""

from __future__ import annotations

from functools import partial
from typing import Final

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation
from headworks.core.request_id import time_range
from headworks.wire.json_text import read_json
from headworks.wire.openai import forms
from headworks.wire.openai.completions.body import BOUND, answers_asked, read_completions, weigh
from headworks.wire.openai.completions.translation import TABLE, CompletionEvents, question_of
from headworks.wire.openai.errors import event, problem, status
from headworks.wire.openai.ordinary import HEADERS
from headworks.wire.openai.question import question
from headworks.wire.openai.translation.words import finish_word
from headworks.wire.sse import COMMENT

_ORDINARY: Final = frozenset(
    {
        *("model", "prompt", "stream", "stream_options", "max_tokens", "user", "n", "stop"),
        *("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty"),
    }
)

DENSE: Final = 20_000
"""Lists and objects from which nobody reads a body for this."""


class CompletionForms:
    """Answers are kept and shared in the form in which they came."""

    end: Final = forms.DONE
    parted = staticmethod(forms.parted)

    def as_body(self, events: bytes, counts: bytes, /) -> bytes | None:
        return None

    def as_events(self, body: bytes, /) -> tuple[bytes, bytes] | None:
        return None

    def is_finished(
        self, asked: bytes, answer: bytes, finish: str | None, /, *, streamed: bool, is_bounded: bool
    ) -> bool:
        finishes = forms.ends(is_bounded=is_bounded)
        choices = answers_asked(asked)
        return finish in finishes and (
            choices == 1 or forms.is_whole(answer, finishes, streamed=streamed, choices=choices)
        )


def is_ordinary(data: bytes, headers: Headers, /) -> bool:
    """Whether nothing in a call can be the reason why a model is not found: it is one text, and nothing else."""
    if any(name not in HEADERS for name, _ in headers) or data.count(b"{") + data.count(b"[") > DENSE:
        return False
    try:
        body = read_json(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.keys() <= _ORDINARY and isinstance(body.get("prompt"), str)


class CompletionsCaller:
    """Callers of `/v1/completions`."""

    name: Final = "openai.completions"
    id_header: Final = b""
    keepalive: Final = COMMENT
    bound_name: Final = BOUND
    operation: Final[Operation] = "chat"
    own_headers: Final = b"openai-"
    forms: Final = CompletionForms()
    splice: Final = None
    turns: Final = None
    read = staticmethod(read_completions)
    question = staticmethod(partial(question, "chat"))
    weigh = staticmethod(weigh)
    is_ordinary = staticmethod(is_ordinary)
    status = staticmethod(status)
    problem = staticmethod(problem)
    event = staticmethod(event)
    table: Final = TABLE
    question_of = staticmethod(question_of)
    finish_word = staticmethod(finish_word)

    def encoder(self, call: Call, /) -> CompletionEvents:
        arrived = time_range(call.id)
        created = 0 if arrived is None else int(arrived[0])
        return CompletionEvents(id=f"cmpl-{call.id}", model=call.alias, created=created)


COMPLETIONS: Final = CompletionsCaller()
