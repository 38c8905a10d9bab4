"""The recent latencies of a target, in fixed memory: a peak EWMA, and percentiles of a window.

Theory. Two readings of one stream of samples, for two uses.

`estimate` is Finagle's (and tower's) *peak EWMA*, made for choosing: a mean that decays with time rather than with
samples, e = e * w + sample * (1 - w) with w = exp(-elapsed / decay), but jumps at once to a sample above it. So a target
that turns slow is noticed by its first slow answer, and is believed to be well again only gradually; and while nothing
is heard of it the estimate sinks towards zero, so that it will be tried again.

`percentile` is the nearest rank over the last `SIZE` samples: exact for those, no assumption on their distribution.
A sketch that merges (DDSketch, t-digest) was rejected: 256 samples give a p95 good to about +-1.4 points, sorting them
takes some 10 us and nobody asks per chunk.

Always true: the estimate lies between 0 and the largest sample; a percentile is a sample of the window; an instant
before the last one seen counts as that one.
"""

from __future__ import annotations

from math import ceil, exp

SIZE = 256
ENOUGH = 20
"""Samples from which the fastest of them says something."""
FRESH = 60.0
"""Seconds after which the fastest answer of a window proves nothing any more."""

DECAY = 10.0
"""Seconds in which a sample's weight falls to 1/e: Finagle's and tower's default for peak EWMA."""


class LatencyWindow:
    """The latest `size` latencies, in seconds, and their decaying peak."""

    __slots__ = ("_decay", "_estimate", "_next", "_samples", "_seen_at", "_size")

    def __init__(self, size: int = SIZE, decay: float = DECAY) -> None:
        if size < 1 or decay <= 0:
            raise ValueError(f"a window needs a size and a decay above zero, not {size} and {decay}")
        self._size = size
        self._decay = decay
        self._samples: list[float] = []
        self._next = 0
        self._estimate = 0.0
        self._seen_at = 0.0

    def __len__(self) -> int:
        return len(self._samples)

    def record(self, seconds: float, now: float) -> None:
        """Adds one latency, observed at `now`."""
        estimate = self._estimate
        elapsed = now - self._seen_at
        if elapsed > 0.0:
            self._seen_at = now
            weight = exp(-elapsed / self._decay)
        else:
            weight = 1.0
        if seconds > estimate * weight:
            self._estimate = seconds
        else:
            self._estimate = estimate * weight + seconds * (1.0 - weight)
        if len(self._samples) < self._size:
            self._samples.append(seconds)
            return
        at = self._next
        self._samples[at] = seconds
        self._next = at + 1 if at + 1 < self._size else 0

    def estimate(self, now: float) -> float:
        """The peak-sensitive mean, decayed by the time since the last sample; 0 where nothing is known."""
        elapsed = now - self._seen_at
        return self._estimate * exp(-elapsed / self._decay) if elapsed > 0.0 else self._estimate

    def least(self, now: float) -> float:
        """The smallest latency in the window. 0 where there are too few samples, or only old ones."""
        if len(self._samples) < ENOUGH or now - self._seen_at > FRESH:
            return 0.0
        return min(self._samples)

    def percentile(self, percent: float) -> float | None:
        """The smallest sample that `percent` (above 0, at most 100) of the window do not exceed; None when empty."""
        if not 0.0 < percent <= 100.0:
            raise ValueError(f"a percentile lies above 0 and at most at 100, not at {percent}")
        if not self._samples:
            return None
        return sorted(self._samples)[ceil(percent * len(self._samples) / 100.0) - 1]
