"""An answer in the form that was not asked for is an answer; what is given up on is billed by what it said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.errors import CallError, Cut
from headworks.core.reply import Usage
from headworks.testing import Answer
from tests.stack.speaking import (
    CUT,
    DONE,
    TWO,
    Spoken,
    answered,
    counts,
    event,
    events,
    piece,
    play,
    stop,
    streamed,
    whole,
)

USED = {"prompt_tokens": 1000, "completion_tokens": 2000, "total_tokens": 3000}
CACHED = TWO.replace("    price:", "    cache: {exact: 1h}\n    price:")


def asked(script: list[bytes], **fields: Any) -> tuple[Answer, Spoken]:
    """What a caller got of a vendor that answers with this, and the system afterwards."""
    answers: list[Answer] = []

    async def main(spoken: Spoken) -> None:
        answers.append(await spoken.ask(**fields))

    spoken = play(main, [script])
    return answers[0], spoken


def refused(script: list[bytes], second: list[bytes] | None = None, **fields: Any) -> tuple[CallError, Spoken]:
    errors: list[CallError] = []

    async def main(spoken: Spoken) -> None:
        with pytest.raises(CallError) as caught:
            await spoken.ask(**fields)
        errors.append(caught.value)

    spoken = play(main, [script], [second or script])
    return errors[0], spoken


# A body for a stream


def test_a_body_for_a_streamed_call_is_sent_as_a_stream_and_billed_once() -> None:
    answer, spoken = asked(answered("Hello there.", USED), streamed=True, include_usage=True)
    assert answer.text == "Hello there."
    assert answer.data.endswith(DONE)
    seen = events(answer)
    assert [one["object"] for one in seen] == ["chat.completion.chunk"] * 3
    assert seen[0]["choices"][0]["delta"] == {"role": "assistant", "content": "Hello there."}
    assert seen[1]["choices"][0]["finish_reason"] == "stop"
    assert seen[2]["usage"] == USED
    record = spoken.record
    assert record.outcome == "ok"
    assert len(record.attempts) == 1
    assert record.tokens == Usage(input=1000, output=2000)
    assert record.cost_nano == 21_000_000


def test_who_did_not_ask_for_tokens_does_not_see_them() -> None:
    answer, spoken = asked(answered("Hi", USED), streamed=True)
    assert not any(one.get("usage") for one in events(answer))
    assert spoken.record.cost_nano == 21_000_000


def test_a_body_with_blank_lines_after_spaces_is_a_body() -> None:
    content = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": USED}
    body = b"\n\n   " + json.dumps(content, indent=2).replace("\n", "\n\n").encode()
    answer, spoken = asked(whole(body), streamed=True)
    assert answer.text == "Hi"
    assert spoken.record.cost_nano == 21_000_000


def test_a_body_without_tokens_is_an_answer_and_its_cost_an_estimate() -> None:
    answer, spoken = asked(answered("Hi there"), streamed=True, include_usage=True)
    assert answer.text == "Hi there"
    assert len(events(answer)) == 2
    assert spoken.record.estimated


def test_a_body_with_a_tool_call_is_a_stream_with_one() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    choice = {"index": 0, "message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    answer, _ = asked(whole({"choices": [choice], "usage": USED}), streamed=True)
    assert events(answer)[0]["choices"][0]["delta"]["tool_calls"] == [{"index": 0, **call}]
    assert answer.finish == "tool_calls"


def test_a_body_that_cannot_be_told_as_a_stream_is_given_up_on_and_billed() -> None:
    choice = {"index": 0, "text": "Hi", "finish_reason": "stop"}
    error, spoken = refused(whole({"choices": [choice], "usage": USED}), streamed=True)
    assert error.code == "upstream_garbled"
    assert [one.cost_nano for one in spoken.record.attempts] == [21_000_000] * 2


def test_a_body_that_ends_in_the_middle_is_no_answer() -> None:
    half = json.dumps({"choices": [{"index": 0, "message": {"content": "Hel"}}]})[:40].encode()
    error, _ = refused(whole(half), streamed=True)
    assert error.code == "upstream_garbled"


def test_a_body_that_became_a_stream_is_kept_and_given_in_both_forms() -> None:
    answers: list[Answer] = []

    async def main(spoken: Spoken) -> None:
        answers.extend([await spoken.ask(streamed=one, include_usage=one) for one in (True, True, False)])

    spoken = play(main, [answered("Hi", USED)], text=CACHED)
    assert [one.cache for one in spoken.records] == ["miss", "hit", "hit"]
    assert [one.text for one in answers] == ["Hi"] * 3
    assert json.loads(answers[2].data)["usage"] == USED


# A stream for a body


STREAM = streamed(piece("Hello "), piece("there."), stop(), counts(1000, 2000, total_tokens=3000), DONE)


def test_a_stream_for_a_call_that_is_not_streamed_becomes_one_body_and_is_billed_once() -> None:
    answer, spoken = asked(STREAM)
    content = json.loads(answer.data)
    assert content["object"] == "chat.completion"
    [choice] = content["choices"]
    assert choice["message"]["content"] == answer.text == "Hello there."
    assert choice["finish_reason"] == answer.finish == "stop"
    assert content["usage"] == USED
    record = spoken.record
    assert (record.outcome, len(record.attempts), record.cost_nano) == ("ok", 1, 21_000_000)


def test_a_stream_without_tokens_whose_events_have_their_own_instants_becomes_a_body_too() -> None:
    answer, spoken = asked(
        streamed(b": hello\n\n", piece("a", created=1), piece("b", created=2), stop(created=3), DONE)
    )
    assert json.loads(answer.data)["created"] == 1
    assert answer.text == "ab"
    assert spoken.record.estimated


def test_tokens_in_a_choice_are_those_of_the_body() -> None:
    """Moonshot's form."""
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": USED}
    answer, spoken = asked(streamed(piece("Hi"), event({"choices": [choice]}), DONE))
    assert json.loads(answer.data)["usage"] == USED
    assert spoken.record.cost_nano == 21_000_000


