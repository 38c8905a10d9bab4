"""What must hold between the keys of `requirements:`, and between them and the rest of the file.

Always true: an objective that passes can be read without a guess: it has the one bound that its metric is bounded by,
in the metric's unit, and nothing that means nothing for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from headworks.system.schema.requirements import Kind, Metric, Objective, Requirements, Times, Tokens, Traffic, Turns
from headworks.system.schema.system import System
from headworks.system.syntax.findings import Findings, KeyPath, suggestion
from headworks.system.syntax.scalars import shown, written_count, written_duration

BoundKey = Literal["at_most", "at_least"]
ExtraKey = Literal["percentile", "window", "suite", "confidence"]


class Rule(msgspec.Struct, frozen=True):
    """The rule of one metric: its bound, its unit, and the other keys that it needs or may have."""

    side: BoundKey
    kind: Kind
    needs: tuple[ExtraKey, ...] = ()
    may: tuple[ExtraKey, ...] = ()


RULES: Final[Mapping[Metric, Rule]] = MappingProxyType(
    {
        "time_to_first_token": Rule("at_most", "duration", ("percentile",), ("window",)),
        "duration": Rule("at_most", "duration", ("percentile",), ("window",)),
        "availability": Rule("at_least", "share", (), ("window",)),
        "goodput": Rule("at_least", "rate"),
        "cost_per_call": Rule("at_most", "money", (), ("window",)),
        "cost": Rule("at_most", "money", ("window",)),
        "quality": Rule("at_least", "share", ("suite",), ("confidence",)),
    }
)

SESSION_RULES: Final[Mapping[Metric, Rule]] = MappingProxyType(
    {
        "duration": Rule("at_most", "duration", ("percentile",)),
        "availability": Rule("at_least", "share"),
        "cost": Rule("at_most", "money", (), ("percentile",)),
        "calls": Rule("at_most", "count", (), ("percentile",)),
    }
)
"""The rules of metrics with `per: session`."""

_EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "duration": "800ms",
        "share": "99.9%",
        "money": "$0.004",
        "rate": "18rps",
        "count": "50",
        "percentile": "percentile: 95",
        "window": "window: 30d",
        "suite": "suite: NAME",
    }
)
_NOUNS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "duration": "a duration",
        "share": "a share",
        "money": "an amount of dollars",
        "rate": "a rate",
        "count": "a number",
    }
)
_EXTRAS: Final[tuple[ExtraKey, ...]] = ("percentile", "window", "suite", "confidence")

REQUIREMENTS: Final[KeyPath] = ("requirements",)

HOURS_PER_DAY: Final = 24

LONGEST_PEAK: Final = 86400.0
"""Seconds: what lasts longer than a day is no peak, and `daily` describes a day."""


def check_requirements(system: System, findings: Findings) -> None:
    """Notes everything that does not hold between the requirements and the rest."""
    required = system.requirements
    aliases = [name for name in findings.names_in(("models",)) if name not in system.same_as]
    _traffic(system, aliases, findings)
    first: dict[str, int] = {}
    for index, objective in findings.indexed((*REQUIREMENTS, "objectives"), required.promises):
        where: KeyPath = (*REQUIREMENTS, "objectives", index)
        if findings.is_valid((*where, "metric")):
            _objective(objective, where, findings)
        if objective.alias is not None and aliases and objective.alias not in aliases:
            problem = f"there is no model {shown(objective.alias)}"
            findings.error((*where, "alias"), problem, suggestion(objective.alias, aliases, "models"))
        suites = findings.names_in(("suites",))
        if objective.metric == "quality" and objective.suite and objective.suite not in suites:
            problem = f"there is no suite {shown(objective.suite)}"
            findings.error((*where, "suite"), problem, suggestion(objective.suite, suites, "suites"))
        if findings.is_valid((*where, "id")) and first.setdefault(objective.id, index) != index:
            problem = f"{shown(objective.id)} is the id of another objective too"
            findings.error((*where, "id"), problem, "give each an id of its own")
    _common_causes(required, findings)
    for index, constraint in findings.indexed((*REQUIREMENTS, "constraints"), required.constraints):
        where = (*REQUIREMENTS, "constraints", index)
        if not constraint.region and constraint.retention is None and findings.is_valid(where):
            findings.error(where, "the constraint is empty", "write `region: eu` or `retention: none`")
    for alias, model in system.models.items():
        tiers: KeyPath = ("models", alias, "targets")
        for number, tier in findings.indexed(tiers, model.targets):
            for position, target in findings.indexed((*tiers, number), tier):
                if target.expect is not None:
                    where = ("models", alias, "targets", number, position, "expect")
                    _percentiles_in_order(target.expect.first_token, (*where, "first_token"), findings)
                    _percentiles_in_order(target.expect.per_token, (*where, "per_token"), findings)


def _objective(objective: Objective, where: KeyPath, findings: Findings) -> None:
    metric = objective.metric
    rules = RULES if objective.per is None else SESSION_RULES
    if metric not in rules:
        if objective.per is None:
            findings.error(where, f"`{metric}` is a number of whole sessions", "add it: `per: session`")
        else:
            remedy = f"remove it, or use {', '.join(SESSION_RULES)}"
            findings.error((*where, "per"), f"`per: session` does not apply to `{metric}`", remedy)
        return
    rule = rules[metric]
    other: BoundKey = "at_least" if rule.side == "at_most" else "at_most"
    sample = f"{rule.side}: {_EXAMPLES[rule.kind]}"
    limit = getattr(objective, rule.side)
    if getattr(objective, other) is not None:
        problem = f"`{metric}` is bounded by `{rule.side}`, not by `{other}`"
        findings.error((*where, other), problem, f"write `{sample}`" if limit is None else "remove it")
    elif limit is None and findings.is_valid((*where, rule.side)):
        findings.error(where, f"`{rule.side}` is missing", f"add it: `{sample}`")
    if limit is not None and limit.kind != rule.kind:
        problem = f"`{metric}` is {_NOUNS[rule.kind]}, not {_NOUNS[limit.kind]}"
        findings.error((*where, rule.side), problem, f"write it as in `{sample}`")
    for extra in _EXTRAS:
        is_there = getattr(objective, extra) is not None or not findings.is_valid((*where, extra))
        if extra in rule.needs and not is_there:
            findings.error(where, f"`{metric}` needs its `{extra}`", f"add it: `{_EXAMPLES[extra]}`")
        elif is_there and extra not in (*rule.needs, *rule.may):
            findings.error((*where, extra), f"`{extra}` does not apply to `{metric}`", "remove it")


def _peak_for(traffic: Traffic, findings: Findings) -> None:
    where: KeyPath = (*REQUIREMENTS, "traffic", "peak_for")
    if not findings.is_valid(where):
        return
    if not 1.0 <= traffic.peak_for <= LONGEST_PEAK:
        problem = f"a peak lasts from 1s to 1d, not {written_duration(traffic.peak_for)}"
        findings.error(where, problem, "write how long the busiest time of a day lasts: 1h")
    elif (traffic.trace is not None or traffic.log) and traffic.peak_for != Traffic().peak_for:
        problem = "`peak_for` does not apply to a trace or the log, which last as long as they do"
        findings.error(where, problem, "remove it")


def _traffic(system: System, aliases: list[str], findings: Findings) -> None:
    traffic = system.requirements.traffic
    if traffic.daily and len(traffic.daily) != HOURS_PER_DAY and findings.is_valid((*REQUIREMENTS, "traffic", "daily")):
        problem = f"a day has {HOURS_PER_DAY} hours, but there are {len(traffic.daily)} values"
        findings.error(
            (*REQUIREMENTS, "traffic", "daily"),
            problem,
            "write each hour's load as a share of the peak: [10%, 5%, ...]",
        )
    _peak_for(traffic, findings)
    if traffic.trace is not None and traffic.log:
        problem = "`trace` and `log` cannot be used together"
        findings.error((*REQUIREMENTS, "traffic", "log"), problem, "keep one of the two")
    for name in ("prompt_tokens", "output_tokens"):
        _percentiles_in_order(getattr(traffic, name), (*REQUIREMENTS, "traffic", name), findings)
    if traffic.sessions is not None:
        for name in ("turns", "pause"):
            spread = getattr(traffic.sessions, name)
            _percentiles_in_order(spread, (*REQUIREMENTS, "traffic", "sessions", name), findings)
    for alias, shape in traffic.aliases.items():
        where: KeyPath = (*REQUIREMENTS, "traffic", "aliases", alias)
        if aliases and alias not in aliases:
            problem = f"there is no model {shown(alias)}"
            findings.error(where, problem, suggestion(alias, aliases, "models"), findings.names.get(where))
        for name in ("prompt_tokens", "output_tokens"):
            _percentiles_in_order(getattr(shape, name), (*where, name), findings)


def _percentiles_in_order(spread: Tokens | Times | Turns | None, where: KeyPath, findings: Findings) -> None:
    if spread is None or spread.p50 <= spread.p95 or not findings.is_valid(where):
        return
    if not isinstance(spread, Times):
        said = f"p50 ({written_count(spread.p50)}) is above p95 ({written_count(spread.p95)})"
    else:
        said = f"p50 ({written_duration(spread.p50)}) is above p95 ({written_duration(spread.p95)})"
    findings.error(where, said, "p50 must not exceed p95")


def _common_causes(required: Requirements, findings: Findings) -> None:
    declared = findings.names_in(("providers",))
    first: dict[str, int] = {}
    for index, cause in findings.indexed((*REQUIREMENTS, "common_causes"), required.common_causes):
        where: KeyPath = (*REQUIREMENTS, "common_causes", index)
        for position, name in findings.indexed((*where, "providers"), cause.providers):
            if declared and name not in declared:
                problem = f"there is no provider {shown(name)}"
                findings.error((*where, "providers", position), problem, suggestion(name, declared, "providers"))
        if len(set(cause.providers)) < 2 and findings.is_valid((*where, "providers")):
            findings.error((*where, "providers"), "a common cause needs at least two providers", "name the others too")
        if findings.is_valid((*where, "name")) and first.setdefault(cause.name, index) != index:
            problem = f"{shown(cause.name)} is the name of another cause too"
            findings.error((*where, "name"), problem, "give each a name of its own")
    shares: dict[str, float] = {}
    for name, part in chain.from_iterable(
        [(name, cause.share) for name in set(cause.providers)] for cause in required.common_causes
    ):
        shares[name] = shares.get(name, 0.0) + part
    for name, total in sorted(shares.items()):
        if total > 1 + 1e-9:  # hundredths of a percent are not exact in binary
            problem = f"the shares of {shown(name)} add up to more than 100%"
            findings.error((*REQUIREMENTS, "common_causes"), problem, "each outage has one cause")
