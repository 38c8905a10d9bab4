"""Drills on virtual time: the library over the starter system, and what other systems are told."""

from random import Random

import msgspec
import pytest

from headworks.drill.library import QUICK, library, read
from headworks.drill.report import DrillOutcome, drill_outcome
from headworks.drill.virtual_time import drill_in_virtual_time
from headworks.providers.simulated.faults import FAULTS
from headworks.system.schema.drills import TROUBLES, Drill, DrillFault, DrillTraffic
from tests.drill.systems import ALONE, PLAIN, STARTER, WIDE, system

LIBRARY = library()
OF_VENDORS = [name for name, drill in LIBRARY.items() if drill.trouble is None]

REFUSED_BY_VENDORS = ("context-length", "content-filter")
"""The caller's own call is refused: no other target may answer it."""

AFTER_HEAD = ("reset-after-head", "cut", "stall", "garbled-event", "missing-end")


def run(text: bytes, name: str, seed: int = 0, drill: Drill | None = None) -> DrillOutcome:
    return drill_outcome(name, drill_in_virtual_time(system(text), name, drill or LIBRARY[name], seed))


def test_there_are_twenty_drills_of_vendors_and_one_of_each_trouble() -> None:
    assert len(OF_VENDORS) == 20
    assert [drill.trouble.what for drill in LIBRARY.values() if drill.trouble is not None] == list(TROUBLES)
    assert set(QUICK) <= set(LIBRARY)


@pytest.mark.parametrize("name", OF_VENDORS)
def test_with_a_fallback_a_vendors_fault_ends_in_a_whole_answer_or_in_the_vendors_own_refusal(name: str) -> None:
    came = run(STARTER, name)
    assert (came.verdict, came.why) == ("holds", [])
    meanwhile = [call for call in came.calls if came.window[0] <= call.at < came.window[1]]
    if name in REFUSED_BY_VENDORS:
        assert {(call.kind, call.status) for call in meanwhile} == {("error", 400)}
    else:
        assert {call.kind for call in came.calls} == {"whole"}
    assert came.figures.recovery is not None
    assert came.figures.recovery <= 15


@pytest.mark.parametrize("name", OF_VENDORS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_seed_makes_an_answer_that_looks_whole_and_is_not(name: str, seed: int) -> None:
    for text in (STARTER, PLAIN, ALONE):
        came = run(text, name, seed)
        assert set(came.figures.ended) <= {"whole", "error"}, (name, seed)


def chaos(seed: int) -> Drill:
    """Some faults at once, of some targets or all, for some attempts or all."""
    rng = Random(seed)
    faults = []
    for _ in range(rng.randint(1, 4)):
        begins = rng.uniform(0, 8)
        faults.append(
            DrillFault(
                fault=rng.choice(FAULTS),
                targets=rng.choice([(), ("all",)]),
                from_=begins,
                until=begins + rng.uniform(0.5, 10),
                share=rng.choice([1.0, 0.5, 0.2]),
            )
        )
    traffic = DrillTraffic(
        rate=rng.choice([1, 5, 20]),
        calls=rng.choice([20, 60]),
        streamed=rng.choice([0.0, 0.5, 1.0]),
        tokens=rng.choice([1, 2, 8, 40]),
    )
    return Drill(shows="chaos", faults=tuple(faults), traffic=traffic)


@pytest.mark.parametrize("seed", [*range(6), *[pytest.param(seed, marks=pytest.mark.soak) for seed in range(6, 300)]])
def test_whatever_comes_together_nothing_looks_whole_that_is_not_and_every_place_is_given_back(seed: int) -> None:
    for text in (STARTER, PLAIN, ALONE, WIDE):
        came = run(text, f"chaos-{seed}", seed, chaos(seed))
        assert set(came.figures.ended) <= {"whole", "error"}, came.figures
        assert came.figures.kept == 0


@pytest.mark.parametrize("name", OF_VENDORS)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    assert msgspec.json.encode(run(STARTER, name)) == msgspec.json.encode(run(STARTER, name))


@pytest.mark.parametrize("name", AFTER_HEAD)
def test_a_stream_that_broke_where_nothing_is_resumed_ends_with_a_clean_error(name: str) -> None:
    came = run(PLAIN, name)
    assert came.verdict == "holds"
    assert came.figures.excused > 0
    broken = [call for call in came.calls if call.kind == "error"]
    assert len(broken) == came.figures.excused
    assert all(call.streamed and call.code for call in broken)


def test_a_system_without_a_fallback_is_told_so() -> None:
    came = run(ALONE, "error-503")
    assert came.verdict == "does not hold"
    assert "add a fallback target in a lower tier" in came.why[0]
    assert "503" in " ".join(came.figures.codes)


def test_a_fault_may_be_of_named_targets_and_of_a_share_of_the_attempts() -> None:
    drills = read(
        b"""
drills:
  second-tier:
    shows: the fallback is down, and nobody needs it
    faults: [{fault: refused, targets: [steady]}]
  everything:
    shows: nobody answers at all
    faults: [{fault: unavailable, targets: [all]}]
    expect: {whole: 0%}
  half:
    shows: half of the attempts fail
    faults: [{fault: server_error, share: 50%, until: 10s}]
    traffic: {calls: 20}
""",
        "mine.yaml",
        system(STARTER).targets,
    )
    second = run(STARTER, "second-tier", drill=drills["second-tier"])
    assert (second.verdict, second.why) == (
        "cannot say",
        ["no attempt met the fault: it is set for another target, or no call was made"],
    )
    everything = run(STARTER, "everything", drill=drills["everything"])
    assert everything.verdict == "holds"
    assert everything.figures.whole == 0
    half = run(STARTER, "half", drill=drills["half"])
    assert 0 < half.figures.struck < half.figures.attempts
    assert half.verdict == "holds"


def test_recovery_that_no_call_could_have_seen_cannot_be_said() -> None:
    drill = msgspec.structs.replace(
        LIBRARY["error-500"], traffic=msgspec.structs.replace(LIBRARY["error-500"].traffic, calls=6)
    )
    came = run(STARTER, "error-500", drill=drill)
    assert came.verdict == "cannot say"
    assert "more `calls` after the fault" in came.why[0]
