"""Independent simulations for the tests of plans: a heap of events that shares no code with the twin.

Calls arrive as a Poisson flow (or a burstier one). Each is offered to every tier in turn, and waits before the last one, first come first
served, up to its deadline. A tier has places, and buckets of requests and of tokens a minute. An answer that is not
written by the deadline fails, and holds its place until then. A share of the answers breaks off somewhere.

What is known of the product here is what its documents say, in five rules. A bucket a minute holds a minute's size. A call takes its
prompt of a bucket of tokens when it begins, and its answer when that is whole. A call whose prompt is larger than the bucket fails at
once. Places are held to the end. A call costs what was read and written, also where it failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf, log

import numpy as np

Z95, Z99 = 1.6448536269514722, 2.3263478740408408
NOTHING = 1e-9
"""Seconds that are no wait."""


@dataclass
class Times:
    """A log-normal time by its median and one higher percentile."""

    median: float
    high: float
    z: float = Z95

    @property
    def sigma(self) -> float:
        return log(self.high / self.median) / self.z

    @property
    def mean(self) -> float:
        return float(self.median * np.exp(self.sigma**2 / 2))

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return self.median * np.exp(self.sigma * rng.standard_normal(count))


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
        return max(0.0, (amount - self.level) * 60 / self.size) if amount <= self.size else inf


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

    def is_never_enough(self, tokens: float) -> bool:
        """Whether its bucket never holds so many."""
        return self.tpm is not None and tokens > self.tpm

    def wait_for(self, tokens: float, now: float) -> float:
        """Seconds until it has room: 0 now; infinite: when a place is free."""
        for bucket in self.buckets.values():
            bucket.fill(now)
        if self.in_use >= self.places:
            return inf
        needs = {"rpm": 1.0, "tpm": tokens}
        return max((bucket.room_in(needs[name]) for name, bucket in self.buckets.items()), default=0.0)

    def take(self, tokens: float) -> None:
        self.in_use += 1
        for name, bucket in self.buckets.items():
            bucket.level -= 1.0 if name == "rpm" else tokens

    def give_back(self, now: float, output: float) -> None:
        """A call ends; output: tokens that it wrote, 0 where nobody was told."""
        self.in_use -= 1
        if output and "tpm" in self.buckets:
            self.buckets["tpm"].fill(now)
            self.buckets["tpm"].level -= output


@dataclass
class Seen:
    """What the calls of the peak saw. written: tokens of each; read: of its prompt, 0 where nobody was asked."""

    first: np.ndarray
    duration: np.ndarray
    is_whole: np.ndarray
    read: np.ndarray = field(default_factory=lambda: np.zeros(0))
    written: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def availability(self) -> float:
        return float(self.is_whole.mean())

    def percentile(self, of: str, percent: float) -> float:
        return float(np.percentile(getattr(self, of)[self.is_whole], percent))

    def cost(self, price: tuple[float, float]) -> float:
        """Of a call, by the price of a token that is read and of one that is written."""
        return float((price[0] * self.read + price[1] * self.written).mean())


def together(seen: Sequence[Seen]) -> Seen:
    """The calls of several peaks."""
    names = ("first", "duration", "is_whole", "read", "written")
    return Seen(*(np.concatenate([getattr(one, name) for one in seen]) for name in names))


@dataclass
class Load:
    rate: float
    prompt: Times
    output: Times
    seconds: float
    burstiness: float = 1.0
    """The squared coefficient of variation of the gaps, which are gamma."""
    warm: float = 0.0
    """Seconds before what is counted."""
    before: float = 1.0
    """The rate in those, as a share of the peak's."""
    broken: float = 0.0
    """The share of answers that break off."""
    is_all_at_once: bool = False
    """Whether a bucket of tokens is asked for the answer too when a call begins, as if its length were known by then."""

    def arrivals(self, rng: np.random.Generator) -> np.ndarray:
        """The instants, from the beginning of the warm-up to the end of the peak."""
        quick = self.warm * self.before
        whole = quick + self.seconds
        mean = self.rate * whole
        count = int(mean + 8 * (mean * max(1.0, self.burstiness)) ** 0.5 + 50)
        at = np.cumsum(rng.gamma(1 / self.burstiness, self.burstiness / self.rate, count))
        at = at[at < whole]
        return np.where(at < quick, at / self.before, at - quick + self.warm)


@dataclass
class Calls:
    """The calls of a peak, as lists, which are quicker to read one by one than arrays. takes: tokens that a call takes of a bucket when
    it begins; writes: when its answer is whole; prompt, output: what they cost; heads, paces, lefts, breaks: at each tier its
    first token and pace in seconds, the tokens after the first up to where it ends, and whether it breaks off there."""

    at: list[float]
    takes: list[float]
    writes: list[float]
    prompt: list[float]
    output: list[float]
    heads: list[list[float]]
    paces: list[list[float]]
    lefts: list[list[float]]
    breaks: list[list[bool]]


