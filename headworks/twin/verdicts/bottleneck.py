"""The limit that gives way first, or the objective that is nearest to its bound."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np

from headworks.system.verdicts.verdict import parted
from headworks.twin.simulation.replications import Run
from headworks.twin.simulation.utilization import Utilization
from headworks.twin.verdicts.verdict import Verdict, format_value

BINDING_FROM: Final = 0.7
"""The utilization from which a limit is named as the bottleneck: below, bursts seldom reach it."""

NOTABLE_WAIT: Final = 0.01
"""Mean seconds of waiting for a limit from which the report mentions it."""


class Bottleneck(msgspec.Struct, frozen=True, kw_only=True):
    """The limit that is reached first. name: the limit, or "" where none is close."""

    name: str
    at_peak: float
    said: str


def mean_utilization(made: Sequence[Run]) -> list[Utilization]:
    """The use of each limit, as the mean over the runs; its course is the first run's."""
    found: list[Utilization] = []
    for number, first in enumerate(made[0].uses):
        same = [one.uses[number] for one in made]
        found.append(
            msgspec.structs.replace(
                first,
                at_peak=float(np.mean([one.at_peak for one in same])),
                mean=float(np.mean([one.mean for one in same])),
                waits=float(np.mean([one.waits for one in same])),
                refused=float(np.mean([one.refused for one in same])),
                elsewhere=float(np.mean([one.elsewhere for one in same])),
            )
        )
    return found


RISKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "time_to_first_token": "vendors take long to start an answer",
        "duration": "vendors take long to write an answer",
        "availability": "vendors are down or fail too often",
        "cost": "tokens cost too much",
        "cost_per_call": "tokens cost too much",
        "goodput": "too many calls fail or are late",
    }
)
"""Why an objective is at risk where no capacity limit is close."""


def bottleneck(
    using: Sequence[Utilization], verdicts: Sequence[Verdict], at_offered_load: Collection[str]
) -> Bottleneck:
    """The limit with the highest utilization; where none is close, the objective with the smallest margin. at_offered_load:
    ids of goodput objectives whose target equals the offered load."""
    most = max(using, key=lambda one: (one.refused > 0.001 or one.waits > NOTABLE_WAIT, one.at_peak), default=None)
    if most is not None and (most.at_peak >= BINDING_FROM or most.refused > 0.001):
        return Bottleneck(name=most.name, at_peak=most.at_peak, said=binding_limit(most))
    judged = [one for one in verdicts if one.margin is not None]
    tight = min(judged, key=lambda one: one.margin or 0.0, default=None)
    highest = "" if most is None else f"highest utilization: {most.name}, {most.at_peak:.0%} at peak"
    said = "no capacity limit is close"
    if tight is not None and tight.id in at_offered_load:
        said += f"; {tight.metric} is at risk because its target equals the offered load"
    elif tight is not None and tight.verdict != "holds":
        said += f"; {tight.metric} is at risk because {RISKS.get(tight.metric, 'its margin is the smallest')}"
    if tight is not None:
        highest = f"smallest margin: {tight.id}{'; ' if highest else ''}{highest}"
    return Bottleneck(name="", at_peak=0.0, said=f"{said} ({highest})" if highest else said)


def binding_limit(use: Utilization) -> str:
    """Describes the effect of a limit that is used up."""
    said = f"{use.name}: {use.at_peak:.0%} used at peak"
    if use.name.startswith("budget of "):
        said = f"{use.name}: this traffic uses {use.at_peak:.0%} of it per window"
    if use.waits > NOTABLE_WAIT:
        said += f"; calls wait {format_value('duration', use.waits)} for it on average"
    if use.refused > 0:
        said += f"; it rejects {parted(use.refused)[0]} of the calls that ask for it"
        if use.elsewhere > 0:
            said += f" ({parted(use.elsewhere)[0]} are answered by another target)"
        if use.name.startswith("tpm of ") and use.at_peak < BINDING_FROM:
            said += ", because each call reserves its output limit (`max_tokens` or `max_output`) until it ends"
    return said
