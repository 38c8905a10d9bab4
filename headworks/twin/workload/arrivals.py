"""Arrivals: calls with their times and token counts, from a shape, a trace or the ledger.

Theory. A *shape* is a renewal process: gaps are gamma with the squared coefficient of variation that `burstiness` says
(1 is Poisson), sizes log-normal through their two percentiles, each alias on its own. A *trace* is replayed as it was:
the instant, the prompt and the answer of one call stay together, because long prompts come in bursts and a shuffled
column would hide it (BurstGPT, arXiv 2401.17644); only time is scaled, to the wanted rate. The ledger is a trace too.

Always true: the same seed gives the same arrivals; of two shapes that differ in their rate alone the one is the other
on another time scale, so that they may be compared call by call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Final, Protocol

import msgspec
import numpy as np

from headworks.system.verdicts.closed_forms import LogNormal
from headworks.twin.models.random_streams import Floats, generator
from headworks.twin.workload.token_counts import TokenCounts

PEAK_WINDOW: Final = 300.0
"""Seconds of the busiest stretch of a trace, whose mean load is its `peak_rps`."""

MAX_REPLAYED: Final = 30_000
"""Calls of a trace that one replay has. Of a longer one the busiest stretch is replayed."""

MAX_TOKENS: Final = 2_000_000
"""Tokens: the tail of a log-normal has no end, a model's context has."""


class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """Calls in order of time. `at`: seconds from 0. `same`: the number of the first call with this body, often its own.
    Measured are those that arrive from `begins` to before `ends`. says_length: each call says by `max_tokens` how long its
    answer is."""

    at: list[float]
    alias: list[str]
    sizes: list[TokenCounts]
    streamed: list[bool]
    same: list[int]
    begins: float
    ends: float
    says_length: bool = False


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Which seconds are drawn: `before` at the share `load` of the rate, then `seconds` that are measured and `after`, at
    the whole rate."""

    before: float
    load: float = 1.0
    seconds: float
    after: float


class Workload(Protocol):
    """Where arrivals come from."""

    @property
    def rate(self) -> float:
        """Calls a second that must be carried, on average over the busiest stretch."""
        ...

    @property
    def rates(self) -> dict[str, float]:
        """The same of each alias."""
        ...

    def draw(self, seed: int, calls: int, stretch: Stretch | None = None) -> Arrivals:
        """About `calls` measured calls, and some before and after them; or those of a stretch."""
        ...


class AliasShape(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic of one alias: calls a second, squared coefficient of variation of the gaps, tokens, shares."""

    alias: str
    rate: float
    burstiness: float
    prompt: LogNormal
    output: LogNormal
    streamed: float
    repeated: float


class Shape:
    """Arrivals from numbers. The calls of all aliases run beside each other."""

    def __init__(self, aliases: Sequence[AliasShape]) -> None:
        self.aliases = list(aliases)

    @property
    def rate(self) -> float:
        return sum(one.rate for one in self.aliases)

    @property
    def rates(self) -> dict[str, float]:
        return {one.alias: one.rate for one in self.aliases}

    def draw(self, seed: int, calls: int, stretch: Stretch | None = None) -> Arrivals:
        if stretch is None:
            seconds = calls / self.rate
            stretch = Stretch(before=max(20.0, 0.15 * seconds), seconds=seconds, after=0.1 * seconds)
        before, load = stretch.before, stretch.load
        quick = before * load
        """Seconds that the calls before the measured ones take at the whole rate: where it is lower, they are drawn apart."""
        whole = quick + stretch.seconds + stretch.after
        rows: list[tuple[float, str, TokenCounts, bool, int, int]] = []
        for number, one in enumerate(self.aliases):
            rng = generator(seed, f"arrivals/{one.alias}")
            count = int(one.rate * whole * 1.2 + 6 * (one.rate * whole * max(1.0, one.burstiness)) ** 0.5) + 20
            gaps = rng.gamma(1 / one.burstiness, one.burstiness / one.rate, count)
            at = np.cumsum(gaps)
            count = int(np.searchsorted(at, whole))
            at = np.where(at < quick, at / load, at - quick + before) if load < 1.0 else at

            # A source for each column: where the count changes, the first calls of every column stay the same.
            def chance(use: str, alias: str = one.alias, count: int = count) -> Floats:
                return generator(seed, f"{use}/{alias}").random(count)

            prompts = _tokens(one.prompt, generator(seed, f"prompts/{one.alias}").standard_normal(count))
            outputs = _tokens(one.output, generator(seed, f"outputs/{one.alias}").standard_normal(count))
            same = _repeats(chance("again") < one.repeated, chance("which"))
            streamed = chance("streamed") < one.streamed
            for index in range(count):
                first = same[index]
                size = TokenCounts(int(prompts[first]), int(outputs[first]))
                rows.append((float(at[index]), one.alias, size, bool(streamed[first]), number, first))
        return _merged(rows, before, before + stretch.seconds)


def _tokens(spread: LogNormal, normal: Floats) -> Floats:
    return np.clip(np.rint(spread.median * np.exp(spread.sigma * normal)), 1, MAX_TOKENS)


