"""A simulated load is what a real one over the same simulated vendor is."""

from __future__ import annotations

import asyncio
from statistics import fmean

import msgspec
import pytest

from headworks.core.clock import now
from headworks.core.record import Record
from headworks.providers.simulated.answer_text import Percentiles
from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState
from headworks.system.schema.system import System
from headworks.system.verdicts.closed_forms import LogNormal
from headworks.testing import ask, call, run_virtual
from headworks.twin.models.building import build_models
from headworks.twin.simulation.short_runs import simulate_load
from headworks.twin.workload.arrivals import AliasShape, Arrivals, Shape
from headworks.twin.workload.demand import demand
from tests.system.files import right

FIRST, PACE = Percentiles(p50=0.2, p99=0.5), Percentiles(p50=0.01, p99=0.02)
SYSTEM = """\
requirements: {{traffic: {{peak_rps: 2, output_tokens: {{p50: 180, p95: 600}}}}}}
providers: {{v: {{dialect: simulated, first_token: {{p50: 200ms, p99: 500ms}}, per_token: {{p50: 10ms, p99: 20ms}}{stated}}}}}
models: {{a: {{targets: v/x, price: {{input: $1/M, output: $10/M}}, timeouts: {{answer: 1h, total: 1h, between_tokens: 1h}}}}}}
"""


def system(stated: str = "") -> System:
    return right(SYSTEM.format(stated=stated))


def arrivals(calls: int = 160) -> Arrivals:
    shape = AliasShape(
        alias="a", rate=2.0, burstiness=1.0, prompt=LogNormal.of(20, 60, 95), output=LogNormal.of(180, 600, 95),
        streamed=0.0, repeated=0.0,
    )  # fmt: skip
    return msgspec.structs.replace(Shape([shape]).draw(1, calls), says_length=True)


def simulated(stated: str = "") -> list[Record]:
    made = system(stated)
    return simulate_load(made, build_models(made).models, arrivals(), 1)


def served(output: Percentiles | None) -> list[tuple[int, float]]:
    """Tokens and seconds of the same calls at the vendor that serves."""
    vendor = Simulated(VendorState("v", VendorSettings(first_token=FIRST, per_token=PACE, output_tokens=output)), "x")
    sizes = arrivals().sizes

    async def one(number: int) -> tuple[int, float]:
        begun = now()
        answer = await ask(vendor, call(f"question {number}", max_output=sizes[number].output))
        assert answer.usage is not None
        return answer.usage.output, now() - begun

    async def scene() -> list[tuple[int, float]]:
        return await asyncio.gather(*[one(number) for number in range(len(sizes))])

    return run_virtual(scene())


def test_answers_are_as_long_as_their_calls_say_in_a_plan_and_where_they_are_served() -> None:
    sizes = [one.output for one in arrivals().sizes]
    live, planned = served(None), simulated()
    assert [tokens for tokens, _ in live] == sizes
    assert [one.tokens.output for one in planned if one.tokens] == [sizes[int(one.request_id)] for one in planned]
    assert fmean(one.last_at - one.arrived_at for one in planned) == pytest.approx(
        fmean(took for _, took in live), rel=0.1
    )


def test_where_the_file_says_a_length_a_call_only_cuts_it() -> None:
    stated = Percentiles.through_95(100, 300)
    live, planned = served(stated), simulated(", output_tokens: {p50: 100, p95: 300}")
    tokens = [one.tokens.output for one in planned if one.tokens]
    expected = LogNormal.of(180, 600, 95).smaller(LogNormal.of(100, 300, 95)).mean
    assert fmean(tokens) == pytest.approx(expected, rel=0.15)
    assert fmean(tokens) == pytest.approx(fmean(count for count, _ in live), rel=0.2)
    assert all(
        count <= arrivals().sizes[int(one.request_id)].output for count, one in zip(tokens, planned, strict=True)
    )
    assert fmean(one.last_at - one.arrived_at for one in planned) == pytest.approx(
        fmean(took for _, took in live), rel=0.15
    )


def test_closed_forms_know_how_long_a_vendors_own_answers_are() -> None:
    plain, own = system(), system(", output_tokens: {p50: 20, p95: 20}")
    assert demand(plain, lambda path: b"", None).mix[0].output > 200
    assert demand(own, lambda path: b"", None).mix[0].output == pytest.approx(20, rel=0.02)


def test_every_attempt_at_a_question_has_an_answer_of_one_length() -> None:
    """An answer that is begun again elsewhere is the same answer."""
    made = right(
        SYSTEM.format(stated=", output_tokens: {p50: 100, p95: 300}, faults: {cut: 30%}").replace(
            "targets: v/x", "targets: v/x, mid_stream: restart, retry: {attempts: 8}"
        )
    )
    some = msgspec.structs.replace(arrivals(60), streamed=[True] * len(arrivals(60).at))
    calm = right(SYSTEM.format(stated=", output_tokens: {p50: 100, p95: 300}"))
    broken = simulate_load(made, build_models(made).models, some, 1)
    whole = {one.request_id: one for one in simulate_load(calm, build_models(calm).models, some, 1)}
    again = [one for one in broken if len(one.attempts) > 1 and one.outcome == "ok"]
    assert len(again) > 5
    for one in again:
        expected = whole[one.request_id].tokens
        assert one.tokens is not None
        assert expected is not None
        assert one.attempts[-1].tokens is not None
        assert one.tokens.output == pytest.approx(expected.output, abs=1)
