"""Closed forms, at once: what every limit carries, how long calls would wait, how often a chain fails.

Always true: nothing is simulated; the formulas are `system/arithmetic.py`'s, which `headworks check` uses too. Where
arrivals are too bursty for them they refuse, and say why: for on-off arrivals Erlang C says a third of a second where
the queue is half a minute long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec

from headworks.system.arithmetic import allen_cunneen, erlang_b, erlang_c, too_bursty
from headworks.system.schema import System
from headworks.twin.vendor import VendorModel

TOO_UNEVEN: Final = 1.3
"""By how much the busiest five minutes may exceed the mean: beyond, a stationary formula describes no moment of it."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """One limit: calls a second that it carries, calls a second that ask for it, and the one by the other."""

    name: str
    carries: float
    asked: float
    use: float


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """Places that calls wait for. wait: seconds on average over all calls, by Erlang C and corrected for burstiness
    (Allen-Cunneen); turned_away: the share that finds no place where nobody waits (Erlang B)."""

    name: str
    places: int
    load: float
    wait: float | None
    wait_corrected: float | None
    turned_away: float


class Screening(msgspec.Struct, frozen=True, kw_only=True):
    """refused: why the queues are not said, or ""."""

    refused: str
    limits: list[Carried]
    queues: list[Queue]


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """One alias's part: calls a second and mean tokens."""

    alias: str
    rate: float
    prompt: float
    output: float
    output_variation: float = 1.0


def screen(
    system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix], burstiness: float, swing: float
) -> Screening:
    """Every limit of the file under the load of the first tiers."""
    asked: dict[str, list[tuple[float, float, float, float]]] = {}
    for one in mix:
        tier = system.models[one.alias].targets[0]
        weight = sum(target.weight for target in tier)
        for target in tier:
            rate = one.rate * target.weight / weight
            model = models[str(target)]
            seconds = model.seconds(one.prompt, one.output)
            asked.setdefault(target.provider, []).append((rate, one.prompt + one.output, seconds, one.output_variation))
    limits: list[Carried] = []
    queues: list[Queue] = []
    refused = refusal(burstiness, swing)
    for name, provider in system.providers.items():
        calls = asked.get(name, [])
        rate = sum(call[0] for call in calls)
        if not rate:
            continue
        tokens = sum(call[0] * call[1] for call in calls) / rate
        seconds = sum(call[0] * call[2] for call in calls) / rate
        spread = sum(call[0] * call[3] for call in calls) / rate
        rpm, tpm = getattr(provider, "rpm", None), getattr(provider, "tpm", None)
        for limit, each, unit in ((rpm, 60.0, "rpm"), (tpm, 60.0 * tokens, "tpm")):
            if limit is not None:
                carries = limit / each
                limits.append(Carried(name=f"{unit} of {name}", carries=carries, asked=rate, use=rate / carries))
        places = provider.concurrency
        for tier in chain.from_iterable(model.targets for model in system.models.values()):
            for target in tier:
                slots = models[str(target)].slots if target.provider == name else None
                places = slots if places is None or (slots is not None and slots < places) else places
        if places is not None:
            carries = places / seconds
            limits.append(Carried(name=f"concurrency of {name}", carries=carries, asked=rate, use=rate / carries))
            load = rate * seconds
            is_stable = load < places and not refused
            queues.append(
                Queue(
                    name=f"places of {name}",
                    places=places,
                    load=load,
                    wait=erlang_c(places, load) * seconds / (places - load) if is_stable else None,
                    wait_corrected=allen_cunneen(places, load, seconds, burstiness, spread) if is_stable else None,
                    turned_away=erlang_b(places, load),
                )
            )
    return Screening(refused=refused, limits=limits, queues=queues)


def refusal(burstiness: float, swing: float) -> str:
    """Why closed forms say nothing of these arrivals; "" where they may."""
    if (said := too_bursty(burstiness)) is not None:
        return said
    if swing > TOO_UNEVEN:
        return (
            f"the busiest five minutes have {swing:.2f} times the mean load (more than {TOO_UNEVEN:g}): "
            "no stationary formula holds"
        )
    return ""
