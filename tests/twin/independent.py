"""Independent simulations for the tests of plans: a heap of events that shares no code with the twin.

Calls arrive as a Poisson flow (or a burstier one). Each is offered to every tier in turn, and waits before the last one, first come first
served, up to its deadline. A tier has places, and buckets of requests and of tokens a minute. An answer that is not
written by the deadline fails, and holds its place until then.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf, log

import numpy as np

Z95, Z99 = 1.6448536269514722, 2.3263478740408408


@dataclass
class Times:
    """A log-normal time by its median and one higher percentile."""

    median: float
    high: float
    z: float = Z95

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return self.median * np.exp(log(self.high / self.median) / self.z * rng.standard_normal(count))


@dataclass
class Bucket:
    """So many a minute, and as many at once. level: what is in it."""

    size: float
    level: float
    at: float = 0.0

    def fill(self, now: float) -> None:
        self.level = min(self.size, self.level + (now - self.at) * self.size / 60)
        self.at = now

    def room_in(self, amount: float) -> float:
        return max(0.0, (amount - self.level) * 60 / self.size)


@dataclass
class Tier:
    first: Times
    pace: Times
    places: float = inf
    rpm: float | None = None
    tpm: float | None = None
    in_use: int = 0
    buckets: dict[str, Bucket] = field(default_factory=dict)

    def begin(self, *, is_empty: bool) -> None:
        self.in_use = 0
        sizes = {"rpm": self.rpm, "tpm": self.tpm}
        self.buckets = {name: Bucket(size, 0.0 if is_empty else size) for name, size in sizes.items() if size}

    def wait_for(self, tokens: float, now: float) -> float:
        """Seconds until it has room: 0 now; infinite: when a place is free."""
        needs = {"rpm": 1.0, "tpm": tokens}
        for bucket in self.buckets.values():
            bucket.fill(now)
        if self.in_use >= self.places:
            return inf
        return max((bucket.room_in(needs[name]) for name, bucket in self.buckets.items()), default=0.0)

    def take(self, tokens: float) -> None:
        self.in_use += 1
        for name, bucket in self.buckets.items():
            bucket.level -= 1.0 if name == "rpm" else tokens


@dataclass
class Seen:
    """What the calls of the peak saw."""

    first: np.ndarray
    duration: np.ndarray
    is_whole: np.ndarray

    @property
    def availability(self) -> float:
        return float(self.is_whole.mean())

    def percentile(self, of: str, percent: float) -> float:
        return float(np.percentile(getattr(self, of)[self.is_whole], percent))


@dataclass
class Load:
    rate: float
    prompt: Times
    output: Times
    seconds: float
    burstiness: float = 1.0
    """The squared coefficient of variation of the gaps, which are gamma."""
    warm: float = 0.0
    """Seconds at the same rate before what is counted."""


def simulated(load: Load, tiers: list[Tier], seed: int, *, deadline: float = 120.0, is_empty: bool = False) -> Seen:
    """One peak. is_empty: whether the buckets begin used up."""
    rng = np.random.default_rng(seed)
    count = int(load.rate * (load.seconds + load.warm))
    at = np.cumsum(rng.gamma(1 / load.burstiness, load.burstiness / load.rate, count))
    prompt, output = load.prompt.draw(rng, count).round(), np.maximum(1, load.output.draw(rng, count).round())
    heads = [tier.first.draw(rng, count) for tier in tiers]
    lasts = [head + tier.pace.draw(rng, count) * (output - 1) for head, tier in zip(heads, tiers, strict=True)]
    first, ended = np.full(count, np.nan), np.full(count, np.nan)
    for tier in tiers:
        tier.begin(is_empty=is_empty)
    events: list[tuple[float, int, int, int]] = [(time, 0, call, 0) for call, time in enumerate(at.tolist())]
    waiting: deque[int] = deque()
    last = len(tiers) - 1

    def start(call: int, number: int, now: float) -> None:
        tiers[number].take(prompt[call])
        end = min(now + lasts[number][call], at[call] + deadline)
        heappush(events, (end, 1, call, number))
        if now + lasts[number][call] <= at[call] + deadline:
            first[call], ended[call] = now + heads[number][call], end

    asked_again = inf

    def let_in(now: float) -> None:
        nonlocal asked_again
        while waiting:
            call = waiting[0]
            if now >= at[call] + deadline:
                waiting.popleft()
                continue
            wait = tiers[last].wait_for(prompt[call], now)
            if wait > 1e-9:
                if wait < inf and (now + wait < asked_again or asked_again <= now):
                    asked_again = now + wait
                    heappush(events, (asked_again, 2, 0, 0))
                return
            waiting.popleft()
            start(call, last, now)

    while events:
        now, kind, call, number = heappop(events)
        if kind == 1:
            tiers[number].in_use -= 1
            if not np.isnan(ended[call]) and "tpm" in tiers[number].buckets:
                tiers[number].buckets["tpm"].fill(now)
                tiers[number].buckets["tpm"].level -= output[call]
        if kind == 0:
            for upper in range(last):
                if tiers[upper].wait_for(prompt[call], now) <= 1e-9:
                    start(call, upper, now)
                    break
            else:
                waiting.append(call)
        let_in(now)
    counted = (at >= load.warm) & (at < load.warm + load.seconds)
    whole = ~np.isnan(ended)
    return Seen((first - at)[counted], (ended - at)[counted], whole[counted])
