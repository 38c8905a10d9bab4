"""A drill's timeline in plain characters: the faults, the outcomes of calls, and the attempts at each target.

Always true: it says the same without colours and fits 80 columns. A column stands for the same span in every row; where
several things fall into one, the worst is shown.
"""

from __future__ import annotations

from collections.abc import Iterable

from headworks.drill.report import DrillOutcome

COLUMNS = 54
NAMES = 22

LEGEND = (
    "callers: o complete, + complete after a retry, e error, x broken off, n no connection, ! wrong or truncated",
    "targets: o answered, x failed, - in progress;  fault: # active",
)

_WORST = "!xen+o-# "
_MARKS = {"whole": "o", "error": "e", "broken": "x", "hung": "x", "unserved": "n", "truncated": "!", "wrong": "!"}


def timeline(outcome: DrillOutcome) -> list[str]:
    """The rows of a drill's timeline, the scale first."""
    ends = [one.at + one.took for one in outcome.calls] + [until for _, until, _ in outcome.faults]
    row = _Scale(max(ends, default=1.0))
    lines = [f"{'':{NAMES}} {row.scale()}"]
    for begins, until, fault in outcome.faults:
        lines.append(_line(f"fault {fault}", row.drawn([(begins, until, "#", "#")])))
    calls = [
        (one.at, one.at + one.took, "+" if one.kind == "whole" and (one.attempts or 1) > 1 else _MARKS[one.kind], " ")
        for one in outcome.calls
    ]
    lines.append(_line("callers", row.drawn(calls)))
    for target in dict.fromkeys(one.target for one in outcome.attempts):
        attempts = [
            (one.at, one.until, "o" if one.outcome == "ok" else "x", "-")
            for one in outcome.attempts
            if one.target == target
        ]
        lines.append(_line(target, row.drawn(attempts)))
    return lines


def _line(name: str, drawn: str) -> str:
    return f"{name if len(name) <= NAMES else f'{name[: NAMES - 2]}..':{NAMES}} {drawn}".rstrip()


class _Scale:
    """The scale that all rows of a timeline share."""

    def __init__(self, span: float) -> None:
        self.span = span

    def column(self, at: float) -> int:
        return min(COLUMNS - 1, max(0, int(at / self.span * COLUMNS)))

    def scale(self) -> str:
        marks = [" "] * (COLUMNS + 8)
        step = next((step for step in (1, 2, 5, 10, 20, 30, 60) if self.span / step <= 7), 120)
        for second in range(0, int(self.span) + 1, step):
            text = f"{second} s"
            at = self.column(second)
            marks[at : at + len(text)] = text
        return "".join(marks).rstrip()

    def drawn(self, spans: Iterable[tuple[float, float, str, str]]) -> str:
        """Draws spans: start, end, the mark at the end (for callers: at the start), and the fill character."""
        cells = [" "] * COLUMNS
        for begins, until, mark, fill in spans:
            first, last = self.column(begins), self.column(until)
            if fill.strip():
                for at in range(first, last):
                    cells[at] = _worse(cells[at], fill)
                if fill != mark:
                    cells[last] = _worse(cells[last], mark)
            else:
                cells[first] = _worse(cells[first], mark)
        return "".join(cells)


def _worse(one: str, other: str) -> str:
    return min(one, other, key=_WORST.index)
