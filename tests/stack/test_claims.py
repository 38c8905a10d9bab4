"""What a vendor says of its tokens is a claim: when it counts, and what counts where it cannot be true."""

from __future__ import annotations

from typing import Any

import pytest

from headworks.core.errors import CallError
from headworks.core.reply import Usage
from tests.stack.speaking import CUT, DONE, TWO, Spoken, answered, counts, piece, play, stop, streamed, whole

BUDGET = (
    TWO
    + """
keys:
  web: {key: secret-web-secret-web, budget: {amount: $0.05, every: 1d}}
"""
).replace("    price:", "    max_output: 100\n    price:")
SECRET = "secret-web-secret-web"
KILOBYTE = "word " * 200


async def ask(spoken: Spoken) -> None:
    await spoken.ask(include_usage=True)


async def stream(spoken: Spoken) -> None:
    await spoken.ask(streamed=True, include_usage=True)


async def leave(spoken: Spoken) -> None:
    await spoken.leave_after(100_000)


def test_usage_of_the_first_chunk_is_not_that_of_100_kilobytes_after_which_the_caller_left() -> None:
    usage = {"prompt_tokens": 25, "completion_tokens": 1}
    script = streamed(piece("", usage=usage), *[piece(KILOBYTE)] * 110, ends=False)
    record = play(leave, [script]).record
    assert record.outcome == "cancelled"
    assert record.estimated
    [attempt] = record.attempts
    assert attempt.estimated
    assert attempt.tokens == record.tokens
    assert record.tokens is not None
    assert 25 <= record.tokens.input <= 30, "a quarter of the body's bytes, where that is more"
    assert 100_000 / 4 <= record.tokens.output <= 110_000 / 4
    assert record.cost_nano == record.tokens.input * 1000 + record.tokens.output * 10_000


def test_a_budget_stops_callers_who_leave_before_the_vendor_has_counted() -> None:
    usage = {"prompt_tokens": 25, "completion_tokens": 1}
    script = streamed(piece("", usage=usage), *[piece(KILOBYTE)] * 101, ends=False)
    refused: list[CallError] = []

    async def main(spoken: Spoken) -> None:
        for _ in range(3):
            try:
                await spoken.leave_after(100_000, credential=SECRET)
            except CallError as error:
                refused.append(error)

    spoken = play(main, [script] * 40, text=BUDGET)
    assert [error.code for error in refused] == ["insufficient_quota"] * 2, "one answer cost $0.25"
    assert len(spoken.vendors["first"].asked) == 1


@pytest.mark.parametrize(
    "usage", [{}, {"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": "many", "completion_tokens": None}]
)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_usage_of_nothing_beside_text_costs_what_was_sent_and_what_came(usage: Any, is_streamed: bool) -> None:
    text = "four" * 25
    script = streamed(piece(text), stop(), piece("", usage=usage), DONE) if is_streamed else answered(text, usage)
    spoken = play(stream if is_streamed else ask, [script])
    record = spoken.record
    assert record.tokens is not None
    assert record.tokens.output == 25
    assert record.tokens.input > 20
    assert record.cost_nano == record.tokens.input * 1000 + 25 * 10_000
    assert record.estimated
    assert record.attempts[0].estimated


def test_counts_in_strings_are_counts() -> None:
    record = play(ask, [answered("Hello there.", {"prompt_tokens": "25", "completion_tokens": "3"})]).record
    assert record.tokens == Usage(input=25, output=3)
    assert not record.estimated
    assert record.cost_nano == 25_000 + 30_000


def test_less_than_a_token_for_32_bytes_is_not_believed_and_a_token_for_32_is() -> None:
    for size, is_estimated in ((32 * 3, False), (32 * 3 + 1, True)):
        usage = {"prompt_tokens": 1000, "completion_tokens": 3}
        record = play(ask, [answered("x" * size, usage)]).record
        assert record.estimated == is_estimated
        assert record.tokens == Usage(input=1000, output=25 if is_estimated else 3)


def test_text_of_every_choice_reasoning_and_tool_calls_are_content_that_was_delivered() -> None:
    long = "x" * 400
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": long}}
    messages: list[Any] = [
        {"content": "", "reasoning_content": long},
        {"content": None, "tool_calls": [call]},
        {"content": None, "refusal": long},
    ]
    for message in messages:
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        script = whole({"choices": choices, "usage": {"prompt_tokens": 1000, "completion_tokens": 1}})
        tokens = play(ask, [script]).record.tokens
        assert tokens is not None
        assert 100 <= tokens.output <= 101
    two = [{"index": at, "message": {"content": "x" * 200 * at}, "finish_reason": "stop"} for at in (0, 1)]
    script = whole({"choices": two, "usage": {"prompt_tokens": 1000, "completion_tokens": 1}})
    assert play(ask, [script]).record.tokens == Usage(input=1000, output=50)


def test_the_usage_that_comes_last_counts_as_it_is() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    script = streamed(piece("ab", usage=usage), piece("cd"), stop(), counts(9, 2), DONE)
    record = play(stream, [script]).record
    assert record.tokens == Usage(input=9, output=2)
    assert not record.estimated
    assert record.cost_nano == 9 * 1000 + 2 * 10_000


def test_a_vendor_that_counts_with_every_piece_is_believed_where_its_caller_left() -> None:
    pieces = [piece("words ", usage={"prompt_tokens": 9, "completion_tokens": 2 * at}) for at in range(1, 4)]

    async def main(spoken: Spoken) -> None:
        await spoken.leave_after(18)

    record = play(main, [streamed(*pieces, ends=False)]).record
    assert (record.outcome, record.tokens, record.estimated) == ("cancelled", Usage(input=9, output=6), False)


def test_a_stream_that_broke_after_its_count_costs_the_larger_of_count_and_estimate() -> None:
    async def main(spoken: Spoken) -> None:
        with pytest.raises(CallError):
            await spoken.ask(streamed=True)

    usage = {"prompt_tokens": 500, "completion_tokens": 1}
    record = play(main, [streamed(piece("a", usage=usage), piece("b" * 399), CUT)]).record
    assert record.outcome == "cut"
    assert record.tokens == Usage(input=500, output=100)
    assert record.attempts[0].estimated
    assert record.cost_nano == 500_000 + 1_000_000


def test_a_limit_of_tokens_is_settled_with_what_is_believed() -> None:
    text = TWO.replace('/v1"}', '/v1", tpm: 10k}', 1)
    script = streamed(piece("x" * 40_000, usage={"prompt_tokens": 5, "completion_tokens": 1}), stop(), DONE)
    second = [streamed(piece("x"), stop(), counts(5, 1), DONE)] * 2

    async def main(spoken: Spoken) -> None:
        for _ in range(3):
            await spoken.ask(streamed=True, fields={"max_tokens": 4500})

    spoken = play(main, [script, script], second, text=text)
    assert [one.attempts[-1].target for one in spoken.records] == ["first/m", "second/m", "second/m"]


@pytest.mark.parametrize("main", [ask, stream])
def test_a_count_of_no_output_is_believed_of_an_answer_without_content(main: Any) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
    script = answered("", usage) if main is ask else streamed(stop(), counts(3, 0), DONE)
    record = play(main, [script]).record
    assert record.outcome == "ok"
    assert not record.estimated
    assert record.tokens == Usage(input=3)
    assert record.cost_nano == 3000