def _repeats(again: Sequence[bool] | np.ndarray[tuple[int, ...], np.dtype[np.bool_]], chance: Floats) -> list[int]:
    """For each call the number of the first that it equals: an earlier one, any as likely as the other."""
    same: list[int] = []
    for index, is_again in enumerate(again):
        same.append(same[int(chance[index] * index)] if is_again and index else index)
    return same


def _merged(rows: list[tuple[float, str, TokenCounts, bool, int, int]], begins: float, ends: float) -> Arrivals:
    """Merges the calls of several aliases into one list, and renumbers which call equals which."""
    order = sorted(range(len(rows)), key=lambda row: (rows[row][0], rows[row][4]))
    first: dict[tuple[int, int], int] = {}
    same = [first.setdefault((rows[row][4], rows[row][5]), number) for number, row in enumerate(order)]
    return Arrivals(
        at=[rows[row][0] for row in order],
        alias=[rows[row][1] for row in order],
        sizes=[rows[row][2] for row in order],
        streamed=[rows[row][3] for row in order],
        same=same,
        begins=begins,
        ends=ends,
    )


class Trace:
    """Arrivals as they were. at: seconds from 0, in order; time runs `faster` times as fast.

    alias, streamed, same: by the call where they are known (the ledger), else drawn with the shares.
    """

    def __init__(
        self,
        at: Floats,
        sizes: Sequence[TokenCounts],
        *,
        shares: dict[str, float],
        streamed: float,
        repeated: float = 0.0,
        known: Sequence[tuple[str, bool, int]] | None = None,
        faster: float = 1.0,
    ) -> None:
        begin, end = busiest_stretch(at, MAX_REPLAYED)
        self.is_cut = end - begin < len(at)
        self.at = at[begin:end] - at[begin]
        self.sizes = list(sizes[begin:end])
        self.known = None if known is None else known[begin:end]
        self.begin = begin
        self.shares = shares
        self.streamed = streamed
        self.repeated = repeated
        self.faster = faster

    @property
    def rate(self) -> float:
        return peak_rate(self.at, PEAK_WINDOW) * self.faster

    @property
    def rates(self) -> dict[str, float]:
        parts: Mapping[str, float] = self.shares if self.known is None else Counter(one[0] for one in self.known)
        total = sum(parts.values())
        return {alias: self.rate * part / total for alias, part in parts.items()}

    def scaled(self, factor: float) -> Trace:
        """The same calls at `factor` times the rate."""
        made = copy(self)
        made.faster = self.faster * factor
        return made

    def draw(self, seed: int, calls: int, stretch: Stretch | None = None) -> Arrivals:
        """The whole of it, whatever is asked: its first twentieth warms up."""
        at = self.at / self.faster
        count = len(at)
        rng = generator(seed, "trace")
        chance = rng.random((4, count))
        if self.known is not None:
            first: dict[int, int] = {}
            alias = [one[0] for one in self.known]
            streamed = [one[1] for one in self.known]
            same = [first.setdefault(one[2], number) for number, one in enumerate(self.known)]
        else:
            names, weights = list(self.shares), np.cumsum(list(self.shares.values()))
            picks = np.minimum(np.searchsorted(weights / weights[-1], chance[0], side="right"), len(names) - 1)
            alias = [names[int(pick)] for pick in picks]
            streamed = (chance[1] < self.streamed).tolist()
            same = _repeats(chance[2] < self.repeated, chance[3])
            streamed = [streamed[one] for one in same]
            alias = [alias[one] for one in same]
        span = float(at[-1]) if count else 0.0
        return Arrivals(
            at=at.tolist(),
            alias=alias,
            sizes=[self.sizes[one] for one in same] if self.known is None else self.sizes,
            streamed=streamed,
            same=same,
            begins=span / 20,
            ends=span + 1.0,
        )


def busiest_stretch(at: Floats, most: int) -> tuple[int, int]:
    """The stretch of `most` neighbouring calls that took the least time; all where there are fewer."""
    if len(at) <= most:
        return 0, len(at)
    begin = int(np.argmin(at[most - 1 :] - at[: len(at) - most + 1]))
    return begin, begin + most


def peak_rate(at: Floats, block: float) -> float:
    """Calls a second in the busiest block; in the whole where it is no longer than one."""
    if len(at) < 2:
        return 0.0
    span = float(at[-1] - at[0])
    if span <= block:
        return (len(at) - 1) / span if span > 0 else float(len(at))
    counts = np.bincount(((at - at[0]) // block).astype(int))
    whole = counts[: int(span // block)]
    return float(whole.max()) / block


def squared_cv(at: Floats) -> float:
    """The squared coefficient of variation of the gaps: 1 is Poisson."""
    gaps = np.diff(at)
    mean = float(gaps.mean()) if len(gaps) else 0.0
    return float(gaps.var()) / mean**2 if mean else 0.0


def peak_to_mean(at: Floats, block: float = PEAK_WINDOW) -> float:
    """The load of the busiest block by the mean load; 1 where there is only one block."""
    if len(at) < 2 or float(at[-1] - at[0]) < 2 * block:
        return 1.0
    counts = np.bincount(((at - at[0]) // block).astype(int))[: int((at[-1] - at[0]) // block)]
    return float(counts.max() / counts.mean())
