"""What a caller sees of each fault of one vendor, over the assembled stack and its defaults: another's whole answer."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headworks.core.clock import now
from headworks.core.errors import CallError, Denied, Failed, Filtered, Rejected, Throttled, TooLong, VendorSaid
from headworks.core.record import Record
from headworks.core.service import Service
from headworks.gateway.leaves import Leaves
from headworks.providers.scripted import Answering, Scripted, Stream
from headworks.providers.simulated.faults import FAULTS, Fault
from headworks.testing import Answer, ask, call, virtual
from tests.stack.systems import World, system

TWO = """
version: 1
providers:
  faulty: {dialect: simulated, seed: 7, faults: {FAULT: 100%}}
  steady: {dialect: simulated, seed: 7}
models:
  assistant: {targets: [faulty/m, steady/m], mid_stream: restart}
"""
CALLERS: frozenset[Fault] = frozenset({"context_length", "content_filter"})
"""Faults that a vendor blames on the call: passed on."""
ANSWERS: frozenset[Fault] = frozenset({"content_filter_finish", "slow_drip"})
"""Faults that are answers: a short one, a slow one."""


def simulated(text: str) -> World:
    """A world over the simulated vendors of its own file."""
    leaves = Leaves(system(text), Path("."), seed=1)
    return World(leaves.leaf, text)


class Scenes:
    """A world over scripted vendors, by provider."""

    def __init__(self, text: str, **answers: list[Answering]) -> None:
        self.leaves = {name: Scripted(some, repeat=True) for name, some in answers.items()}
        self.world = World(self.leaf, text)

    def leaf(self, provider: str, model: str) -> Service:
        return self.leaves[provider]

    async def ask(self, *, streamed: bool = True) -> Answer:
        return await ask(self.world.assembled.front, call(streamed=streamed))

    @property
    def record(self) -> Record:
        return self.world.journal.records[-1]

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(attempt.target.partition("/")[0], attempt.why) for attempt in self.record.attempts]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in CALLERS | ANSWERS])
@pytest.mark.parametrize("streamed", [True, False])
def test_with_a_fallback_every_fault_of_one_vendor_ends_in_a_whole_and_exact_answer(
    fault: Fault, streamed: bool
) -> None:
    @virtual
    async def run() -> None:
        world = simulated(TWO.replace("FAULT", fault))
        answer = await ask(world.assembled.front, call("why?", streamed=streamed))
        wanted = await ask(simulated(TWO.replace("FAULT: 100%", "")).assembled.front, call("why?", streamed=streamed))
        assert answer.text == wanted.text
        assert answer.finish == "stop"
        [record] = world.journal.records
        assert (record.outcome, record.status) == ("ok", 200)
        assert record.attempts[0].target == "faulty/m"
        if streamed or fault != "slow_first_token":  # unstreamed, 20 s more are no fault that anybody could see
            assert record.attempts[0].outcome != "ok"
            assert record.attempts[-1].target == "steady/m"
        assert world.left_behind() == {}

    run()


@pytest.mark.parametrize("fault", sorted(CALLERS))
@virtual
async def test_what_a_vendor_blames_on_the_call_is_one_call_and_passed_on(fault: str) -> None:
    world = simulated(TWO.replace("FAULT", fault))
    with pytest.raises(Rejected) as caught:
        await ask(world.assembled.front, call())
    assert caught.value.said is not None
    assert len(world.journal.records[0].attempts) == 1
    assert world.assembled.shared.circuits["faulty/m"].allows(now())


@virtual
async def test_a_cut_answer_without_anybody_to_finish_it_ends_with_an_error() -> None:
    text = TWO.replace("FAULT", "cut").replace(", steady/m]", "]")
    world = simulated(text)
    with pytest.raises(CallError):
        await ask(world.assembled.front, call(streamed=True))
    assert world.journal.records[0].outcome == "cut"


# Time


@pytest.mark.parametrize("fault", ["silence", "connect_silence", "stall"])
@virtual
async def test_a_silent_vendor_costs_at_most_ten_seconds_before_the_next_attempt(fault: str) -> None:
    world = simulated(TWO.replace("FAULT", fault).replace("faulty: {", "faulty: {first_token: {p50: 1ms, p99: 2ms}, "))
    await ask(world.assembled.front, call(streamed=True))
    first, second = world.journal.records[0].attempts
    assert second.started_at - max(first.started_at, first.head_at) <= 10.0
    assert (first.outcome, second.target) == ("expired", "steady/m")


@virtual
async def test_a_first_token_that_takes_20_s_is_answered_by_the_fallback_within_15_s() -> None:
    world = simulated(TWO.replace("FAULT", "slow_first_token"))
    async with world.assembled.front.open(call(streamed=True)) as reply:
        assert now() <= 15.0
        while not (chunks := await reply.read()) or not chunks[-1].last:
            pass


@virtual
async def test_no_further_attempt_begins_that_cannot_finish_before_the_deadline() -> None:
    text = TWO.replace(", faults: {FAULT: 100%}", "")
    scenes = Scenes(text, faulty=[Stream(pieces=[0.5, "hi"])], steady=[Stream(pieces=[3.0, "hi"])])
    for _ in range(20):  # what the second tier needs is known
        await ask(scenes.world.assembled.front, call(streamed=True))
    steady = scenes.world.assembled.shared.latencies["steady/m"]
    for number in range(20):
        steady.record(3.0, now() + number / 100)
    scenes.leaves["faulty"]._answers = [Failed("500")]
    asked = msgspec.structs.replace(call(streamed=True), deadline_at=now() + 2.0, arrived_at=now())
    with pytest.raises(Failed):
        await ask(scenes.world.assembled.front, asked)
    assert {step[0] for step in scenes.steps} == {"faulty"}


# Whom else to ask

WINDOWS = """
version: 1
providers: {small: {dialect: simulated}, same: {dialect: simulated}, large: {dialect: simulated}}
models:
  assistant:
    targets:
      - {provider: small, model: m, context_window: 8k}
      - {provider: same, model: m, context_window: 8k}
      - {provider: large, model: m, context_window: 32k}
