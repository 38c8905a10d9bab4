"""The offered load: builds a workload from `requirements.traffic` (a shape, a trace or the ledger), and lists what was assumed.

Always true: a rate is never assumed. Token counts are, where nothing is written, and then the list says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from headworks.core.errors import PlanError
from headworks.core.figures import written_figure
from headworks.core.record import Record
from headworks.system.schema.requirements import AliasTraffic, Tokens
from headworks.system.schema.system import System
from headworks.system.verdicts.closed_forms import LogNormal
from headworks.system.verdicts.inputs import StatedInputs
from headworks.twin.models.building import Assumption
from headworks.twin.workload.arrivals import (
    AliasShape,
    Shape,
    Trace,
    Workload,
    busiest_stretch,
    peak_rate,
    peak_to_mean,
    squared_cv,
)
from headworks.twin.workload.mix import Mix
from headworks.twin.workload.token_counts import TokenCounts
from headworks.twin.workload.trace_file import TraceRows, read_trace

DEFAULT_PROMPT: Final = Tokens(p50=500, p95=2000)
DEFAULT_OUTPUT: Final = Tokens(p50=150, p95=500)
"""Tokens of a chat call where the file gives none: between the conversation traces of Azure (2023) and BurstGPT."""

ONE_TRACE = (
    "future traffic is like this trace: intervals cover variation between vendors' answers, and those of costs also how "
    "much the trace itself varies, not other traffic"
)


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """The offered load. source: in words. mix: each alias's part, for closed forms. peak_to_mean: the load of the busiest
    five minutes divided by the mean load. busy: the mean load of a day divided by the peak (the load factor)."""

    source: str
    workload: Workload
    mix: list[Mix]
    burstiness: float
    peak_to_mean: float
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
        return _from_trace(system, read_trace(content, traffic.trace), None, f"the trace {traffic.trace}")
    if traffic.log:
        return _from_ledger(system, records or [])
    return _from_shape(system)


def _peak_rates(system: System, noted: list[Assumption]) -> dict[str, float]:
    """Calls a second of each alias. Raises PlanError where no rate is written."""
    traffic = system.requirements.traffic
    own = {name: shape.peak_rps for name, shape in traffic.aliases.items() if shape.peak_rps is not None}
    left = [alias for alias in system.models if alias not in own]
    if traffic.peak_rps is None:
        if not own:
            raise PlanError(
                "there is no load to plan for: set requirements.traffic.peak_rps (calls/s at peak), a `trace`, or `log: true`"
            )
        return own
    rest = max(0.0, traffic.peak_rps - sum(own.values()))
    if left and rest:
        if len(left) > 1:
            assumed = (
                f"{', '.join(left)} get equal shares of the load, {written_figure(rest / len(left), 6)} calls/s each"
            )
            noted.append(Assumption(about="traffic", assumed=assumed, instead="set `peak_rps` for each alias"))
        own |= {alias: rest / len(left) for alias in left}
    return {alias: own[alias] for alias in system.models if own.get(alias)}


def _from_shape(system: System) -> Demand:
    noted: list[Assumption] = []
    traffic = system.requirements.traffic
    shapes: list[AliasShape] = []
    for alias, rate in _peak_rates(system, noted).items():
        own = traffic.aliases.get(alias, AliasTraffic())
        prompt = own.prompt_tokens or traffic.prompt_tokens
        output = own.output_tokens or traffic.output_tokens
        for name, found, instead in (
            ("prompt_tokens", prompt, DEFAULT_PROMPT),
            ("output_tokens", output, DEFAULT_OUTPUT),
        ):
            if found is None:
                assumed = f"{name} of {alias}: p50 {instead.p50}, p95 {instead.p95}"
                noted.append(Assumption(about="traffic", assumed=assumed, instead=f"set `{name}`"))
        prompt, output = prompt or DEFAULT_PROMPT, output or DEFAULT_OUTPUT
        shapes.append(
            AliasShape(
                alias=alias,
                rate=rate,
                burstiness=own.burstiness or traffic.burstiness,
                prompt=LogNormal.of(prompt.p50, prompt.p95, 95),
                output=LogNormal.of(output.p50, output.p95, 95),
                streamed=traffic.streamed if own.streamed is None else own.streamed,
                repeated=traffic.repeated if own.repeated is None else own.repeated,
            )
        )
    _note_daily(system, noted)
    _note_keys(system, noted)
    mix = [
        Mix(
            alias=one.alias,
            rate=one.rate,
            prompt=one.prompt.mean,
            output=length.mean,
            output_variation=float(np.exp(length.sigma**2) - 1),
        )
        for one in shapes
        for length in [_answers(system, one)]
    ]
    total = sum(one.rate for one in shapes)
    return Demand(
        source=f"synthetic traffic, {written_figure(total, 6)} calls/s at peak",
        workload=Shape(shapes),
        mix=mix,
        burstiness=max(one.burstiness for one in shapes),
        peak_to_mean=1.0,
        busy=traffic.busy,
        assumptions=noted,
    )


def _answers(system: System, shape: AliasShape) -> LogNormal:
    """How long an alias's answers are: those of a simulated vendor may be shorter than the traffic asks for."""
    stated = StatedInputs(system).answers(shape.alias)
    return shape.output if stated is None else shape.output.smaller(stated)