@pytest.mark.parametrize(
    ("ending", "code", "status"),
    [
        ((), "upstream_garbled", 502),
        ((event({"error": {"message": "busy", "code": 503}}),), "503", 503),
        ((event({"error": {"message": "no", "code": "content_filter"}}),), "content_filter", 400),
    ],
)
def test_a_stream_for_a_body_that_is_not_whole_is_no_answer_and_is_billed_by_what_it_said(
    ending: tuple[bytes, ...], code: str, status: int
) -> None:
    start = piece("Hello ", usage={"prompt_tokens": 1000, "completion_tokens": 2000})
    error, spoken = refused(streamed(start, *ending))
    assert error.shown_status == status
    assert code in (error.code, error.said.code if error.said else None)
    assert {one.cost_nano for one in spoken.record.attempts} == {21_000_000}


@pytest.mark.parametrize("ending", [(), (CUT,), (event({"error": {"message": "busy"}}),)])
def test_text_of_a_stream_that_is_given_up_on_is_billed_where_nobody_counted_it(ending: tuple[bytes, ...]) -> None:
    """The same as where it was asked for as a stream: the vendor has made it."""
    _, spoken = refused(streamed(piece("word " * 200), piece("word " * 200), *ending))
    for attempt in spoken.record.attempts:
        assert attempt.estimated
        assert attempt.tokens is not None
        assert attempt.tokens.output == 500


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_body_whose_connection_breaks_before_its_end_is_billed_by_what_it_said(is_streamed: bool) -> None:
    [said] = answered("Hello", USED)
    head, _, body = said.partition(b"\r\n\r\n")
    longer = head.rpartition(b" ")[0] + b" %d\r\n\r\n" % (len(body) + 10)
    _, spoken = refused([longer + body, CUT], streamed=is_streamed)
    assert [one.cost_nano for one in spoken.record.attempts] == [21_000_000] * 2


def test_a_count_that_was_read_before_the_text_of_a_stream_that_is_given_up_on_is_not_believed() -> None:
    early = piece("", usage={"prompt_tokens": 1000, "completion_tokens": 1})
    _, spoken = refused(streamed(early, piece("word " * 4)))
    [first, _] = spoken.record.attempts
    assert first.tokens == Usage(input=1000, output=5)
    assert first.estimated


def test_text_of_a_body_that_says_that_it_failed_is_not_less_than_its_vendor_counts() -> None:
    error = {"message": "busy"}
    for is_streamed in (False, True):
        said = answered("word " * 200, {"prompt_tokens": 1000, "completion_tokens": 1}, "stop", error=error)
        _, spoken = refused(said, streamed=is_streamed)
        assert {one.tokens.output for one in spoken.record.attempts if one.tokens is not None} == {250}


def test_a_stream_that_contradicts_itself_is_given_up_on_and_billed() -> None:
    odd = [piece("a", mood="glad"), piece("b", mood="sad"), stop(), counts(1000, 2000), DONE]
    error, spoken = refused(streamed(*odd))
    assert error.code == "upstream_garbled"
    assert {one.cost_nano for one in spoken.record.attempts} == {21_000_000}


