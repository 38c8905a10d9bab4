"""What arrives is what was written, or what was recorded, and never a mixture of the two."""

from __future__ import annotations

import numpy as np
import pytest

from headworks.core.errors import PlanError
from headworks.core.record import Record
from headworks.core.reply import Usage
from headworks.system.verdicts.closed_forms import Spread
from headworks.twin.workload.arrivals import AliasShape, Shape, Trace, busiest_stretch, peak_rate, squared_cv
from headworks.twin.workload.demand import demand
from headworks.twin.workload.trace_file import read_trace
from tests.twin.systems import one

AZURE = b"""\
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:51.2224670,879,0
"""


def shape(**others: float) -> AliasShape:
    numbers = {"rate": 20.0, "burstiness": 1.0, "streamed": 0.8, "repeated": 0.15, **others}
    return AliasShape(alias="a", prompt=Spread.of(900, 3200, 95), output=Spread.of(180, 600, 95), **numbers)


@pytest.mark.parametrize("burstiness", [0.2, 1.0, 4.0])
def test_a_shape_has_the_numbers_that_were_written(burstiness: float) -> None:
    made = Shape([shape(burstiness=burstiness)]).draw(1, 20_000)
    at = np.array(made.at)
    inside = (at >= made.begins) & (at < made.ends)
    assert inside.sum() == pytest.approx(20_000, rel=0.05)
    assert squared_cv(at) == pytest.approx(burstiness, rel=0.1)
    own = [index for index, same in enumerate(made.same) if same == index]
    assert 1 - len(own) / len(at) == pytest.approx(0.15, abs=0.01)
    assert np.mean(made.streamed) == pytest.approx(0.8, abs=0.02)
    prompts = [made.sizes[index].prompt for index in own]
    assert np.percentile(prompts, [50, 95]) == pytest.approx([900, 3200], rel=0.04)


def test_equal_calls_are_equal_in_everything() -> None:
    made = Shape([shape(repeated=0.5)]).draw(1, 500)
    for index, first in enumerate(made.same):
        assert first <= index
        assert made.same[first] == first
        assert made.sizes[index] == made.sizes[first]
        assert made.streamed[index] == made.streamed[first]


def test_another_rate_is_the_same_traffic_on_another_time_scale() -> None:
    slow, fast = (Shape([shape(rate=rate)]).draw(1, 300) for rate in (10.0, 20.0))
    assert slow.sizes[:200] == fast.sizes[:200]
    assert np.array(slow.at[:200]) == pytest.approx(2 * np.array(fast.at[:200]))


def test_a_trace_is_read_with_its_own_names_in_order_of_time() -> None:
    rows = read_trace(AZURE, "t.csv")
    assert rows.at.tolist() == pytest.approx([0.0, 4.314579, 4.541877], abs=1e-5)
    assert [(size.prompt, size.output) for size in rows.sizes] == [(374, 44), (396, 109), (879, 1)]
    ours = read_trace(b"output_tokens,arrived_at,prompt_tokens\n5,1.5,7\n6,0.5,8\n", "t.csv")
    assert [(size.prompt, size.output) for size in ours.sizes] == [(8, 6), (7, 5)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n", "t.csv has no column arrived_at (or TIMESTAMP); its columns: a, b"),
        (b"", "its columns: none"),
        (b"arrived_at,prompt_tokens,output_tokens\n1,2,3\nx,2,3\n", "t.csv:3: Invalid isoformat string: 'x'"),
        (b"arrived_at,prompt_tokens,output_tokens\n1,2,3\n2,2\n", "t.csv:3: the row has too few columns"),
        (b"arrived_at,prompt_tokens,output_tokens\n1,2,3\n2,-2,1\n", "t.csv:3: '-2' is no number of tokens"),
        (b"arrived_at,prompt_tokens,output_tokens\n1,2,3\nnan,2,1\n", "t.csv:3: 'nan' is no instant"),
        (b"arrived_at,prompt_tokens,output_tokens\n1,2,3\n", "has 1 calls: a trace has at least two"),
        (b"arrived_at,prompt_tokens,output_tokens\n1,2,3\n1,2,3\n", "all its calls arrive at one instant"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(content: bytes, said: str) -> None:
    with pytest.raises(PlanError) as raised:
        read_trace(content, "t.csv")
    assert said in str(raised.value)


def test_a_trace_is_replayed_jointly_and_scaled_to_the_wanted_rate() -> None:
    rows = read_trace(b"arrived_at,prompt_tokens,output_tokens\n" + b"".join(
        b"%d,%d,%d\n" % (second, second + 1, 2 * second + 1) for second in range(100)
    ), "t.csv")  # fmt: skip
    made = Trace(rows.at, rows.sizes, shares={"a": 1.0}, streamed=1.0, faster=2.0)
    assert made.rate == pytest.approx(2.0, rel=0.02)
    arrivals = made.draw(1, 10)
    assert arrivals.at == pytest.approx([second / 2 for second in range(100)])
    assert all(size.output == 2 * size.prompt - 1 for size in arrivals.sizes)  # nobody's answer went to another


def test_of_a_long_trace_the_busiest_stretch_is_replayed() -> None:
    at = np.concatenate([np.arange(0.0, 100.0), 100 + np.arange(0.0, 10.0, 0.1), np.arange(111.0, 200.0)])
    begin, end = busiest_stretch(at, 100)
    assert (begin, end - begin) == (100, 100)
    assert peak_rate(at, 10.0) == pytest.approx(10.0)


def records() -> list[Record]:
    return [
        Record(
            request_id=str(number), at=1000.0 + number, arrived_at=float(number), operation="chat", model="a",
            streamed=number % 2 == 0, status=200, outcome="ok", config="c", request_digest=str(number % 3),
            tokens=Usage(input=10, cached_input=number, output=5 + number),
        )
        for number in range(10)
    ]  # fmt: skip


def test_the_log_is_a_trace_with_its_own_repeats() -> None:
    asked = demand(one("traffic: {log: true}"), lambda path: b"", records())
    arrivals = asked.workload.draw(1, 10)
    assert [(size.prompt, size.output) for size in arrivals.sizes] == [(10 + n, 5 + n) for n in range(10)]
    assert arrivals.same == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert arrivals.streamed == [number % 2 == 0 for number in range(10)]
    with pytest.raises(PlanError, match="the ledger has no calls of these models yet"):
        demand(one("traffic: {log: true}"), lambda path: b"", [])


def test_a_rate_is_never_assumed_and_sizes_are_listed_where_they_are() -> None:
    with pytest.raises(PlanError, match=r"set requirements\.traffic\.peak_rps"):
        demand(one(), lambda path: b"", None)
    asked = demand(one("traffic: {peak_rps: 3}"), lambda path: b"", None)
    assert [note.assumed for note in asked.assumptions] == [
        "prompt_tokens of a: p50 500, p95 2000",
        "output_tokens of a: p50 150, p95 500",
    ]


def test_a_trace_that_is_not_there_is_said() -> None:
    def gone(path: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(PlanError, match=r"traffic\.trace: t\.csv cannot be read: No such file"):
        demand(one("traffic: {trace: t.csv}"), gone, None)


def test_a_day_of_shares_says_how_busy_the_mean_second_is() -> None:
    hours = ", ".join(["100%"] * 6 + ["20%"] * 18)
    assert demand(one(f"traffic: {{peak_rps: 3, daily: [{hours}]}}"), lambda path: b"", None).busy == pytest.approx(0.4)
