"""A simulated vendor keeps its times, its limits and its word, on virtual time and on the real loop."""

import asyncio
from base64 import b64decode
from itertools import pairwise
from statistics import quantiles
from struct import unpack

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Expired, Rejected, Throttled
from headworks.core.reply import Chunk, Usage
from headworks.core.vtime import VirtualLoop
from headworks.providers.simulated.answer_text import Percentiles
from headworks.providers.simulated.provider import COALESCE_WITHIN, Simulated, VendorSettings, VendorState
from headworks.testing import Answer, ask, call, run_virtual, virtual
from headworks.wire.openai.caller import EMBEDDINGS


def constant(seconds: float) -> Percentiles:
    return Percentiles(p50=seconds, p99=seconds)


STEADY = VendorSettings(first_token=constant(1.0), per_token=constant(0.5), output_tokens=constant(9))
AT_ONCE = VendorSettings(first_token=constant(0), per_token=constant(0), output_tokens=constant(9))


def simulated(vendor: VendorSettings, model: str = "stand-in", name: str = "sim") -> Simulated:
    return Simulated(VendorState(name, vendor), model)


def attempted(asked: Call, *, connect_by: float = 0.0, head_by: float = 0.0, gap: float = 0.0) -> Call:
    attempt = asked.trail.begin("sim/stand-in", "first", 0.0)
    attempt.connect_by, attempt.head_by, attempt.gap = connect_by, head_by, gap
    return msgspec.structs.replace(asked, attempt=attempt)


