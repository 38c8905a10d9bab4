"""The model of a target: its latency, its failures, its limits, and where each number is from.

Theory. An attempt at a vendor takes a *first-token time* and then a *pace* (seconds a token). Both vary like a
log-normal, whose upper 5 % may be a Pareto tail: hosted models' first tokens show one, and it is what a p99 is made of.
Three things make a vendor slower under load, and each is there only where data show it: a prompt takes time to read
(`prefill`, seconds a token), calls in service slow each other (`crowding`), and calls beyond `slots` wait in the
vendor's own queue. Where reading a prompt holds up everybody else's writing, as in a server that batches without
chunking, that part of the reading is the `stall`.

Always true: pure numbers, no clock and no chance; a share is from 0 to 1, a time in seconds, a limit per minute.
"""

from __future__ import annotations

from math import exp
from typing import Literal

import msgspec

from headworks.system.schema.system import Fault
from headworks.system.verdicts.closed_forms import NORMAL
from headworks.twin.models.token_classes import TokenClasses

Origin = Literal["fitted", "probed", "expected", "declared", "prior", "assumed", "unknown"]
"""Where a number is from: the ledger, `headworks probe`, `expect:`, the provider's own part of the file, a public source, our
default, or nowhere: then a number is simulated all the same, and no verdict rests on it."""

TAIL_FROM = 0.95
TAIL_Z = NORMAL.inv_cdf(TAIL_FROM)

MIN_PARETO_INDEX = 1.2
"""The smallest Pareto index that is kept: at 1 a mean does not exist, and no sample of a day shows less than this."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """A latency distribution: log-normal by its median and sigma; with `tail`, Pareto of that index above the 95th."""

    median: float
    sigma: float = 0.0
    tail: float | None = None

    def factor(self, z: float) -> float:
        """The multiplier of the median for a standard normal draw."""
        if self.tail is None or z <= TAIL_Z:
            return exp(self.sigma * z)
        left = (1 - TAIL_FROM) / max(1e-12, 1 - NORMAL.cdf(z))
        return float(exp(self.sigma * TAIL_Z) * left ** (1 / self.tail))

    def at(self, percentile: float) -> float:
        """The value at a percentile (0 to 100)."""
        return self.median * self.factor(NORMAL.inv_cdf(percentile / 100))

    @property
    def mean(self) -> float:
        """The mean, the tail counted in."""
        body = self.median * exp(self.sigma**2 / 2)
        if self.tail is None:
            return body
        below = body * NORMAL.cdf(TAIL_Z - self.sigma)
        return below + (1 - TAIL_FROM) * self.median * exp(self.sigma * TAIL_Z) * self.tail / (self.tail - 1)


class Bursts(msgspec.Struct, frozen=True, kw_only=True):
    """Failures that come together: for `lasting` seconds on average, of whose calls `share` fail."""

    lasting: float
    share: float


class VendorModel(msgspec.Struct, frozen=True, kw_only=True):
    """One target.

    prefill: seconds a prompt token adds to the first token. lean: seconds that each other call in flight adds to it.
    crowding: the part of its own pace by which each further call in service slows every one of them. stall: seconds that each
    token of a prompt stops all writing, its own first token too. slots: calls in service at once, the others wait their turn; None for no such bound seen.
    faults: shares of attempts by kind. outage: the share of time in which the provider is down.
    rpm, tpm: limits that the vendor alone keeps: those of a real one are in the file, and the gateway keeps to them. answers: tokens
    of an answer where the vendor itself says how long they are; a call may cut them. classes: which of the tokens are cached,
    reasoning or audio. cached_prefill: the part of the time to the first token that a prompt saves which is all cached; 0 where
    that time is one of recorded calls, cached ones among them. origins: where each group of numbers is from.
    """

    target: str
    first: Latency
    pace: Latency
    prefill: float = 0.0
    lean: float = 0.0
    crowding: float = 0.0
    stall: float = 0.0
    slots: int | None = None
    faults: dict[Fault, float] = {}
    bursts: Bursts | None = None
    outage: float = 0.0
    rpm: int | None = None
    tpm: int | None = None
    answers: Latency | None = None
    classes: TokenClasses = TokenClasses()
    cached_prefill: float = 0.0
    origins: dict[str, Origin] = {}

    @property
    def provider(self) -> str:
        return self.target.partition("/")[0]

    @property
    def is_simple(self) -> bool:
        """Whether one call's times do not depend on the others'."""
        return not self.crowding and not self.stall and self.slots is None

    def seconds(self, prompt: float, output: float) -> float:
        """The mean duration of a call with these token counts, without load."""
        return self.first.mean + (self.prefill + self.stall) * prompt + self.pace.mean * max(0.0, output - 1)