def _note_daily(system: System, noted: list[Assumption]) -> None:
    traffic = system.requirements.traffic
    needs = any(one.metric == "cost" for one in system.requirements.objectives)
    if needs and not traffic.daily and traffic.trace is None and not traffic.log:
        assumed = "the load is at its peak all day, so `cost` is an upper bound"
        instead = "set `daily`: 24 hourly shares of the peak"
        noted.append(Assumption(about="traffic", assumed=assumed, instead=instead, decides=True))


def _note_keys(system: System, noted: list[Assumption]) -> None:
    if len(system.keys) > 1:
        assumed = "calls are spread evenly over the keys that may make them"
        noted.append(Assumption(about="keys", assumed=assumed, instead="set `log: true` once the ledger has calls"))


def _from_trace(system: System, rows: TraceRows, known: Sequence[tuple[str, bool, int]] | None, source: str) -> Demand:
    noted = [Assumption(about="traffic", assumed=ONE_TRACE)]
    traffic = system.requirements.traffic
    shares = {alias: shape.peak_rps for alias, shape in traffic.aliases.items() if shape.peak_rps is not None}
    if known is None and len(system.models) > 1 and not shares:
        assumed = "each call of the trace goes to a random alias, all equally likely"
        noted.append(Assumption(about="traffic", assumed=assumed, instead="set `peak_rps` for each alias"))
    natural = peak_rate(rows.at[slice(*busiest_stretch(rows.at, 30_000))], 300.0)
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
        assumed = f"only the busiest {len(workload.at)} of the trace's {len(rows.at)} calls are replayed"
        noted.append(Assumption(about="traffic", assumed=assumed))
    span = float(rows.at[-1])
    busy = len(rows.at) / span / natural if traffic.trace is not None or traffic.log else 1.0
    if any(one.metric == "cost" for one in system.requirements.objectives):
        assumed = f"the mean load of a window is {busy:.0%} of the load in the trace's busiest 5 minutes"
        noted.append(Assumption(about="traffic", assumed=assumed))
    _note_keys(system, noted)
    outputs = np.array([one.output for one in workload.sizes], dtype=float)
    prompts = np.array([one.prompt for one in workload.sizes], dtype=float)
    counts = _alias_shares(system, known, shares)
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
        source=f"{source}: {len(rows.at):,} calls, {written_figure(rate)} calls/s in the busiest 5 minutes",
        workload=workload,
        mix=mix,
        burstiness=squared_cv(workload.at),
        peak_to_mean=peak_to_mean(workload.at / faster),
        busy=busy,
        assumptions=noted,
    )


def _alias_shares(
    system: System, known: Sequence[tuple[str, bool, int]] | None, shares: dict[str, float]
) -> dict[str, float]:
    """Each alias's part of the calls."""
    if known is not None:
        names = [one[0] for one in known]
        return {alias: names.count(alias) / len(names) for alias in system.models if alias in names}
    weights = shares or dict.fromkeys(system.models, 1.0)
    return {alias: weight / sum(weights.values()) for alias, weight in weights.items()}


def _from_ledger(system: System, records: Sequence[Record]) -> Demand:
    """Replays the ledger's calls of this system's aliases. A call without token counts gets those of the call before it."""
    mine = sorted((one for one in records if one.model in system.models), key=lambda one: (one.at, one.request_id))
    if len(mine) < 2:
        raise PlanError(
            "requirements.traffic.log: the ledger has no calls of these models yet: serve some, or set `peak_rps`"
        )
    first: dict[str, int] = {}
    sizes: list[TokenCounts] = []
    known: list[tuple[str, bool, int]] = []
    last = TokenCounts(DEFAULT_PROMPT.p50, DEFAULT_OUTPUT.p50)
    for number, one in enumerate(mine):
        if one.tokens is not None:
            last = TokenCounts(one.tokens.input_tokens, max(1, one.tokens.output_tokens))
        sizes.append(last)
        known.append((one.model, one.streamed, first.setdefault(one.request_digest or str(number), number)))
    at = np.array([one.at for one in mine])
    return _from_trace(system, TraceRows(at - at[0], sizes), known, "the ledger")