def events(answer: Answer) -> list[dict[str, object]]:
    lines = [line for line in answer.data.decode().split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    return [msgspec.json.decode(line.removeprefix("data: ")) for line in lines[:-1]]


@virtual
async def test_a_body_is_there_when_its_last_token_is() -> None:
    vendor = simulated(STEADY)
    answer = await ask(vendor, asked := attempted(call()))
    assert now() == 1.0 + 8 * 0.5
    body = msgspec.json.decode(answer.data)
    assert body["model"] == "stand-in"
    assert body["choices"][0]["message"]["content"] == answer.text
    assert len(answer.text.split()) == 9
    assert answer.usage == Usage(input=body["usage"]["prompt_tokens"], output=9)
    assert len(answer.chunks) == 1
    assert asked.attempt is not None
    assert (asked.attempt.head_at, asked.attempt.vendor_status) == (5.0, 200)
    assert asked.attempt.vendor_request_id.startswith("req_")
    assert asked.attempt.usage == answer.usage
    assert vendor.state.in_flight == 0


@virtual
async def test_a_stream_has_at_most_four_chunks_on_virtual_time_each_when_its_last_token_is_due() -> None:
    vendor = simulated(STEADY)
    async with vendor.open(attempted(call(streamed=True))) as reply:
        assert now() == 1.0
        came: list[tuple[float, Chunk]] = []
        while not (came and came[-1][1].last):
            chunks = await reply.read()
            came += [(now(), chunk) for chunk in chunks]
        assert await reply.read() == []
    assert [at for at, _ in came] == [1.0, 3.0, 5.0, 5.0]
    assert [chunk.has_content for _, chunk in came] == [True, True, True, False]
    assert [len(chunk.text.split()) for _, chunk in came] == [1, 4, 4, 0]
    assert came[2][1].finish == reply.finish == "stop"
    assert reply.usage == came[3][1].usage


def test_a_stream_has_a_chunk_a_token_on_the_real_loop() -> None:
    async def scene() -> tuple[Answer, float]:
        vendor = simulated(
            VendorSettings(first_token=constant(0.005), per_token=constant(0.004), output_tokens=constant(5))
        )
        start = now()
        return await ask(vendor, call(streamed=True, include_usage=True)), now() - start

    answer, took = asyncio.run(scene())
    said = events(answer)
    deltas = [event["choices"][0]["delta"] for event in said[:-1]]  # type: ignore[index]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [len(delta.get("content", "").split()) for delta in deltas] == [0, 1, 1, 1, 1, 1, 0]
    assert said[-1]["choices"] == []
    assert said[-1]["usage"]["completion_tokens"] == 5  # type: ignore[index]
    assert [chunk.has_content for chunk in answer.chunks] == [False, True, True, True, True, True, True, False]
    assert took >= 0.005 + 4 * 0.004 - COALESCE_WITHIN


def test_text_is_the_same_on_both_loops_streamed_or_not() -> None:
    async def scene(streamed: bool) -> str:
        return (await ask(simulated(AT_ONCE), call("why?", streamed=streamed))).text

    told = {run(scene(streamed)) for run in (asyncio.run, run_virtual) for streamed in (False, True)}
    assert len(told) == 1


@virtual
async def test_tokens_that_nobody_asked_for_are_known_and_not_shown() -> None:
    asked = attempted(call(streamed=True))
    answer = await ask(simulated(STEADY), asked)
    assert b'"usage"' not in answer.data
    assert answer.usage is not None
    assert answer.usage.output == 9
    assert asked.attempt is not None
    assert asked.attempt.usage == answer.usage
    assert b'"usage"' in (await ask(simulated(STEADY), call(streamed=True, include_usage=True))).data


@virtual
async def test_times_follow_their_percentiles() -> None:
    first = Percentiles(p50=0.3, p99=2.0)
    vendor = simulated(VendorSettings(first_token=first, per_token=constant(0), output_tokens=constant(1)))
    took = []
    for _ in range(4000):
        start = now()
        await ask(vendor, call())
        took.append(now() - start)
    cuts = quantiles(took, n=100)
    assert cuts[49] == pytest.approx(first.p50, rel=0.1)
    assert cuts[98] == pytest.approx(first.p99, rel=0.25)


@virtual
async def test_zero_times_are_at_once_and_equal_percentiles_are_constant() -> None:
    await ask(simulated(AT_ONCE), call(streamed=True))
    assert now() == 0.0
    for _ in range(3):
        start = now()
        await ask(simulated(STEADY), call())
        assert now() - start == 5.0


@pytest.mark.parametrize(("p50", "p99"), [(-1, 1), (2, 1), (0, 1), (1, float("inf")), (float("nan"), 1)])
def test_percentiles_that_no_amount_has_are_refused(p50: float, p99: float) -> None:
    with pytest.raises(ValueError, match="p50"):
        Percentiles(p50=p50, p99=p99)


def chaos(seed: int, vendor_name: str = "sim") -> list[object]:
    async def scene() -> list[object]:
        vendor = simulated(
            VendorSettings(faults={"cut": 0.2, "server_error": 0.2, "stall": 0.05, "refused": 0.1}, seed=seed),
            name=vendor_name,
        )
        log: list[object] = []
        for number in range(60):
            asked = attempted(call(f"question {number}", streamed=number % 2 == 0), gap=3.0)
            try:
                answer = await ask(vendor, asked)
                log.append((now(), answer.data))
            except CallError as error:
                log.append((now(), type(error).__name__, error.message))
        assert vendor.state.in_flight == 0
        return log

    return run_virtual(scene())


def test_the_same_seed_and_order_of_calls_give_the_same_run_to_the_digit() -> None:
    assert chaos(7) == chaos(7)
    assert chaos(7) != chaos(8)


def test_two_vendors_with_one_seed_do_not_fail_together() -> None:
    assert [entry[0] for entry in chaos(7)] != [entry[0] for entry in chaos(7, "other")]  # type: ignore[index]


def test_faults_do_not_shift_the_times_of_the_calls_they_spare() -> None:
    async def scene(vendor: VendorSettings) -> list[float]:
        one, took = simulated(vendor), []
        for _ in range(100):
            start = now()
            try:
                await ask(one, call())
                took.append(round(now() - start, 9))
            except CallError:
                took.append(0.0)
        return took

    calm = run_virtual(scene(VendorSettings()))
    stormy = run_virtual(scene(VendorSettings(faults={"refused": 0.3})))
    assert 10 < stormy.count(0.0) < 50
    assert all(after in (0.0, before) for before, after in zip(calm, stormy, strict=True))


@virtual
async def test_requests_past_rpm_are_throttled_until_they_fit_again() -> None:
    vendor = simulated(msgspec.structs.replace(AT_ONCE, rpm=2))
    await ask(vendor, call())
    await ask(vendor, call())
    with pytest.raises(Throttled) as caught:
        await ask(vendor, asked := attempted(call()))
    assert caught.value.retry_after == pytest.approx(30.0)
    assert caught.value.said is not None
    assert caught.value.said.status == 429
    assert caught.value.target == "sim/stand-in"
    assert asked.attempt is not None
    assert asked.attempt.vendor_status == 429
    await asyncio.sleep(30.0)
    await ask(vendor, call())


@virtual
async def test_tokens_past_tpm_are_throttled_and_an_answer_past_it_never_fits() -> None:
    desk = VendorState("sim", msgspec.structs.replace(AT_ONCE, tpm=40))
    vendor, other = Simulated(desk, "a"), Simulated(desk, "b")
    spent = (await ask(vendor, call())).usage
    assert spent is not None
    waits = []
    for _ in range(4):  # all models of a vendor share its limit
        try:
            await ask(other, call())
        except Throttled as error:
            waits.append(error.retry_after)
    assert waits
    assert all(wait is not None and 0 < wait <= 60 for wait in waits)
    with pytest.raises(Throttled) as caught:
        await ask(vendor, call("word " * 100))
    assert caught.value.retry_after is None


@virtual
async def test_calls_past_the_concurrency_are_throttled() -> None:
    vendor = simulated(msgspec.structs.replace(STEADY, concurrency=2))
    answers = await asyncio.gather(*[ask(vendor, call()) for _ in range(3)], return_exceptions=True)
    assert [type(answer) for answer in answers] == [Answer, Answer, Throttled]
    assert vendor.state.in_flight == 0
    await ask(vendor, call())


@virtual
async def test_bounds_are_kept_to_the_instant() -> None:
    vendor = simulated(STEADY)
    cases: list[tuple[Call, str, float]] = [
        (attempted(call(streamed=True), head_by=0.75), "first_token", 0.75),
        (attempted(call(), head_by=2.0), "answer", 2.0),
        (attempted(call(streamed=True), gap=0.25), "between_tokens", 1.25),
        (msgspec.structs.replace(attempted(call(streamed=True), gap=9.0), deadline_at=2.25), "total", 2.25),
        (msgspec.structs.replace(attempted(call(), head_by=0.5), deadline_at=0.5), "total", 0.5),
    ]
    for asked, phase, after in cases:
        start = now()
        assert asked.attempt is not None
        asked.attempt.head_by += start if asked.attempt.head_by else 0.0
        asked = msgspec.structs.replace(asked, deadline_at=asked.deadline_at + start)
        with pytest.raises(Expired) as caught:
            await ask(vendor, asked)
        assert (caught.value.phase, now() - start) == (phase, after)
        assert vendor.state.in_flight == 0


@virtual
async def test_a_call_that_is_given_up_costs_nothing_more() -> None:
    vendor = simulated(STEADY)
    for streamed in (False, True):
        for seconds in (0.5, 2.0):
            asking = asyncio.create_task(ask(vendor, call(streamed=streamed)))
            await asyncio.sleep(seconds)
            assert vendor.state.in_flight == 1
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert vendor.state.in_flight == 0
    async with vendor.open(call(streamed=True)) as reply:
        await reply.read()
    assert vendor.state.in_flight == 0
    assert isinstance(loop := asyncio.get_running_loop(), VirtualLoop)
    assert [timer for _, _, timer in loop._scheduled if not timer.cancelled()] == []


@given(st.integers(1, 30), st.integers(0, 3), st.booleans())
def test_a_gap_breaks_the_same_call_at_the_same_instant_on_virtual_time_as_token_by_token(
    tokens: int, gap: int, bound: bool
) -> None:
    """Four chunks on virtual time must not look like long gaps."""

    async def scene() -> tuple[str, float]:
        vendor = simulated(
            VendorSettings(first_token=constant(1), per_token=constant(2), output_tokens=constant(tokens))
        )
        asked = attempted(call(streamed=True), gap=gap)
        asked = msgspec.structs.replace(asked, deadline_at=20.0 if bound else float("inf"))
        try:
            return (await ask(vendor, asked)).finish or "", now()
        except Expired as error:
            return error.phase or "", now()

    whole = 1 + 2 * (tokens - 1)
    if gap == 1 and tokens > 1:
        expected = ("between_tokens", 2.0)
    elif bound and whole > 20:
        expected = ("total", 20.0)
    else:
        expected = ("stop", float(whole))
    assert run_virtual(scene()) == expected


def embeddings(**fields: object) -> Call:
    body = msgspec.json.encode({"model": "assistant", **fields})
    return Call(id="call-1", alias="assistant", body=body, dialect=EMBEDDINGS)


@virtual
async def test_embeddings_are_unit_vectors_that_follow_from_the_text() -> None:
    vendor = simulated(STEADY)
    answer = await ask(vendor, embeddings(input=["one", "two", "one"]))
    assert now() == 1.0
    body = msgspec.json.decode(answer.data)
    one, two, again = (item["embedding"] for item in body["data"])
    assert len(one) == 384
    assert one == again != two
    assert sum(x * x for x in one) == pytest.approx(1.0, abs=1e-5)
    assert [item["index"] for item in body["data"]] == [0, 1, 2]
    assert answer.usage == Usage(input=body["usage"]["total_tokens"])
    packed = await ask(vendor, embeddings(input="one", encoding_format="base64", dimensions=384))
    shown = msgspec.json.decode(packed.data)["data"][0]["embedding"]
    assert list(unpack("<384f", b64decode(shown))) == pytest.approx(one)
    short = await ask(vendor, embeddings(input=[[1, 2, 3], [4]], dimensions=5))
    assert [len(item["embedding"]) for item in msgspec.json.decode(short.data)["data"]] == [5, 5]
    assert short.usage == Usage(input=4)
    assert len(msgspec.json.decode((await ask(vendor, embeddings(input=[1, 2, 3]))).data)["data"]) == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": 3}, "input"),
        ({}, None),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_an_embeddings_call_that_makes_no_sense_is_rejected(fields: dict[str, object], param: str | None) -> None:
    with pytest.raises(Rejected) as caught:
        run_virtual(ask(simulated(AT_ONCE), embeddings(**fields)))
    assert caught.value.param == param


def test_tokens_come_in_order_of_time() -> None:
    async def scene() -> list[float]:
        vendor = simulated(VendorSettings(first_token=constant(1), per_token=Percentiles(p50=0.01, p99=0.1)))
        seen = []
        async with vendor.open(call(streamed=True)) as reply:
            while chunks := await reply.read():
                seen += [now()] * len(chunks)
        return seen

    instants = run_virtual(scene())
    assert all(before <= after for before, after in pairwise(instants))
    assert 3 <= len(instants) <= 4
