"""The callers' side of OpenAI's Responses, put together from the files of this folder."""

from __future__ import annotations

from typing import Final

from headworks.core.call import Call
from headworks.core.dialect import Before, Operation, Seam
from headworks.core.request_id import PREFIX, time_range
from headworks.wire.openai import prompt as chat_prompt
from headworks.wire.openai.errors import problem, status
from headworks.wire.openai.responses import forms, prompt, splice
from headworks.wire.openai.responses.body import BOUND, read_responses
from headworks.wire.openai.responses.encoder import ResponsesEvents
from headworks.wire.openai.responses.errors import event
from headworks.wire.openai.responses.head import PREFIX as PREFIX_OF_ANSWERS
from headworks.wire.openai.responses.head import Head, asked_in
from headworks.wire.openai.responses.kept import KEEPING
from headworks.wire.openai.responses.ordinary import is_ordinary
from headworks.wire.openai.responses.question import question
from headworks.wire.openai.responses.question_reader import question_of
from headworks.wire.openai.responses.table import TABLE
from headworks.wire.openai.responses.tools import NO_NAMES, names_of
from headworks.wire.openai.responses.weight import weigh
from headworks.wire.openai.responses.words import finish_word
from headworks.wire.sse import COMMENT


class ResponsesForms:
    """Answers, whole and streamed."""

    end: Final = forms.END
    parted = staticmethod(forms.parted)
    as_body = staticmethod(forms.as_body)
    as_events = staticmethod(forms.as_events)
    is_finished = staticmethod(forms.is_finished)


class ResponsesSplice:
    may_resume = staticmethod(splice.may_resume)
    may_continue = staticmethod(splice.may_continue)
    reasoning_in = staticmethod(splice.reasoning_in)
    noted = staticmethod(splice.noted)

    def rewriting(self, first: bytes, seam: Seam, before: Before | None, /) -> splice.Rewriting:
        return splice.Rewriting(first, seam, before)

    def prefilled(self, body: bytes, text: str, form: str, /) -> bytes:
        raise AssertionError("no answer is gone on with from its middle")


class ResponsesTurns:
    variables = staticmethod(chat_prompt.variables)
    prompted = staticmethod(prompt.prompted)
    says_no_format = staticmethod(prompt.says_no_format)
    in_words = staticmethod(prompt.in_words)
    mended = staticmethod(prompt.mended)


class ResponsesCaller:
    """Callers of `/v1/responses`."""

    name: Final = "openai.responses"
    id_header: Final = b""
    keepalive: Final = COMMENT
    bound_name: Final = BOUND
    operation: Final[Operation] = "chat"
    own_headers: Final = b"openai-"
    forms: Final = ResponsesForms()
    splice: Final = ResponsesSplice()
    turns: Final = ResponsesTurns()
    read = staticmethod(read_responses)
    question = staticmethod(question)
    weigh = staticmethod(weigh)
    is_ordinary = staticmethod(is_ordinary)
    status = staticmethod(status)
    problem = staticmethod(problem)
    event = staticmethod(event)
    event_after = staticmethod(event)
    table: Final = TABLE
    question_of = staticmethod(question_of)
    finish_word = staticmethod(finish_word)
    keeping: Final = KEEPING
    kept_prefix: Final = PREFIX_OF_ANSWERS

    def encoder(self, call: Call, /) -> ResponsesEvents:
        arrived = time_range(call.id)
        created = 0 if arrived is None else int(arrived[0])
        asked = asked_in(call.body)
        if call.bound is not None:
            asked["max_output_tokens"] = call.bound
        tools = asked["tools"]
        names = names_of(tools) if tools else NO_NAMES
        return ResponsesEvents(Head(call.id.removeprefix(PREFIX), call.alias, created, asked), names)


RESPONSES: Final = ResponsesCaller()
