"""Kept answers on the public port (`responses.store`): going on from one, reading, listing, deleting; whose they are."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest

from headworks.core.kept_answer import MOST_REFERENCES
from headworks.layers import stored
from tests.server.test_app import Answered
from tests.server.test_responses import SYSTEM, ask
from tests.stack.kept import MemoryAnswers
from tests.stack.speaking import CUT, DONE, answered, counts, piece, stop, streamed, whole
from tests.wire.openai.responses.speaking import RECORDED, events, judged
from tests.wire.toy.test_toy import Front, play

KEPT = SYSTEM + "responses: {store: 30d}\n"
NATIVE = KEPT.replace('FIRST/v1"}', 'FIRST/v1", apis: [responses]}')
ANTHROPIC = KEPT.replace(
    'first: {dialect: openai, base_url: "http://127.0.0.1:FIRST/v1"}',
    'first: {dialect: anthropic, base_url: "http://127.0.0.1:FIRST", api_key: k}',
)
ALONE = KEPT.replace("[[first/m], [second/m]]", "[first/m]")
CACHED = KEPT.replace("retry:", "cache: {exact: 1h}\n    retry:")
KEYED = (
    KEPT
    + "keys:\n  web: {key: web-secret-0123456789}\n  other: {key: other-secret-0123456789, models: [assistant]}\n  narrow: {key: narrow-secret-0123456789, models: [second]}\n"
)
KEYED = KEYED.replace("models:\n", "models:\n  second: {targets: [second/m]}\n", 1)
WEB, OTHER, NARROW = "web-secret-0123456789", "other-secret-0123456789", "narrow-secret-0123456789"


def run(main: Callable[[Front], Coroutine[Any, Any, None]], first: Sequence[list[bytes]], text: str = KEPT) -> Front:
    return play(main, first, text=text)


async def get(front: Front, path: str, key: str = "", method: str = "GET") -> Answered:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return await front.facing.ask(method, f"/v1/responses/{path}", **headers)


def kept(front: Front) -> MemoryAnswers:
    answers = front.facing.kept
    assert answers is not None
    return answers


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_a_call_goes_on_from_an_earlier_answer_at_a_vendor_of_another_api() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front, input="My name is Ann.", instructions="Be short.")).json
        assert (one["store"], one["previous_response_id"]) == (True, None)
        two = (await ask(front, input=[user("What is my name?")], previous_response_id=one["id"])).json
        assert (two["store"], two["previous_response_id"]) == (True, one["id"])
        three = (await ask(front, input="And now?", previous_response_id=two["id"], instructions="Be long.")).json
        assert len({one["id"], two["id"], three["id"]}) == 3

    front = run(main, [answered("Hello Ann"), answered("Ann"), answered("Still Ann")])
    turns = [[(one["role"], one["content"]) for one in asked["messages"]] for asked in front.asked[0]]
    assert turns[1] == [("user", "My name is Ann."), ("assistant", "Hello Ann"), ("user", "What is my name?")]
    # The instructions are this call's, and never an earlier one's.
    assert turns[2] == [("system", "Be long."), *turns[1], ("assistant", "Ann"), ("user", "And now?")]
    assert all(asked.get("store") in (None, False) for asked in front.asked[0])


def test_a_stream_is_kept_before_its_last_event_and_speaks_of_itself_in_each_of_its_own() -> None:
    async def main(front: Front) -> None:
        found = judged((await ask(front, stream=True)).body)
        of_itself = [one["response"] for one in found if "response" in one]
        assert len(of_itself) == 3
        assert {(one["id"], one["store"]) for one in of_itself} == {(of_itself[0]["id"], True)}
        id = of_itself[-1]["id"]
        assert (await get(front, id)).json == of_itself[-1]
        two = judged((await ask(front, stream=True, input="More", previous_response_id=id)).body)
        assert {one["response"]["previous_response_id"] for one in two if "response" in one} == {id}

    front = run(main, [streamed(piece("Hel"), piece("lo"), stop(), counts(7, 2), DONE) for _ in range(2)])
    assert [one["content"] for one in front.asked[0][1]["messages"]] == ["Hi", "Hello", "More"]


def test_the_earlier_turns_reach_a_vendor_of_anthropics_api_with_the_calls_of_tools() -> None:
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    called = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
              "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}],
              "usage": {"input_tokens": 5, "output_tokens": 4}}  # fmt: skip
    said = {**called, "stop_reason": "end_turn", "content": [{"type": "text", "text": "Sunny"}]}

    async def main(front: Front) -> None:
        one = (await ask(front, tools=[tool], input="Weather?")).json
        [call] = [item for item in one["output"] if item["type"] == "function_call"]
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sun"}
        two = (await ask(front, tools=[tool], input=[result], previous_response_id=one["id"])).json
        assert two["output"][0]["content"][0]["text"] == "Sunny"

    front = run(main, [whole(called), whole(said)], ANTHROPIC)
    turns = front.asked[0][1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"][0]["id"] == turns[2]["content"][0]["tool_use_id"]


def test_a_vendor_of_responses_is_sent_everything_and_told_to_keep_nothing() -> None:
    async def main(front: Front) -> None:
        one = events((await ask(front, stream=True, reasoning={"effort": "low"})).body)
        id = one[-1]["response"]["id"]
        assert id != events(RECORDED["reasoning.sse"])[-1]["response"]["id"]
        assert one[-1]["response"]["store"] is True
        assert [event["type"] for event in one] == [event["type"] for event in events(RECORDED["reasoning.sse"])]
        await ask(front, input="More", previous_response_id=id, store=False)

    front = run(
        main,
        [
            streamed(RECORDED["reasoning.sse"]),
            whole({"id": "resp_9", "object": "response", "status": "completed", "output": []}),
        ],
        NATIVE,
    )
    first, second = front.asked[0]
    assert (first["store"], first["include"]) == (False, ["reasoning.encrypted_content"])
    assert (second["store"], "previous_response_id" in second) == (False, False)
    assert second["input"][0] == {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    assert second["input"][1:-1] == [
        item for item in events(RECORDED["reasoning.sse"])[-1]["response"]["output"]
        if item["type"] != "reasoning" or item.get("encrypted_content")
    ]  # fmt: skip
    assert second["input"][-1]["content"] == [{"type": "input_text", "text": "More"}]


def test_what_the_call_says_not_to_keep_is_not_kept() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front, store=False)).json
        assert one["store"] is False
        assert kept(front).answers == {}
        gone = await ask(front, previous_response_id=one["id"])
        assert (gone.status, gone.json["error"]["code"]) == (400, "previous_response_not_found")
        assert gone.json["error"]["message"] == f"Previous response with id '{one['id']}' not found."

    run(main, [answered("Hello")])


def test_an_answer_that_goes_on_and_is_not_kept_says_both() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front)).json
        two = (await ask(front, previous_response_id=one["id"], store=False)).json
        assert (two["store"], two["previous_response_id"]) == (False, one["id"])
        assert list(kept(front).answers) == [one["id"]]

    run(main, [answered("Hello"), answered("Again")])


def test_answers_belong_to_the_key_that_made_them() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front, WEB)).json
        id = one["id"]
        unknown = await get(front, "resp_nobody", OTHER)
        for path, method in [(id, "GET"), (id, "DELETE"), (f"{id}/input_items", "GET"), (f"{id}/cancel", "POST")]:
            theirs = await get(front, path, OTHER, method)
            assert (theirs.status, theirs.body) == (404, unknown.body.replace(b"resp_nobody", id.encode()))
            assert (await get(front, path, "", method)).status == 401
        theirs = await ask(front, OTHER, previous_response_id=id)
        assert (theirs.status, theirs.json["error"]["code"]) == (400, "previous_response_not_found")
        # Who may not use the alias does not get there by an earlier answer.
        assert (await ask(front, NARROW, previous_response_id=id)).json["error"]["code"] == "model_not_found"
        assert (await get(front, id, WEB)).json == one

    run(main, [answered("Hello")], KEYED)


def test_an_answer_is_deleted_once_and_then_it_is_gone() -> None:
    async def main(front: Front) -> None:
        id = (await ask(front)).json["id"]
        later = (await ask(front, previous_response_id=id)).json["id"]
        gone = await get(front, id, method="DELETE")
        assert gone.json == {"id": id, "object": "response", "deleted": True}
        assert (await get(front, id, method="DELETE")).status == (await get(front, id)).status == 404
        # What goes on from it lacks its words now, so nothing goes on from that either.
        assert (await ask(front, previous_response_id=later)).json["error"]["code"] == "previous_response_not_found"

    run(main, [answered("Hello"), answered("Again")])


def test_the_items_an_answer_was_made_from_come_in_pages() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front, input=[user("a"), user("b")])).json
        two = (await ask(front, input="c", previous_response_id=one["id"])).json
        path = f"{two['id']}/input_items"
        every = (await get(front, f"{path}?order=asc")).json
        assert [item["content"][0]["text"] for item in every["data"]] == ["a", "b", "Hello", "c"]
        assert every["has_more"] is False
        first = (await get(front, f"{path}?limit=3")).json
        assert [item["content"][0]["text"] for item in first["data"]] == ["c", "Hello", "b"]
        assert (first["has_more"], first["last_id"]) == (True, first["data"][-1]["id"])
        rest = (await get(front, f"{path}?limit=3&after={first['last_id']}")).json
        assert ([item["id"] for item in rest["data"]], rest["has_more"]) == ([every["first_id"]], False)
        for query, param in [("limit=0", "limit"), ("order=up", "order"), ("after=msg_x", "after")]:
            wrong = await get(front, f"{path}?{query}")
            assert (wrong.status, wrong.json["error"]["param"]) == (400, param)

    run(main, [answered("Hello"), answered("Again")])


def test_a_kept_answer_is_read_as_a_stream() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front)).json
        found = judged((await get(front, f"{one['id']}?stream=true")).body)
        assert found[-1]["response"] == one
        rest = events((await get(front, f"{one['id']}?stream=true&starting_after=3")).body)
        assert rest == found[4:]
        assert (await get(front, f"{one['id']}?stream=false")).json == one
        for query in ("stream=yes", "stream=true&starting_after=x"):
            assert (await get(front, f"{one['id']}?{query}")).status == 400

    run(main, [answered("Hello")])


def test_what_is_not_made_in_the_background_cannot_be_cancelled() -> None:
    async def main(front: Front) -> None:
        id = (await ask(front)).json["id"]
        got = await get(front, f"{id}/cancel", method="POST")
        assert (got.status, got.json["error"]["type"]) == (400, "invalid_request_error")
        assert "Cannot cancel a synchronous response" in got.json["error"]["message"]
        for path, method in [(id, "POST"), (f"{id}/input_items", "DELETE"), (f"{id}/cancel", "GET"), (id, "PUT")]:
            assert (await get(front, path, method=method)).status in (404, 405)

    run(main, [answered("Hello")])


def test_a_store_that_is_away_costs_no_answer_and_the_answer_says_that_it_is_not_kept() -> None:
    async def main(front: Front) -> None:
        id = (await ask(front)).json["id"]
        kept(front).is_away = True
        said = [one["response"]["store"] for one in judged((await ask(front, stream=True)).body) if "response" in one]
        assert said == [True, True, False]
        assert (await ask(front)).json["store"] is False
        for got in (await ask(front, previous_response_id=id), await get(front, id)):
            assert (got.status, got.json["error"]["code"]) == (503, "responses_unavailable")

    run(main, [answered("Hello"), streamed(piece("Hello"), stop(), counts(7, 2), DONE), answered("Hello")])


def test_a_broken_answer_is_not_kept() -> None:
    async def main(front: Front) -> None:
        got = events((await ask(front, stream=True)).body)
        assert got[-1]["type"] == "error"
        assert kept(front).answers == {}

    run(main, [streamed(piece("Hel"), CUT)])


def test_a_cached_answer_is_kept_under_an_id_of_its_own() -> None:
    async def main(front: Front) -> None:
        one, two = [(await ask(front)) for _ in range(2)]
        assert two.headers[b"x-headworks-cache"] == b"hit"
        assert one.json["id"] != two.json["id"]
        assert list(kept(front).answers) == [one.json["id"], two.json["id"]]
        three = await ask(front, stream=True)
        assert judged(three.body)[-1]["response"]["id"] in kept(front).answers

    run(main, [answered("Hello", {"prompt_tokens": 1, "completion_tokens": 1})], CACHED)


def test_a_conversation_that_no_call_could_have_is_refused_with_the_way_out() -> None:
    text = KEPT + "server: {max_body: 3kB}\n"

    async def main(front: Front) -> None:
        one = (await ask(front, input="a" * 1500)).json
        got = await ask(front, previous_response_id=one["id"])
        assert (got.status, got.json["error"]["param"]) == (413, "previous_response_id")
        assert "server.max_body" in got.json["error"]["message"]

    run(main, [answered("b" * 1500)], text)


def test_a_conversation_of_openais_is_refused_with_words() -> None:
    async def main(front: Front) -> None:
        got = await ask(front, conversation="conv_1")
        assert (got.status, got.json["error"]["param"]) == (400, "conversation")
        assert "previous_response_id" in got.json["error"]["message"]

    run(main, [])


def test_what_is_compacted_may_go_on_from_a_kept_answer() -> None:
    compacted = {"id": "resp_c", "object": "response.compaction", "created_at": 1, "output": []}

    async def main(front: Front) -> None:
        one = (await ask(front)).json
        body = msgspec.json.encode({"model": "assistant", "input": [user("b")], "previous_response_id": one["id"]})
        got = await front.facing.ask("POST", "/v1/responses/compact", body)
        assert (got.status, got.json) == (200, compacted)
        plain = await front.facing.ask(
            "POST", "/v1/responses/compact", msgspec.json.encode({"model": "assistant", "input": "b"})
        )
        assert plain.json == compacted

    message = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
    }
    native = {"id": "resp_1", "object": "response", "status": "completed", "output": [message]}
    front = run(main, [whole(native), whole(compacted), whole(compacted)], NATIVE)
    assert [item.get("role") for item in front.asked[0][1]["input"]] == ["user", "assistant", "user"]


def test_callers_of_other_apis_are_served_as_before() -> None:
    async def main(front: Front) -> None:
        assert (await front.openai("Hi")).json["choices"][0]["message"]["content"] == "Hello"
        assert kept(front).answers == {}

    run(main, [answered("Hello")])


@pytest.mark.parametrize("fields", [{"input": 5}, {"store": "yes"}, {"model": "nobody"}])
def test_a_body_that_cannot_be_served_is_refused_as_without_a_store(fields: dict[str, Any]) -> None:
    async def main(front: Front) -> None:
        assert (await ask(front, **fields)).status in (400, 404)

    run(main, [])


def test_earlier_turns_of_calls_under_way_are_bounded_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(front: Front) -> None:
        id = (await ask(front)).json["id"]
        with monkeypatch.context() as fewer:
            fewer.setattr(stored, "MOST_HELD", 10)
            got = await ask(front, previous_response_id=id)
            assert (got.status, got.headers[b"retry-after"]) == (503, b"1")
        assert (await ask(front, previous_response_id=id)).status == 200
        assert (await ask(front, previous_response_id=id)).status == 502
        layer = front.facing.world.assembled.front.inner
        assert isinstance(layer, stored.Stored)
        assert layer.held == 0

    run(main, [answered("Hello"), answered("Again"), whole(b"no json"), *[whole(b"no json")] * 4], ALONE)


def test_an_answer_that_is_too_large_is_served_and_says_that_it_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_KEPT", 100)

    async def main(front: Front) -> None:
        assert (await ask(front)).json["store"] is False
        assert kept(front).why == ["too_large"]
        assert kept(front).answers == {}

    run(main, [answered("Hello")])


def test_the_last_answer_of_a_conversation_that_is_full_can_be_read() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front, input="a" * 1500)).json
        assert (await get(front, one["id"])).json == one

    run(main, [answered("b" * 1500)], KEPT + "server: {max_body: 3kB}\n")


def test_a_long_conversation_is_put_together_and_shown_off_the_loop() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front, input="a" * 300_000)).json
        two = (await ask(front, previous_response_id=one["id"])).json
        assert two["previous_response_id"] == one["id"]
        assert len((await get(front, f"{one['id']}/input_items")).json["data"]) == 1

    front = run(main, [answered("Hello"), answered("Again")])
    assert len(front.asked[0][1]["messages"]) == 3


def test_a_page_of_an_origin_that_is_allowed_may_delete_what_it_has_kept() -> None:
    async def main(front: Front) -> None:
        id = (await ask(front)).json["id"]
        page = {"origin": "https://app.example.com"}
        asked = await front.facing.ask("OPTIONS", f"/v1/responses/{id}", **page)
        assert b"DELETE" in asked.headers[b"access-control-allow-methods"]
        gone = await front.facing.ask("DELETE", f"/v1/responses/{id}", **page)
        assert (gone.status, gone.headers[b"access-control-allow-origin"]) == (200, b"https://app.example.com")
        other = await front.facing.ask("DELETE", f"/v1/responses/{id}", origin="https://evil.example.com")
        assert other.status == 403

    run(main, [answered("Hello")], KEPT + "server: {cors: [https://app.example.com]}\n")


# Items that a call refers to


def item(id: str) -> dict[str, Any]:
    return {"type": "item_reference", "id": id}


def test_a_reference_is_replaced_by_its_item_at_a_vendor_of_another_api() -> None:
    """As the Vercel AI SDK's `openai()` goes on."""
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    called = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    piece = {"choices": [{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [called]}}]}

    async def main(front: Front) -> None:
        one = (await ask(front, input=[user("Weather?")], tools=[tool])).json
        [call] = one["output"]
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sun"}
        again = [user("Weather?"), item(call["id"]), result]
        two = (await ask(front, input=again, tools=[tool])).json
        assert two["previous_response_id"] is None
        [said] = two["output"]
        assert (await ask(front, input=[*again, item(said["id"]), user("Sure?")], store=False)).status == 200
        shown = (await get(front, f"{two['id']}/input_items?order=asc")).json["data"]
        assert [one["type"] for one in shown] == ["message", "function_call", "function_call_output"]

    front = run(main, [whole(piece), answered("Sunny"), answered("Sure")])
    last = front.asked[0][2]["messages"]
    assert [one["role"] for one in last] == ["user", "assistant", "tool", "assistant", "user"]
    assert last[1]["tool_calls"][0]["id"] == last[2]["tool_call_id"]
    assert last[3]["content"] == "Sunny"


