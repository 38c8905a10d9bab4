"""The structs of `requirements:`: objectives and expected traffic. What must hold between their keys: `checks/requirements.py`.

Always true: only `constraints` change how calls are served; all else is read by `headworks check` and what comes after it.
A bound is exact to the digit that was written: objectives are compared, and a float's rounding must not decide.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

import msgspec

from headworks.core.money import NANO, written_dollars
from headworks.core.units import Count, Seconds
from headworks.system.syntax.scalars import NUMBER, Unreadable, duration, share, shown, written_duration

Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1, extra={"unit": "share"})]
Name: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "name"})]
FilePath: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "path"})]
Alias: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "alias"})]
Region: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "region"})]
Retention: TypeAlias = Annotated[float, msgspec.Meta(ge=0, extra={"unit": "retention"})]
Rate: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Percentile: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=99.999)]

Kind = Literal["duration", "share", "money", "rate", "count"]
Metric = Literal[
    "time_to_first_token", "duration", "availability", "goodput", "cost_per_call", "cost", "calls", "quality"
]  # fmt: skip


class Bound(msgspec.Struct, frozen=True):
    """A limit as it was written: seconds, a part of one, dollars, calls per second or calls, exact."""

    kind: Kind
    value: Decimal

    def __str__(self) -> str:
        match self.kind:
            case "duration":
                return written_duration(float(self.value))
            case "share":
                return f"{(self.value * 100).normalize():f}%"
            case "money":
                return written_dollars(int(self.value * NANO))
            case "rate":
                return f"{self.value.normalize():f}rps"
            case "count":
                return f"{self.value.normalize():f}"


def bound(text: str) -> Bound:
    """A bound from `800ms`, `99.9%`, `$0.004`, `18rps` or `50`. Raises Unreadable."""
    if match := re.fullmatch(rf"\$({NUMBER})", text):
        return Bound("money", Decimal(match[1]))
    if match := re.fullmatch(rf"({NUMBER})rps", text):
        return Bound("rate", Decimal(match[1]))
    if text.endswith("%"):
        return Bound("share", Decimal(repr(share(text))))
    if re.fullmatch(rf"{NUMBER}[a-z]+", text):
        return Bound("duration", Decimal(repr(duration(text))))
    if re.fullmatch(NUMBER, text):
        return Bound("count", Decimal(text))
    remedy = "write a duration (800ms), a share (99.9%), an amount ($0.004), a rate (18rps) or a number of calls (50)"
    raise Unreadable(f"{shown(text)} is not a bound", remedy)


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """A number of tokens that varies: half of the calls have at most `p50`, 95 of 100 at most `p95`."""

    p50: Count
    p95: Count


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """A time that varies: half are at most `p50` seconds, 95 of 100 at most `p95`."""

    p50: Seconds
    p95: Seconds


class Expect(msgspec.Struct, frozen=True, kw_only=True):
    """Expected speed and availability of a target. It does not change how calls are served."""

    first_token: Times | None = None
    per_token: Times | None = None
    availability: Share | None = None


class AliasTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic of one alias. Keys that are not written come from `traffic`, except `peak_rps`."""

    peak_rps: Rate | None = None
    burstiness: Rate | None = None
    prompt_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    streamed: Share | None = None
    repeated: Share | None = None


class Turns(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls a session has: half have at most `p50`, 95 of 100 at most `p95`."""

    p50: Count
    p95: Count


class SessionTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """What the sessions are like that the calls belong to. growth: tokens that each turn adds to the prompt."""

    turns: Turns
    pause: Times | None = None
    growth: Count | None = None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic of the whole system."""

    peak_rps: Rate | None = None
    burstiness: Rate = 1.0
    prompt_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    streamed: Share = 1.0
    repeated: Share = 0.0
    peak_for: Seconds = 3600.0
    daily: tuple[Share, ...] = ()
    trace: FilePath | None = None
    log: bool = False
    sessions: SessionTraffic | None = None
    aliases: dict[Alias, AliasTraffic] = {}

    @property
    def busy(self) -> float:
        """The mean load of a day, by the load at the peak."""
        return sum(self.daily) / len(self.daily) if self.daily else 1.0


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, of an alias or of the whole system: of its calls or, with `per`, of its sessions."""

    id: Name
    metric: Metric
    percentile: Percentile | None = None
    at_most: Bound | None = None
    at_least: Bound | None = None
    window: Seconds | None = None
    suite: Name | None = None
    confidence: Share | None = None
    alias: Alias | None = None
    per: Literal["session"] | None = None

    @property
    def limit(self) -> Bound:
        """The bound that it has; which of the two is the metric's (`checks/requirements.py`)."""
        found = self.at_most or self.at_least
        assert found is not None, "an objective without a bound is refused while loading"
        return found

    def __str__(self) -> str:
        said = "p" + f"{self.percentile:g} of " if self.percentile is not None else ""
        window = f" in {written_duration(self.window)}" if self.window is not None else ""
        per = f" per {self.per}" if self.per is not None else ""
        return f"{said}{self.metric}{per} {'<=' if self.at_most else '>='} {self.limit}{window}"


class CommonCause(msgspec.Struct, frozen=True, kw_only=True):
    """Providers that fail together: `share` of each one's outages are outages of all of them (the beta factor)."""

    name: Name
    providers: tuple[Name, ...]
    share: Share


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """What every provider that is asked must state of itself: regions of which each of its own is one, and the longest
    retention, in seconds. Both where both are written."""

    region: tuple[Region, ...] = ()
    retention: Retention | None = None


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """Objectives, traffic, common causes of failure, and constraints. promises: all `objectives` of the file, in its order."""

    traffic: Traffic = Traffic()
    promises: tuple[Objective, ...] = msgspec.field(name="objectives", default=())
    common_causes: tuple[CommonCause, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Those about calls."""
        return tuple([one for one in self.promises if one.per is None])

    @property
    def session_objectives(self) -> tuple[Objective, ...]:
        """Those about whole sessions."""
        return tuple([one for one in self.promises if one.per is not None])
