"""What of a simulated answer has come when it breaks off, or is not written by the deadline: it costs, and who goes on begins behind it."""

from __future__ import annotations

import msgspec
import pytest

from headworks.core.money import NANO
from headworks.core.record import Record
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.simulation.run import simulate
from headworks.twin.workload.arrivals import Arrivals
from headworks.twin.workload.token_counts import TokenCounts
from tests.twin.systems import one, steady

PROMPT, ANSWER = 100, 1001
"""Tokens. At ten milliseconds a token the answer takes ten seconds after the first one."""


def called(model: VendorModel, *, calls: int = 1, target: str = "v/x", more: str = "") -> list[Record]:
    arrivals = Arrivals(
        at=[100.0 * number for number in range(calls)],
        alias=["a"] * calls,
        sizes=[TokenCounts(PROMPT, ANSWER)] * calls,
        streamed=[True] * calls,
        same=list(range(calls)),
        begins=0.0,
        ends=100.0 * calls,
    )
    models = {"v/x": model, "w/y": steady("w/y", pace=model.pace.median)}
    made = simulate(one(targets=target, model=more), models, arrivals, 1).sink.records
    return [record for record in made if record is not None]


def tokens(record: Record) -> int:
    assert record.tokens is not None
    return record.tokens.output_tokens


def test_an_answer_that_breaks_off_costs_what_was_written_by_then() -> None:
    cut = msgspec.structs.replace(steady(), faults={"cut": 1.0})
    made = [one for one in called(cut, calls=40) if one.error == "Cut"]
    written = [tokens(one) for one in made]
    assert sum(written) / len(written) == pytest.approx(ANSWER / 2, rel=0.25)  # it breaks anywhere
    for record, count in zip(made, written, strict=True):
        assert record.last_at - record.arrived_at == pytest.approx(0.5 + 0.01 * (count - 1))
        assert record.cost_nano is not None
        read = record.cost_nano / NANO - count * 5e-6
        assert read == pytest.approx(PROMPT * 1e-6, rel=0.2)  # an estimate: a token for four bytes of the body


@pytest.mark.parametrize("crowding", [0.0, 0.5], ids=["alone", "of a machine that is shared"])
def test_an_answer_that_is_not_written_by_the_deadline_costs_what_was_written_by_then(crowding: float) -> None:
    model = msgspec.structs.replace(steady(), crowding=crowding)
    [record] = called(model, more=", timeouts: {total: 5s}")
    assert (record.error, record.last_at - record.arrived_at) == ("Expired", pytest.approx(5.0))
    assert tokens(record) == pytest.approx(
        1 + 450, abs=1
    )  # half a second to the first token, ten milliseconds for each of the rest


def test_a_token_that_comes_too_late_ends_the_answer_after_those_before_it() -> None:
    [record] = called(steady(pace=9.0), more=", retry: {attempts: 1}")
    assert (record.error, record.last_at - record.arrived_at) == ("Expired", pytest.approx(8.5))
    assert tokens(record) == 1


def test_what_a_broken_attempt_wrote_is_paid_for_beside_the_answer_that_came_after_it() -> None:
    cut = msgspec.structs.replace(steady(), faults={"cut": 1.0})
    made = called(cut, calls=20, target="v/x, w/y", more=", mid_stream: restart")
    parts = [[one.tokens.output_tokens for one in record.attempts if one.tokens] for record in made]
    assert {(record.outcome, counts[-1]) for record, counts in zip(made, parts, strict=True)} == {("ok", ANSWER)}
    broken = [counts[0] for counts in parts]
    assert sum(broken) / len(broken) == pytest.approx(ANSWER / 2, rel=0.3)
