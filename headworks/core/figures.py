"""Numbers as people read them: to so many digits, in thousands, and never with an exponent."""

from __future__ import annotations

from math import floor, isfinite, log10


def written_figure(value: float, digits: int = 3) -> str:
    """`1,650`, `12.3`, `0.00042`: to so many significant digits, without zeros at the end."""
    if not value or not isfinite(value):
        return f"{value:g}"
    rounded = float(f"{value:.{digits - 1}e}")
    places = max(0, digits - 1 - floor(log10(abs(rounded))))
    text = f"{rounded:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text
