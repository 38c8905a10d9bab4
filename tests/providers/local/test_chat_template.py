"""The text that a base model goes on with."""

from __future__ import annotations

from headworks.providers.local.chat_template import EXAMPLES, TRANSCRIPT, Turn, transcript


def test_the_conversation_follows_the_examples_and_the_assistant_is_next() -> None:
    text = transcript(
        [
            Turn(role="system", content="You are a pirate.\n"),
            Turn(role="user", content=" Hello? "),
            Turn(role="assistant", content="Ahoy!"),
            Turn(role="user", content="Who are you?"),
        ]
    )
    assert text.endswith("\n\nYou are a pirate.\n\nUser: Hello?\nAssistant: Ahoy!\n\nUser: Who are you?\nAssistant:")


def test_every_transcript_begins_alike_so_that_it_is_read_once() -> None:
    one, other = (transcript([Turn(role="user", content=text)]) for text in ("one", "other"))
    shared = transcript([]).removesuffix("Assistant:")
    assert one.startswith(shared)
    assert other.startswith(shared)
    assert transcript([], in_json=True).startswith(shared)


def test_no_example_holds_what_ends_an_answer() -> None:
    for question, answer in EXAMPLES:
        assert not any(stop in f"{question}\n{answer}" for stop in TRANSCRIPT.stop)
