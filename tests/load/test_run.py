"""A whole load on virtual time: what is judged, when it is invalid, and the search for the rate that holds."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec
import pytest

from headworks.core.clock import now
from headworks.http.dial import Origin
from headworks.load.arrivals import Arrival
from headworks.load.call import CallResult, Ending
from headworks.load.open_loop import OpenLoop
from headworks.load.run import LoadConfig, Report, find_max_rate, report, run_load
from headworks.load.verdict import Costs
from headworks.system.schema.requirements import Traffic
from headworks.testing import virtual
from tests.load.test_open_loop import Slots, even
from tests.load.test_verdict import objective

P90 = objective("duration", "1", percentile=90)


def wanted(rate: float, **more: Any) -> LoadConfig:
    def draw(seconds: float, faster: float) -> Sequence[Arrival]:
        return even(round(seconds * rate * faster), rate * faster)

    fields: dict[str, Any] = {
        "url": "http://here",
        "origin": Origin(),
        "system": "test",
        "digest": "d",
        "objectives": [P90],
        "traffic": Traffic(),
        "source": "even calls",
        "draw": draw,
        "rate": rate,
        "longest": 100,
        "seconds": 10.0,
        "warm_up": 2.0,
        "seed": 1,
    }
    return LoadConfig(**{**fields, **more})


async def measured(asked: LoadConfig, caller: Any) -> Report:
    loop = await run_load(asked, caller, lambda line: None)
    return report(asked, loop, [0.01, 0.02], Costs(), None, 0.0)


@virtual
async def test_calls_of_the_warming_up_do_not_count() -> None:
    made = await measured(wanted(20.0), Slots(0.1, 10))
    assert (made.calls, made.seconds, made.rate, made.ended) == (
        200,
        pytest.approx(10.0),
        pytest.approx(20.0),
        {"ok": 200},
    )
    assert made.verdict == "holds"
    assert made.goodput == pytest.approx(20.0)
    [course] = made.latencies
    assert course.at == pytest.approx([0.1] * 4)


@virtual
async def test_a_load_that_is_too_much_does_not_hold_and_says_why() -> None:
    made = await measured(wanted(100.0), Slots(0.1, 1))
    assert made.verdict == "does not hold"
    assert "over its capacity" in made.why
    assert made.ended["left"] > 100


@virtual
async def test_a_load_whose_calls_all_failed_says_nothing_where_nothing_is_promised() -> None:
    made = await measured(wanted(20.0, objectives=[]), EndsEveryCall("failed", 500))
    assert (made.verdict, made.why) == ("cannot say", "none of 200 calls had a complete answer")


class EndsEveryCall(Slots):
    """Ends every call at once in one way; `late`: seconds that the generator takes to write it."""

    def __init__(self, ended: Ending, status: int = 0, late: float = 0.0) -> None:
        self.loads = 0
        self.ended: Ending = ended
        self.status = status
        self.late = late

    def begin(self, arrival: Arrival, fared: CallResult) -> Awaitable[None]:
        fared.sent_at = now() + self.late
        return self.read_answer(fared)

    async def read_answer(self, fared: CallResult) -> None:
        fared.ended, fared.status, fared.ended_at = self.ended, self.status, now()


@pytest.mark.parametrize(
    ("caller", "verdict", "why"),
    [
        (EndsEveryCall("unreachable"), "unserved", "no call was served: no connection"),
        (EndsEveryCall("refused", 401), "unserved", "no call was served: status 401"),
        (
            EndsEveryCall("ok", late=0.5),
            "invalid",
            "p99 of send delay is 500.0 ms, the limit is 100.0 ms",
        ),
        (EndsEveryCall("ok", late=0.05), "holds", ""),
        (EndsEveryCall("failed", 500), "cannot say", ""),
    ],
)
def test_what_says_nothing_of_the_system_is_no_verdict_on_it(caller: EndsEveryCall, verdict: str, why: str) -> None:
    @virtual
    async def run() -> None:
        made = await measured(wanted(20.0), caller)
        assert made.verdict == verdict
        assert why in made.why

    run()


@virtual
async def test_no_call_is_no_verdict() -> None:
    made = await measured(wanted(20.0, draw=lambda seconds, faster: []), Slots(0.1, 1))
    assert (made.verdict, made.calls) == ("invalid", 0)


@virtual
async def test_the_search_finds_the_capacity_of_slots() -> None:
    """Ten slots of 0.25 s: 40 a second. Somewhat more is kept for the seconds of a probe, until the line is a second long."""
    slots = Slots(0.25, 10)
    searched = await find_max_rate(wanted(10.0, max_rate=1000.0), slots, lambda line: None)
    assert slots.loads == len(searched.probes)  # no probe asks what a cache may know from the one before
    assert searched.holds is not None
    assert searched.fails is not None
    assert 38 <= searched.holds < searched.fails <= 60
    assert searched.probes[0].holds is True
    failed = [probe for probe in searched.probes if not probe.leans]
    assert all("required" in probe.why or "over its capacity" in probe.why for probe in failed)


def test_a_report_has_no_secret_and_can_be_written() -> None:
    @virtual
    async def run() -> bytes:
        return msgspec.json.encode(await measured(wanted(20.0, key="secret-of-a-key"), Slots(0.1, 10)))

    assert b"secret-of-a-key" not in run()


@virtual
async def test_progress_is_told_in_one_line() -> None:
    told: list[str] = []
    loop: OpenLoop = await run_load(wanted(20.0), Slots(0.1, 10), told.append)
    assert loop.stopped == ""
    assert told[-1].startswith("12 of 12 s: 240 sent, 24")
    assert "answer p95 100 ms" in told[-1]
