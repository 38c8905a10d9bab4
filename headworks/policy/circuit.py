"""Whether a target is asked at all, by what it did lately.

Theory. A target that fails fails for a while, and asking it meanwhile costs every caller a wait. So after too many
failures nobody asks for some time, then one call asks for all (M. Nygard, *Release It!*). A table, as h11 has it:

                       tripped                         probe: its time is up
        +--------+ -------------> +------+ ----------------------> +-----------+
        | closed |                | open |                         | half_open |
        +--------+ <------------- +------+ <---------------------- +-----------+
            ^        success          (only of an invited call)  failure |
            +------------------------------------------------------------+
                                   success

Always true:
- closed asks always; open asks nobody before its time; half_open asks one at a time;
- it trips only when a failure comes in: `failures` in a row, or half of the last 20 (of the last 2 x `failures`, where
  that is more), once so many have ended since it closed. How old they are does not matter;
- it is open for `open` seconds, twice as long after each failed probe, at most 60 (or `open`, where that is more), each
  time spread by +-10 % so that circuits that opened together do not ask together;
- only `failure` opens: what the caller did wrong, what we refused ourselves and what was cancelled is `ignored`, and an
  ignored probe gives its place to the next call;
- a call's outcome counts only in the state it was begun in (its ticket says which): an answer that was asked for before
  the circuit opened neither opens nor closes it later;
- being set aside (a vendor said Retry-After, or refuses *us*) is no state: it holds on top of each of them until its
  time has passed, whatever succeeds meanwhile.

What an error says about its target, `outcome_of` reads off its `blame`; which errors set a target aside, and for how
long, is the layer's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from headworks.core.errors import CallError, Expired
from headworks.core.units import Count, Seconds

State = Literal["closed", "open", "half_open"]
Outcome = Literal["success", "failure", "ignored"]
Event = Literal["success", "failure", "ignored", "tripped", "probe"]
Ticket = int

REFUSED: Final[Ticket] = 0
"""Begin no attempt. Every other ticket is true."""

UNCOUNTED: Final[Ticket] = -1
"""Begin an attempt, but a probe that is out already decides."""

WINDOW: Final = 20
LONGEST: Final = 60.0
SPREAD: Final = 0.1
EARLY: Final = 0.002
"""Seconds by which who was set aside is asked early: uvloop's timers count whole milliseconds, so who slept as long as
a vendor said may wake a little before, and must not find that target closed to him."""
_NEVER: Final = float("inf")

TABLE: Final = MappingProxyType[tuple[State, Event], State](
    {
        ("closed", "success"): "closed",
        ("closed", "failure"): "closed",
        ("closed", "ignored"): "closed",
        ("closed", "tripped"): "open",
        ("open", "probe"): "half_open",
        ("open", "success"): "closed",  # an invited call was answered: no reason to wait any longer
        ("open", "failure"): "open",
        ("open", "ignored"): "open",
        ("half_open", "probe"): "half_open",  # the one before was lost
        ("half_open", "success"): "closed",
        ("half_open", "failure"): "open",
        ("half_open", "ignored"): "half_open",
    }
)


class Breaking(msgspec.Struct, frozen=True, kw_only=True):
    """A circuit opens after `failures` in a row (or half of the last 20), for `open` seconds, doubling up to 60."""

    failures: Count = 5
    open: Seconds = 5.0


class Change(msgspec.Struct, frozen=True):
    """What has just changed about a target. until: the instant before which nobody is asked, as it is known now.

    failing: it failed for the first time since it answered. opened, half_open, closed: its circuit. set_aside: for a time.
    """

    kind: Literal["failing", "opened", "half_open", "closed", "set_aside"]
    at: float
    until: float


Observer = Callable[[Change], None]


def outcome_of(error: BaseException | None) -> Outcome:
    """What an attempt that ended with `error` says about its target: a failure only where the vendor is to blame.

    `total` is the call's own deadline, which the caller may have set as short as he likes; a silent vendor shows
    itself by the attempt's own phases. A cancelled attempt says nothing.
    """
    if error is None:
        return "success"
    if isinstance(error, CallError) and error.blame == "vendor":
        return "ignored" if isinstance(error, Expired) and error.phase == "total" else "failure"
    return "ignored"


class Circuit:
    """One target's state, shared by all who ask it: Balance reads `allows`, Breaker holds a ticket from entering to end."""

    __slots__ = (
        "_aside_until",
        "_epoch",
        "_failed",
        "_half",
        "_in_a_row",
        "_invited",
        "_mask",
        "_openings",
        "_rng",
        "_seen",
        "_window",
        "blocked_until",
        "config",
        "last_failed_at",
        "observer",
        "reason",
        "state",
    )

    def __init__(self, config: Breaking, rng: Random) -> None:
        self.config = config
        self._rng = rng
        self._window = max(WINDOW, 2 * config.failures)
        self._half = self._window // 2
        self._mask = (1 << self._window) - 1
        self.state: State = "closed"
        self.blocked_until = -_NEVER
        """Nobody is asked before this instant; infinite while a probe is out."""
        self.last_failed_at = -_NEVER
        self.observer: Observer | None = None
        """Told of each change, in the order in which they happen. It must neither wait nor raise."""
        self.reason = ""
        """Why the last attempt failed, in words; whoever tells of the failure writes it first."""
        self._aside_until = -_NEVER
        self._openings = 0  # since it was closed last
        self._epoch: Ticket = 1
        self._invited = False
        self._in_a_row = 0
        self._seen = 0  # since it was closed last
        self._failed = 0  # one bit an ended attempt, the youngest lowest; 1 is a failure

    def allows(self, now: float) -> bool:
        """Would a call be let in now? Changes nothing; whoever acts on it calls `enter`."""
        return now >= self.blocked_until

    def enter(self, now: float) -> Ticket:
        """Lets a call in and returns its ticket, to be told to `end` exactly once; REFUSED (0) means: do not ask."""
        if now < self.blocked_until:
            if not self._invited:
                return REFUSED
            self._invited = False
            return UNCOUNTED if self.state == "half_open" else self._epoch
        if self.state != "closed":
            self._move("probe", now)
        return self._epoch

    def head(self, ticket: Ticket, now: float) -> None:
        """The answer has begun: that proves enough to close a circuit, which so need not wait for a stream's end.

        An attempt in a closed circuit is judged when it ends: a target whose streams all break off must not look well.
        """
        if self.state != "closed" and ticket == self._epoch:
            self._move("success", now)

    def end(self, ticket: Ticket, outcome: Outcome, now: float) -> None:
        """Counts how an attempt ended, where its ticket still counts."""
        if outcome == "failure":
            self.last_failed_at = now
        if ticket != self._epoch:
            return
        if self.state != "closed":
            self._move(outcome, now)
        elif outcome == "success":
            self._in_a_row = 0
            self._failed = self._failed << 1 & self._mask
            self._seen += 1
        elif outcome == "failure":
            if not self._in_a_row:
                self._tell("failing", now)
            self._in_a_row += 1
            self._failed = (self._failed << 1 | 1) & self._mask
            self._seen += 1
            self._move("tripped" if self._too_many() else "failure", now)

    def invite(self) -> None:
        """Lets the next call in though the circuit is open: for when every other one is open too.

        Whoever invites enters next, without awaiting between. An invitation that is not used lets one more call in.
        """
        self._invited = True

    def set_aside(self, until: float, now: float) -> None:
        """Asks nobody before `until` (less EARLY), whatever the state; never shortens what was said before."""
        self.last_failed_at = now
        until -= EARLY
        if until > self._aside_until:
            self._aside_until = until
            self.blocked_until = max(self.blocked_until, until)
            self._tell("set_aside", now)

    def _too_many(self) -> bool:
        if self._in_a_row >= self.config.failures:
            return True
        return self._seen >= self._window and self._failed.bit_count() >= self._half

    def _move(self, event: Event, now: float) -> None:
        before = self.state
        after = self.state = TABLE[before, event]
        self._invited = False
        if after == "half_open":
            self._epoch += event == "probe"  # a new probe; what an older one says is stale
            self.blocked_until = _NEVER if event == "probe" else self._aside_until
        elif before != after:
            self._epoch += 1
            if after == "closed":
                self._openings = self._in_a_row = self._seen = self._failed = 0
                self.blocked_until = self._aside_until
            else:
                self.blocked_until = max(now + self._pause(), self._aside_until)
                self._openings += 1
        if before != after:
            self._tell("opened" if after == "open" else after, now)

    def _tell(self, kind: Literal["failing", "opened", "half_open", "closed", "set_aside"], now: float) -> None:
        if self.observer is not None:
            self.observer(Change(kind, now, self.blocked_until))

    def _pause(self) -> float:
        shortest = self.config.open
        # The exponent is bounded before it is used: 2.0 ** 1100 is no float.
        pause = min(shortest * 2.0 ** min(self._openings, 30), max(shortest, LONGEST))
        return pause * self._rng.uniform(1.0 - SPREAD, 1.0 + SPREAD)

    def __repr__(self) -> str:
        return f"Circuit({self.state}, blocked until {self.blocked_until:.3f}, {self._in_a_row} failures in a row)"