# What is given up on


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(
    "content",
    [{"choices": [], "usage": USED}, {"choices": None, "usage": USED, "error": {"message": "x", "code": 500}}],
)
def test_what_is_given_up_on_is_billed_by_what_it_said(content: Any, is_streamed: bool) -> None:
    _, spoken = refused(whole(content), streamed=is_streamed)
    assert [one.cost_nano for one in spoken.record.attempts] == [21_000_000] * 2
    assert not spoken.record.estimated


def test_an_error_status_that_says_what_was_used_is_billed_and_another_is_free() -> None:
    error = {"message": "the model failed", "type": "server_error"}
    for content, cost in (({"error": error, "usage": USED}, 21_000_000), ({"error": error}, 0)):
        for is_streamed in (False, True):
            _, spoken = refused(whole(content, 500), streamed=is_streamed)
            assert [one.cost_nano for one in spoken.record.attempts] == [cost] * 2


def test_a_stream_that_breaks_before_its_head_is_billed_by_what_it_said() -> None:
    for ending in ((CUT,), (DONE,), (b"data: {half\n\n",) * 2):
        _, spoken = refused(streamed(counts(1000, 2000), *ending), streamed=True)
        assert [one.cost_nano for one in spoken.record.attempts] == [21_000_000] * 2


# An error inside a success

FAILED = {
    "choices": [
        {
            "index": 0,
            "message": {"content": "Hel"},
            "delta": {"content": "Hel"},
            "finish_reason": "error",
            "error": {"code": 502, "message": "Provider returned error"},
        }
    ],
    "usage": USED,
}


@pytest.mark.parametrize("is_streamed", [False, True])
def test_an_error_in_a_choice_asks_the_next_tier_and_is_billed_by_what_it_said(is_streamed: bool) -> None:
    second = streamed(piece("Hi"), stop(), counts(9, 1), DONE) if is_streamed else answered("Hi", USED)
    answers: list[Answer] = []

    async def main(spoken: Spoken) -> None:
        answers.append(await spoken.ask(streamed=is_streamed))

    record = play(main, [streamed(event(FAILED)) if is_streamed else whole(FAILED)], [second]).record
    assert answers[0].text == "Hi"
    first, last = record.attempts
    assert (first.outcome, first.error, first.reason) == ("failed", "Failed", "Provider returned error")
    assert (first.cost_nano, last.outcome, record.outcome) == (21_000_000, "ok", "ok")


@pytest.mark.parametrize("mode", ["error", "restart"])
def test_an_error_in_a_choice_after_the_head_is_a_cut(mode: str) -> None:
    async def main(spoken: Spoken) -> None:
        if mode == "restart":
            assert (await spoken.ask(streamed=True)).text == "Hello there."
        else:
            with pytest.raises(CallError) as caught:
                await spoken.ask(streamed=True)
            assert "Provider returned error" in caught.value.message

    second = streamed(piece("Hello there."), stop(), counts(9, 3), DONE)
    record = play(main, [streamed(piece("Hello "), event(FAILED))], [second], mode=mode).record
    assert record.attempts[0].outcome == "cut"
    assert record.outcome == ("ok" if mode == "restart" else "cut")


def test_a_resumed_answer_that_is_kept_has_its_tokens_in_both_forms() -> None:
    answers: list[Answer] = []

    async def main(spoken: Spoken) -> None:
        for one in (True, False):
            answers.append(await spoken.ask(streamed=one))  # noqa: PERF401  # the second is answered by the first

    second = streamed(piece("Hello there."), stop(), counts(1000, 2000, total_tokens=3000), DONE)
    spoken = play(main, [streamed(piece("Hello "), CUT)], [second], mode="restart", text=CACHED)
    assert [one.cache for one in spoken.records] == ["miss", "hit"]
    assert json.loads(answers[1].data)["usage"] == USED
    assert spoken.records[1].tokens is None
    assert spoken.records[1].cost_nano == 0


@pytest.mark.parametrize(
    "more", [b'"x":1e999', b'"x":"\xff"', b'"x":' + b"9" * 5000], ids=["1e999", "no text", "digits"]
)
def test_a_stream_that_goes_on_with_what_cannot_be_told_again_is_cut(more: bytes) -> None:
    said = b'data: {"choices":[{"index":0,"delta":{"content":"Hi there"},"finish_reason":null}],%b}\n\n' % more

    async def main(spoken: Spoken) -> None:
        with pytest.raises(Cut):
            await spoken.ask(streamed=True)

    for first in (piece("Hi"), said):
        play(main, [streamed(first, CUT)] * 2, [streamed(said, stop(), DONE)] * 2, mode="restart", text=TWO)
