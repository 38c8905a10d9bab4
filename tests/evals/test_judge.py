"""The judge: both orders, one verdict; a failure is a third outcome and is counted."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headworks.core.call import Call
from headworks.evals import judge
from headworks.evals.caller import Caller
from headworks.evals.judge import Grade
from headworks.evals.scorers import Scorer, Target
from headworks.testing import Handle, call, mock, virtual

SCORER = Scorer(kind="graded", rubric="The answer names Paris.")
TARGET = Target(id="s", expected="Paris")


def caller() -> tuple[Caller, Handle]:
    service, handle = mock()

    def made(body: bytes, key: str | None) -> Call:
        return msgspec.structs.replace(call(), body=body)

    return Caller(service, made, None), handle


async def graded(*answers: str) -> tuple[Grade, list[dict[str, object]]]:
    asking, handle = caller()
    task = asyncio.create_task(judge.grade(asking, SCORER, "m", TARGET, "Which city?", "Paris, of course"))
    bodies = []
    for answer in answers:
        arrival = await handle.next_call()
        bodies.append(msgspec.json.decode(arrival.call.body))
        arrival.reply(answer)
    return await task, bodies


def said(verdict: str) -> str:
    return f'{{"reason": "because", "verdict": "{verdict}"}}'


@virtual
async def test_two_orders_that_agree_are_a_verdict() -> None:
    found, (first, second) = await graded(said("pass"), said("pass"))
    assert (found.score.passed, found.score.why) == (True, "because")
    texts = [str(one["messages"][1]["content"]) for one in (first, second)]  # type: ignore[index]
    assert texts[0].index("<reference>") < texts[0].index("<answer>")
    assert texts[1].index("<answer>") < texts[1].index("<reference>")
    enums = [
        one["response_format"]["json_schema"]["schema"]["properties"]["verdict"]["enum"]  # type: ignore[index]
        for one in (first, second)
    ]
    assert enums == [["pass", "fail"], ["fail", "pass"]]


@virtual
async def test_two_orders_that_disagree_are_no_verdict() -> None:
    found, _ = await graded(said("pass"), said("fail"))
    assert found.score.passed is None
    assert "contradicts itself" in found.score.why


@virtual
async def test_what_is_no_verdict_is_asked_once_more_and_then_is_a_failure() -> None:
    found, bodies = await graded("Well...", said("fail"), said("fail"))
    assert found.score.passed is False
    assert len(bodies) == 3
    found, bodies = await graded("Well...", "Hm.")
    assert (found.score.passed, found.score.why) == (None, "the judge's answer is not a verdict")


@pytest.mark.parametrize("swapped", [False, True])
def test_without_a_reference_the_rubric_alone_decides(swapped: bool) -> None:
    body = judge.judge_request(SCORER, "m", Target(id="s", expected=None), "q", "a", is_swapped=swapped)
    assert b"reference" not in body
