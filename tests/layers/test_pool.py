"""The layers that try and hold: retry, fallback, balance, breaker, limit, admit, timeout and meter."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random

import msgspec
import pytest

from headworks.core.clock import now
from headworks.core.errors import (
    CallError,
    CircuitOpen,
    Cut,
    Denied,
    Expired,
    Failed,
    NoTarget,
    Overloaded,
    Rejected,
    Throttled,
    Unreachable,
    VendorSaid,
)
from headworks.core.service import Service, stack
from headworks.core.state import Bounds, Places
from headworks.core.trail import Trail
from headworks.layers.admit import Admit
from headworks.layers.balance import Balance, Target
from headworks.layers.breaker import Breaker
from headworks.layers.fallback import Fallback
from headworks.layers.limit import Limit, ProviderQueue
from headworks.layers.meter import Meter
from headworks.layers.retry import Retry
from headworks.layers.timeout import Timeout
from headworks.policy.balancing import Candidate, Weighted
from headworks.policy.budget import EMPTY, INFINITE, RetryBudget
from headworks.policy.circuit import Breaking, Circuit
from headworks.policy.concurrency import Slots
from headworks.policy.latency import LatencyWindow
from headworks.policy.retry import Retrying, RetryPolicy
from headworks.policy.shedding import Admission
from headworks.policy.timeouts import Timeouts
from headworks.providers.scripted import Stream
from headworks.state.memory import Memory
from headworks.testing import Scripted, ask, call, mock, virtual


def candidate(name: str, weight: float = 1.0) -> Candidate:
    return Candidate(name, Circuit(Breaking(), Random(1)), LatencyWindow(), weight)


def tier(
    leaves: dict[str, Service],
    *,
    is_last: bool = True,
    retry_budget: RetryBudget = INFINITE,
    retrying: Retrying | None = None,
) -> tuple[Service, list[Candidate]]:
    """A tier as `assemble` builds one, over the given leaves."""
    config = retrying or Retrying()
    known = {name: candidate(name) for name in leaves}
    targets = [
        Target(
            known[name],
            stack(
                partial(Breaker, circuit=known[name].circuit, target=name),
                partial(Timeout, timeouts=Timeouts()),
                partial(Meter, candidate=known[name]),
                inside=leaf,
            ),
        )
        for name, leaf in leaves.items()
    ]
    balance = Balance(targets, Weighted(), Random(2), most=config.attempts, resort=targets if is_last else ())
    retry = Retry(balance, RetryPolicy(config, Random(3)), balance.candidates, retry_budget, is_last=is_last)
    return retry, balance.candidates


def trail_of(asked: object) -> list[tuple[str, str, str]]:
    assert isinstance(asked, Trail)
    return [(attempt.target, attempt.why, attempt.outcome) for attempt in asked.attempts]


@virtual
async def test_a_failed_attempt_is_made_again_after_a_pause() -> None:
    leaf = Scripted([Failed("500"), "hi"])
    service, _ = tier({"a": leaf})
    asked = call()
    assert (await ask(service, asked)).text == "hi"
    assert [step[:2] for step in trail_of(asked.trail)] == [("a", "first"), ("a", "retry")]
    assert 0.1 <= now() <= 0.2


@virtual
async def test_at_most_three_calls_to_one_target_for_one_call() -> None:
    leaf = Scripted([Failed("500", said=VendorSaid(status=500, message="boom"))], repeat=True)
    service, _ = tier({"a": leaf})
    with pytest.raises(Failed, match="500"):
        await ask(service, call())
    assert len(leaf.calls) == 3


@virtual
async def test_two_targets_of_a_tier_share_the_attempts_and_none_gets_more_than_three() -> None:
    a, b = (Scripted([Failed("500")], repeat=True) for _ in range(2))
    service, _ = tier({"a": a, "b": b})
    with pytest.raises(Failed):
        await ask(service, call())
    assert max(len(a.calls), len(b.calls)) == 3
    assert min(len(a.calls), len(b.calls)) >= 2


@pytest.mark.parametrize("error", [Rejected("400"), Cut("late"), Expired(phase="total")])
def test_what_must_not_be_retried_is_one_call(error: CallError) -> None:
    @virtual
    async def run() -> None:
        leaf, other = Scripted([error]), Scripted([])
        service, _ = tier({"a": leaf})
        with pytest.raises(type(error)):
            await ask(service, call())
        assert (len(leaf.calls), len(other.calls)) == (1, 0)

    run()


@virtual
async def test_after_a_timeout_the_other_target_is_asked_at_once() -> None:
    silent = Scripted([Stream(pieces=[1000.0, "late"])], repeat=True)
    quick = Scripted(["hi"], repeat=True)
    service, _ = tier({"silent": silent, "quick": quick})
    for _ in range(6):  # whichever is picked first
        began = now()
        assert (await ask(service, call(streamed=True))).text == "hi"
        assert now() - began in (0.0, 8.0)
    assert silent.calls


@virtual
async def test_a_circuit_that_opens_on_the_way_does_not_hide_what_the_vendor_said() -> None:
    service, _ = tier({"a": Scripted([Failed("500")], repeat=True)})
    for _ in range(2):  # three attempts, then the two that open the circuit
        with pytest.raises(Failed, match="500"):
            await ask(service, call())


@virtual
async def test_an_empty_purse_means_one_attempt() -> None:
    leaf = Scripted([Failed("500")], repeat=True)
    service, _ = tier({"a": leaf}, retry_budget=EMPTY)
    with pytest.raises(Failed):
        await ask(service, call())
    assert len(leaf.calls) == 1


@virtual
async def test_a_vendor_that_refuses_us_is_one_call_and_then_the_next_tier() -> None:
    refusing = Scripted([Denied("bad key")])
    first, candidates = tier({"a": refusing}, is_last=False)
    second, _ = tier({"b": Scripted(["hi", "hi"])})
    service = Fallback([first, second], INFINITE)
    asked = call()
    assert (await ask(service, asked)).text == "hi"
    assert [step[:2] for step in trail_of(asked.trail)] == [("a", "first"), ("b", "fallback")]
    assert not candidates[0].circuit.allows(now() + 59)  # set aside
    assert candidates[0].circuit.allows(now() + 61)
    asked = call()
    await ask(service, asked)
    assert [step[:2] for step in trail_of(asked.trail)] == [("b", "first")]


@virtual
async def test_the_first_fallback_is_free_and_the_second_pays() -> None:
    tiers = [tier({name: Scripted([Failed(name)])}, is_last=name == "c", retry_budget=EMPTY)[0] for name in "abc"]
    asked = call()
    with pytest.raises(Failed, match="b"):
        await ask(Fallback(tiers, EMPTY), asked)
    assert [step[0] for step in trail_of(asked.trail)] == ["a", "b"]


@virtual
async def test_the_callers_own_fault_does_not_reach_the_next_tier() -> None:
    first, candidates = tier({"a": Scripted([Rejected("400")])}, is_last=False)
    untouched = Scripted([])
    second, _ = tier({"b": untouched})
    with pytest.raises(Rejected):
        await ask(Fallback([first, second], INFINITE), call())
    assert untouched.calls == []
    assert candidates[0].circuit.allows(now())


@virtual
async def test_a_retry_after_is_waited_for_when_nobody_else_is_left() -> None:
    service, _ = tier({"a": Scripted([Throttled("429", retry_after=3.0), "hi"])})
    asked = msgspec.structs.replace(call(), deadline_at=100.0)
    # Set aside meanwhile, and yet asked when its time has come: no other target is left.
    assert (await ask(service, asked)).text == "hi"
    assert now() >= 3.0


@virtual
async def test_five_failures_open_the_circuit_and_a_probe_closes_it() -> None:
    leaf = Scripted([*[Failed("500")] * 5, "well", "well"])
    circuit = Circuit(Breaking(), Random(1))
    breaker = Breaker(leaf, circuit, "a")
    for _ in range(5):
        with pytest.raises(Failed):
            await ask(breaker, call())
    with pytest.raises(CircuitOpen):
        await ask(breaker, call())
    assert len(leaf.calls) == 5
    await asyncio.sleep(5.5)
    assert (await ask(breaker, call())).text == "well"
    assert circuit.state == "closed"


@virtual
async def test_when_every_circuit_is_open_the_least_recently_failed_is_asked() -> None:
    known = {"a": candidate("a"), "b": candidate("b")}
    for at, circuit in ((1.0, known["a"].circuit), (2.0, known["b"].circuit)):
        for _ in range(5):
            circuit.end(circuit.enter(at), "failure", at)
        assert not circuit.allows(3.0)
    leaves = {"a": Scripted(["hi"]), "b": Scripted([])}
    targets = [Target(one, Breaker(Meter(leaves[name], one), one.circuit, name)) for name, one in known.items()]
    with pytest.raises(NoTarget):
        await ask(Balance(targets, Weighted(), Random(1), most=3), call())
    assert (await ask(Balance(targets, Weighted(), Random(1), most=3, resort=targets), call())).text == "hi"


@virtual
async def test_a_vendor_that_asks_for_years_is_asked_again_after_an_hour() -> None:
    circuit = Circuit(Breaking(), Random(1))
    with pytest.raises(Throttled):
        await ask(Breaker(Scripted([Throttled("429", retry_after=1e8)]), circuit, "a"), call())
    assert not circuit.allows(now() + 3590)
    assert circuit.allows(now() + 3601)


@virtual
async def test_a_cut_after_the_head_counts_against_the_target() -> None:
    leaf = Scripted([Stream(pieces=["one", 1.0, Cut("cut")])], repeat=True)
    circuit = Circuit(Breaking(), Random(1))
    for _ in range(5):
        with pytest.raises(Cut):
            await ask(Breaker(leaf, circuit, "a"), call(streamed=True))
    assert circuit.state == "open"


def limited(inner: Service, slots: Slots) -> Limit:
    bounds = Bounds(places=(Places("places/provider/a", slots.limit),))
    return Limit(inner, Memory(), bounds, slots, ProviderQueue(), "a")


@virtual
async def test_a_slot_is_held_until_the_last_chunk() -> None:
    slots = Slots(1)
    limit = limited(Scripted([Stream(pieces=["one", 1.0, "two"]), "hi"]), slots)
    async with limit.open(call(streamed=True)) as reply:
        await reply.read()
        assert slots.in_use == 1
        with pytest.raises(Overloaded):
            await ask(limit, call())
    assert slots.in_use == 0
    assert (await ask(limit, call())).text == "hi"


@pytest.mark.parametrize("moment", ["before the head", "while reading"])
def test_a_cancelled_call_gives_its_place_back(moment: str) -> None:
    @virtual
    async def run() -> None:
        service, handle = mock()
        admission, slots = Admission(10), Slots(10)
        layers = Admit(limited(service, slots), admission)
        asking = asyncio.create_task(ask(layers, call(streamed=True)))
        arrival = await handle.next_call()
        if moment == "while reading":
            arrival.chunk("one")
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (admission.in_flight, slots.in_use, handle.open_calls) == (0, 0, 0)

    run()


@virtual
async def test_the_bounds_of_an_attempt_never_reach_past_the_deadline() -> None:
    leaf = Scripted(["hi"], repeat=True)
    service, _ = tier({"a": leaf})
    await ask(service, msgspec.structs.replace(call(), deadline_at=1.0))
    await ask(service, msgspec.structs.replace(call(streamed=True), deadline_at=1000.0))
    late, early = leaf.calls[0].attempt, leaf.calls[1].attempt
    assert late is not None
    assert early is not None
    assert (late.connect_by, late.head_by) == (1.0, 1.0)
    assert (early.connect_by, early.head_by, early.gap) == (2.0, 8.0, 8.0)


@virtual
async def test_meter_closes_the_attempt_and_frees_the_target() -> None:
    service, [known] = tier({"a": Scripted([Unreachable("refused"), Stream(pieces=[0.5, "hi"])])})
    asked = call(streamed=True)
    answer = await ask(service, asked)
    first, second = asked.trail.attempts
    assert (first.outcome, first.error) == ("failed", "Unreachable")
    assert second.usage == answer.usage
    assert known.latency.percentile(50) == pytest.approx(0.5)
    assert known.busy == 0
