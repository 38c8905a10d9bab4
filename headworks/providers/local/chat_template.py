"""Formats a conversation for a model: with its own chat template or, for a base model, as a transcript.

Theory. A base model does not follow instructions; it goes on with a text. So the conversation becomes a text that it
would go on with as we wish: a transcript in which an assistant has already given short and correct answers. It is cut
where the model begins to write the user's next line.

What was tried with gemma-3-270m (13 questions, temperature 0), each worse than what stands below: no examples ("Write a
haiku" is repeated for ever), an introduction without examples (no name for Hamlet's author, refuses jokes), `Question:`
and `Answer:` (good at facts, strangers to conversation), Gemma's own turns (the base model never saw them: noise), two
examples (no translation), only one-word examples (2+2 is 2). Higher temperatures cost facts at once (at 0.7 Hamlet is
by Lucius Martius); DRY, a sampler against repetition, breaks quotations of the prompt (Wednesday becomes Tuesday).
Instructions from the system prompt are followed best near the question, after the examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

INTRODUCTION = "The following is a conversation between a user and a helpful assistant. The assistant gives short, correct answers."

EXAMPLES = (
    ("Hello!", "Hello! How can I help you today?"),
    ("What is the largest planet in the solar system?", "The largest planet in the solar system is Jupiter."),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci painted the Mona Lisa."),
    ("Translate 'thank you' to Spanish.", "Gracias."),
    ("Name two animals.", "A dog and a cat."),
    ("Write one sentence about the sea.", "The sea is wide, deep and full of life."),
    ("What is 3+4?", "3+4 is 7."),
    ("Write a short poem about the sea.", "The sea is wide, the sea is deep,\nIt rocks the little boats to sleep."),
)

JSON_EXAMPLE = (
    "Anna is 30 years old and lives in Oslo.",
    'JSON: {"name": "Anna", "age": 30, "city": "Oslo"}',
)
"""Shown before answers in JSON only. One is best: with two or three their keys and values turn up in the answers."""

Role = Literal["system", "user", "assistant"]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message, its content one text."""

    role: Role
    content: str


class ChatFormat(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt format of one model, and defaults where the caller sets nothing.

    is_base: it is given a transcript, and schemas with bounds, for it may ramble. stop: texts that end an answer.
    temperature, frequency_penalty: None for llama.cpp's own. max_output, max_json_output: tokens.
    """

    is_base: bool
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    frequency_penalty: float | None = None
    max_output: int = 1024
    max_json_output: int = 2048


TRANSCRIPT = ChatFormat(
    is_base=True,
    stop=("\n\nUser:", "\nUser:", "\n\nAssistant:", "\nAssistant:", "\n\n\n"),
    temperature=0.0,
    frequency_penalty=0.2,
    max_output=256,
    max_json_output=512,
)

OWN_TEMPLATE = ChatFormat(is_base=False)
"""A model that was taught to converse, and ends by itself."""


def transcript(turns: Iterable[Turn], *, in_json: bool = False) -> str:
    """The text that a base model is to go on with. Its beginning is always the same, so that llama.cpp reads it once."""
    examples = (*EXAMPLES, JSON_EXAMPLE) if in_json else EXAMPLES
    shown = "".join(f"User: {question}\nAssistant: {answer}\n\n" for question, answer in examples)
    return f"{INTRODUCTION}\n\n{shown}{''.join(map(_transcript_line, turns))}Assistant:"


def _transcript_line(turn: Turn) -> str:
    said = turn.content.strip()
    match turn.role:
        case "system":
            return f"{said}\n\n"
        case "assistant":
            return f"Assistant: {said}\n\n"
        case "user":
            return f"User: {said}\n"
