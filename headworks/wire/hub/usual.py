"""What some callers write although it asks for nothing: a dialect without the field need not refuse it."""

from __future__ import annotations

import msgspec

from headworks.wire.hub.question import Question


def usual(question: Question) -> Question:
    """Without what is said and asks for nothing: one answer, text, no likelihoods."""
    sampling = question.sampling
    if sampling.choices == 1 or sampling.logprobs is False:
        choices = None if sampling.choices == 1 else sampling.choices
        sampling = msgspec.structs.replace(sampling, choices=choices, logprobs=sampling.logprobs or None)
        question = msgspec.structs.replace(question, sampling=sampling)
    if question.modalities == ("text",):
        question = msgspec.structs.replace(question, modalities=())
    return question
