"""`/v1/responses` on the public port: over chat vendors, over vendors of Responses, and what stands below it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest

from headworks.providers.scripted import Scripted
from headworks.testing import virtual
from tests.server.test_app import KEYED, Answered, Facing
from tests.stack.speaking import CUT, DONE, answered, counts, piece, stop, streamed, whole
from tests.wire.openai.responses.speaking import RECORDED, events, judged, kinds
from tests.wire.toy.test_toy import Front, play

SYSTEM = """
version: 1
providers:
  first: {dialect: openai, base_url: "http://127.0.0.1:FIRST/v1"}
  second: {dialect: openai, base_url: "http://127.0.0.1:SECOND/v1"}
models:
  assistant:
    targets: [[first/m], [second/m]]
    retry: {attempts: 1}
    price: {input: $1/M, output: $10/M}
"""
NATIVE = SYSTEM.replace('FIRST/v1"}', 'FIRST/v1", apis: [responses]}')
RESUMING = SYSTEM.replace("retry:", "mid_stream: restart\n    retry:")
KEEPING = SYSTEM.replace("retry:", "cache: {exact: 1h}\n    retry:")
BUDGET = SYSTEM + "keys:\n  web: {key: web-secret-0123456789, budget: {amount: $0.0001, every: 1d}}\n"
KEY = "web-secret-0123456789"


async def ask(front: Front, key: str = "", **fields: Any) -> Answered:
    body = msgspec.json.encode({"model": "assistant", "input": "Hi", **fields})
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return await front.facing.ask("POST", "/v1/responses", body, **headers)


def run(
    main: Callable[[Front], Coroutine[Any, Any, None]],
    first: Sequence[list[bytes]],
    second: Sequence[list[bytes]] = (),
    text: str = SYSTEM,
) -> Front:
    return play(main, first, second, text=text)


def text_of(found: list[dict[str, Any]]) -> str:
    return "".join([one["delta"] for one in found if one["type"] == "response.output_text.delta"])


def test_a_chat_vendor_serves_callers_of_responses_streamed_and_whole() -> None:
    async def main(front: Front) -> None:
        got = await ask(front, stream=True, store=True, max_output_tokens=9)
        found = judged(got.body)
        assert (got.status, text_of(found)) == (200, "Hello")
        assert found[-1]["response"]["usage"]["total_tokens"] == 9
        said = (await ask(front)).json
        assert (said["output"][0]["content"][0]["text"], said["store"], said["status"]) == ("Hello", False, "completed")

    front = run(
        main,
        [
            streamed(piece("Hel"), piece("lo"), stop(), counts(7, 2), DONE),
            answered("Hello", {"prompt_tokens": 7, "completion_tokens": 2}),
        ],
    )
    [[one, other], _] = front.asked
    assert one["messages"] == other["messages"] == [{"role": "user", "content": "Hi"}]
    assert (one["max_completion_tokens"], one["stream_options"]) == (9, {"include_usage": True})
    assert "store" not in one
    records = front.facing.journal.records
    assert [record.outcome for record in records] == ["ok", "ok"]
    assert records[0].cost_nano == 7 * 1000 + 2 * 10_000


def test_a_vendor_of_responses_is_asked_in_the_callers_bytes_and_answers_in_its_own() -> None:
    stream = RECORDED["phase.sse"]

    async def main(front: Front) -> None:
        got = await ask(front, stream=True, include=["reasoning.encrypted_content"], novel={"a": 1})
        assert (got.status, got.body) == (200, stream)
        assert (await ask(front)).json["output"] == []

    native = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    front = run(main, [streamed(stream), whole(native)], text=NATIVE)
    assert front.vendors[0].paths == ["/v1/responses"] * 2
    assert front.asked[0][0] == {
        "model": "m",
        "store": False,
        "input": "Hi",
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "novel": {"a": 1},
    }
    record = front.facing.journal.records[0]
    assert (record.outcome, record.cost_nano is not None) == ("ok", True)


def test_a_vendor_that_has_responses_only_serves_callers_of_chat() -> None:
    async def main(front: Front) -> None:
        got = await front.openai("Hi")
        assert got.json["choices"][0]["message"]["content"] == "Hello"
        got = await front.openai("Hi", stream=True)
        assert b'"content":"Got"' in got.body
        assert got.body.endswith(b"data: [DONE]\n\n")

    message = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    native = {
        "id": "resp_1",
        "status": "completed",
        "output": [message],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    front = run(main, [whole(native), streamed(RECORDED["phase.sse"])], text=NATIVE)
    assert front.vendors[0].paths == ["/v1/responses"] * 2
    assert front.asked[0][0]["input"] == "Hi"


def test_a_stream_that_broke_goes_on_at_another_target_as_one_answer() -> None:
    async def main(front: Front) -> None:
        found = judged((await ask(front, stream=True)).body)
        assert text_of(found) == "Hello"
        assert found[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"

    first = streamed(piece("Hel"), CUT)
    second = streamed(piece("He"), piece("llo"), stop(), counts(7, 2), DONE)
    front = run(main, [first], [second], text=RESUMING)
    [record] = front.facing.journal.records
    assert (record.outcome, len(record.attempts)) == ("ok", 2)


def test_a_stream_that_breaks_for_good_ends_with_an_error_of_the_next_number() -> None:
    async def main(front: Front) -> None:
        found = events((await ask(front, stream=True)).body)
        assert kinds(found)[-1] == "error"
        assert [one["sequence_number"] for one in found] == list(range(len(found)))
        assert found[-1]["error"]["message"]

    run(main, [streamed(piece("Hel"), CUT)])


def test_a_kept_answer_is_given_again_in_both_forms() -> None:
    async def main(front: Front) -> None:
        first = await ask(front, stream=True)
        again = await ask(front, stream=True, store=False)
        body = await ask(front)
        assert again.headers[b"x-headworks-cache"] == body.headers[b"x-headworks-cache"] == b"hit"
        assert again.body == first.body
        assert body.json["output"] == judged(first.body)[-1]["response"]["output"]
        other = await ask(front, input="Ho")
        judged((await ask(front, input="Ho", stream=True)).body)
        assert other.json["status"] == "completed"

    streams = streamed(piece("Hello"), stop(), counts(7, 2), DONE)
    front = run(main, [streams, answered("Ho", {"prompt_tokens": 1, "completion_tokens": 1})], text=KEEPING)
    assert len(front.asked[0]) == 2


def test_errors_have_openais_shape_and_a_field_that_a_vendor_cannot_be_sent_its_name() -> None:
    async def main(front: Front) -> None:
        refused = await ask(front, input=[{"type": "item_reference", "id": "rs_1"}])
        assert (refused.status, refused.json["error"]["param"]) == (400, "input")
        kept = await ask(front, previous_response_id="resp_1")
        assert (kept.status, kept.json["error"]["param"]) == (400, "previous_response_id")
        unknown = await ask(front, model="nobody")
        assert (unknown.status, unknown.json["error"]["code"]) == (404, "model_not_found")

    front = run(main, [])
    assert front.asked == [[], []]


def test_a_vendors_refusal_keeps_its_words() -> None:
    async def main(front: Front) -> None:
        got = await ask(front)
        assert (got.status, got.json["error"]["message"]) == (400, "no such thing")

    run(main, [whole({"error": {"message": "no such thing", "type": "invalid_request_error"}}, 400)])


def test_a_spent_budget_is_a_quota_that_is_not_tried_again() -> None:
    async def main(front: Front) -> None:
        got = await ask(front, KEY, max_output_tokens=1000, tools=[{"type": "web_search"}])
        assert (got.status, got.json["error"]["code"]) == (429, "insufficient_quota")
        assert got.headers[b"x-should-retry"] == b"false"

    run(main, [], text=BUDGET)


def test_a_tool_that_the_vendor_runs_is_left_out_unless_the_caller_demands_it() -> None:
    async def main(front: Front) -> None:
        assert (await ask(front, tools=[{"type": "web_search"}])).status == 200
        demanded = await ask(front, tools=[{"type": "web_search"}], tool_choice={"type": "web_search"})
        assert (demanded.status, demanded.json["error"]["param"]) == (400, "tool_choice")

    front = run(main, [answered("a")])
    assert "tools" not in front.asked[0][0]


def test_a_conversation_is_compacted_by_a_vendor_of_responses_only() -> None:
    said = {
        "id": "resp_1",
        "object": "response.compaction",
        "created_at": 1,
        "output": [{"type": "compaction", "id": "c", "encrypted_content": "gAAA"}],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }

    async def main(front: Front) -> None:
        body = msgspec.json.encode({"model": "assistant", "input": [{"role": "user", "content": "hi"}]})
        got = await front.facing.ask("POST", "/v1/responses/compact", body)
        assert (got.status, got.json) == (200, said)

    async def refused(front: Front) -> None:
        got = await front.facing.ask("POST", "/v1/responses/compact", b'{"model":"assistant","input":"hi"}')
        assert (got.status, got.json["error"]["param"]) == (400, "compact")

    front = run(main, [whole(said)], text=NATIVE)
    assert front.vendors[0].paths == ["/v1/responses/compact"]
    assert front.asked[0] == [{"model": "m", "input": [{"role": "user", "content": "hi"}]}]
    assert front.facing.journal.records[0].cost_nano == 3 * 1000 + 2 * 10_000
    run(refused, [])


# What stands below


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/v1/responses/resp_1", 400, "keeps none"),
        ("DELETE", "/v1/responses/resp_1", 400, "keeps none"),
        ("GET", "/v1/responses/resp_1/input_items", 400, "keeps none"),
        ("POST", "/v1/responses/resp_1/cancel", 400, "keeps none"),
        ("GET", "/v1/responses/compact", 405, "POST"),
        ("POST", "/v1/responses/input_tokens", 400, "usage"),
        ("POST", "/v1/responses/nope/nope", 404, "not served"),
        ("GET", "/v1/responses", 405, "POST"),
    ],
)
def test_what_is_not_served_says_what_to_do(method: str, path: str, status: int, word: str) -> None:
    @virtual
    async def run() -> None:
        answered = await Facing(Scripted([]), KEYED).ask(method, path)
        assert answered.status == status
        assert word in answered.json["error"]["message"]

    run()


@virtual
async def test_a_websocket_gets_426_and_asks_by_a_post_then() -> None:
    facing = Facing(Scripted([]))
    refused = await facing.ask("GET", "/v1/responses", connection="Upgrade", upgrade="websocket")
    assert (refused.status, refused.json["error"]["code"]) == (426, "upgrade_not_supported")
    assert refused.headers[b"upgrade"] == b"HTTP/1.1"
