"""Whose fault an error is, over the assembled stack: what follows from one call's own body takes a target from nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.dialect import Headers
from headworks.core.errors import (
    CallError,
    Cut,
    Denied,
    Failed,
    Filtered,
    Resting,
    RestingAtLimit,
    Throttled,
    Unsuited,
)
from headworks.policy.circuit import Circuit
from headworks.providers.scripted import Answering, Scripted, Stream
from headworks.testing import Answer, ask, call, virtual
from headworks.wire.openai.caller import EMBEDDINGS
from headworks.wire.openai.errors import error_in, vendor_error
from tests.stack.systems import World

ONE = """
version: 1
providers: {v: {dialect: simulated}, w: {dialect: simulated}}
models: {assistant: {targets: [v/m]}}
"""
TWO = ONE.replace("[v/m]", "[v/m, w/m]")
WALL = 1_795_435_200.0


def said(status: int, message: str, headers: Headers = (), **more: Any) -> CallError:
    return vendor_error(status, headers, json.dumps({"error": {"message": message, **more}}).encode(), WALL)


def picture(asked: Call) -> Call:
    parts = [{"type": "image_url", "image_url": {"url": "https://e/x.png"}}]
    return with_fields(asked, messages=[{"role": "user", "content": parts}])


def with_fields(asked: Call, **fields: Any) -> Call:
    return msgspec.structs.replace(asked, body=json.dumps({**json.loads(asked.body), **fields}).encode())


def routed(asked: Call) -> Call:
    return with_fields(asked, provider={"only": ["x"]})


def plain(asked: Call) -> Call:
    return asked


class Blamed:
    """A world whose first vendor answers as told; callers ask it one after another."""

    def __init__(self, text: str, v: Answering, w: list[Answering] | None = None) -> None:
        self.leaves = {"v": Scripted([v], repeat=True), "w": Scripted(w or ["from w"], repeat=True)}
        self.world = World(lambda provider, model: self.leaves[provider], text)
        # Calls reach the stack below Auth: whose they are stands on them.
        self.service = self.world.assembled.front

    @property
    def circuit(self) -> Circuit:
        return self.world.assembled.shared.circuits["v/m"]

    @property
    def asked(self) -> int:
        return len(self.leaves["v"].calls)

    async def ask(self, tenant: str = "", kind: Callable[[Call], Call] = plain, *, within: float = 120.0) -> Answer:
        made = msgspec.structs.replace(kind(call()), tenant=tenant, arrived_at=now(), deadline_at=now() + within)
        return await ask(self.service, made)


# A 404, and what a call's own body asks for


@pytest.mark.parametrize("kind", [picture, routed])
@pytest.mark.parametrize(
    "message",
    ["No endpoints found that support image input", "No allowed providers are available for the selected model."],
)
@virtual
async def test_a_404_that_follows_from_the_body_takes_the_target_from_nobody_however_often_and_by_whom(
    kind: Callable[[Call], Call], message: str
) -> None:
    def vendor(asked: Call) -> str | CallError:
        return said(404, message, code=404) if b"image_url" in asked.body or b"provider" in asked.body else "from v"

    scene = Blamed(TWO, vendor)
    for caller in ("ann", "bob", "cyd") * 3:
        assert (await scene.ask(caller, kind)).text == "from w"
        assert scene.circuit.allows(now())
        assert scene.circuit.state == "closed"
        assert (await scene.ask("dan")).text == "from v"


@virtual
async def test_when_nobody_can_take_it_the_caller_is_told_the_vendors_own_words() -> None:
    scene = Blamed(ONE, said(404, "No endpoints found that support image input"))
    with pytest.raises(Unsuited) as caught:
        await scene.ask("ann", picture)
    assert (caught.value.shown_status, caught.value.message) == (404, "No endpoints found that support image input")
    assert scene.asked == 1


GONE = "The model `m` does not exist or you do not have access to it."


@virtual
async def test_a_404_that_names_the_model_sets_the_target_aside_once_an_ordinary_call_met_it() -> None:
    scene = Blamed(TWO, said(404, GONE, code="model_not_found"))
    assert (await scene.ask("ann", picture)).text == "from w"
    assert scene.circuit.allows(now()), "it may be the picture"
    assert (await scene.ask("ann")).text == "from w"
    assert not scene.circuit.allows(now() + 59)
    assert scene.circuit.allows(now() + 61)


@virtual
async def test_a_404_that_names_the_model_sets_the_target_aside_once_two_callers_met_it() -> None:
    scene = Blamed(TWO, said(404, GONE))
    for _ in range(9):
        await scene.ask("ann", picture)
        assert scene.circuit.allows(now()), "one caller proves nothing, however often he asks"
    await scene.ask("bob", routed)
    assert not scene.circuit.allows(now())


@virtual
async def test_callers_without_keys_are_no_two_callers() -> None:
    scene = Blamed(TWO, said(404, GONE))
    for _ in range(9):
        await scene.ask("", picture)
    assert scene.circuit.allows(now())


@virtual
async def test_a_404_that_names_another_model_than_the_targets_is_about_the_call() -> None:
    scene = Blamed(TWO, said(404, "The model `m-of-my-own` does not exist"))
    for caller in ("ann", "bob", "cyd"):
        await scene.ask(caller, routed)
    assert scene.circuit.allows(now())


@virtual
async def test_an_answer_in_between_takes_the_doubt_away() -> None:
    def vendor(asked: Call) -> str | CallError:
        return said(404, GONE) if b"image_url" in asked.body else "from v"

    scene = Blamed(TWO, vendor)
    for caller in ("ann", "bob", "cyd"):
        await scene.ask(caller, picture)
        await scene.ask("dan")
        assert scene.circuit.allows(now())


@pytest.mark.parametrize("message", ["", "Not Found", "No such File object: file-1"])
@virtual
async def test_a_404_that_names_nothing_counts_only_where_an_ordinary_call_met_it(message: str) -> None:
    scene = Blamed(TWO, said(404, message))
    for caller in ("ann", "bob", "cyd"):
        await scene.ask(caller, picture)
    assert scene.circuit.allows(now())
    await scene.ask("dan")
    assert not scene.circuit.allows(now())


@virtual
async def test_a_403_of_unknown_reason_counts_once_two_callers_met_it_for_any_words_may_be_the_reason() -> None:
    scene = Blamed(TWO, said(403, "Forbidden"))
    for _ in range(9):
        assert (await scene.ask("ann")).text == "from w"
    assert scene.circuit.allows(now())
    await scene.ask("bob")
    assert not scene.circuit.allows(now())


@virtual
async def test_a_refused_key_sets_the_target_aside_whoever_meets_it() -> None:
    scene = Blamed(TWO, said(401, "Incorrect API key provided: k", code="invalid_api_key"))
    await scene.ask("ann", picture)
    assert not scene.circuit.allows(now() + 59)


@virtual
async def test_who_asks_an_embedding_model_to_chat_takes_it_from_nobody() -> None:
    def vendor(asked: Call) -> str | CallError:
        return "vectors" if asked.dialect is EMBEDDINGS else said(404, GONE)

    scene = Blamed(TWO, vendor)
    made = msgspec.structs.replace(call(), dialect=EMBEDDINGS, body=b'{"model":"m","input":"hi"}')
    await ask(scene.service, made)
    await scene.ask("ann")
    await scene.ask("bob")
    assert scene.circuit.allows(now())


@virtual
async def test_credit_that_is_too_little_for_one_call_is_enough_for_others() -> None:
    scene = Blamed(
        TWO, said(402, "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens")
    )
    assert (await scene.ask("ann")).text == "from w"
    assert scene.circuit.allows(now())


@virtual
async def test_the_gateway_sends_no_call_of_its_own_to_find_out() -> None:
    scene = Blamed(TWO, said(404, GONE))
    await scene.ask("ann", picture)
    await asyncio.sleep(3600)
    assert scene.asked == 1


# Refusals of content


@virtual
async def test_a_refusal_of_content_with_403_is_passed_on_and_is_not_gone_around() -> None:
    refused = vendor_error(
        403,
        (),
        b'{"code":"no permission","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}',
        WALL,
    )
    scene = Blamed(TWO, refused)
    for _ in range(9):
        with pytest.raises(Filtered) as caught:
            await scene.ask("ann")
        assert caught.value.shown_status == 403
    assert scene.leaves["w"].calls == []
    assert scene.circuit.state == "closed"
    assert scene.circuit.allows(now())
    text = TWO.replace("targets:", "on_content_filter: next, targets:")
    assert (await Blamed(text, refused).ask("ann")).text == "from w"


@virtual
async def test_what_a_stream_blames_on_the_call_opens_no_circuit() -> None:
    cut = error_in({"error": {"message": "m", "code": "data_inspection_failed"}}, is_headed=True)
    scene = Blamed(ONE, Stream(pieces=["one ", cut]))
    for _ in range(20):
        with pytest.raises(Cut):
            await ask(scene.service, call(streamed=True))
    assert scene.circuit.state == "closed"
    assert scene.asked == 20


# Limits


GROQ = "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 12328"


@pytest.mark.parametrize("status", [413, 429])
@virtual
async def test_a_limit_that_one_body_is_too_large_for_goes_on_and_rests_the_target_for_nobody(status: int) -> None:
    error = said(status, GROQ, [(b"retry-after", b"60")], type="tokens", code="rate_limit_exceeded")
    scene = Blamed(TWO, error)
    for _ in range(9):
        assert (await scene.ask("ann")).text == "from w"
        assert scene.circuit.allows(now())
    assert scene.circuit.state == "closed"
    assert scene.asked == 9, "each call was sent once, at once"


@virtual
async def test_without_another_tier_a_body_that_is_too_large_for_a_limit_is_one_call() -> None:
    scene = Blamed(ONE, said(413, GROQ, type="tokens", code="rate_limit_exceeded"))
    with pytest.raises(Throttled) as caught:
        await scene.ask("ann")
    assert (caught.value.shown_status, scene.asked, now()) == (413, 1, 0.0)


@pytest.mark.parametrize(("status", "kind", "shown"), [(429, RestingAtLimit, 429), (503, Resting, 503)])
@virtual
async def test_a_target_rests_for_everybody_and_who_cannot_wait_is_told_at_once_for_how_long(
    status: int, kind: type[CallError], shown: int
) -> None:
    scene = Blamed(ONE, said(status, "slow down", [(b"retry-after", b"30")]))
    with pytest.raises(CallError) as first:
        await scene.ask("ann", within=5.0)
    assert first.value.retry_after == 30.0
    await asyncio.sleep(1.0)
    for caller in ("bob", "cyd", "dan", "eve"):
        began = now()
        with pytest.raises(kind) as caught:
            await scene.ask(caller, within=20.0)
        assert now() == began
        assert type(caught.value) is kind
        assert caught.value.shown_status == shown
        assert caught.value.retry_after == pytest.approx(29.0, abs=0.01)
    assert scene.asked == 1, "the vendor was asked once in all"


@virtual
async def test_who_can_wait_is_answered_after_the_rest_and_nobody_asks_before() -> None:
    asked_at: list[float] = []

    def vendor(asked: Call) -> str | CallError:
        asked_at.append(now())
        return said(429, "slow down", [(b"retry-after", b"30")]) if now() < 30.0 else "from v"

    scene = Blamed(ONE, vendor)
    asking = [asyncio.create_task(scene.ask("ann"))]
    await asyncio.sleep(1.0)
    asking += [asyncio.create_task(scene.ask(caller)) for caller in "bcde"]
    assert [answer.text for answer in await asyncio.gather(*asking)] == ["from v"] * 5
    assert asked_at[0] == 0.0
    assert min(asked_at[1:]) >= 29.99
    assert now() <= 33.0
    assert len(set(asked_at)) == len(asked_at), "not all in the same instant"


@virtual
async def test_a_rest_has_an_upper_bound() -> None:
    scene = Blamed(ONE, said(429, "slow down", [(b"retry-after", b"86400")]))
    with pytest.raises(Throttled):
        await scene.ask("ann", within=5.0)
    assert not scene.circuit.allows(now() + 3590)
    assert scene.circuit.allows(now() + 3601)


@virtual
async def test_while_one_tier_rests_another_answers_and_when_all_rest_the_first_to_wake_is_waited_for() -> None:
    slow = [said(429, "slow down", [(b"retry-after", seconds)]) for seconds in (b"30", b"10")]
    scene = Blamed(TWO, slow[0], ["from w", slow[1], "from w"])
    assert (await scene.ask("ann")).text == "from w"
    with pytest.raises(Throttled):
        await scene.ask("bob", within=5.0)
    began = now()
    with pytest.raises(RestingAtLimit) as caught:
        await scene.ask("cyd", within=5.0)
    assert caught.value.retry_after == pytest.approx(10.0, abs=0.01)
    assert (await scene.ask("dan")).text == "from w"
    assert 9.9 <= now() - began <= 11.0


@virtual
async def test_where_one_tier_is_down_and_the_other_rests_for_a_moment_the_rest_is_waited_for() -> None:
    asked_at: list[float] = []

    def vendor(asked: Call) -> str | CallError:
        asked_at.append(now())
        return said(429, "slow down", [(b"retry-after", b"10")]) if len(asked_at) == 1 else "from v"

    scene = Blamed(TWO, vendor, [Failed("500")])
    circuit = scene.world.assembled.shared.circuits["w/m"]
    for _ in range(5):
        circuit.end(circuit.enter(0.0), "failure", 0.0)
    with pytest.raises(Failed):
        await scene.ask("ann", within=5.0)
    assert (await scene.ask("bob")).text == "from v"
    assert len(asked_at) == 2
    assert 9.99 <= asked_at[1] <= 11.0
    assert len(scene.leaves["w"].calls) == 2, "an open circuit is asked first: there is nothing to lose"


@virtual
async def test_an_open_circuit_is_still_asked_where_nobody_else_is_left() -> None:
    """Only who rests because its vendor said so is left alone."""
    scene = Blamed(ONE, Failed("500"))
    for _ in range(9):
        with pytest.raises(Failed):
            await scene.ask("ann")
    assert scene.circuit.state == "open"
    before = scene.asked
    with pytest.raises(Failed):
        await scene.ask("ann")
    assert scene.asked > before


@virtual
async def test_a_refusal_of_us_is_shown_as_before_where_nobody_else_is_left() -> None:
    scene = Blamed(ONE, said(401, "Incorrect API key provided"))
    for _ in range(3):
        with pytest.raises(Denied) as caught:
            await scene.ask("ann")
        assert (caught.value.shown_status, caught.value.code) == (502, "upstream_denied")
