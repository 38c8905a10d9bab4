"""A record's tokens are those that were delivered or billed; a stream that was gone on with is counted as one answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.core.errors import CallError
from headworks.core.record import Record
from headworks.core.reply import Usage
from headworks.ledger.facts import facts
from headworks.ledger.store import row_of
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

PREFILLED = TWO.replace("second/m]", "{provider: second, model: m, prefill: message}]")
BROKEN = streamed(piece("one two "), CUT)


def together(*events: bytes) -> list[bytes]:
    """A script whose events come in one read."""
    return streamed(b"".join(events))


async def counted(spoken: Spoken) -> None:
    await spoken.ask(streamed=True, include_usage=True)


async def uncounted(spoken: Spoken) -> None:
    await spoken.ask(streamed=True)


def in_ledger(record: Record) -> tuple[int, int]:
    """Tokens of input and output as the ledger's row has them, of which every sum is made."""
    known = facts(msgspec.json.encode(record))
    assert known is not None
    return row_of(known, lambda kind, name: 0)[11:13]  # type: ignore[return-value]


@pytest.mark.parametrize("main", [counted, uncounted])
@pytest.mark.parametrize("mode", ["restart", "continue"])
def test_a_resumed_stream_whose_end_mark_comes_in_the_same_read_has_its_tokens(mode: str, main: Any) -> None:
    text = "one two three" if mode == "restart" else "three"
    end = [together(piece(text), stop(), counts(12, 3), DONE)]
    spoken = play(main, [BROKEN], end, mode=mode, text=PREFILLED)
    record = spoken.record
    assert [one.why for one in record.attempts] == ["first", "resume"]
    wanted = Usage(input=12, output=3) if mode == "restart" else Usage(input=10, output=5)
    assert record.tokens == wanted
    assert in_ledger(record) == (wanted.input, wanted.output)


def test_a_continued_stream_that_nobody_counted_has_the_tokens_of_all_its_attempts() -> None:
    record = play(
        uncounted, [BROKEN], [streamed(piece("three four"), stop(), DONE)], mode="continue", text=PREFILLED
    ).record
    first, second = record.attempts
    assert first.tokens is not None
    assert second.tokens is not None
    assert record.tokens == Usage(input=first.tokens.input, output=first.tokens.output + second.tokens.output)
    assert record.estimated


def test_the_callers_usage_is_of_the_whole_answer_with_the_question_as_the_first_attempt_read_it() -> None:
    said = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}
    first = streamed(piece("one two three ", usage=said), CUT)
    usage: list[Any] = []

    async def main(spoken: Spoken) -> None:
        usage.append(events(await spoken.ask(streamed=True, include_usage=True))[-1]["usage"])

    second = streamed(piece("four"), stop(), counts(30, 1, total_tokens=31), DONE)
    record = play(main, [first], [second], mode="continue", text=PREFILLED).record
    assert usage == [{"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}]
    assert record.tokens == Usage(input=1, cached_input=8, output=5)
    assert [one.tokens for one in record.attempts] == [
        Usage(input=1, cached_input=8, output=4),
        Usage(input=30, output=1),
    ]
    assert record.cost_nano == 1_000 + 800 + 40_000 + 30_000 + 10_000


@pytest.mark.parametrize("mode", ["restart", "continue"])
def test_the_model_stays_one_value_and_the_record_names_both(mode: str) -> None:
    """Azure's first event names neither id nor model."""
    azure = event({"choices": [], "id": "", "model": "", "prompt_filter_results": []})
    first = streamed(azure, piece("one two ", model="first-model", id="a"), CUT)
    text = "one two three" if mode == "restart" else "three"
    second = streamed(piece(text, model="second-model", id="b"), stop(model="second-model"), counts(9, 2), DONE)
    seen: list[Any] = []

    async def main(spoken: Spoken) -> None:
        seen.extend(events(await spoken.ask(streamed=True, include_usage=True)))

    record = play(main, [first], [second], mode=mode, text=PREFILLED).record
    assert {one["model"] for one in seen[1:]} == {"first-model"}
    assert {one["id"] for one in seen[1:]} == {"a"}
    assert [one.target for one in record.attempts] == ["first/m", "second/m"]


def test_a_stream_that_its_caller_left_has_its_tokens_on_the_record_and_in_every_sum() -> None:
    async def main(spoken: Spoken) -> None:
        await spoken.leave_after(8)

    record = play(main, [streamed(piece("one two "), ends=False)]).record
    assert record.outcome == "cancelled"
    assert record.tokens is not None
    assert record.tokens == record.attempts[0].tokens
    assert record.tokens.output == 2
    assert in_ledger(record) == (record.tokens.input, 2)


@pytest.mark.parametrize("mode", ["restart", "continue"])
def test_who_leaves_a_resumed_stream_has_had_what_came_of_both(mode: str) -> None:
    text = "one two three " if mode == "restart" else "three "

    async def main(spoken: Spoken) -> None:
        await spoken.leave_after(len("one two three "))

    record = play(main, [BROKEN], [streamed(piece(text), ends=False)], mode=mode, text=PREFILLED).record
    assert record.outcome == "cancelled"
    assert record.tokens is not None
    assert record.tokens.output == 4, "14 bytes"


def test_a_stream_that_broke_for_good_has_the_tokens_that_came() -> None:
    async def main(spoken: Spoken) -> None:
        with pytest.raises(CallError):
            await uncounted(spoken)

    record = play(main, [BROKEN]).record
    assert record.outcome == "cut"
    assert record.tokens == record.attempts[0].tokens
    assert record.tokens is not None
    assert record.tokens.output == 2


def test_a_call_without_an_answer_has_the_tokens_that_its_attempts_may_be_billed() -> None:
    nothing = whole({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2}})

    async def main(spoken: Spoken) -> None:
        with pytest.raises(CallError):
            await spoken.ask()

    record = play(main, [nothing], [nothing]).record
    assert record.status == 502
    assert record.tokens == Usage(input=20, output=4)
    assert in_ledger(record) == (20, 4)
    assert record.cost_nano == 2 * (10_000 + 20_000)


def test_a_refused_call_has_no_tokens() -> None:
    async def main(spoken: Spoken) -> None:
        with pytest.raises(CallError):
            await spoken.ask()

    record = play(main, [whole({"error": {"message": "no"}}, 400)]).record
    assert record.tokens is None
    assert record.cost_nano == 0


def test_a_retried_call_has_the_tokens_of_its_answer_and_the_cost_of_all() -> None:
    nothing = whole({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2}})
    usage = {"prompt_tokens": 9, "completion_tokens": 1}

    async def main(spoken: Spoken) -> None:
        await spoken.ask()

    record = play(main, [nothing], [answered("Hi", usage)]).record
    assert record.tokens == Usage(input=9, output=1)
    assert record.cost_nano == 30_000 + 19_000
