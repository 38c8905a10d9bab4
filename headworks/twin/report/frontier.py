"""The answer of a search: the systems that are worth having, and why the others lose. What `headworks plan --search` prints, and its JSON.

Always true: no path, no time and no secret is in it, and the same file and seed give the same bytes; each number of a point is that of
its own plan, made on seeds that the search did not use.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.system.verdicts.verdict import VerdictWord
from headworks.twin.models.building import Assumption
from headworks.twin.report.comparison import Month
from headworks.twin.report.report import round_floats
from headworks.twin.verdicts.differences import How
from headworks.twin.verdicts.speed_ends import RestsOn
from headworks.twin.verdicts.verdict import Verdict

AS_IT_IS: Final = "the file as it is"


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """How far another point is away along an axis, with its interval. is_worse: null where the interval has zero in it. how: over the
    same calls, over windows, or from two intervals."""

    axis: str
    metric: str
    value: float
    low: float | None
    high: float | None
    is_worse: bool | None
    how: How


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """Another point, as this one sees it. misses: objectives that it misses, or may miss, and this one keeps."""

    number: int
    moves: list[Move]
    misses: list[str]

    @property
    def loses(self) -> list[Move]:
        """Where it is surely worse."""
        return [one for one in self.moves if one.is_worse]

    @property
    def wins(self) -> list[Move]:
        """Where it is surely better."""
        return [one for one in self.moves if one.is_worse is False]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A system on the frontier. month: dollars of 30 days with `beside_calls`, null where a price is unknown; first_token, availability,
    quality: of the axes; verdicts: on the file's objectives; patch: from the file to this system, "" for the file as it is."""

    number: int
    verdict: VerdictWord
    said: str
    changes: list[str]
    month: Month | None
    beside_calls: float
    first_token: Verdict
    availability: Verdict
    quality: Verdict | None
    verdicts: list[Verdict]
    gives_way: list[str]
    rests_on: list[RestsOn]
    others: list[Other]
    digest: str
    patch: str

    @property
    def words(self) -> str:
        """What it is, in one line."""
        return "; ".join(self.changes) or AS_IT_IS

    @property
    def neighbours(self) -> list[Other]:
        """The points beside it, in the order of their numbers."""
        return [one for one in self.others if abs(one.number - self.number) == 1]

    def other(self, number: int) -> Other:
        """Another point of this number."""
        return next(one for one in self.others if one.number == number)

    @property
    def missed(self) -> list[Verdict]:
        """The objectives that do not hold, or of which nobody can say."""
        return [one for one in self.verdicts if one.verdict in ("does not hold", "cannot say")]


class Beaten(msgspec.Struct, frozen=True, kw_only=True):
    """A system that was confirmed too and that a point beats: surely better in the rows `better`, surely worse in none."""

    changes: list[str]
    by: int
    better: list[str]


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Systems that were not simulated, and why."""

    systems: int
    why: str
    remedy: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many systems: in the space; looked at; simulated, each in a short run; confirmed on fresh seeds. calls: simulated in all."""

    space: int
    looked_at: int
    simulated: int
    confirmed: int
    calls: int


class Frontier(msgspec.Struct, frozen=True, kw_only=True):
    """The frontier. said: the answer in sentences; is_own: whether the file names no choices, so that its own knobs varied."""

    headworks: str
    system: str
    digest: str
    traffic: str
    verdict: VerdictWord
    said: list[str]
    knobs: list[str]
    is_own: bool
    points: list[Point]
    beaten: list[Beaten]
    left_out: list[LeftOut]
    counts: Counts
    seed: int
    confirmed_from: int
    assumptions: list[Assumption]
    prices: dict[str, str]


def frontier_json(found: Frontier) -> bytes:
    """One object, indented; floats to the digits that are worth something."""
    return msgspec.json.format(msgspec.json.encode(round_floats(msgspec.to_builtins(found))))
