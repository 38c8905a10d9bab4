"""A load in each API: whole and streamed answers, cut ones and refusals are recognised, and the mix is drawn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from headworks.core.clock import now
from headworks.core.errors import CallError, Cut, Failed, InsufficientQuota, Malformed, QuotaExceeded
from headworks.load.arrivals import Arrival, RequestBodies, in_dialects
from headworks.load.call import CallResult, HttpCaller
from headworks.load.run import InDialect, in_dialect
from headworks.providers.scripted import Stream
from headworks.wire.client_apis import CLIENT_APIS
from tests.http.peers import CHUNKED, Caller, peer
from tests.load.test_call import chunk, run, whole
from tests.wire.answering import WORDS, answer

SAID = Stream(pieces=["Hello ", "there, ", "keeper."])


async def asked(word: str, data: bytes, *, streamed: bool, requests: list[bytes] | None = None) -> CallResult:
    """One call in this API to a server that answers it with these bytes."""

    async def script(caller: Caller) -> None:
        (requests if requests is not None else []).append(await caller.request())
        await caller.say(data)

    async with peer(script) as here:
        client = here.client()
        caller = HttpCaller(client, RequestBodies("run", 50), key="secret", patience=30.0)
        arrival = Arrival(0.0, "assistant", 20, 20, streamed, 1, word)
        result = CallResult(arrival, now())
        await caller.begin(arrival, result)
        await client.close()
    return result


def said(word: str, data: bytes, *, streamed: bool) -> CallResult:
    return run(asked(word, data, streamed=streamed))


@pytest.mark.parametrize("word", WORDS)
def test_a_whole_answer_is_read_in_the_api_in_which_it_was_asked(word: str) -> None:
    requests: list[bytes] = []
    data = whole(answer(CLIENT_APIS[word], SAID, streamed=False))
    result = run(asked(word, data, streamed=False, requests=requests))
    assert (result.ended, result.status, result.request_id, result.dialect) == ("ok", 200, "r1", word)
    assert result.output == 3
    assert result.input > 0
    [request] = requests
    assert request.startswith(f"POST {CLIENT_APIS[word].target('assistant', streamed=False)} HTTP/1.1\r\n".encode())
    assert b"secret" in request


@pytest.mark.parametrize("word", WORDS)
def test_a_stream_is_read_to_the_end_that_its_api_has(word: str) -> None:
    data = answer(CLIENT_APIS[word], SAID, streamed=True)
    result = said(word, CHUNKED + chunk(data) + b"0\r\n\r\n", streamed=True)
    assert (result.ended, result.output) == ("ok", 3)
    assert result.pieces >= 2
    assert result.due_at < result.first_at <= result.ended_at


@pytest.mark.parametrize("word", WORDS)
def test_a_stream_that_simply_stops_is_cut_whatever_the_api(word: str) -> None:
    data = answer(CLIENT_APIS[word], SAID, streamed=True)
    half = data[: data.index(b"there")]
    assert said(word, CHUNKED + chunk(half) + b"0\r\n\r\n", streamed=True).ended == "cut"
    assert said(word, CHUNKED + chunk(half), streamed=True).ended == "cut"


@pytest.mark.parametrize("word", WORDS)
def test_an_error_event_of_the_api_ends_a_stream_that_is_cut_with_a_code(word: str) -> None:
    api = CLIENT_APIS[word]
    data = answer(api, SAID, streamed=True)
    half = data[: data.index(b"there")]
    whole_events = half[: half.rindex(b"\n\n") + 2]
    result = said(
        word, CHUNKED + chunk(whole_events + api.caller.event(Cut("It broke."))) + b"0\r\n\r\n", streamed=True
    )
    assert result.ended == "cut"
    assert result.code


REFUSALS: list[tuple[CallError, str]] = [
    (QuotaExceeded("Too many.", retry_after=1.0), "limited"),
    (InsufficientQuota("Spent."), "limited"),
    (Malformed("No.", param="x"), "refused"),
    (Failed("It broke."), "failed"),
]


@pytest.mark.parametrize(("error", "ended"), REFUSALS, ids=[type(error).__name__ for error, _ in REFUSALS])
@pytest.mark.parametrize("word", WORDS)
def test_a_refusal_is_recognised_in_every_api(word: str, error: CallError, ended: str) -> None:
    dialect = CLIENT_APIS[word].caller
    status = dialect.status(error)
    result = said(word, whole(dialect.problem(error), b"%d Some" % status), streamed=True)
    assert (result.ended, result.status) == (ended, status)
    assert result.code, "a report counts refusals by their code"


def arrivals(count: int) -> list[Arrival]:
    return [Arrival(number / 10, "assistant", 100, 7, number % 2 == 0, number // 2) for number in range(count)]


def test_a_mix_is_drawn_by_its_weights_and_changes_nothing_else() -> None:
    before = arrivals(2000)
    after = in_dialects(before, {"messages": 60, "chat": 40}, 1)
    assert after == in_dialects(before, {"messages": 60, "chat": 40}, 1)
    shares = Counter(one.dialect for one in after)
    assert 0.55 < shares["messages"] / 2000 < 0.65
    assert shares["messages"] + shares["chat"] == 2000
    assert [msgspec.structs.replace(one, dialect="chat") for one in after] == before
    apis: dict[int, set[str]] = {}
    for one in after:
        apis.setdefault(one.same, set()).add(one.dialect)
    assert all(len(words) == 1 for words in apis.values()), "a call that repeats another asks in the same API"


def test_a_load_in_chat_is_drawn_as_it_always_was() -> None:
    before = arrivals(5)
    assert in_dialects(before, {"chat": 1.0}, 1) is before
    assert in_dialects(before, {}, 1) is before


def test_a_report_counts_the_calls_of_each_api() -> None:
    results: list[Any] = [CallResult(one, 0.0) for one in in_dialects(arrivals(10), {"gemini": 1}, 1)]
    results[0].ended = "ok"
    assert in_dialect(results) == {"gemini": InDialect(calls=10, ok=1)}


@pytest.mark.parametrize("word", WORDS)
def test_an_opening_is_as_large_as_the_traffic_says(word: str) -> None:
    """Agents open with 40 to 85 kB: 10k to 21k tokens."""
    body = RequestBodies("run", 25_000).body(Arrival(0.0, "assistant", 20_000, 64, False, 1, word))
    assert 79_000 < len(body) < 81_000
    assert (
        CLIENT_APIS[word].caller.read(body, CLIENT_APIS[word].target("assistant", streamed=False)).model == "assistant"
    )