def test_a_vendor_of_responses_is_sent_the_items_of_its_own_streams_whole() -> None:
    output = events(RECORDED["reasoning.sse"])[-1]["response"]["output"]

    async def main(front: Front) -> None:
        await ask(front, stream=True, reasoning={"effort": "low"})
        got = await ask(front, input=[user("Hi"), *[item(one["id"]) for one in output], user("More")])
        assert got.status == 200

    end = whole({"id": "resp_9", "object": "response", "status": "completed", "output": []})
    front = run(main, [streamed(RECORDED["reasoning.sse"]), end], NATIVE)
    kept_ones = [one for one in output if one["type"] != "reasoning" or one.get("encrypted_content")]
    assert front.asked[0][1]["input"] == [user("Hi"), *kept_ones, user("More")]


def test_an_item_that_the_earlier_turns_have_is_not_put_in_twice() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front)).json
        again = [item(one["output"][0]["id"]), user("More")]
        assert (await ask(front, input=again, previous_response_id=one["id"])).status == 200

    front = run(main, [answered("Hello"), answered("Again")])
    assert [one["content"] for one in front.asked[0][1]["messages"]] == ["Hi", "Hello", "More"]


def test_an_item_of_another_key_or_of_none_is_not_there() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front, WEB)).json
        id = one["output"][0]["id"]
        unknown = await ask(front, OTHER, input=[item("msg_nobody"), user("More")])
        theirs = await ask(front, OTHER, input=[item(id), user("More")])
        assert (theirs.status, theirs.json["error"]["param"]) == (404, "input")
        assert theirs.json["error"]["message"].startswith(f"Item with id '{id}' not found. Items are not persisted")
        assert "Send the item itself" in theirs.json["error"]["message"]
        assert theirs.body == unknown.body.replace(b"msg_nobody", id.encode())
        assert (await ask(front, WEB, input=[item(id), user("More")])).status == 200
        await get(front, one["id"], WEB, "DELETE")
        assert (await ask(front, WEB, input=[item(id), user("More")])).status == 404
        # Who may not use the alias learns nothing of its items.
        assert (await ask(front, NARROW, input=[item(id)])).json["error"]["code"] == "model_not_found"

    run(main, [answered("Hello"), answered("Again")], KEYED)


def test_references_are_bounded_in_number_and_in_bytes() -> None:
    async def main(front: Front) -> None:
        one = (await ask(front)).json
        id = one["output"][0]["id"]
        many = await ask(front, input=[item(id)] * (MOST_REFERENCES + 1))
        assert (many.status, many.json["error"]["param"]) == (400, "input")
        assert f"more than {MOST_REFERENCES} items" in many.json["error"]["message"]
        large = await ask(front, input=[item(id), user("a" * 59_000)])
        assert (large.status, large.json["error"]["param"]) == (413, "input")
        kept(front).is_away = True
        assert (await ask(front, input=[item(id)])).status == 503

    run(main, [answered("b" * 2500)], KEPT + "server: {max_body: 60kB}\n")
