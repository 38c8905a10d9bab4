"""The comparison of several systems: what `headworks plan a.yaml b.yaml` prints, and its JSON.

Always true: as of a plan, no path, no time and no secret is in it, and the same files and seed give the same bytes. A
column's numbers are those of its own plan; rows name the verdicts of each column and hold only what is between two of them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.figures import written_figure
from headworks.system.verdicts.constraints import ConstraintVerdict
from headworks.system.verdicts.verdict import VerdictWord, said_of
from headworks.twin.models.building import Assumption
from headworks.twin.report.report import Effort, round_floats
from headworks.twin.verdicts.bottleneck import Bottleneck
from headworks.twin.verdicts.differences import How
from headworks.twin.verdicts.overload import Overload
from headworks.twin.verdicts.verdict import Verdict, format_value

COST: Final = "cost a month"
ANSWERED: Final = "answered"
"""The rows that every comparison has, beside the objectives."""


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars of 30 days of the traffic, and their interval."""

    value: float
    low: float | None
    high: float | None


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One system. file: its name; month: null where a price is unknown; answered: of the calls at the peak the share that gets a
    whole answer, while all providers are up. The rest is as in its own plan."""

    file: str
    system: str
    digest: str
    verdict: VerdictWord
    traffic: str
    verdicts: list[Verdict]
    constraints: list[ConstraintVerdict]
    month: Month | None
    answered: float | None
    overloads: list[Overload]
    binding: Bottleneck
    assumptions: list[Assumption]
    prices: dict[str, str]
    effort: Effort

    @property
    def served(self) -> float:
        """Of what is asked, the smallest share that an objective holds for."""
        return min((one.served for one in self.verdicts if one.verdict == "holds"), default=1.0)

    @property
    def said(self) -> str:
        """The verdict in words: also of which share of what is asked it holds."""
        return said_of(self.verdict, self.served)

    def verdict_on(self, id: str | None) -> Verdict | None:
        """The verdict on its objective of this id."""
        return next((one for one in self.verdicts if one.id == id), None)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What the file `after` has more than the file `before`, with its interval. better: the file that is surely better, null where the
    interval has zero in it. how: over the same calls, over windows, or from two intervals."""

    before: str
    after: str
    value: float
    low: float | None
    high: float | None
    how: How
    better: str | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One objective. ids: by file, under which id it is there. differences: of each two files that have a number."""

    name: str
    metric: str
    alias: str | None
    ids: dict[str, str]
    differences: list[Difference]

    def between(self, one: str, other: str) -> Difference | None:
        """The difference of these two, in the order in which it was taken."""
        return next((found for found in self.differences if {found.before, found.after} == {one, other}), None)


class Dominated(msgspec.Struct, frozen=True, kw_only=True):
    """A system that another one beats: surely better in the rows `better`, surely worse in none. unclear: rows in which no difference was
    measured, so that it may still be a little better there."""

    file: str
    by: str
    better: list[str]
    unclear: list[str]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Several systems side by side. traffic: what differs in their traffic, by file; said: the answer in sentences."""

    headworks: str
    traffic: dict[str, list[str]]
    said: list[str]
    columns: list[Column]
    rows: list[Row]
    dominated: list[Dominated]
    simulated: int


def signed(metric: str, value: float) -> str:
    """A difference in the unit of its metric: of shares in points of a hundred."""
    sign = "-" if value < 0 else "+"
    if metric in ("availability", "quality"):
        return f"{sign}{written_figure(abs(value) * 100)} points"
    return f"{sign}{format_value(metric, abs(value))}"


def comparison_json(found: Comparison) -> bytes:
    """One object, indented; floats to the digits that are worth something."""
    return msgspec.json.format(msgspec.json.encode(round_floats(msgspec.to_builtins(found))))
