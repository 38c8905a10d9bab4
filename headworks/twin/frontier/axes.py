"""What systems are compared by: cost a month, the first token, availability and quality; and the objectives that say so.

Always true: where the file has an objective for an axis, its number is the axis; else an objective that every system keeps is added,
so that the number is found in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from headworks.system.schema.requirements import Bound, Objective
from headworks.system.schema.system import System

FIRST_TOKEN: Final = "first token"
AVAILABILITY: Final = "availability over all time"
"""Ids of the objectives that are added: no name in a file has a blank."""

PERCENTILE: Final = 95.0

FOR_EVER: Final = Bound("duration", Decimal(10**9))
NOTHING: Final = Bound("share", Decimal(0))
"""Bounds that every system keeps."""


class Axes(msgspec.Struct, frozen=True, kw_only=True):
    """The objectives whose numbers are compared, beside the cost of a month. quality: None where the file promises none."""

    first_token: Objective
    availability: Objective
    quality: Objective | None

    @property
    def added(self) -> list[Objective]:
        """Those that are not the file's."""
        return [one for one in (self.first_token, self.availability) if " " in one.id]


def axes_of(system: System) -> Axes:
    """The axes of a file's systems."""
    whole = [one for one in system.requirements.objectives if one.alias is None or len(system.models) == 1]
    firsts = [one for one in whole if one.metric == "time_to_first_token" and one.percentile == PERCENTILE]
    ups = [one for one in whole if one.metric == "availability"]
    qualities = [one for one in system.requirements.objectives if one.metric == "quality"]
    first = Objective(id=FIRST_TOKEN, metric="time_to_first_token", percentile=PERCENTILE, at_most=FOR_EVER)
    up = Objective(id=AVAILABILITY, metric="availability", at_least=NOTHING)
    return Axes(
        first_token=_first(firsts, first), availability=_first(ups, up), quality=qualities[0] if qualities else None
    )


def _first(known: Sequence[Objective], otherwise: Objective) -> Objective:
    return known[0] if known else otherwise


def with_axes(system: System, axes: Axes) -> System:
    """The system with the objectives that are not the file's."""
    promises = (*system.requirements.promises, *axes.added)
    return msgspec.structs.replace(system, requirements=msgspec.structs.replace(system.requirements, promises=promises))
