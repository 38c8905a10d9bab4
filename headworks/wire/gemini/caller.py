"""The callers' side of Gemini's generateContent, put together from the files of this folder."""

from __future__ import annotations

from typing import Final

from headworks.core.call import Call
from headworks.core.dialect import Before, Operation, Seam
from headworks.wire.gemini import body, embeddings, forms, ordinary, prompt, question, splice, weight
from headworks.wire.gemini.errors import event, problem, status
from headworks.wire.gemini.translation.encoder import GenerateEvents
from headworks.wire.gemini.translation.question_reader import question_of
from headworks.wire.gemini.translation.table import TABLE
from headworks.wire.gemini.translation.words import finish_word
from headworks.wire.whole_forms import WholeForms

OWN_HEADERS: Final = b"x-goog-api-client"
"""Beside it SDKs send the key (`x-goog-api-key`), which goes to nobody."""


class GenerateForms:
    """generateContent and streamGenerateContent."""

    end: Final = forms.END
    parted = staticmethod(forms.parted)
    as_body = staticmethod(forms.as_body)
    as_events = staticmethod(forms.as_events)
    is_finished = staticmethod(forms.is_finished)


class GenerateSplice:
    may_resume = staticmethod(splice.may_resume)
    may_continue = staticmethod(splice.may_continue)
    reasoning_in = staticmethod(splice.reasoning_in)
    prefilled = staticmethod(splice.prefilled)

    def rewriting(self, first: bytes, seam: Seam, before: Before | None, /) -> splice.Rewriting:
        return splice.Rewriting(first, seam, before)


class GenerateTurns:
    variables = staticmethod(prompt.variables)
    prompted = staticmethod(prompt.prompted)
    says_no_format = staticmethod(prompt.says_no_format)
    in_words = staticmethod(prompt.in_words)
    mended = staticmethod(prompt.mended)


class GenerateCaller:
    """Callers of `models/{model}:generateContent` and `:streamGenerateContent`."""

    name: Final = "gemini.generate"
    id_header: Final = b""
    keepalive: Final = forms.KEEPALIVE
    bound_name: Final = "generationConfig.maxOutputTokens"
    operation: Final[Operation] = "chat"
    own_headers: Final = OWN_HEADERS
    forms: Final = GenerateForms()
    splice: Final = GenerateSplice()
    turns: Final = GenerateTurns()
    read = staticmethod(body.read_generate)
    question = staticmethod(question.question)
    weigh = staticmethod(weight.weigh)
    is_ordinary = staticmethod(ordinary.is_ordinary)
    status = staticmethod(status)
    problem = staticmethod(problem)
    event = staticmethod(event)
    table: Final = TABLE
    question_of = staticmethod(question_of)
    finish_word = staticmethod(finish_word)

    def encoder(self, call: Call, /) -> GenerateEvents:
        return GenerateEvents(id=call.id, model=call.alias)


class BatchEmbedCaller:
    """Callers of `models/{model}:batchEmbedContents`."""

    name: str = "gemini.embed_batch"
    id_header: Final = b""
    keepalive: Final = b""
    bound_name: Final = ""
    operation: Final[Operation] = "embeddings"
    own_headers: Final = OWN_HEADERS
    forms: Final = WholeForms()
    splice: Final = None
    turns: Final = None
    read = staticmethod(embeddings.read_batch)
    question = staticmethod(question.question)
    weigh = staticmethod(embeddings.weigh)
    is_ordinary = staticmethod(embeddings.is_ordinary)
    status = staticmethod(status)
    problem = staticmethod(problem)
    event = staticmethod(event)
    embedding_of = staticmethod(embeddings.batch_of)
    written_vectors = staticmethod(embeddings.written_batch)


class EmbedCaller(BatchEmbedCaller):
    """Callers of `models/{model}:embedContent`."""

    name = "gemini.embed"
    read = staticmethod(embeddings.read_embed)
    embedding_of = staticmethod(embeddings.single_of)
    written_vectors = staticmethod(embeddings.written_single)


GENERATE: Final = GenerateCaller()
"""generateContent in Gemini's dialect: the caller's body, the vendor's request, and its answers, whole and streamed."""

EMBED: Final = EmbedCaller()
EMBED_BATCH: Final = BatchEmbedCaller()
"""Embeddings in Gemini's dialect, of one content and of many."""
