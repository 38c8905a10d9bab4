"""From `requirements.traffic` to a workload: a shape, a trace or the log; and what of it was assumed.

Always true: a rate is never assumed. Sizes are, where nothing is written, and then that is in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from headworks.core.errors import PlanError
from headworks.core.record import Record
from headworks.system.schema.requirements import AliasTraffic, Tokens
from headworks.system.schema.system import System
from headworks.system.verdicts.closed_forms import Spread
from headworks.twin.leaf import Size
from headworks.twin.models import Assumption
from headworks.twin.screen import Mix
from headworks.twin.trace import Rows, read_trace
from headworks.twin.workload import AliasShape, Shape, Trace, Workload, busiest, peak, swing, variation

PROMPT: Final = Tokens(p50=500, p95=2000)
OUTPUT: Final = Tokens(p50=150, p95=500)
"""Tokens of a chat's call where nobody has said: between the conversation traces of Azure (2023) and BurstGPT."""

ONE_TRACE = "the trace stands for the traffic to come: intervals are over the vendors' luck, not over other traffic"


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What must be carried. source: in words. mix: each alias's part, for closed forms. swing: the busiest five
    minutes by the mean. busy: the mean load of a day by the peak."""

    source: str
    workload: Workload
    mix: list[Mix]
    burstiness: float
    swing: float
    busy: float
    assumptions: list[Assumption]


def demand(system: System, read: Callable[[str], bytes], records: Sequence[Record] | None) -> Demand:
    """The workload of a system. read: gives the bytes of a file that the system file names; records: what the ledger has,
    where `log: true` asks for it. Raises PlanError."""
    traffic = system.requirements.traffic
    if traffic.trace is not None:
        try:
            content = read(traffic.trace)
        except OSError as error:
            said = f"requirements.traffic.trace: {traffic.trace} cannot be read: {error.strerror or error}"
            raise PlanError(f"{said} (the path is relative to the system file's folder)") from error
        return _replayed(system, read_trace(content, traffic.trace), None, f"the trace {traffic.trace}")
    if traffic.log:
        return _logged(system, records or [])
    return _shaped(system)


def _peaks(system: System, noted: list[Assumption]) -> dict[str, float]:
    """Calls a second of each alias. Raises PlanError where no rate is written."""
    traffic = system.requirements.traffic
    own = {name: shape.peak_rps for name, shape in traffic.aliases.items() if shape.peak_rps is not None}
    left = [alias for alias in system.models if alias not in own]
    if traffic.peak_rps is None:
        if not own:
            raise PlanError(
                "there is no load to plan for: write requirements.traffic.peak_rps (calls a second at the peak), a `trace`, or `log: true`"
            )
        return own
    rest = max(0.0, traffic.peak_rps - sum(own.values()))
    if left and rest:
        if len(left) > 1:
            assumed = f"{', '.join(left)} have the same part of the load, {rest / len(left):g} calls a second each"
            noted.append(Assumption(about="traffic", assumed=assumed, instead="write each alias's `peak_rps`"))
        own |= {alias: rest / len(left) for alias in left}
    return {alias: own[alias] for alias in system.models if own.get(alias)}


def _shaped(system: System) -> Demand:
    noted: list[Assumption] = []
    traffic = system.requirements.traffic
    shapes: list[AliasShape] = []
    for alias, rate in _peaks(system, noted).items():
        own = traffic.aliases.get(alias, AliasTraffic())
        prompt = own.prompt_tokens or traffic.prompt_tokens
        output = own.output_tokens or traffic.output_tokens
        for name, found, instead in (("prompt_tokens", prompt, PROMPT), ("output_tokens", output, OUTPUT)):
            if found is None:
                assumed = f"{name} of {alias}: {instead.p50} (half of the calls), {instead.p95} (95 of 100)"
                noted.append(Assumption(about="traffic", assumed=assumed, instead=f"write `{name}`"))
        prompt, output = prompt or PROMPT, output or OUTPUT
        shapes.append(
            AliasShape(
                alias=alias,
                rate=rate,
                burstiness=own.burstiness or traffic.burstiness,
                prompt=Spread.of(prompt.p50, prompt.p95, 95),
                output=Spread.of(output.p50, output.p95, 95),
                streamed=traffic.streamed if own.streamed is None else own.streamed,
                repeated=traffic.repeated if own.repeated is None else own.repeated,
            )
        )
    _daily(system, noted)
    _keys(system, noted)
    mix = [
        Mix(
            alias=one.alias,
            rate=one.rate,
            prompt=one.prompt.mean,
            output=one.output.mean,
            output_variation=float(np.exp(one.output.sigma**2) - 1),
        )
        for one in shapes
    ]
    total = sum(one.rate for one in shapes)
    return Demand(
        source=f"a shape: {total:g} calls a second at the peak",
        workload=Shape(shapes),
        mix=mix,
        burstiness=max(one.burstiness for one in shapes),
        swing=1.0,
        busy=traffic.busy,
        assumptions=noted,
    )


def _daily(system: System, noted: list[Assumption]) -> None:
    traffic = system.requirements.traffic
    needs = any(one.metric == "cost" for one in system.requirements.objectives)
    if needs and not traffic.daily and traffic.trace is None and not traffic.log:
        assumed = "every second of the window is as busy as the peak, so `cost` is the most that it can be"
        noted.append(Assumption(about="traffic", assumed=assumed, instead="write `daily`, 24 shares of the peak"))


def _keys(system: System, noted: list[Assumption]) -> None:
    if len(system.keys) > 1:
        assumed = "calls are divided evenly among the keys that may make them"
        noted.append(Assumption(about="keys", assumed=assumed, instead="`log: true`, once the ledger has calls"))


def _replayed(system: System, rows: Rows, known: Sequence[tuple[str, bool, int]] | None, source: str) -> Demand:
    noted = [Assumption(about="traffic", assumed=ONE_TRACE)]
    traffic = system.requirements.traffic
    shares = {alias: shape.peak_rps for alias, shape in traffic.aliases.items() if shape.peak_rps is not None}
    if known is None and len(system.models) > 1 and not shares:
        assumed = "a call of the trace is for any alias with the same chance"
        noted.append(Assumption(about="traffic", assumed=assumed, instead="write each alias's `peak_rps`"))
    natural = peak(rows.at[slice(*busiest(rows.at, 30_000))], 300.0)
    faster = 1.0 if traffic.peak_rps is None else traffic.peak_rps / natural
    workload = Trace(
        rows.at,
        rows.sizes,
        shares=shares or dict.fromkeys(system.models, 1.0),
        streamed=traffic.streamed,
        repeated=traffic.repeated,
        known=known,
        faster=faster,
    )
    if workload.is_cut:
        assumed = f"of the trace's {len(rows.at)} calls the {len(workload.at)} that are closest together are replayed"
        noted.append(Assumption(about="traffic", assumed=assumed))
    span = float(rows.at[-1])
    busy = len(rows.at) / span / natural if traffic.trace is not None or traffic.log else 1.0
    if any(one.metric == "cost" for one in system.requirements.objectives):
        assumed = f"a window is on average {busy:.0%} as busy as the trace's busiest five minutes"
        noted.append(Assumption(about="traffic", assumed=assumed))
    _keys(system, noted)
    outputs = np.array([one.output for one in workload.sizes], dtype=float)
    prompts = np.array([one.prompt for one in workload.sizes], dtype=float)
    counts = _counts(system, known, shares)
    rate = workload.rate
    mix = [
        Mix(
            alias=alias,
            rate=rate * part,
            prompt=float(prompts.mean()),
            output=float(outputs.mean()),
            output_variation=float(outputs.var() / outputs.mean() ** 2),
        )
        for alias, part in counts.items()
    ]
    return Demand(
        source=f"{source}: {len(rows.at)} calls, {rate:.3g} a second in the busiest five minutes",
        workload=workload,
        mix=mix,
        burstiness=variation(workload.at),
        swing=swing(workload.at / faster),
        busy=busy,
        assumptions=noted,
    )


def _counts(
    system: System, known: Sequence[tuple[str, bool, int]] | None, shares: dict[str, float]
) -> dict[str, float]:
    """Each alias's part of the calls."""
    if known is not None:
        names = [one[0] for one in known]
        return {alias: names.count(alias) / len(names) for alias in system.models if alias in names}
    weights = shares or dict.fromkeys(system.models, 1.0)
    return {alias: weight / sum(weights.values()) for alias, weight in weights.items()}


def _logged(system: System, records: Sequence[Record]) -> Demand:
    """What the ledger has of this system's aliases: answered calls have their tokens, others those of the call before."""
    mine = sorted((one for one in records if one.model in system.models), key=lambda one: (one.at, one.request_id))
    if len(mine) < 2:
        raise PlanError(
            "requirements.traffic.log: the ledger has no calls of these models yet: serve some, or write `peak_rps` for a shape"
        )
    first: dict[str, int] = {}
    sizes: list[Size] = []
    known: list[tuple[str, bool, int]] = []
    last = Size(PROMPT.p50, OUTPUT.p50)
    for number, one in enumerate(mine):
        if one.tokens is not None:
            last = Size(one.tokens.input_tokens, max(1, one.tokens.output_tokens))
        sizes.append(last)
        known.append((one.model, one.streamed, first.setdefault(one.request_digest or str(number), number)))
    at = np.array([one.at for one in mine])
    return _replayed(system, Rows(at - at[0], sizes), known, "the log")
