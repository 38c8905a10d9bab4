"""Whom a limit rejects: of the calls that asked for it, once each, and wherever they went then."""

from __future__ import annotations

from headworks.core.record import AttemptRecord, Outcome, Record
from headworks.core.reply import Usage
from headworks.twin.simulation.utilization import Utilization, utilizations
from tests.twin.systems import one


def attempt(target: str, *, error: str = "", is_reached: bool = True) -> AttemptRecord:
    ended = 2.0 if is_reached else 0.0
    return AttemptRecord(
        target=target, why="first", started_at=1.0, ended_at=ended, error=error, tokens=Usage(input=10, output=5)
    )


def record(
    number: int, *attempts: AttemptRecord, outcome: Outcome = "ok", error: str = "", reason: str = "", key: str = ""
) -> Record:
    return Record(
        request_id=str(number),
        at=0.0,
        arrived_at=1.0,
        last_at=2.0,
        operation="chat",
        model="a",
        status=200,
        outcome=outcome,
        error=error,
        reason=reason,
        config="",
        attempts=list(attempts),
        key=key,
    )


def use(name: str, records: list[Record], turned: dict[str, set[str]], limits: str, more: str = "") -> Utilization:
    system = one(limits=limits, targets="v/x, w/y", more=more)
    return {found.name: found for found in utilizations(system, [], records, 0.0, 60.0, turned)}[name]


def test_a_call_that_goes_on_to_the_next_tier_was_rejected_by_the_first_and_one_that_got_in_later_was_not() -> None:
    records = [
        record(0, attempt("v/x")),
        record(1, attempt("w/y")),  # rejected at v, answered at w
        record(2, attempt("v/x")),  # rejected at first, and let in after a wait
        record(3, outcome="shed", error="AtLimit", reason="v/x had no room within the call's deadline."),
        record(4, attempt("w/y")),  # the circuit of v was open: nobody asked for its limit
    ]
    found = use("rpm of v", records, {"rpm/provider/v": {"1", "2", "3"}}, ", rpm: 100")
    assert (found.refused, found.elsewhere) == (2 / 4, 1 / 4)


def test_a_call_is_rejected_once_however_often_its_vendor_answers_429() -> None:
    again = attempt("v/x", error="Throttled")
    records = [
        *[record(number, attempt("v/x")) for number in range(2)],
        record(2, again, again, again, outcome="failed", error="Throttled"),
        record(3, again, attempt("v/x")),
        record(4, again, attempt("w/y")),
    ]
    found = use("rpm of v", records, {}, ", rpm: 2")
    assert (found.refused, found.elsewhere) == (2 / 5, 1 / 5)
    assert (
        use("rpm of v", records, {}, ", rpm: 1000").refused == 0
    )  # 429 from a vendor with room is a fault, not a limit


def test_an_attempt_that_an_open_circuit_stopped_asked_for_no_limit() -> None:
    records = [record(0, attempt("v/x")), record(1, attempt("v/x", is_reached=False), attempt("w/y"))]
    assert use("rpm of v", records, {}, ", rpm: 1").refused == 0


def test_a_keys_limit_rejects_calls_of_its_own() -> None:
    records = [record(number, attempt("v/x"), key="web") for number in range(3)]
    records += [record(3, outcome="refused", error="QuotaExceeded", key="web"), record(4, attempt("v/x"), key="app")]
    keys = "keys: {web: {key: k1, rpm: 3}, app: {key: k2}}"
    found = use("rpm of key web", records, {"rpm/key/web": {"3"}}, "", keys)
    assert (found.refused, found.elsewhere) == (1 / 4, 0)


def test_no_limit_a_minute_is_used_more_than_twice_in_a_minute() -> None:
    """A full bucket, and what refills it: of fewer seconds than a minute nothing more is made."""
    records = [record(number, attempt("v/x")) for number in range(40)]
    assert use("rpm of v", records, {}, ", rpm: 10").at_peak == 2.0
