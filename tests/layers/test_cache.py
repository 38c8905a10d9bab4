"""Answers that were given before: to whom, for how long, in which form, and which never."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.errors import CallError, Cut, Failed
from headworks.core.key import Key
from headworks.core.record import user_digest
from headworks.core.reply import Chunk
from headworks.core.service import Service
from headworks.core.trail import Trail
from headworks.layers import cache
from headworks.layers.cache import Cache, Fill
from headworks.layers.fingerprint import SCOPES, Fingerprint
from headworks.layers.trace import Trace
from headworks.ledger.journal import MemoryJournal
from headworks.policy.freshness import CachedAnswer
from headworks.policy.tombstones import Tombstones
from headworks.providers.scripted import Stream
from headworks.state.answers import Answers
from headworks.testing import Answer, Scripted, ask, mock, virtual
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from tests.layers.sharing import SAMENESS, cached, question


async def found(service: Service, asked: Call) -> tuple[str, Answer]:
    answer = await ask(service, asked)
    return asked.trail.cache, answer


@virtual
async def test_an_equal_call_gets_the_same_bytes_and_its_age_until_the_time_is_over() -> None:
    leaf = Scripted(["one", "two"])
    service = cached(leaf, ttl=60.0)
    outcome, first = await found(service, question())
    assert outcome == "miss"
    await asyncio.sleep(59)
    again = question()
    outcome, second = await found(service, again)
    assert (outcome, second.data, second.text, again.trail.age) == ("hit", first.data, "one", 59)
    assert (second.finish, second.usage, again.trail.attempts) == ("stop", first.usage, [])
    await asyncio.sleep(1)
    outcome, third = await found(service, question())
    assert (outcome, third.text) == ("miss", "two")


def of_ann() -> Call:
    return msgspec.structs.replace(question(), user="ann")


@virtual
async def test_an_answer_to_a_user_who_was_purged_is_given_to_nobody() -> None:
    leaf = Scripted(["one", "two", "three"])
    answers, purged = Answers(10_000_000, 3600.0), Tombstones()
    service = Cache(Fill(leaf, answers), answers, SAMENESS, 3600.0, purged)
    assert (await found(service, of_ann()))[0] == "miss"
    assert (await found(service, question()))[0] == "hit"
    await asyncio.sleep(1)
    purged.add(user_digest("bob"), wall())
    assert (await found(service, question()))[0] == "hit"
    purged.add(user_digest("ann"), wall())
    outcome, anew = await found(service, of_ann())
    assert (outcome, anew.text) == ("miss", "two")
    assert (await found(service, question()))[1].text == "two"


@virtual
async def test_an_answer_that_was_under_way_when_its_user_was_purged_is_given_to_nobody() -> None:
    inner, vendor = mock()
    answers, purged = Answers(10_000_000, 3600.0), Tombstones()
    service = Cache(Fill(inner, answers), answers, SAMENESS, 3600.0, purged)
    asking = asyncio.create_task(found(service, of_ann()))
    await vendor.next_call()
    await asyncio.sleep(1)
    purged.add(user_digest("ann"), wall())
    vendor.reply("one")
    assert (await asking)[0] == "miss"
    asking = asyncio.create_task(found(service, question()))
    await vendor.next_call()
    vendor.reply("two")
    assert (await asking)[1].text == "two"


@virtual
async def test_another_question_is_a_miss() -> None:
    leaf = Scripted(["one", "two", "three"])
    service = cached(leaf)
    assert (await found(service, question()))[0] == "miss"
    assert (await found(service, question("hello!")))[0] == "miss"
    assert (await found(service, question(fields={"seed": 1})))[0] == "miss"
    assert (await found(service, question(fields={"user": "somebody"})))[0] == "hit"


@virtual
async def test_what_one_tenant_got_another_never_gets() -> None:
    leaf = Scripted(["one", "two"])
    service = cached(leaf)
    assert (await found(service, question(tenant="web")))[1].text == "one"
    assert (await found(service, question(tenant="app")))[1].text == "two"
    assert (await found(service, question(tenant="web")))[1].text == "one"


def test_the_fingerprint_keeps_apart_whatever_changes_the_answer() -> None:
    made = msgspec.structs.replace(Call(id="", alias="a", body=b'{"messages":[1]}', dialect=CHAT), tenant="web")
    replace = msgspec.structs.replace

    def of(asked: Call = made, alias: str = "a", release: str = "r", share: str = "key") -> bytes:
        return Fingerprint(alias, release, SCOPES[share]).fingerprint(asked)  # type: ignore[index]

    others = [
        of(alias="b"),
        of(release="s"),
        of(share="all"),
        of(replace(made, tenant="app")),
        of(replace(made, dialect=EMBEDDINGS)),
        of(replace(made, bound=100)),
        of(replace(made, forwarded=((b"openai-beta", b"x"),))),
        of(replace(made, forwarded=((b"openai-beta", b"y"),))),
        of(replace(made, body=b'{"messages":[2]}')),
    ]
    assert len({of(), *others}) == 10
    grouped = replace(made, key=Key(name="web", digest=b"", group="product"))
    other = replace(made, tenant="app", key=Key(name="app", digest=b"", group="product"))
    assert of(grouped, share="group") == of(other, share="group") != of(grouped)
    assert of(replace(grouped, key=None), share="group") == of()
    assert of(share="all") == of(replace(made, tenant="app"), share="all")
    silent = ((b"traceparent", b"00-1"), (b"idempotency-key", b"k"))
    assert of(replace(made, forwarded=silent)) == of()
    assert of(replace(made, body=b'{"temperature":1}')) == b""


@virtual
async def test_the_caller_may_refuse_old_answers_or_any_keeping() -> None:
    leaf = Scripted(["1", "2", "3", "4", "5"])
    service = cached(leaf)

    async def said(cache_control: str) -> tuple[str, str]:
        outcome, answer = await found(service, question(cache_control=cache_control))
        return outcome, answer.text

    assert await said("no-store") == ("bypass", "1")
    assert await said("") == ("miss", "2")
    assert await said("no-cache") == ("bypass", "3")
    assert await said("") == ("hit", "3")  # asked anew, and kept for others
    assert await said("no-store") == ("bypass", "4")
    await asyncio.sleep(10)
    assert await said("max-age=10") == ("hit", "3")
    assert await said("max-age=9") == ("miss", "5")
    assert await said("max-age=9") == ("hit", "5")


@pytest.mark.parametrize("fields", [{"temperature": 0.7}, {"store": True}])
def test_calls_that_are_not_repeatable_pass_by(fields: dict[str, Any]) -> None:
    @virtual
    async def run() -> None:
        service = cached(Scripted(["one", "two"]))
        assert [(await found(service, question(fields=fields)))[0] for _ in range(2)] == ["bypass", "bypass"]

    run()


@pytest.mark.parametrize(
    "broken", [Failed("500"), Stream(pieces=["half", Cut("cut")]), Stream(pieces=["half"], finish="length")]
)
@pytest.mark.parametrize("streamed", [True, False])
def test_an_error_or_half_an_answer_is_never_kept(broken: Any, streamed: bool) -> None:
    @virtual
    async def run() -> None:
        leaf = Scripted([broken, "whole"])
        service = cached(leaf)
        try:
            await ask(service, question(streamed=streamed))
        except CallError:
            pass
        assert (await found(service, question(streamed=streamed)))[0] == "miss"
        assert (await found(service, question(streamed=streamed)))[1].text == "whole"

    run()


@pytest.mark.parametrize("streamed", [True, False])
def test_an_answer_that_stopped_at_the_callers_own_bound_is_kept(streamed: bool) -> None:
    @virtual
    async def run() -> None:
        service = cached(Scripted([Stream(pieces=["half"], finish="length")]))
        for outcome in ("miss", "hit"):
            assert (await found(service, question(streamed=streamed, max_output=5)))[0] == outcome

    run()


@virtual
async def test_an_answer_that_nobody_read_to_its_end_is_not_kept() -> None:
    service = cached(Scripted([Stream(pieces=["a", 1.0, "b"])], repeat=True))
    async with service.open(question(streamed=True)) as reply:
        await reply.read()
    assert (await found(service, question(streamed=True)))[0] == "miss"
    assert (await found(service, question(streamed=True)))[0] == "hit"


@virtual
async def test_with_several_choices_each_must_be_whole() -> None:
    inner, handle = mock()
    service = cached(inner)
    for finishes, outcome in ((["stop", "length"], "miss"), (["stop", "stop"], "miss"), ([], "hit")):
        asked = question(fields={"n": 2})
        asking = asyncio.create_task(ask(service, asked))
        if finishes:
            choices = [{"index": n, "message": {"content": "x"}, "finish_reason": f} for n, f in enumerate(finishes)]
            data = json.dumps({"choices": choices, "usage": {}}).encode()
            (await handle.next_call()).put(Chunk(data=data, has_content=True, finish="stop", last=True))
        await asking
        assert asked.trail.cache == outcome


@pytest.mark.parametrize("two", [b'"n":2.0', b'"n":20e-1', b'"\\u006e":2'])
def test_two_choices_are_two_however_they_are_written(two: bytes) -> None:
    @virtual
    async def run() -> None:
        inner, handle = mock()
        service = cached(inner)
        asked = question(fields={"n": 2})
        asked = msgspec.structs.replace(asked, body=asked.body.replace(b'"n":2', two))
        asking = asyncio.create_task(ask(service, asked))
        data = json.dumps({"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]}).encode()
        (await handle.next_call()).put(Chunk(data=data, has_content=True, finish="stop", last=True))
        await asking
        again = msgspec.structs.replace(asked, trail=Trail())
        asking = asyncio.create_task(ask(service, again))
        (await handle.next_call()).put(Chunk(data=data, has_content=True, finish="stop", last=True))
        await asking
        assert again.trail.cache == "miss", "one of two choices came, so it was not kept"

    run()


@virtual
async def test_a_stream_is_given_again_as_it_came_with_the_tokens_only_where_they_are_asked_for() -> None:
    leaf = Scripted([Stream(pieces=["Hel", "lo"])])
    service = cached(leaf)
    _, first = await found(service, question(streamed=True))
    outcome, again = await found(service, question(streamed=True))
    assert (outcome, again.data, again.text) == ("hit", first.data, "Hello")
    outcome, counted = await found(service, question(streamed=True, include_usage=True))
    assert outcome == "hit"
    assert counted.data.count(b'"usage"') == 1
    assert counted.data.replace(counted.data.split(b"\n\n")[-3] + b"\n\n", b"") == first.data
    assert counted.usage == first.usage
    assert counted.finish == "stop"


@virtual
async def test_who_asks_for_the_tokens_is_not_given_a_stream_whose_caller_did_not_wait_for_them() -> None:
    """A vendor may say them a second after the last content: who did not ask for them has his end by then."""
    inner, handle = mock()
    service = cached(inner)
    for include_usage, outcomes in ((False, ["miss", "hit"]), (True, ["miss", "hit"]), (False, ["hit"])):
        for outcome in outcomes:
            asked = question(streamed=True, include_usage=include_usage)
            asking = asyncio.create_task(ask(service, asked))
            if outcome == "miss":
                arrival = await handle.next_call()
                stop = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
                arrival.put(Chunk(data=stop, has_content=True, finish="stop"))
                arrival.put(Chunk(data=b"data: [DONE]\n\n", last=True))
            await asking
            assert asked.trail.cache == outcome


@virtual
async def test_a_stream_answers_a_call_that_is_not_streamed_and_the_reverse() -> None:
    service = cached(Scripted([Stream(pieces=["Hel", "lo"])]))
    _, stream = await found(service, question(streamed=True))
    outcome, whole = await found(service, question())
    assert (outcome, whole.streamed, whole.text, whole.usage) == ("hit", False, "Hello", stream.usage)
    body = json.loads(whole.data)
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "Hello"}
    assert body["usage"]["prompt_tokens"] == stream.usage.input_tokens if stream.usage else False

    service = cached(Scripted(["Hello"]))
    _, whole = await found(service, question())
    outcome, stream = await found(service, question(streamed=True, include_usage=True))
    assert (outcome, stream.streamed, stream.text) == ("hit", True, "Hello")
    assert stream.data.endswith(b"data: [DONE]\n\n")
    assert stream.data.count(b'"usage"') == 1
    outcome, stream = await found(service, question(streamed=True))
    assert outcome == "hit"
    assert b'"usage"' not in stream.data


@virtual
async def test_what_cannot_be_had_in_the_other_form_is_asked_for() -> None:
    inner, handle = mock()
    service = cached(inner)
    for streamed, outcome in ((False, "miss"), (True, "miss"), (False, "miss")):
        asked = question(streamed=streamed)
        asking = asyncio.create_task(ask(service, asked))
        arrival = await handle.next_call()
        if streamed:  # without tokens: no body can be made of it
            stop = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
            arrival.put(Chunk(data=stop, has_content=True, finish="stop"))
            arrival.put(Chunk(data=b"data: [DONE]\n\n", last=True))
        else:
            arrival.put(Chunk(data=b'{"choices":[]}', has_content=True, finish="stop", last=True))
        await asking
        assert asked.trail.cache == outcome


@virtual
async def test_a_long_stream_is_given_in_pieces_of_whole_events() -> None:
    words = [f"word{number} " * 50 for number in range(600)]
    service = cached(Scripted([Stream(pieces=words)]))
    _, first = await found(service, question(streamed=True))
    async with service.open(question(streamed=True)) as reply:
        pieces = []
        while not (pieces and pieces[-1].last):
            came = await reply.read()
            pieces += came
        assert await reply.read() == []
    assert len(pieces) > 3
    assert b"".join(piece.data for piece in pieces) == first.data
    assert all(piece.data.endswith(b"\n\n") and len(piece.data) <= cache.PIECE for piece in pieces)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@virtual
async def test_however_the_vendor_ended_its_lines_a_piece_is_whole_events(end: bytes) -> None:
    events = (
        [b"data: " + b"x" * 1000 + end for _ in range(200)]
        + [b"data: " + b"y" * 2 * cache.PIECE + end]
        + [CHAT.forms.end]
    )
    kept = CachedAnswer(streamed=True, body=b"", counts=b"", text="x", finish="stop", usage=None, made_at=0.0)
    reply = cache.Replay(kept, b"".join(events))
    pieces = [chunk.data for _ in range(6) for chunk in await reply.read()]
    assert b"".join(pieces) == b"".join(events)
    assert sorted(map(len, pieces))[-2] <= cache.PIECE < len(max(pieces, key=len))
    assert all(piece.endswith((end, CHAT.forms.end)) for piece in pieces)


@virtual
async def test_an_event_that_is_longer_than_a_piece_stays_whole() -> None:
    service = cached(Scripted([Stream(pieces=["a", "x" * (2 * cache.PIECE), "b"])]))
    _, first = await found(service, question(streamed=True))
    _, again = await found(service, question(streamed=True))
    assert again.data == first.data
    assert all(piece.data.endswith(b"\n\n") for piece in again.chunks)


@virtual
async def test_what_is_too_long_is_passed_on_and_not_kept() -> None:
    service = cached(Scripted(["x" * 2_100_000, "short"]))
    assert len((await found(service, question()))[1].text) == 2_100_000
    assert (await found(service, question()))[0] == "miss"


@virtual
async def test_embeddings_are_kept() -> None:
    inner, handle = mock()
    service = cached(inner)
    for outcome in ("miss", "hit"):
        asked = msgspec.structs.replace(question(), dialect=EMBEDDINGS, body=b'{"input":"x","model":"m"}')
        asking = asyncio.create_task(ask(service, asked))
        if outcome == "miss":
            (await handle.next_call()).put(Chunk(data=b'{"data":[{}]}', has_content=True, last=True))
        assert (await asking).data == b'{"data":[{}]}'
        assert asked.trail.cache == outcome


@virtual
async def test_the_record_of_a_hit_has_no_attempts_no_tokens_and_costs_nothing() -> None:
    journal = MemoryJournal()
    service = Trace(cached(Scripted(["one"])), journal, "config")
    for _ in range(2):
        await ask(service, msgspec.structs.replace(question(), arrived_at=now()))
    miss, hit = journal.records
    assert (miss.cache, hit.cache) == ("miss", "hit")
    assert (hit.outcome, hit.status, hit.cost_nano, hit.attempts, hit.tokens) == ("ok", 200, 0, [], None)
    assert miss.reply_digest == hit.reply_digest
