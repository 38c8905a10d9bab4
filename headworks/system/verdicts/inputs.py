"""Inputs of the verdicts by arithmetic: traffic and targets as the system file states them, with assumptions for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Final, Literal

from headworks.system.schema.requirements import Times, Tokens
from headworks.system.schema.system import Fault, Local, Simulated, System, TargetOf
from headworks.system.speeds.priors import WIDEST_FIRST_TOKEN, WIDEST_PER_TOKEN, prior_of
from headworks.system.verdicts.closed_forms import LogNormal

ASSUMED_FAULTS: Final[Mapping[Fault, float]] = MappingProxyType(
    {"server_error": 0.002, "rate_limited": 0.001, "cut": 0.0005}
)
"""Faults of single calls at a hosted vendor that is up."""

RETRIED_FAULTS: Final[frozenset[Fault]] = frozenset(
    {"server_error", "unavailable", "overloaded", "rate_limited", "rate_limited_bare"}
)
"""Faults that a retry hides: they cost the caller only time."""

ASSUMED_FIRST_TOKEN: Final = LogNormal(0.6, 0.6)
ASSUMED_PER_TOKEN: Final = LogNormal(0.015, 0.4)
"""Log-normal times of a hosted model of which nothing is known: simulated, but no verdict rests on them. Their spreads are taken
for medians that a public source names, too: sources say nothing of spreads (`twin/models/building.py`)."""

TAIL_PERCENTILE: Final = 99.9
"""The percentile up to which an answer must fit its timeouts: beyond it one try is lost, and another one is made."""

FAULT_MARGIN: Final = 2.0
"""Safety factor on the expected share of calls lost to single faults."""


class StatedInputs:
    """The traffic, targets and limits that one system file states."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.traffic = system.requirements.traffic

    def peak_rate(self, alias: str) -> float | None:
        """Calls a second of an alias at its peak; None where the file does not say how the whole divides."""
        shape = self.traffic.aliases.get(alias)
        if shape is not None and shape.peak_rps is not None:
            return shape.peak_rps
        return self.traffic.peak_rps if len(self.system.models) == 1 else None

    def tokens(self, alias: str, name: Literal["prompt_tokens", "output_tokens"]) -> LogNormal | None:
        shape = self.traffic.aliases.get(alias)
        found: Tokens | None = (getattr(shape, name) if shape is not None else None) or getattr(self.traffic, name)
        if found is None:
            return None
        asked = LogNormal.of(found.p50, found.p95, 95)
        stated = self.answers(alias) if name == "output_tokens" else None
        return asked if stated is None else asked.smaller(stated)

    def answers(self, alias: str) -> LogNormal | None:
        """How long the answers of an alias's first tier are by themselves, where simulated vendors say so, and the same."""
        providers = [self.system.providers[target.provider] for target in self.system.models[alias].targets[0]]
        stated = {one.output_tokens if isinstance(one, Simulated) else None for one in providers}
        length = stated.pop() if len(stated) == 1 else None
        return None if length is None else LogNormal.of(length.p50, length.p95, 95)

    def time(self, target: TargetOf, name: Literal["first_token", "per_token"]) -> LogNormal | None:
        """The latency of a target: its `expect:`, or the parameters of a simulated vendor."""
        written: Times | None = getattr(target.expect, name) if target.expect is not None else None
        if written is not None:
            return LogNormal.of(written.p50, written.p95, 95)
        provider = self.system.providers[target.provider]
        if isinstance(provider, Simulated):
            made = getattr(provider, name)
            return LogNormal.of(made.p50, made.p99, 99)
        return None

    def slowest_time(self, target: TargetOf, name: Literal["first_token", "per_token"]) -> LogNormal:
        """The same, and where the file does not say it the slow end of what public sources say."""
        if (written := self.time(target, name)) is not None:
            return written
        prior = prior_of(self.system.providers[target.provider], target.model)
        if name == "first_token":
            slow = WIDEST_FIRST_TOKEN if prior is None else prior.first_token
            return LogNormal(slow.high, ASSUMED_FIRST_TOKEN.sigma)
        slow = WIDEST_PER_TOKEN if prior is None else prior.per_token
        return LogNormal(slow.high, ASSUMED_PER_TOKEN.sigma)

    def targets(self, alias: str) -> list[TargetOf]:
        return list(chain.from_iterable(self.system.models[alias].targets))

    def burstiness(self, alias: str) -> float:
        shape = self.traffic.aliases.get(alias)
        return shape.burstiness if shape is not None and shape.burstiness is not None else self.traffic.burstiness

    def streamed_share(self, alias: str) -> float:
        shape = self.traffic.aliases.get(alias)
        return shape.streamed if shape is not None and shape.streamed is not None else self.traffic.streamed

    def offered_rate(self, aliases: Sequence[str]) -> float | None:
        """Calls per second to these aliases at the peak; None where the file does not state it."""
        if self.traffic.trace is not None or self.traffic.log:
            return None
        if len(aliases) == len(self.system.models) and self.traffic.peak_rps is not None:
            return self.traffic.peak_rps
        peaks = [self.peak_rate(alias) for alias in aliases]
        known = [peak for peak in peaks if peak is not None]
        return sum(known) if len(known) == len(peaks) else None

    def hit_share(self, alias: str) -> float:
        """The largest share of calls that a cache may answer."""
        return self.traffic.repeated if self.system.models[alias].cache.exact is not None else 0.0

    def repeated_share(self, aliases: Sequence[str]) -> float:
        shapes = [
            self.traffic.aliases.get(alias)
            for alias in aliases
            if self.hit_share(alias) or self.system.models[alias].cache.exact
        ]
        own = [shape.repeated for shape in shapes if shape is not None and shape.repeated is not None]
        return max([*own, *(self.hit_share(alias) for alias in aliases)], default=0.0)

    def lost_share(self, alias: str) -> float | None:
        """The largest share of calls lost to single faults of vendors that are up; None where a target is unknown."""
        model, worst = self.system.models[alias], 0.0
        for target in model.targets[0]:
            provider = self.system.providers[target.provider]
            if isinstance(provider, Local):
                return None
            faults = provider.faults if isinstance(provider, Simulated) else ASSUMED_FAULTS
            again = sum(share for fault, share in faults.items() if fault in RETRIED_FAULTS)
            ends = sum(share for fault, share in faults.items() if fault not in RETRIED_FAULTS)
            worst = max(worst, again**model.retry.attempts + ends)
        return min(1.0, FAULT_MARGIN * worst)

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

    def fits_timeouts(self, alias: str) -> bool:
        """Whether all but the rarest answers of the first tier end before a timeout does."""
        output, bounds = self.tokens(alias, "output_tokens"), self.system.models[alias].timeouts
        if output is None:
            return False
        for target in self.system.models[alias].targets[0]:
            first, pace = self.slowest_time(target, "first_token"), self.slowest_time(target, "per_token")
            whole = first.at(95) + output.at(TAIL_PERCENTILE) * pace.mean
            if first.at(TAIL_PERCENTILE) > bounds.first_token or whole > min(bounds.answer, bounds.total):
                return False
        return True
