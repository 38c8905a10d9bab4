"""The callers' side of OpenAI's API, put together from the files of this folder.

Functions are bound as they are (`staticmethod`): a method around one would be a step more for every call.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from headworks.core.call import Call
from headworks.core.dialect import Before, Operation, Seam
from headworks.core.request_id import time_range
from headworks.wire.openai import forms, prefill, prompt, splice
from headworks.wire.openai.embeddings import embedding_of, read_embeddings, written_vectors
from headworks.wire.openai.errors import event, problem, status
from headworks.wire.openai.ordinary import is_ordinary
from headworks.wire.openai.question import question
from headworks.wire.openai.request import read_chat
from headworks.wire.openai.translation.encoder import ChatEvents
from headworks.wire.openai.translation.question_reader import question_of
from headworks.wire.openai.translation.table import TABLE
from headworks.wire.openai.translation.words import finish_word
from headworks.wire.openai.weight import weigh_chat, weigh_embeddings
from headworks.wire.sse import COMMENT
from headworks.wire.whole_forms import WholeForms

OWN_HEADERS: Final = b"openai-"


class ChatForms:
    """Chat completions, whole and streamed."""

    end: Final = forms.DONE
    parted = staticmethod(forms.parted)
    as_body = staticmethod(forms.as_body)
    as_events = staticmethod(forms.as_events)
    is_finished = staticmethod(forms.is_finished)


class ChatSplice:
    may_resume = staticmethod(splice.may_resume)
    may_continue = staticmethod(splice.may_continue)
    reasoning_in = staticmethod(splice.reasoning_in)
    prefilled = staticmethod(prefill.prefilled)

    def rewriting(self, first: bytes, seam: Seam, before: Before | None, /) -> splice.Rewriting:
        return splice.Rewriting(first, seam, before)


class ChatTurns:
    variables = staticmethod(prompt.variables)
    prompted = staticmethod(prompt.prompted)
    says_no_format = staticmethod(prompt.says_no_format)
    in_words = staticmethod(prompt.in_words)
    mended = staticmethod(prompt.mended)


class ChatCaller:
    """Callers of `/v1/chat/completions`."""

    name: Final = "openai.chat"
    id_header: Final = b""
    keepalive: Final = COMMENT
    bound_name: Final = "max_tokens"
    operation: Final[Operation] = "chat"
    own_headers: Final = OWN_HEADERS
    forms: Final = ChatForms()
    splice: Final = ChatSplice()
    turns: Final = ChatTurns()
    read = staticmethod(read_chat)
    question = staticmethod(partial(question, "chat"))
    weigh = staticmethod(weigh_chat)
    is_ordinary = staticmethod(partial(is_ordinary, "chat"))
    status = staticmethod(status)
    problem = staticmethod(problem)
    event = staticmethod(event)
    table: Final = TABLE
    question_of = staticmethod(question_of)
    finish_word = staticmethod(finish_word)

    def encoder(self, call: Call, /) -> ChatEvents:
        arrived = time_range(call.id)
        created = 0 if arrived is None else int(arrived[0])
        return ChatEvents(id=f"chatcmpl-{call.id}", model=call.alias, created=created)


class EmbeddingsCaller:
    """Callers of `/v1/embeddings`."""

    name: Final = "openai.embeddings"
    id_header: Final = b""
    keepalive: Final = b""
    bound_name: Final = ""
    operation: Final[Operation] = "embeddings"
    own_headers: Final = OWN_HEADERS
    forms: Final = WholeForms()
    splice: Final = None
    turns: Final = None
    read = staticmethod(read_embeddings)
    question = staticmethod(partial(question, "embeddings"))
    weigh = staticmethod(weigh_embeddings)
    is_ordinary = staticmethod(partial(is_ordinary, "embeddings"))
    status = staticmethod(status)
    problem = staticmethod(problem)
    event = staticmethod(event)
    embedding_of = staticmethod(embedding_of)
    written_vectors = staticmethod(written_vectors)


CHAT: Final = ChatCaller()
EMBEDDINGS: Final = EmbeddingsCaller()
