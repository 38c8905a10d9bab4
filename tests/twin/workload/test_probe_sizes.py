"""The calls of a probe are as long as those of the traffic."""

from __future__ import annotations

import msgspec
import pytest

from headworks.core.errors import PlanError
from headworks.core.record import Record
from headworks.gateway.probe import ProbeSize
from headworks.twin.workload.probe_sizes import probe_sizes
from tests.system.files import right

FILE = """
requirements: {{traffic: {{{traffic}}}}}
providers: {{s: {{dialect: simulated}}}}
models: {{m: s, n: s}}
"""
SHAPE = "prompt_tokens: {p50: 400, p95: 1600}, output_tokens: {p50: 100, p95: 300}"
OWN = SHAPE + ", aliases: {n: {prompt_tokens: {p50: 40, p95: 160}}}"


def sizes(traffic: str, alias: str = "m", calls: int = 20, trace: bytes = b"") -> list[ProbeSize]:
    return probe_sizes(right(FILE.format(traffic=traffic)), alias, calls, lambda path: trace)


def test_half_of_the_calls_are_below_the_median_and_one_in_twenty_is_near_the_95th() -> None:
    found = sizes(SHAPE)
    assert sum(one.prompt < 400 for one in found) == sum(one.output < 100 for one in found) == 10
    assert sum(one.prompt > 1600 for one in found) == 1
    assert found == sizes(SHAPE)


def test_long_prompts_do_not_all_have_long_answers() -> None:
    found = sizes(SHAPE)
    assert [one.output for one in found] != sorted(one.output for one in found)


def test_an_alias_has_its_own_sizes() -> None:
    assert max(one.prompt for one in sizes(OWN, "n")) < max(one.prompt for one in sizes(OWN, "m")) / 5


def test_of_a_trace_the_calls_are_its_rows() -> None:
    rows = [(10 * number, number + 1) for number in range(1, 101)]
    trace = "arrived_at,prompt_tokens,output_tokens\n" + "".join(f"{p},{p},{o}\n" for p, o in rows)
    found = sizes("trace: t.csv", calls=10, trace=trace.encode())
    assert [(one.prompt, one.output) for one in found] == [rows[5 + 10 * number] for number in range(10)]


def test_without_sizes_those_of_a_plan_are_taken() -> None:
    found = sorted(one.prompt for one in sizes("peak_rps: 1"))
    assert found[9] < 500 < found[10]


def test_a_trace_that_is_not_there_is_said() -> None:
    def gone(path: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(PlanError, match=r"the trace t\.csv cannot be read: No such file"):
        probe_sizes(right(FILE.format(traffic="trace: t.csv")), "m", 5, gone)


def test_where_the_ledger_is_the_traffic_the_calls_are_its_own() -> None:
    records = [
        msgspec.convert(
            {
                "request_id": str(number),
                "at": 0.0,
                "arrived_at": 0.0,
                "operation": "chat",
                "model": alias,
                "status": 200,
                "outcome": "ok",
                "config": "",
                "tokens": {"input": 100 * number, "output": number},
            },
            Record,
        )
        for alias in ("m", "n")
        for number in range(1, 6)
    ]
    system = right(FILE.format(traffic="log: true"))
    found = probe_sizes(system, "m", 5, lambda path: b"", records)
    assert [(one.prompt, one.output) for one in found] == [(100 * number, number) for number in range(1, 6)]
