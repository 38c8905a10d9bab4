"""The circuit breaker of a target: whether it is asked at all, by its recent outcomes.

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
- closed asks always; open asks nobody before its time; half_open asks one at a time, and another where the one that is
  out has not ended for `open.longest`: a hanging probe must not keep the circuit open. The first probe that is answered closes it;
- it trips only when a failure comes in: `failures` in a row, or half of the last 20 (of the last 2 x `failures`, where
  that is more), once so many have ended since it closed. How old they are does not matter;
- it is open for `open.shortest` seconds, twice as long after each failed probe, never longer than `open.longest`; each time
  spread by +-10 % within that range, so that circuits that opened together do not ask together;
- only `failure` opens it. Mistakes of the caller, our own refusals and cancelled calls are `ignored`; after an ignored probe
  the next call is the probe;
- a call's outcome counts only in the state it was begun in (its ticket says which): an answer that was asked for before
  the circuit opened neither opens nor closes it later;
- being set aside (the vendor refuses *us*) and resting (the vendor said Retry-After) are not states. They hold in any state
  until their time has passed, whatever succeeds meanwhile. A target that is set aside may still be asked as a last resort. One
  that rests may not.

`outcome_of` tells by an error's `blame` what it says about the target. Which errors set a target aside, and for how long, is
decided in the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from headworks.core.errors import CallError, Expired
from headworks.core.units import Count, Seconds
from headworks.policy.suspicion import Suspicion

State = Literal["closed", "open", "half_open"]
Outcome = Literal["success", "failure", "ignored"]
Event = Literal["success", "failure", "ignored", "tripped", "probe"]
Ticket = int

REFUSED: Final[Ticket] = 0
"""The ticket that says: make no attempt. All other tickets are true."""

UNCOUNTED: Final[Ticket] = -1
"""The ticket of an attempt whose outcome does not count: a probe under way decides."""

WINDOW: Final = 20
WITH_A_TIER_BELOW: Final = 15.0
"""Seconds that a circuit is open at most where the file does not say and a tier stands below: a probe costs little there,
for the tier below answers the call whose probe failed."""
ALONE: Final = 60.0
"""The same where none stands below."""
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


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """How long a circuit stays open: from `shortest` seconds, doubling to `longest`, which is never exceeded.

    None: what suits the target's place, WITH_A_TIER_BELOW or ALONE, or `shortest` where that is more.
    """

    shortest: Seconds = 5.0
    longest: Seconds | None = None

    def within(self, *, has_tier_below: bool) -> Pause:
        """The same with its upper end filled in."""
        if self.longest is not None:
            return self
        most = WITH_A_TIER_BELOW if has_tier_below else ALONE
        return Pause(shortest=self.shortest, longest=max(self.shortest, most))


class Breaking(msgspec.Struct, frozen=True, kw_only=True):
    """A circuit opens after `failures` in a row (or half of the last 20), for a time from the range `open`."""

    failures: Count = 5
    open: Pause = Pause()


class Change(msgspec.Struct, frozen=True):
    """A change of a target. until: the instant before which it is not asked, as far as is known now.

    failing: it failed for the first time since it answered. opened, half_open, closed: its circuit. set_aside: for a time, for
    its vendor refuses us. rests: for a time, because its vendor said so.
    """

    kind: Literal["failing", "opened", "half_open", "closed", "set_aside", "rests"]
    at: float
    until: float


Observer = Callable[[Change], None]


def outcome_of(error: BaseException | None) -> Outcome:
    """What an attempt that ended with `error` says about its target: a failure only where the vendor is to blame.

    `total` is the call's own deadline, which the caller may have set as short as he likes; a silent vendor shows
    itself by the attempt's own phases. A cancelled attempt says nothing, nor does what is about one call's own body.
    """
    if error is None:
        return "success"
    if isinstance(error, CallError) and error.blame == "vendor" and error.about != "call":
        return "ignored" if isinstance(error, Expired) and error.phase == "total" else "failure"
    return "ignored"


class Circuit:
    """One target's state, shared by all who ask it: Balance reads `allows`, Breaker holds a ticket from entering to end."""

    __slots__ = (
        "_admits_next",
        "_aside_until",
        "_epoch",
        "_failed",
        "_half",
        "_in_a_row",
        "_is_probing",
        "_least",
        "_mask",
        "_most",
        "_openings",
        "_rests_until",
        "_rng",
        "_seen",
        "_window",
        "blocked_until",
        "config",
        "last_failed_at",
        "observer",
        "reason",
        "said_429",
        "state",
        "suspicion",
    )

    def __init__(self, config: Breaking, rng: Random) -> None:
        self.suspicion = Suspicion()
        self.observer: Observer | None = None
        """Called with each change, in order. It must neither wait nor raise."""
        self.reason = ""
        """Why the last attempt failed, in words. Breaker sets it before it reports the failure."""
        self.said_429 = False
        """Whether it rests because of a limit."""
        self._is_probing = False
        self._rests_until = -_NEVER
        self.configure(config)
        self._rng = rng
        self.state: State = "closed"
        self.blocked_until = -_NEVER
        """No call is admitted before this instant. While a probe is under way: not before the probe counts as lost."""
        self.last_failed_at = -_NEVER
        self._aside_until = -_NEVER
        self._openings = 0  # since it was closed last
        self._epoch: Ticket = 1
        self._admits_next = False
        self._in_a_row = 0
        self._seen = 0  # since it was closed last
        self._failed = 0  # one bit an ended attempt, the youngest lowest; 1 is a failure

    def configure(self, config: Breaking) -> None:
        """Takes a new configuration. The state stays; the counted outcomes only where `failures` is the same."""
        self.config = config
        span = config.open.within(has_tier_below=False)
        self._least = span.shortest
        self._most = span.longest or span.shortest
        self._window = max(WINDOW, 2 * config.failures)
        self._half = self._window // 2
        self._mask = (1 << self._window) - 1

    def allows(self, now: float) -> bool:
        """Whether a call would be admitted now. Changes nothing: to make an attempt call `enter`."""
        return now >= self.blocked_until

    def enter(self, now: float) -> Ticket:
        """Admits a call and returns its ticket, which `end` takes exactly once. REFUSED (0): make no attempt."""
        if now < self.blocked_until:
            if not self._admits_next or now < self._rests_until:
                return REFUSED
            self._admits_next = False
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

    def admit_next(self) -> None:
        """Admits the next call although the circuit is open: for when all other circuits are open too.

        The caller of this enters next, without an await between. If it does not, one other call is admitted.
        """
        self._admits_next = True

    def set_aside(self, until: float, now: float) -> None:
        """Admits no call before `until` (less EARLY), in any state. Never shortens an earlier time."""
        self._block(until - EARLY, "set_aside", now)

    def rest(self, until: float, now: float, *, is_limit: bool) -> None:
        """The same for a vendor's Retry-After: then no call is admitted before it ends. is_limit: the vendor said 429."""
        if until - EARLY > self._rests_until:
            self._rests_until = until - EARLY
            self.said_429 = is_limit
        self._block(until - EARLY, "rests", now)

    def rest_left(self, now: float) -> float:
        """Seconds left of the vendor's Retry-After; 0 where there is none."""
        return max(self._rests_until - now, 0.0)

    def _block(self, until: float, kind: Literal["set_aside", "rests"], now: float) -> None:
        self.last_failed_at = now
        if until > self._aside_until:
            self._aside_until = until
            self.blocked_until = max(self.blocked_until, until)
            self._tell(kind, now)

    def _tell(
        self, kind: Literal["failing", "opened", "half_open", "closed", "set_aside", "rests"], now: float
    ) -> None:
        if self.observer is not None:
            self.observer(Change(kind, now, self.blocked_until))

    def _too_many(self) -> bool:
        if self._in_a_row >= self.config.failures:
            return True
        return self._seen >= self._window and self._failed.bit_count() >= self._half

    def _move(self, event: Event, now: float) -> None:
        before = self.state
        after = self.state = TABLE[before, event]
        self._admits_next = False
        if after == "half_open":
            if event == "probe":
                # After one that was lost, a new probe: what the older one says is stale. After one that is silent, one more.
                self._epoch += not self._is_probing
                self.blocked_until = max(now + self._most, self._aside_until)
            else:
                self.blocked_until = self._aside_until
            self._is_probing = event == "probe"
        elif before != after:
            self._epoch += 1
            self._is_probing = False
            if after == "closed":
                self._openings = self._in_a_row = self._seen = self._failed = 0
                self.blocked_until = self._aside_until
            else:
                self.blocked_until = max(now + self._pause(), self._aside_until)
                self._openings += 1
        if before != after:
            self._tell("opened" if after == "open" else after, now)

    def _pause(self) -> float:
        shortest, longest = self._least, self._most
        # The exponent is bounded before it is used: 2.0 ** 1100 is no float.
        pause = min(shortest * 2.0 ** min(self._openings, 30), longest)
        return self._rng.uniform(max(shortest, pause * (1.0 - SPREAD)), min(longest, pause * (1.0 + SPREAD)))

    def __repr__(self) -> str:
        return f"Circuit({self.state}, blocked until {self.blocked_until:.3f}, {self._in_a_row} failures in a row)"
