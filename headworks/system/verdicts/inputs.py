"""What a system file says of its traffic and its targets, as the verdicts by arithmetic read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Final, Literal

from headworks.system.schema.requirements import Times, Tokens
from headworks.system.schema.system import Fault, Local, Simulated, System, TargetOf
from headworks.system.verdicts.closed_forms import Spread

FEW_FAULTS: Final[Mapping[Fault, float]] = MappingProxyType(
    {"server_error": 0.002, "rate_limited": 0.001, "cut": 0.0005}
)
"""Faults of single calls at a hosted vendor that is up."""

AGAIN: Final[frozenset[Fault]] = frozenset(
    {"server_error", "unavailable", "overloaded", "rate_limited", "rate_limited_bare"}
)
"""Faults that cost a caller nothing but time where the call is tried again."""

HOSTED_FIRST: Final = Spread(0.6, 0.6)
HOSTED_PACE: Final = Spread(0.015, 0.4)
"""Log-normal times of a hosted model of which nothing is known (`twin/models/building.py`)."""

RARE: Final = 99.9
"""The percentile up to which an answer must fit its timeouts: beyond it one try is lost, and another one is made."""

DOUBT: Final = 2.0
"""By how much more calls than are expected single faults may lose before it matters."""


class Known:
    """Reads one system."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.traffic = system.requirements.traffic

    def peak(self, alias: str) -> float | None:
        """Calls a second of an alias at its peak; None where the file does not say how the whole divides."""
        shape = self.traffic.aliases.get(alias)
        if shape is not None and shape.peak_rps is not None:
            return shape.peak_rps
        return self.traffic.peak_rps if len(self.system.models) == 1 else None

    def tokens(self, alias: str, name: Literal["prompt_tokens", "output_tokens"]) -> Spread | None:
        shape = self.traffic.aliases.get(alias)
        found: Tokens | None = (getattr(shape, name) if shape is not None else None) or getattr(self.traffic, name)
        return None if found is None else Spread.of(found.p50, found.p95, 95)

    def time(self, target: TargetOf, name: Literal["first_token", "per_token"]) -> Spread | None:
        """What is expected of a target: what is written beside it, or the numbers that a simulated vendor is made of."""
        written: Times | None = getattr(target.expect, name) if target.expect is not None else None
        if written is not None:
            return Spread.of(written.p50, written.p95, 95)
        provider = self.system.providers[target.provider]
        if isinstance(provider, Simulated):
            made = getattr(provider, name)
            return Spread.of(made.p50, made.p99, 99)
        return None

    def targets(self, alias: str) -> list[TargetOf]:
        return list(chain.from_iterable(self.system.models[alias].targets))

    def burstiness(self, alias: str) -> float:
        shape = self.traffic.aliases.get(alias)
        return shape.burstiness if shape is not None and shape.burstiness is not None else self.traffic.burstiness

    def streamed(self, alias: str) -> float:
        shape = self.traffic.aliases.get(alias)
        return shape.streamed if shape is not None and shape.streamed is not None else self.traffic.streamed

    def offered(self, aliases: Sequence[str]) -> float | None:
        """Calls a second that ask these aliases at the peak; None where the file does not say it."""
        if self.traffic.trace is not None or self.traffic.log:
            return None
        if len(aliases) == len(self.system.models) and self.traffic.peak_rps is not None:
            return self.traffic.peak_rps
        peaks = [self.peak(alias) for alias in aliases]
        known = [peak for peak in peaks if peak is not None]
        return sum(known) if len(known) == len(peaks) else None

    def hits(self, alias: str) -> float:
        """The most calls that a cache may answer without any vendor."""
        return self.traffic.repeated if self.system.models[alias].cache.exact is not None else 0.0

    def repeats(self, aliases: Sequence[str]) -> float:
        shapes = [
            self.traffic.aliases.get(alias)
            for alias in aliases
            if self.hits(alias) or self.system.models[alias].cache.exact
        ]
        own = [shape.repeated for shape in shapes if shape is not None and shape.repeated is not None]
        return max([*own, *(self.hits(alias) for alias in aliases)], default=0.0)

    def lost(self, alias: str) -> float | None:
        """The most calls that single faults of vendors that are up may lose; None where nothing is known of a target."""
        model, worst = self.system.models[alias], 0.0
        for target in model.targets[0]:
            provider = self.system.providers[target.provider]
            if isinstance(provider, Local):
                return None
            faults = provider.faults if isinstance(provider, Simulated) else FEW_FAULTS
            again = sum(share for fault, share in faults.items() if fault in AGAIN)
            ends = sum(share for fault, share in faults.items() if fault not in AGAIN)
            worst = max(worst, again**model.retry.attempts + ends)
        return min(1.0, DOUBT * worst)

    def has_limits(self, aliases: Sequence[str]) -> bool:
        """Whether anything in the file can turn a call away, or make it wait."""
        system = self.system
        targets = [target for alias in aliases for target in self.targets(alias)]
        owners = [
            *(system.providers[target.provider] for target in targets),
            *targets,
            *(system.models[alias] for alias in aliases),
            *system.keys.values(),
            *system.groups.values(),
        ]
        names = ("rpm", "tpm", "concurrency", "budget")
        return any(getattr(owner, name, None) is not None for owner in owners for name in names)

    def fits(self, alias: str) -> bool:
        """Whether all but the rarest answers of the first tier end before a timeout does."""
        output, bounds = self.tokens(alias, "output_tokens"), self.system.models[alias].timeouts
        if output is None:
            return False
        for target in self.system.models[alias].targets[0]:
            first = self.time(target, "first_token") or HOSTED_FIRST
            pace = self.time(target, "per_token") or HOSTED_PACE
            whole = first.at(95) + output.at(RARE) * pace.mean
            if first.at(RARE) > bounds.first_token or whole > min(bounds.answer, bounds.total):
                return False
        return True
