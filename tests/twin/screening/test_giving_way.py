"""How far a system carries by closed forms: against capacities that are computed by hand."""

from __future__ import annotations

import pytest

from headworks.system.schema.system import System
from headworks.twin.plan import PlanInputs, peak_of, prepare
from headworks.twin.screening.course import Peak
from headworks.twin.screening.giving_way import GATEWAY, Carrying, carrying, day_uses
from tests.twin.screening.test_capacity import system, target
from tests.twin.systems import steady


def peak(one: System) -> Peak:
    return peak_of(one, prepare(one, PlanInputs(read=lambda path: b"")).demand)


def carries(one: System) -> Carrying:
    """A call of 151 tokens that takes a second."""
    return carrying(one, {name: steady(name) for name in ("v/x", "w/x")}, peak(one))


@pytest.mark.parametrize(
    ("limits", "name", "capacity"),
    [
        (", rpm: 480", "rpm of v", 8.0),
        (", tpm: 72480", "tpm of v", 8.0),
        (", concurrency: 10", "concurrency of v", 10.0),
        (", rpm: 480, tpm: 36240", "tpm of v", 4.0),
    ],
)
def test_the_capacity_is_that_of_the_tightest_limit(limits: str, name: str, capacity: float) -> None:
    found = carries(system(2.0, limits))
    assert (found.rate, found.first) == (2.0, name)
    assert found.capacity == pytest.approx(capacity, rel=1e-6)


def test_each_multiple_names_what_is_most_short_of_room_first() -> None:
    found = carries(system(2.0, ", rpm: 480"))
    assert [(one.factor, one.rate) for one in found.multiples] == [(2.0, 4.0), (5.0, 10.0), (10.0, 20.0)]
    assert [[short.name for short in one.gives_way] for one in found.multiples] == [[], ["rpm of v"], ["rpm of v"]]
    [short] = found.multiples[2].gives_way
    assert (short.offered, short.carried) == (pytest.approx(20.0), pytest.approx(8.0))


def test_the_capacity_of_a_system_that_is_overloaded_today_is_below_its_load() -> None:
    assert carries(system(20.0, ", rpm: 480")).capacity == pytest.approx(8.0, rel=1e-6)


def test_what_spills_to_the_next_tier_does_not_give_way() -> None:
    found = carries(system(2.0, ", rpm: 480", targets=f"{target('v')}, {target('w')}"))
    assert (found.capacity, found.first) == (None, "")  # the second tier has no limit
    assert all(not one.gives_way for one in found.multiples)


def test_the_gateway_itself_holds_so_many_calls_at_once() -> None:
    found = carries(system(2.0, "", more="server: {max_in_flight: 100}"))
    assert found.first == GATEWAY
    assert found.capacity == pytest.approx(95.0, rel=1e-6)  # calls of a second, 95 % of the places


def test_a_day_uses_each_limit_as_its_hours_are_busy() -> None:
    one = system(2.0, ", rpm: 480")
    uses = {use.name: use.hours for use in day_uses(one, {"v/x": steady()}, peak(one), [0.5, 1.0, 2.0, 8.0])}
    assert uses["rpm of v"] == pytest.approx([0.125, 0.25, 0.5, 2.0])
    assert uses[GATEWAY] == pytest.approx([each / one.server.max_in_flight for each in (1, 2, 4, 16)])
