"""Load balancing: which target of a tier an attempt goes to.

Theory. All policies exclude the same targets first: a target whose circuit is open, or that is set aside, is never picked, and
one that this call has tried already only when no other is left. Among the rest:

- *weighted*: at random, in proportion to the weights (when one drops out, its share falls to the others in
  proportion). Smooth round robin (nginx) was rejected: its credits pile up for targets that are set aside;
- *least_busy*: the fewest attempts in flight for its weight. Ties are broken at random, or the first target would get all calls of a quiet system;
- *fastest*: the lowest peak EWMA times attempts in flight (Finagle): latency alone would send everybody to one target
  until it is the slowest. All are compared, not two drawn at random (p2c): our counts are exact and tiers are short. A
  target of which nothing is known yet is asked first, but by one attempt at a time;
- *sticky*: where the call's session is (`policy/sticky.py`); *weighted* for a call of no session.

When every circuit is open `last_resort` picks the least recently failed, rather than refusing: the circuit may be wrong
and there is nothing to lose. The layer knows whether it is time for that (no other tier is left). A target inside its
vendor's Retry-After is not picked even then.

A target that is due for a probe is picked before all others by the first attempt of a call, in every policy. Otherwise a small
weight or an old latency would keep it unused long after its vendor has recovered.

Always true: what is picked is one of the candidates; the same seed, the same picks; candidates are read in list order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random
from types import MappingProxyType
from typing import Final, Literal, Protocol

from headworks.policy.capability import Capability
from headworks.policy.circuit import Circuit
from headworks.policy.latency import LatencyWindow

Balancing = Literal["weighted", "least_busy", "fastest", "sticky"]

_UNKNOWN: Final = 1e9
"""Seconds: a load above any real one, for a target that is asked already and has not answered once (as Finagle)."""


class Candidate:
    """A target as one tier sees it. busy: its attempts in flight, counted by Meter."""

    __slots__ = ("busy", "capability", "circuit", "latency", "name", "weight")

    def __init__(
        self,
        name: str,
        circuit: Circuit,
        latency: LatencyWindow,
        weight: float = 1.0,
        capability: Capability | None = None,
    ) -> None:
        if weight <= 0:
            raise ValueError(f"a weight of {weight} is no share of anything")
        self.name = name
        self.circuit = circuit
        self.latency = latency
        self.weight = weight
        self.busy = 0
        self.capability = capability or Capability()

    def __repr__(self) -> str:
        return f"Candidate({self.name}, weight {self.weight}, {self.busy} busy)"


class Picker(Protocol):
    def pick(
        self, candidates: Sequence[Candidate], tried: Collection[str], rng: Random, now: float
    ) -> Candidate | None:
        """One that may be asked now, by preference one whose name is not in `tried`; None when none may."""
        ...


def available(candidates: Sequence[Candidate], tried: Collection[str], now: float) -> Sequence[Candidate]:
    """Those that may be asked now, in list order: the untried, or all of them where all were tried."""
    if not tried:
        for candidate in candidates:
            if now < candidate.circuit.blocked_until:
                break
        else:
            return candidates  # the usual case, which copies nothing
    allowed = [candidate for candidate in candidates if now >= candidate.circuit.blocked_until]
    return [candidate for candidate in allowed if candidate.name not in tried] or allowed


def left(candidates: Sequence[Candidate], tried: Collection[str], now: float) -> bool:
    """Whether an untried target may be asked now."""
    return any(now >= candidate.circuit.blocked_until and candidate.name not in tried for candidate in candidates)


def last_resort(candidates: Sequence[Candidate], tried: Collection[str], now: float) -> Candidate | None:
    """The least recently failed of the untried targets, asked although its circuit is open. None when all were tried or rest."""
    untried = [one for one in candidates if one.name not in tried and not one.circuit.rest_left(now)]
    if not untried:
        return None
    chosen = min(untried, key=lambda candidate: candidate.circuit.last_failed_at)
    chosen.circuit.admit_next()
    return chosen


def first_to_recover(candidates: Sequence[Candidate], tried: Collection[str], now: float) -> Candidate | None:
    """The untried target whose Retry-After ends first; None where none has one."""
    resting = [one for one in candidates if one.name not in tried and one.circuit.rest_left(now)]
    return min(resting, key=lambda one: one.circuit.rest_left(now)) if resting else None


class Weighted:
    """Random, in proportion to the weights."""

    __slots__ = ()

    def pick(
        self, candidates: Sequence[Candidate], tried: Collection[str], rng: Random, now: float
    ) -> Candidate | None:
        """One that may be asked now, by preference one whose name is not in `tried`; None when none may."""
        allowed = available(candidates, tried, now)
        if len(allowed) < 2:
            return allowed[0] if allowed else None
        total = 0.0
        for candidate in allowed:
            if not tried and candidate.circuit.state != "closed":
                return candidate  # a probe
            total += candidate.weight
        point = rng.random() * total
        for candidate in allowed:
            point -= candidate.weight
            if point < 0.0:
                return candidate
        return allowed[-1]  # rounding left nothing below zero


class LeastLoaded:
    """The lowest load. Ties are broken at random, by reservoir sampling: the kth candidate wins with probability 1/k."""

    __slots__ = ("_load",)

    def __init__(self, load: Callable[[Candidate, float], float]) -> None:
        self._load = load

    def pick(
        self, candidates: Sequence[Candidate], tried: Collection[str], rng: Random, now: float
    ) -> Candidate | None:
        """One that may be asked now, by preference one whose name is not in `tried`; None when none may."""
        allowed = available(candidates, tried, now)
        if len(allowed) < 2:
            return allowed[0] if allowed else None
        chosen, least, equals = allowed[0], float("inf"), 0
        for candidate in allowed:
            if not tried and candidate.circuit.state != "closed":
                return candidate  # a probe
            load = self._load(candidate, now)
            if load < least:
                chosen, least, equals = candidate, load, 1
            elif load == least:
                equals += 1
                if rng.random() * equals < 1.0:
                    chosen = candidate
        return chosen


def load_in_flight(candidate: Candidate, now: float) -> float:
    """Attempts in flight divided by the weight."""
    return candidate.busy / candidate.weight


def expected_wait(candidate: Candidate, now: float) -> float:
    """Recent latency times the attempts in flight with this one, for its weight: about seconds until it answers."""
    latency = candidate.latency
    if not latency and candidate.busy:
        return _UNKNOWN + candidate.busy
    return latency.estimate(now) * (candidate.busy + 1) / candidate.weight


PICKERS: Final = MappingProxyType[Balancing, Picker](
    {
        "weighted": Weighted(),
        "least_busy": LeastLoaded(load_in_flight),
        "fastest": LeastLoaded(expected_wait),
        "sticky": Weighted(),
    }
)
"""By the word in the system file. That of `sticky` is for calls of no session."""
