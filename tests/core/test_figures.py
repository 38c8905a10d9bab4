"""Numbers for people: what `:g` writes where it has no exponent, and thousands where it has one."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.figures import written_figure


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (1650.0, 3, "1,650"),
        (1652.3, 3, "1,650"),
        (999.6, 3, "1,000"),
        (12.34, 3, "12.3"),
        (20.0, 3, "20"),
        (1.0, 3, "1"),
        (0.000042, 3, "0.000042"),
        (-1650.0, 2, "-1,600"),
        (1_234_567.0, 6, "1,234,570"),
        (0.0, 3, "0"),
        (inf, 3, "inf"),
    ],
)
def test_a_figure_has_thousands_and_no_exponent(value: float, digits: int, written: str) -> None:
    assert written_figure(value, digits) == written


@given(st.floats(-1e12, 1e12), st.integers(1, 7))
def test_a_figure_is_the_number_that_g_writes(value: float, digits: int) -> None:
    written = written_figure(value, digits)
    assert "e" not in written
    assert float(written.replace(",", "")) == pytest.approx(float(f"{value:.{digits}g}"), rel=1e-12)
