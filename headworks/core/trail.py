"""What happened to a call, in order: its attempts and their results. The only mutable part of a call. It becomes the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias

from headworks.core.capability import Lack
from headworks.core.money import Charge, Price
from headworks.core.reply import Usage
from headworks.core.state import Budget, Claim, Rate, State

Why = Literal["first", "retry", "fallback", "resume"]


class Attempt:
    """One try at one target. Instants are loop time in seconds; 0 is not yet.

    `head_by` is the instant by which the leaf must have the head (streamed) or the whole answer (unary), and `gap` the
    most seconds between two chunks: the Timeout layer writes them, the leaf keeps them. Meter writes `price`, which is
    None where it is unknown, and `is_billable`: the vendor may have been asked, and has not refused. `late`: seconds that
    the reader took between its reads. `sent` (bytes of the body) and `received` (bytes of content) are 0 where they are
    those of the call: a resumed one has several attempts that answered. `uncounted`: bytes of content that came after
    `usage` was read. `prefilled`: bytes of the answer's beginning that it was handed, and `repeated` those of them that the
    answer begins with again. `left_out`: hints of the caller that this vendor's API has no words for.
    """

    __slots__ = (
        "connect_by",
        "ended_at",
        "error",
        "gap",
        "head_at",
        "head_by",
        "is_billable",
        "late",
        "left_out",
        "outcome",
        "prefilled",
        "price",
        "reason",
        "received",
        "repeated",
        "sent",
        "started_at",
        "target",
        "uncounted",
        "usage",
        "vendor_request_id",
        "vendor_status",
        "why",
    )

    def __init__(self, target: str, why: Why, started_at: float) -> None:
        self.target = target
        self.why: Why = why
        self.started_at = started_at
        self.connect_by = 0.0
        self.left_out: tuple[str, ...] = ()
        self.head_by = 0.0
        self.gap = 0.0
        self.head_at = 0.0
        self.ended_at = 0.0
        self.outcome = ""
        self.error = ""
        self.reason = ""
        self.is_billable = False
        self.late = 0.0
        self.sent = 0
        self.received = 0
        self.uncounted = 0
        self.prefilled = 0
        self.repeated = 0
        self.price: Price | None = None
        self.usage: Usage | None = None
        self.vendor_request_id = ""
        self.vendor_status = 0


class Reservation(Protocol):
    """The money that is reserved for a call under a budget."""

    @property
    def state(self) -> State: ...
    @property
    def claim(self) -> Claim: ...
    @property
    def amounts(self) -> tuple[int, ...]:
        """Nano-dollars, as each budget reckons."""
        ...

    def needed(self, size: int, attempt: Attempt) -> tuple[int, ...] | None:
        """What must be reserved before a further attempt with so many bytes of body; None where that is reserved already."""
        ...

    def raised(self, amounts: tuple[int, ...], missing: Budget | None) -> None:
        """Notes the state's answer to a raise. Raises InsufficientQuota or StateAway: then no attempt may be made."""
        ...


Limits: TypeAlias = tuple[tuple[Rate, ...], tuple[int, ...], tuple[float, ...]]
"""The rates that a call was counted by, what is left of each, and in how many seconds each is full again."""


class Trail:
    """The attempts of one call, in the order in which they were begun, and who made the call once that is known.

    prompt: `NAME@VERSION` of the prompt that it was rendered from, "" for none. exceeded_context: tokens of the largest context
    that the question did not fit into, 0 where it was not too long for anybody.
    arrived_at: seconds since 1970, where a window depends on it (else 0). received: bytes of text that came back. billed:
    what each attempt cost, once that is settled. limits: what the caller is told of his limits. reservation: the money that is
    reserved for the call. full_targets: those that had no room a moment ago. waits_at_limit: a target's limit is waited for.
    unable: targets that are known to be unable to serve the call, and why; None until that was looked at.
    cache: what the cache had to say, "" where there is none. age: seconds, of an answer that was kept. deadline_at: where
    several callers share the call, the latest of theirs: `Call.deadline_at` is then far beyond.
    """

    __slots__ = (
        "age",
        "arrived_at",
        "attempts",
        "billed",
        "cache",
        "deadline_at",
        "exceeded_context",
        "full_targets",
        "group",
        "key",
        "limits",
        "prompt",
        "received",
        "reservation",
        "tags",
        "unable",
        "waits_at_limit",
    )

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.key = ""
        self.prompt = ""
        self.exceeded_context = 0.0
        self.group = ""
        self.tags: tuple[str, ...] = ()
        self.arrived_at = 0.0
        self.received = 0
        self.billed: list[Charge] | None = None
        self.limits: Limits | None = None
        self.reservation: Reservation | None = None
        self.full_targets: tuple[str, ...] = ()
        self.waits_at_limit = False
        self.unable: Mapping[str, Lack] | None = None
        self.cache = ""
        self.age = 0
        self.deadline_at = float("inf")

    def begin(self, target: str, why: Why, at: float) -> Attempt:
        """Notes a new attempt and returns it for the layers below to fill in."""
        attempt = Attempt(target, why, at)
        self.attempts.append(attempt)
        return attempt
