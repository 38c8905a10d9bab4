"""Tells of targets whose vendor ends their model: in `headworks check`, and in the log at the start and once a day.

Always true: only a day that the vendor has published counts (`catalog/capabilities.json`, with the page that says so); what is not
known is not told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from headworks.catalog.capabilities import Retirement
from headworks.core.clock import wall
from headworks.core.throttled_log import Field, log_fields
from headworks.gateway.capabilities import TargetCapabilities
from headworks.system.schema.system import System
from headworks.system.syntax.findings import Findings, KeyPath
from headworks.system.syntax.scalars import shown

DAYS_BEFORE: Final = 60
"""Days before a model's end from which on it is told."""

EVERY: Final = 86400.0
"""Seconds between two looks of a gateway."""

log = logging.getLogger("headworks.targets")


class Retiring(NamedTuple):
    """A target whose model ends soon, or has ended: where it stands in the file, and in how many days (negative: ago)."""

    target: str
    where: KeyPath
    days: int
    known: Retirement

    @property
    def problem(self) -> str:
        day = self.known.at.isoformat()
        if self.days > 0:
            return f"the vendor of {shown(self.target)} ends this model on {day}, in {counted(self.days)}"
        since = "today" if not self.days else f"{counted(-self.days)} ago"
        return f"the vendor of {shown(self.target)} ended this model on {day}, {since}: calls to it fail or will soon"

    @property
    def remedy(self) -> str:
        successor = self.known.successor
        named = f"name another, such as {shown(successor)}, its vendor's successor" if successor else "name another"
        return f"{named} ({self.known.source})"


def counted(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def today() -> date:
    return datetime.fromtimestamp(wall(), UTC).date()


def retiring(capabilities: TargetCapabilities, day: date) -> Iterator[Retiring]:
    """The targets whose model ends within DAYS_BEFORE, or has ended, in the order of the file."""
    for alias, model in capabilities.system.models.items():
        for index, tier in enumerate(model.targets):
            for position, target in enumerate(tier):
                known = capabilities.retirement(target)
                if known is not None and (days := (known.at - day).days) <= DAYS_BEFORE:
                    yield Retiring(str(target), ("models", alias, "targets", index, position), days, known)


def warn_of_retirements(system: System, findings: Findings, day: date) -> None:
    """Notes each of them as a warning."""
    for one in retiring(TargetCapabilities(system), day):
        findings.warn(one.where, one.problem, one.remedy)


def tell_retirements(capabilities: TargetCapabilities, day: date) -> None:
    """Writes a line for each target, once though several aliases have it."""
    for one in {one.target: one for one in retiring(capabilities, day)}.values():
        known = one.known
        told: dict[str, Field] = {"subject": one.target, "on": known.at.isoformat(), "days": one.days}
        told |= {"successor": known.successor, "source": known.source}
        if one.days > 0:
            log.warning("%s; %s", one.problem, one.remedy, extra=log_fields("target_retires", **told))
        else:
            log.error("%s; %s", one.problem, one.remedy, extra=log_fields("target_retired", **told))


async def log_retirements(capabilities: Callable[[], TargetCapabilities]) -> None:
    """Tells of them now and once a day, until cancelled. capabilities: of the system that is served; a gateway has read its tables
    before, so that this takes a fraction of a millisecond."""
    while True:
        tell_retirements(capabilities(), today())
        await asyncio.sleep(EVERY)
