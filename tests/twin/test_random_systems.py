"""The count of the long test (`tests/soak/test_random_systems.py`), on numbers that are known."""

from __future__ import annotations

import msgspec
import pytest

from headworks.twin.simulation.replications import Effort
from tests.twin.random_systems import NUMBERS, Row, drawn, judged, tally

ROW = Row(
    system=1, load=1.0, id="first95", verdict="holds", value=2.0, low=1.8, high=2.2, bound=3.0, known=2.1, half=0.05
)


def test_a_system_has_a_row_for_each_number_with_both_sides_and_a_bound() -> None:
    rows = judged(2, drawn(2, calls=150), Effort(calls=50, runs=2))  # begins empty: nothing is run before the peak
    assert tuple(row.id for row in rows) == NUMBERS
    for row in rows:
        assert row.low <= row.value <= row.high
        room = (1 - row.known) / (1 - row.bound) if row.id == "up" else row.known / row.bound
        assert 0.3 < room < 3  # drawn around the truth, at most twice and half of it


def test_what_is_outside_wrong_or_not_said_is_counted() -> None:
    rows = [
        ROW,
        msgspec.structs.replace(ROW, known=2.3),
        msgspec.structs.replace(ROW, known=3.5),  # said to hold, and missed
        msgspec.structs.replace(ROW, known=3.2, verdict="cannot say"),  # near the bound
        msgspec.structs.replace(ROW, known=4.0, verdict="cannot say"),
        msgspec.structs.replace(ROW, id="up", bound=0.98, known=0.99, value=0.99, low=0.98, high=1.0, half=0.01),
    ]
    found = tally(rows)
    assert [(one.hits, one.of) for one in (found.inside["first95"], found.inside["up"])] == [(1, 5), (1, 1)]
    assert (found.missed.hits, found.missed.of) == (1, 3)
    assert (found.wrong.hits, found.wrong.of) == (1, 4)
    assert (found.given.hits, found.given.of) == (4, 5)
    assert found.half_width == pytest.approx(0.1)
    assert (found.exact.hits, found.exact.of) == (5, 6)
