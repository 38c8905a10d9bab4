"""The callers' side of Anthropic's API, put together from the files of this folder.

Functions are bound as they are (`staticmethod`): a method around one would be a step more for every call.
"""

from __future__ import annotations

from typing import Final

from headworks.core.call import Call
from headworks.core.dialect import Before, Operation, Seam
from headworks.wire.anthropic import errors, forms, prefill, prompt, splice
from headworks.wire.anthropic.headers import OWN_HEADERS, REQUEST_ID
from headworks.wire.anthropic.ordinary import is_ordinary
from headworks.wire.anthropic.question import question
from headworks.wire.anthropic.request import BOUND, read_messages
from headworks.wire.anthropic.translation.encoder import MessagesEvents
from headworks.wire.anthropic.translation.question_reader import question_of
from headworks.wire.anthropic.translation.table import TABLE
from headworks.wire.anthropic.translation.words import finish_word
from headworks.wire.anthropic.weight import weigh


class MessagesForms:
    """Messages, whole and streamed."""

    end: Final = forms.STOP
    parted = staticmethod(forms.parted)
    as_body = staticmethod(forms.as_body)
    as_events = staticmethod(forms.as_events)
    is_finished = staticmethod(forms.is_finished)


class MessagesSplice:
    may_resume = staticmethod(splice.may_resume)
    may_continue = staticmethod(splice.may_continue)
    reasoning_in = staticmethod(splice.reasoning_in)
    noted = staticmethod(splice.noted)
    prefilled = staticmethod(prefill.prefilled)

    def rewriting(self, first: bytes, seam: Seam, before: Before | None, /) -> splice.Rewriting:
        return splice.Rewriting(first, seam, before)


class MessagesTurns:
    variables = staticmethod(prompt.variables)
    prompted = staticmethod(prompt.prompted)
    says_no_format = staticmethod(prompt.says_no_format)
    in_words = staticmethod(prompt.in_words)
    mended = staticmethod(prompt.mended)


class MessagesCaller:
    """Callers of `/v1/messages`."""

    name: Final = "anthropic.messages"
    id_header: Final = REQUEST_ID
    keepalive: Final = forms.PING
    bound_name: Final = BOUND
    operation: Final[Operation] = "chat"
    own_headers: Final = OWN_HEADERS
    forms: Final = MessagesForms()
    splice: Final = MessagesSplice()
    turns: Final = MessagesTurns()
    read = staticmethod(read_messages)
    question = staticmethod(question)
    weigh = staticmethod(weigh)
    is_ordinary = staticmethod(is_ordinary)
    status = staticmethod(errors.status_of)
    problem = staticmethod(errors.problem)
    event = staticmethod(errors.event)
    table: Final = TABLE
    question_of = staticmethod(question_of)
    finish_word = staticmethod(finish_word)

    def encoder(self, call: Call, /) -> MessagesEvents:
        return MessagesEvents(id=f"msg_{call.id}", model=call.alias)


MESSAGES: Final = MessagesCaller()
