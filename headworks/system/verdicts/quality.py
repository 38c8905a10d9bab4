"""Quality, as far as arithmetic goes: which measurements count today, and what they say where no mix of targets has to be known.

Always true: a measurement of another suite, prompt version, model or address is never used, and whoever asks is told why.
What was not measured is *not judged*. A mix lies between its worst and its best target, so where all of them are on one side
of the bound the mix is, whatever it is; what is between needs the shares of a simulation (`twin/verdicts/quality.py`), which
judges by the same limits. The confidence is that of each side, as in the gate of `headworks eval`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System, TargetOf
from headworks.system.verdicts.quality_file import (
    Limit,
    TargetQuality,
    file_digests,
    quality_path,
    reached,
    read_quality,
)
from headworks.system.verdicts.verdict import NEEDS_SIMULATION, Assessment, on_which_side

CONFIDENCE: Final = 0.95
"""The confidence of an objective that names none; `headworks eval` gates with the same."""


class KnownQuality(msgspec.Struct, frozen=True):
    """All measurements of a system's suites, and the digests of the suites' files as they are today."""

    measured: tuple[TargetQuality, ...] = ()
    files: dict[str, str] = {}


NOTHING_MEASURED: Final = KnownQuality()


def known_quality(system: System, folder: Path) -> KnownQuality:
    """What was measured beside a system file. Raises ConfigError where its file is broken."""
    if not any(one.metric == "quality" for one in system.requirements.objectives):
        return NOTHING_MEASURED
    mine = tuple(one for one in read_quality(quality_path(folder)) if one.suite in system.suites)
    names = sorted(set(chain.from_iterable(one.files for one in mine)))
    return KnownQuality(mine, file_digests(folder, names))


class Measured(msgspec.Struct, frozen=True):
    """The measurements that count for one objective: by target, of one alias. refused: why others do not."""

    alias: str
    by_target: dict[str, TargetQuality]
    refused: dict[str, str]


def measured_for(system: System, objective: Objective, known: KnownQuality) -> Measured | Assessment:
    """The measurements that an objective rests on, or why there are none."""
    suite = objective.suite or ""
    again = f"headworks eval --targets all --suite {suite}"
    nothing = Assessment("not judged", f"needs an evaluation: {again}", "eval")
    found = [one for one in known.measured if one.suite == suite and one.alias in system.models]
    aliases = sorted({one.alias for one in found})
    if objective.alias is not None and objective.alias not in aliases:
        asked = f"; {suite} was asked of {', '.join(aliases)} only" if aliases else ""
        return msgspec.structs.replace(nothing, why=nothing.why + asked)
    if not found:
        return nothing
    if objective.alias is None and len(aliases) > 1:
        why = f"{suite} was asked of {', '.join(aliases)}: write `alias:` beside the objective"
        return Assessment("not judged", why, "numbers")
    alias = objective.alias or aliases[0]
    mine = [one for one in found if one.alias == alias]
    model = max(mine, key=lambda one: one.at).model
    targets = {str(target): target for tier in system.models[alias].targets for target in tier}
    current: dict[str, TargetQuality] = {}
    refused: dict[str, str] = {}
    for one in sorted(mine, key=lambda one: one.at):
        if one.model != model or one.target not in targets:
            continue
        why = outdated(system, targets[one.target], one, known.files)
        if why:
            refused[one.target] = why
        else:
            current[one.target] = one
    refused = {name: why for name, why in refused.items() if name not in current}
    if not current and refused:
        whys = "; ".join(dict.fromkeys(refused.values()))
        return Assessment("not judged", f"{whys}: {again}", "eval")
    return Measured(alias, current, refused) if current else nothing


def outdated(system: System, target: TargetOf, one: TargetQuality, files: Mapping[str, str]) -> str:
    """Why a measurement does not count today; "" where it does."""
    changed = [name for name, was in one.files.items() if files.get(name) != was]
    if changed:
        return f"{changed[0]} has changed since {one.target} was measured on {day(one.at)}"
    if one.prompt and (now := prompt_version(system, one.model)) != one.prompt:
        return f"{one.model} was measured at version {one.prompt}, and is now {now or 'gone'}"
    if reached(system, target) != one.reached:
        return f"{one.target} is another model or address than on {day(one.at)}"
    return ""


def prompt_version(system: System, model: str) -> str:
    """The version of the prompt that is asked; "" for an alias."""
    prompt = system.prompts.get(model.removeprefix(PROMPT_PREFIX)) if model.startswith(PROMPT_PREFIX) else None
    return "" if prompt is None else prompt.file.version


def judge_quality(system: System, objective: Objective, known: KnownQuality) -> Assessment:
    """The verdict where it does not depend on the mix."""
    found = measured_for(system, objective, known)
    if isinstance(found, Assessment):
        return found
    targets = [str(target) for tier in system.models[found.alias].targets for target in tier]
    if (blocked := blocked_by(objective, found, targets)) is not None:
        return blocked if len(targets) == 1 or blocked.verdict == "not judged" else needs_mix(found, targets)
    limits = [limit_at(found.by_target[name], confidence_of(objective)) for name in targets]
    ends = [one for one in limits if one is not None]
    low, high = min(one.low for one in ends), max(one.high for one in ends)
    verdict = on_which_side(objective, low, high)
    if verdict == "cannot say" and len(targets) > 1:
        return needs_mix(found, targets)
    alone = len(targets) == 1
    said = (
        f"{percents(found.by_target[targets[0]].value, low, high)}"
        if alone
        else f"each from {points(low)} to {points(high)}"
    )
    return Assessment(verdict, f"{said}; {rests_on(found, targets)}", "" if verdict != "cannot say" else "eval")


def needs_mix(found: Measured, targets: Sequence[str]) -> Assessment:
    said = f"it depends on which calls each of {len(targets)} targets answers; {NEEDS_SIMULATION}"
    return Assessment("cannot say", f"{said}; {rests_on(found, targets)}", "plan")


def blocked_by(objective: Objective, found: Measured, targets: Sequence[str]) -> Assessment | None:
    """Why nothing can be said of these targets together; None where all of them have limits."""
    again = f"headworks eval --targets all --suite {objective.suite}"
    missing = [name for name in targets if name not in found.by_target]
    if missing:
        whys = [found.refused.get(name, f"{name} was not measured") for name in missing]
        return Assessment("not judged", f"{'; '.join(dict.fromkeys(whys))}: {again}", "eval")
    for name in targets:
        one = found.by_target[name]
        if one.cannot_say:
            return Assessment("cannot say", f"{name}: {one.cannot_say}", "eval")
        if limit_at(one, confidence_of(objective)) is None:
            most = max((limit.confidence for limit in one.limits), default=0.0)
            why = f"{name} was measured for a confidence of {most:.4g} at most: {again} --fresh"
            return Assessment("cannot say", why, "eval")
    return None


def confidence_of(objective: Objective) -> float:
    return CONFIDENCE if objective.confidence is None else objective.confidence


def limit_at(one: TargetQuality, confidence: float) -> Limit | None:
    """The limits at this confidence, or at the next higher one that was kept; None where it is higher than all."""
    enough = [limit for limit in one.limits if limit.confidence >= confidence]
    return min(enough, key=lambda limit: limit.confidence, default=None)


def rests_on(found: Measured, targets: Sequence[str]) -> str:
    """Suite, samples, models and date: `suite support: 200 samples of openai/m and here/base (2026-11-30)`."""
    known = [found.by_target[name] for name in targets if name in found.by_target]
    groups: dict[tuple[str, str], list[str]] = {}
    for one in known:
        groups.setdefault((samples_of(one), day(one.at)), []).append(one.target)
    said = [f"{count} of {' and '.join(names)} ({on})" for (count, on), names in groups.items()]
    prompt = f" by {known[0].model}@{known[0].prompt}" if known[0].prompt else ""
    return f"suite {known[0].suite}{prompt}: {', '.join(said)}"


def samples_of(one: TargetQuality) -> str:
    """`200 samples`, `150 of 200 samples`, `200 samples in 20 clusters`."""
    said = f"{one.samples} samples" if one.is_complete else f"{one.samples} of {one.planned} samples"
    return f"{said} in {len(set(one.clusters))} clusters" if one.clusters else said


def day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def points(share: float) -> str:
    """`91.3%`: a share to the digit that an evaluation has."""
    return f"{100 * share:.1f}%"


def percents(value: float, low: float, high: float) -> str:
    return f"{points(value)} [{100 * low:.1f}, {100 * high:.1f}]"
