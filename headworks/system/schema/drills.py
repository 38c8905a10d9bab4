"""Drills as data: the structs of `drills:`. What must hold between their keys: `checks/drills.py`.

A drill is a fault schedule with a hypothesis. Always true: nothing here changes how calls are served; only `headworks
drill` reads it. Instants count from the drill's first call. The names of the faults are those of
`providers/simulated/faults.py`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec

from headworks.core.units import Count, Seconds

Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1, extra={"unit": "share"})]
Name: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "name"})]
Alias: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "alias"})]
Rate: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Factor: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]

Fault: TypeAlias = Literal[
    "refused",
    "connect_silence",
    "reset",
    "silence",
    "slow_first_token",
    "no_content",
    "empty",
    "html",
    "huge_body",
    "rate_limited",
    "rate_limited_bare",
    "out_of_credit",
    "server_error",
    "unavailable",
    "overloaded",
    "denied",
    "unknown_model",
    "context_length",
    "content_filter",
    "reset_after_head",
    "cut",
    "stall",
    "garbled_event",
    "missing_end",
    "slow_drip",
    "content_filter_finish",
]
"""What `providers/simulated/faults.py` can do; a floor's folders do not know each other, so a test compares the two."""

Trouble: TypeAlias = Literal["dns", "tls", "store", "disk", "clock", "sigterm", "sigkill"]
"""What happens to the gateway itself, or to the machine below it."""

TROUBLES: Final[tuple[Trouble, ...]] = get_args(Trouble)

RESTARTING: Final[frozenset[Trouble]] = frozenset({"sigterm", "sigkill"})
"""Troubles in which nobody listens for a while."""

EVERY: Final = "all"
"""In `targets`: every target of the alias."""


class DrillFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of some targets for a while. No targets named: those of the alias's first tier."""

    fault: Fault
    targets: tuple[str, ...] = ()
    from_: Seconds = msgspec.field(name="from", default=2.0)
    until: Seconds = 6.0
    share: Share = 1.0


class DrillTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """What happens below the gateway, and when."""

    what: Trouble
    from_: Seconds = msgspec.field(name="from", default=2.0)
    until: Seconds = 6.0


class DrillTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls meanwhile: `calls` in all, `rate` a second, each answer `tokens` long."""

    rate: Rate = 1.0
    calls: Count = 14
    streamed: Share = 0.5
    tokens: Count = 16
    alias: Alias | None = None


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True):
    """What should come of it. No answer that is cut short may look whole: that is always part of it."""

    whole: Share = 1.0
    added: Seconds | None = None
    attempts: Factor | None = None
    cost: Factor | None = None
    recovery: Seconds = 15.0
    broken: Share = 0.0
    error: str | None = None


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """A fault schedule, traffic and a hypothesis."""

    shows: str
    faults: tuple[DrillFault, ...] = ()
    trouble: DrillTrouble | None = None
    traffic: DrillTraffic = DrillTraffic()
    expect: Hypothesis = Hypothesis()

    @property
    def window(self) -> tuple[float, float]:
        """From the first instant at which something is wrong to the last."""
        spans: list[DrillFault | DrillTrouble] = [*self.faults, *([self.trouble] if self.trouble else [])]
        return min(span.from_ for span in spans), max(span.until for span in spans)

    @property
    def restarts(self) -> bool:
        """Whether the gateway is started again, so that nobody listens for a while."""
        return self.trouble is not None and self.trouble.what in RESTARTING


class DrillFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of drills beside the system file."""

    drills: dict[Name, Drill]


def named(text: str, target: str) -> bool:
    """Whether a text names a target: `provider/model`, or `provider` for all of its models."""
    return text == target or text == target.partition("/")[0]
