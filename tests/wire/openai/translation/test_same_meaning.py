"""OpenAI's chat to OpenAI's chat through the hub means the same: the whole corpus of `tests/wire`, and what clients send.

What "the same" is stands in `meaning.py`, which knows nothing of the hub.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from headworks.core.call import Call
from headworks.core.digest import digest
from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.chat import ChatDecoder
from headworks.wire.openai.request import read_chat
from headworks.wire.openai.translation.decoder import ChatPieces
from headworks.wire.openai.translation.encoder import ChatEvents
from headworks.wire.openai.translation.question_reader import question_of
from headworks.wire.openai.translation.question_writer import body_of
from headworks.wire.openai.translation.table import TABLE
from tests.wire.openai.translation import meaning
from tests.wire.openai.translation.corpus import ANSWERS, QUESTIONS, STREAMS

ASKED = Call(id="r", alias="a", body=b'{"messages":[1]}', dialect=CHAT, streamed=True, include_usage=True)


def is_taken(body: bytes) -> bool:
    """Whether a caller may send it: what `read_chat` refuses never comes to the hub."""
    try:
        read_chat(body)
    except Malformed:
        return False
    return True


@pytest.mark.parametrize("name", [name for name, body in QUESTIONS.items() if is_taken(body)])
def test_a_question_means_the_same_on_the_other_side(name: str) -> None:
    asked = question_of(QUESTIONS[name])
    assert meaning.question(body_of(asked, asked.model)) == meaning.question(QUESTIONS[name])


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_the_same_on_the_other_side(name: str) -> None:
    assert meaning.answer(ChatEvents().whole(ChatPieces().whole(ANSWERS[name]))) == meaning.answer(ANSWERS[name])


@pytest.mark.parametrize("name", [name for name, body in QUESTIONS.items() if is_taken(body)])
def test_of_a_question_in_this_dialect_nothing_is_left_out_or_refused(name: str) -> None:
    assert hub.carried(question_of(QUESTIONS[name]), TABLE) == hub.Carried()


def through(pieces: Iterable[bytes]) -> tuple[bytes, bytes]:
    """What a stream's decoder lets pass, and the same through the hub: event for event, nothing held back."""
    decoder = ChatDecoder(ASKED)
    vendor, caller = ChatPieces(), ChatEvents()
    passed, translated = [], []
    for piece in (*pieces, None):
        for chunk in decoder.feed(piece) if piece is not None else decoder.end():
            passed.append(chunk.unasked + chunk.data)
            translated.append(caller.feed(vendor.feed(passed[-1])))
            if chunk.last:
                translated.append(caller.feed(vendor.end()) + caller.end())
    return b"".join(passed), b"".join(translated)


def told(stream: bytes) -> object:
    """Of a stream that broke, not what is told at its end: the tokens, and what was said of the answer before any choice."""
    said = meaning.stream(stream)
    if "is_done" not in said:
        said.pop("usage", None)
        if not said["choices"]:
            said.pop("members")
    return said


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_means_the_same_on_the_other_side_cut_at_every_byte(name: str) -> None:
    stream = STREAMS[name]
    passed, translated = through([stream])
    assert told(translated) == told(passed)
    cut = through([stream[at : at + 1] for at in range(len(stream))]) if len(stream) < 5000 else (passed, translated)
    assert cut == (passed, translated)


def test_a_stream_cut_in_two_at_any_byte_is_the_same_stream() -> None:
    stream = STREAMS["two_choices.sse"]
    whole = through([stream])
    for at in range(len(stream)):
        assert through([stream[:at], stream[at:]]) == whole


@pytest.mark.parametrize("name", STREAMS)
def test_events_that_come_together_mean_what_they_mean_one_by_one(name: str) -> None:
    passed, translated = through([STREAMS[name]])
    vendor, caller = ChatPieces(), ChatEvents()
    together = caller.feed(vendor.feed(passed))
    assert told(together + (caller.end() if b"[DONE]" in passed else b"")) == told(translated)


def test_a_name_of_a_user_that_openai_would_refuse_is_sent_as_its_digest() -> None:
    turns = (hub.Turn(role="user", parts=(hub.Text(text="hi"),)),)
    for user, sent in (("u" * 64, "u" * 64), ("u" * 65, digest(b"u" * 65))):
        question = hub.Question(model="m", turns=turns, user=user, origin=hub.MESSAGES)
        assert json.loads(body_of(question, "m"))["user"] == sent
