"""The vendor of ours finds what a client or a gateway loses, repeats or mixes up, and follows its script otherwise."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tools.clients.client import Outcome
from tools.clients.scenarios import Scenario, why_not
from tools.clients.vendor import anthropic, bedrock, chat, gemini, responses
from tools.clients.vendor.script import Asked, Result, Run, Script


def asked(*results: Result, **fields: object) -> Asked:
    return Asked(dialect="chat", text="[run a1] go", tools=("lookup",), results=results, **fields)  # type: ignore[arg-type]


def made(run: Run, *results: Result) -> Result:
    """The right result of the vendor's next call."""
    answer = run.answer(asked(*results), "m")
    assert answer.use is not None
    return Result(answer.use.id, "lookup", f"found {answer.use.arguments['text']}")


def turns(count: int, **fields: object) -> tuple[Run, list[Result]]:
    run = Run(Script(run="a1", calls=count, **fields))  # type: ignore[arg-type]
    results: list[Result] = []
    for _ in range(count):
        run.fault()
        results.append(made(run, *results))
    return run, results


def test_the_words_come_after_the_calls() -> None:
    run, results = turns(3)
    answer = run.answer(asked(*results), "m")
    assert (answer.text, answer.use) == (run.script.text, None)
    assert run.problems == []


def test_a_result_of_another_call_is_found() -> None:
    run, [first, second] = turns(2)
    run.answer(asked(second, first), "m")
    assert any("result 1 has the id" in one for one in run.problems)


def test_a_result_that_says_something_else_is_found() -> None:
    run, [first] = turns(1)
    run.answer(asked(Result(first.id, "", "found nothing")), "m")
    assert any("result 1 says" in one for one in run.problems)


def test_a_result_that_nobody_called_for_is_found() -> None:
    run, [first] = turns(1)
    run.answer(asked(first, Result("call_x", "", "hw-a1-2")), "m")
    assert run.problems == ["result 2 belongs to no call"]


def test_a_signature_that_does_not_come_back_is_found_where_it_has_to() -> None:
    run = Run(Script(run="a1", calls=1, is_signed=True))
    use = run.answer(asked(thinks=True), "m").use
    assert use is not None
    result = Result(use.id, "", "hw-a1-1")
    run.answer(asked(result), "m")
    assert run.problems == ["the signatures of [1] did not come back"]
    run.problems.clear()
    run.answer(asked(result, signatures=("sig:a1:1",)), "m")
    assert run.problems == []


def test_items_that_nobody_keeps_are_found() -> None:
    run = Run(Script(run="a1"))
    run.answer(asked(lost=2), "m")
    assert run.problems == ["2 items are referred to, and the vendor was told to keep none"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_turn_that_is_answered_whole_twice_is_paid_twice(times: int) -> None:
    run = Run(Script(run="a1"))
    for _ in range(times):
        run.give(asked())
    assert run.is_paid_twice is (times == 2)


def test_faults_come_at_their_calls() -> None:
    run = Run(Script(run="a1", faults={2: "cut"}))
    assert [run.fault() for _ in range(3)] == [None, "cut", None]


@pytest.mark.parametrize(
    ("outcome", "fault", "why"),
    [
        (Outcome(text="word1 end-a1"), None, ""),
        (Outcome(text="word1"), None, "another answer: 'word1'"),
        (Outcome(error="E", message="m", is_own=True), None, "E: m"),
        (Outcome(error="E", message="m", is_own=True), "cut", ""),
        (Outcome(error="E", message="m"), "cut", "no class of the SDK's: E: m"),
        (Outcome(error="still going", is_late=True), "cut", "the client neither answered nor gave up in time"),
        (Outcome(text="word1 end-a1"), "spent", "answered though the budget is spent"),
    ],
)
def test_what_passes(outcome: Outcome, fault: str | None, why: str) -> None:
    run = Run(Script(run="a1", words=1))
    assert why_not(Scenario("s", fault=fault), outcome, run) == why  # type: ignore[arg-type]


def test_a_turn_paid_twice_does_not_pass_whatever_the_caller_got() -> None:
    run = Run(Script(run="a1", words=1))
    run.give(asked())
    run.give(asked())
    assert why_not(Scenario("s"), Outcome(text="word1 end-a1"), run) == "paid twice: turns 0"


SIGNED = b64encode(b"sig:a1:1").decode()


@pytest.mark.parametrize(
    ("dialect", "body", "path"),
    [
        (
            chat,
            {
                "messages": [
                    {"role": "user", "content": "[run a1] go"},
                    {"role": "assistant", "tool_calls": [{"id": "c1"}]},
                    {"role": "tool", "tool_call_id": "c1", "content": "found hw-a1-1"},
                ],
                "tools": [{"type": "function", "function": {"name": "lookup"}}],
            },
            "/v1/chat/completions",
        ),
        (
            responses,
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "[run a1] go"}]},
                    {"type": "reasoning", "encrypted_content": SIGNED},
                    {"type": "function_call_output", "call_id": "c1", "output": "found hw-a1-1"},
                ],
                "tools": [{"type": "function", "name": "lookup"}],
            },
            "/v1/responses",
        ),
        (
            anthropic,
            {
                "messages": [
                    {"role": "user", "content": "[run a1] go"},
                    {"role": "assistant", "content": [{"type": "thinking", "signature": SIGNED}]},
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "found hw-a1-1"}],
                    },
                ],
                "tools": [{"name": "lookup"}],
            },
            "/v1/messages",
        ),
        (
            gemini,
            {
                "contents": [
                    {"role": "user", "parts": [{"text": "[run a1] go"}]},
                    {"role": "model", "parts": [{"functionCall": {"name": "lookup"}, "thoughtSignature": SIGNED}]},
                    {"parts": [{"functionResponse": {"name": "lookup", "response": {"result": "found hw-a1-1"}}}]},
                ],
                "tools": [{"functionDeclarations": [{"name": "lookup"}]}],
            },
            "/v1beta/models/m:generateContent",
        ),
        (
            bedrock,
            {
                "messages": [
                    {"role": "user", "content": [{"text": "[run a1] go"}]},
                    {
                        "role": "user",
                        "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "found hw-a1-1"}]}}],
                    },
                ],
                "toolConfig": {"tools": [{"toolSpec": {"name": "lookup"}}]},
            },
            "/model/m/converse",
        ),
    ],
)
def test_every_dialect_reads_the_run_the_tools_and_the_results(dialect: object, body: object, path: str) -> None:
    said: Asked = dialect.read(body, path)  # type: ignore[attr-defined]
    assert (said.run, said.tools, said.is_streamed) == ("a1", ("lookup",), False)
    [result] = said.results
    assert result.text == "found hw-a1-1"
    assert result.id in ("c1", "")
    assert said.signatures in ((), ("sig:a1:1",))