def drawn(load: Load, tiers: Sequence[Tier], rng: np.random.Generator) -> Calls:
    """Calls at random."""
    at = load.arrivals(rng)
    count = len(at)
    prompt = np.maximum(1, load.prompt.draw(rng, count).round()).tolist()
    output = np.maximum(1, load.output.draw(rng, count).round())
    breaks = rng.random(count) < load.broken
    left = np.where(breaks, np.floor(rng.random(count) * (output - 1)), output - 1).tolist()
    says = output.tolist()
    takes, writes = prompt, says
    if load.is_all_at_once:
        takes, writes = [one + other for one, other in zip(prompt, says, strict=True)], [0.0] * count
    return Calls(
        at=at.tolist(),
        takes=takes,
        writes=writes,
        prompt=prompt,
        output=says,
        heads=[tier.first.draw(rng, count).tolist() for tier in tiers],
        paces=[tier.pace.draw(rng, count).tolist() for tier in tiers],
        lefts=[left for _ in tiers],
        breaks=[breaks.tolist() for _ in tiers],
    )


class Peak:
    """One simulated peak, event by event."""

    def __init__(self, calls: Calls, tiers: list[Tier], deadline: float) -> None:
        self.calls, self.tiers, self.deadline = calls, tiers, deadline
        count = len(calls.at)
        self.first, self.ended = np.full(count, np.nan), np.full(count, np.nan)
        self.is_whole = np.zeros(count, dtype=bool)
        self.read, self.written = np.zeros(count), np.zeros(count)
        self.events: list[tuple[float, int, int, float]] = []
        self.waiting: deque[int] = deque()
        self.asked_again = inf

    def start(self, call: int, number: int, now: float) -> None:
        """An attempt begins: how it ends is known."""
        calls = self.calls
        head, until = now + calls.heads[number][call], calls.at[call] + self.deadline
        pace, left = calls.paces[number][call], calls.lefts[number][call]
        end = head + pace * left
        self.tiers[number].take(calls.takes[call])
        self.read[call] = calls.prompt[call]
        is_whole = end <= until and not calls.breaks[number][call]
        if is_whole:
            self.first[call], self.ended[call], self.is_whole[call] = head, end, True
            self.written[call] = calls.output[call]
        elif head <= until:
            self.written[call] = 1 + min(left, (until - head) // pace if pace else inf)
        heappush(self.events, (min(end, until), call, number, calls.writes[call] if is_whole else 0.0))

    def let_in(self, now: float) -> None:
        """Those who wait, in their order, as far as there is room."""
        last = len(self.tiers) - 1
        waiting, tier = self.waiting, self.tiers[last]
        while waiting:
            call = waiting[0]
            if now >= self.calls.at[call] + self.deadline:
                waiting.popleft()
                continue
            wait = tier.wait_for(self.calls.takes[call], now)
            if (
                wait > NOTHING
            ):  # it is asked again when there may be room, or when it leaves and the next one is the first
                again = min(now + wait, self.calls.at[call] + self.deadline)
                if again < self.asked_again or self.asked_again <= now:
                    self.asked_again = again
                    heappush(self.events, (again, -1, 0, 0.0))
                return
            waiting.popleft()
            self.start(call, last, now)

    def offer(self, call: int, now: float) -> None:
        """A call arrives."""
        last = len(self.tiers) - 1
        for number, tier in enumerate(self.tiers):
            if number == last:
                if not tier.is_never_enough(self.calls.takes[call]):
                    self.waiting.append(call)
            elif tier.wait_for(self.calls.takes[call], now) <= NOTHING:
                self.start(call, number, now)
                return

    def run(self) -> Seen:
        events, come = self.events, self.calls.at
        count, next_call = len(come), 0
        while events or next_call < count:
            if next_call < count and (not events or come[next_call] <= events[0][0]):
                now = come[next_call]
                self.offer(next_call, now)
                next_call += 1
            else:
                now, call, number, output = heappop(events)
                if call >= 0:
                    self.tiers[number].give_back(now, output)
            if self.waiting:
                self.let_in(now)
        at = np.array(come)
        return Seen(self.first - at, self.ended - at, self.is_whole, self.read, self.written)


def simulated(load: Load, tiers: list[Tier], seed: int, *, deadline: float = 120.0, is_empty: bool = False) -> Seen:
    """One peak. is_empty: whether the buckets begin used up."""
    for tier in tiers:
        tier.begin(is_empty=is_empty)
    calls = drawn(load, tiers, np.random.default_rng(seed))
    seen, at = Peak(calls, tiers, deadline).run(), np.array(calls.at)
    counted = (at >= load.warm) & (at < load.warm + load.seconds)
    columns = (seen.first, seen.duration, seen.is_whole, seen.read, seen.written)
    return Seen(*(column[counted] for column in columns))