"""
LONG = TooLong("too long", said=VendorSaid(status=400, message="too long", code="context_length_exceeded"))


@virtual
async def test_a_question_that_is_too_long_goes_on_only_to_a_larger_window() -> None:
    scenes = Scenes(WINDOWS, small=[LONG], same=[LONG], large=["hi"])
    assert (await scenes.ask()).text == "hi"
    assert scenes.steps == [("small", "first"), ("large", "fallback")]
    assert all(circuit.state == "closed" for circuit in scenes.world.assembled.shared.circuits.values())


@pytest.mark.parametrize(
    "unknown", [", context_window: 32k", ", context_window: 8k"]
)  # of the larger ones, of the one that said so
@virtual
async def test_where_a_window_is_not_known_to_be_larger_the_error_stands(unknown: str) -> None:
    scenes = Scenes(WINDOWS.replace(unknown, ""), small=[LONG], same=[LONG], large=["hi"])
    with pytest.raises(TooLong) as caught:
        await scenes.ask()
    assert caught.value.shown_status == 400
    assert scenes.steps == [("small", "first")]


@virtual
async def test_an_error_of_the_larger_one_is_shown_in_the_end() -> None:
    scenes = Scenes(WINDOWS, small=[LONG], same=[LONG], large=[LONG])
    with pytest.raises(TooLong):
        await scenes.ask()
    assert scenes.steps == [("small", "first"), ("large", "fallback")]


@virtual
async def test_a_content_policys_refusal_is_routed_around_only_where_the_operator_says_so() -> None:
    refused = Filtered("no", said=VendorSaid(status=400, message="no", code="content_filter"))
    text = TWO.replace(", faults: {FAULT: 100%}", "")
    scenes = Scenes(text, faulty=[refused], steady=["hi"])
    with pytest.raises(Filtered):
        await scenes.ask()
    assert scenes.steps == [("faulty", "first")]
    scenes = Scenes(text.replace("mid_stream: restart", "on_content_filter: next"), faulty=[refused], steady=["hi"])
    assert (await scenes.ask()).text == "hi"
    assert scenes.steps == [("faulty", "first"), ("steady", "fallback")]


@virtual
async def test_a_vendor_that_refuses_us_is_one_call_then_the_next_tier_and_when_nothing_is_left_502() -> None:
    denied = Denied("no key", said=VendorSaid(status=401, message="no key"))
    scenes = Scenes(TWO.replace(", faults: {FAULT: 100%}", ""), faulty=[denied], steady=["hi", denied])
    for _ in range(2):
        await scenes.ask()
        scenes.leaves["steady"]._answers = [denied]
        break
    assert scenes.steps == [("faulty", "first"), ("steady", "fallback")]
    with pytest.raises(Denied) as caught:
        await scenes.ask()
    assert (caught.value.shown_status, caught.value.code) == (502, "upstream_denied")
    assert scenes.steps == [("steady", "first")], "the first is set aside"


@virtual
async def test_a_retry_after_sets_a_target_aside_for_as_long() -> None:
    slow = Throttled("slow down", retry_after=30.0, said=VendorSaid(status=429))
    scenes = Scenes(TWO.replace(", faults: {FAULT: 100%}", ""), faulty=[slow], steady=["hi"])
    await scenes.ask()
    circuit = scenes.world.assembled.shared.circuits["faulty/m"]
    assert circuit.state == "closed"
    assert not circuit.allows(now() + 29.9)
    assert circuit.allows(now() + 30.1)


@virtual
async def test_no_fault_of_the_callers_ever_opens_a_circuit() -> None:
    faults = [LONG, Filtered("no"), Rejected("no", said=VendorSaid(status=422))]
    scenes = Scenes(TWO.replace(", faults: {FAULT: 100%}", ""), faulty=[*faults * 10, "hi"], steady=[])
    for _ in range(30):
        with pytest.raises(Rejected):
            await scenes.ask()
    assert scenes.world.assembled.shared.circuits["faulty/m"].state == "closed"
    assert (await scenes.ask()).text == "hi"


@virtual
async def test_when_every_circuit_of_every_tier_is_open_the_least_recently_failed_of_all_is_asked() -> None:
    scenes = Scenes(TWO.replace(", faults: {FAULT: 100%}", ""), faulty=["hi"], steady=["hello"])
    circuits = scenes.world.assembled.shared.circuits
    for name, at in (("faulty/m", 1.0), ("steady/m", 2.0)):
        for _ in range(5):
            circuits[name].end(circuits[name].enter(at), "failure", at)
    assert (await scenes.ask()).text == "hi"
    assert scenes.steps == [("faulty", "first")]
    assert circuits["faulty/m"].state == "closed", "it is well again, and nobody had to wait for a probe"
