"""Builds the vendor model of each target: every number from the best source available, plus a list of what was assumed.

Order of sources: what the ledger shows (`fit.py`), what `headworks probe` measured, what the file expects of the target,
what a simulated provider is made of, and last what public sources say (`system/speeds/priors.py`). Always true: what is
assumed is in the list, with its value and what would replace it. A speed that rests on a probe, on a public source or on
nothing has a range, and verdicts are judged at both of its ends (`verdicts/speed_ends.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from math import log
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.figures import written_figure
from headworks.system.schema.requirements import Times
from headworks.system.schema.system import Local, OpenAI, Provider, Simulated, System, TargetOf
from headworks.system.speeds.priors import WIDEST_FIRST_TOKEN, WIDEST_PER_TOKEN, Range, prior_of
from headworks.system.syntax.scalars import written_duration
from headworks.system.verdicts import inputs
from headworks.system.verdicts.availability_windows import MEAN_OUTAGE_SECONDS
from headworks.system.verdicts.closed_forms import ASSUMED_UNAVAILABILITY, BETA_FACTOR, NORMAL, LogNormal
from headworks.system.verdicts.inputs import ASSUMED_FAULTS
from headworks.twin.models.speed_range import KnownSpeed, SpeedRange, TimeRange
from headworks.twin.models.vendor_model import Latency, Origin, VendorModel

HOSTED_FIRST: Final = Latency(
    median=inputs.ASSUMED_FIRST_TOKEN.median, sigma=inputs.ASSUMED_FIRST_TOKEN.sigma, tail=2.5
)
HOSTED_PACE: Final = Latency(median=inputs.ASSUMED_PER_TOKEN.median, sigma=inputs.ASSUMED_PER_TOKEN.sigma)
"""A hosted model of which nothing is known. It is simulated so that the rest of a plan can be, and no verdict rests on it. The
spreads and the tail are assumed of every hosted model whose own are not known."""

LOCAL_FIRST: Final = Latency(median=0.03, sigma=0.2)
LOCAL_PREFILL: Final = 0.0005
LOCAL_PACE: Final = Latency(median=0.012, sigma=0.1)
LOCAL_CROWDING: Final = 0.5
"""The embedded model on a few cores, as measured here; another machine or model is another matter."""


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """Something assumed without evidence. about: a target, a part of the file, or the method; instead: what to
    write or do so that it need not be assumed. decides: another system may be the right one where it is not so."""

    about: str
    assumed: str
    instead: str = ""
    decides: bool = False


class BuiltModels(msgspec.Struct, frozen=True, kw_only=True):
    """Every target's model, and the assumptions. ranges: of the targets whose speed is neither written nor fitted."""

    models: dict[str, VendorModel]
    assumptions: list[Assumption]
    ranges: dict[str, SpeedRange] = {}


def build_models(
    system: System,
    fitted: Mapping[str, VendorModel] | None = None,
    measured: Mapping[str, KnownSpeed] = MappingProxyType({}),
) -> BuiltModels:
    """The models of every target of a system. fitted: to the ledger; measured: by `headworks probe`."""
    models: dict[str, VendorModel] = {}
    ranges: dict[str, SpeedRange] = {}
    assumptions: list[Assumption] = []
    for model in system.models.values():
        for target in chain.from_iterable(model.targets):
            name = str(target)
            made = models.get(name)
            if made is None or (target.expect is not None and "expected" not in made.origins.values()):
                noted: list[Assumption] = []
                models[name] = _build_model(system, target, (fitted or {}).get(name), measured.get(name), noted)
                ranges.pop(name, None)
                if (ends := _speed_range(models[name], system, target, measured.get(name))) is not None:
                    ranges[name] = ends
                assumptions = [one for one in assumptions if one.about != name] + noted
    assumptions += _unlimited(system)
    if not system.requirements.common_causes and len({model.provider for model in models.values()}) > 1:
        assumed = f"{BETA_FACTOR:.0%} of each provider's outages hit all providers of an alias at once (common cause)"
        assumptions.append(Assumption(about="outages", assumed=assumed, instead="set `common_causes`"))
    said = f"an outage lasts {written_duration(MEAN_OUTAGE_SECONDS)} on average; a provider that is down answers 503 at once"
    assumptions.append(Assumption(about="outages", assumed=said))
    return BuiltModels(models=models, assumptions=assumptions, ranges=ranges)


def _unlimited(system: System) -> list[Assumption]:
    """The vendors whose account has no limit in the file. Nearly every account has one."""
    targets = [one for model in system.models.values() for tier in model.targets for one in tier]
    found: list[Assumption] = []
    for name, provider in system.providers.items():
        mine = [one for one in targets if one.provider == name]
        if not isinstance(provider, OpenAI) or not mine:
            continue
        bounds = [provider.rpm, provider.tpm, provider.concurrency]
        bounds += [bound for one in mine for bound in (one.rpm, one.tpm, one.concurrency)]
        if any(bound is not None for bound in bounds):
            continue
        assumed = "it takes any number of calls at once, for the file has no limit of your account there"
        found.append(
            Assumption(about=name, assumed=assumed, instead="write its `rpm`, `tpm` or `concurrency`", decides=True)
        )
    return found


def _latency(times: Times) -> Latency:
    return Latency(median=times.p50, sigma=log(times.p95 / times.p50) / NORMAL.inv_cdf(0.95))


def _build_model(
    system: System,
    target: TargetOf,
    fitted: VendorModel | None,
    measured: KnownSpeed | None,
    noted: list[Assumption],
) -> VendorModel:
    provider = system.providers[target.provider]
    name, expect = str(target), target.expect
    origins: dict[str, Origin] = {}
    outage = ASSUMED_UNAVAILABILITY
    if expect is not None and expect.availability is not None:
        outage = 1 - expect.availability
        origins["outage"] = "expected"
    else:
        origins["outage"] = "assumed"
        assumed = f"the provider is down {ASSUMED_UNAVAILABILITY:.0%} of the time"
        noted.append(Assumption(about=name, assumed=assumed, instead="set `expect: {availability: ...}` on the target"))
    if fitted is not None:
        origins |= fitted.origins
        return msgspec.structs.replace(fitted, outage=outage, origins=origins)
    base, origin = _base(name, provider, target.model)
    first, pace = base.first, base.pace
    origins["first_token"] = origins["per_token"] = origin
    origins["faults"] = "declared" if isinstance(provider, Simulated) else "assumed"
    prefill, stall, faults = base.prefill, base.stall, base.faults
    if measured is not None:
        first, pace, prefill, stall = measured.first_token.value, measured.per_token.value, 0.0, 0.0
        origins["first_token"] = origins["per_token"] = "probed"
        if measured.faults is not None:
            faults, origins["faults"] = measured.faults, "probed"
        expect = None
    if expect is not None and expect.first_token is not None:
        first, prefill, stall = _latency(expect.first_token), 0.0, 0.0
        origins["first_token"] = "expected"
    if expect is not None and expect.per_token is not None:
        pace = _latency(expect.per_token)
        origins["per_token"] = "expected"
    made = msgspec.structs.replace(
        base, first=first, pace=pace, prefill=prefill, stall=stall, faults=faults, outage=outage, origins=origins
    )
    _note_speed(made, provider, target.model, measured, noted)
    _note_assumed(name, made, origins, noted)
    return made


def _base(name: str, provider: Provider, model: str) -> tuple[VendorModel, Origin]:
    """The model before anything was written or measured, and where its times are from."""
    if isinstance(provider, Simulated):
        return _declared(name, provider), "declared"
    if isinstance(provider, Local):
        return _local(name), "unknown"
    first, pace = HOSTED_FIRST, HOSTED_PACE
    origin: Origin = "unknown"
    if (prior := prior_of(provider, model)) is not None:
        first = msgspec.structs.replace(first, median=prior.first_token.middle)
        pace = msgspec.structs.replace(pace, median=prior.per_token.middle)
        origin = "prior"
    return VendorModel(target=name, first=first, pace=pace, faults=dict(ASSUMED_FAULTS)), origin


def _speed_range(
    model: VendorModel, system: System, target: TargetOf, measured: KnownSpeed | None
) -> SpeedRange | None:
    """The target at both ends of what its speed may be; None where it is written, declared or fitted."""
    first, pace = model.origins.get("first_token"), model.origins.get("per_token")
    if first == "probed" and measured is not None:
        return SpeedRange(
            origin="probed",
            said=measured.said,
            fast=_at(model, measured.first_token.fast, measured.per_token.fast),
            slow=_at(model, measured.first_token.slow, measured.per_token.slow),
        )
    open_ones = {first, pace} & {"prior", "unknown"}
    if not open_ones:
        return None
    prior = prior_of(system.providers[target.provider], target.model)
    firsts = _ends(model.first, WIDEST_FIRST_TOKEN if prior is None else prior.first_token, first == "expected")
    paces = _ends(model.pace, WIDEST_PER_TOKEN if prior is None else prior.per_token, pace == "expected")
    return SpeedRange(
        origin="unknown" if prior is None else "prior",
        said="no public source says it" if prior is None else str(prior),
        fast=msgspec.structs.replace(_at(model, firsts.fast, paces.fast), prefill=0.0, stall=0.0),
        slow=_at(model, firsts.slow, paces.slow),
    )


def _at(model: VendorModel, first: Latency, pace: Latency) -> VendorModel:
    return msgspec.structs.replace(model, first=first, pace=pace)


def _ends(time: Latency, known: Range, is_written: bool) -> TimeRange:
    """A time at the ends of a range of its median; as it is where the file says it."""
    if is_written:
        return TimeRange(time, time, time)
    fast, slow = (msgspec.structs.replace(time, median=median) for median in (known.low, known.high))
    return TimeRange(time, fast, slow)


def _declared(name: str, provider: Simulated) -> VendorModel:
    z99 = NORMAL.inv_cdf(0.99)
    first, pace, length = provider.first_token, provider.per_token, provider.output_tokens
    answers = None if length is None else LogNormal.of(length.p50, length.p95, 95)
    return VendorModel(
        target=name,
        first=Latency(median=first.p50, sigma=log(first.p99 / first.p50) / z99),
        pace=Latency(median=pace.p50, sigma=log(pace.p99 / pace.p50) / z99),
        faults=dict(provider.faults),
        rpm=provider.rpm,
        tpm=provider.tpm,
        answers=None if answers is None else Latency(median=answers.median, sigma=answers.sigma),
    )


def _local(name: str) -> VendorModel:
    return VendorModel(target=name, first=LOCAL_FIRST, pace=LOCAL_PACE, stall=LOCAL_PREFILL, crowding=LOCAL_CROWDING)


def _note_speed(
    model: VendorModel, provider: Provider, name: str, measured: KnownSpeed | None, noted: list[Assumption]
) -> None:
    """Lists where a speed is from that nobody wrote and no ledger knows."""
    origins = model.origins
    if origins["first_token"] == "probed" and measured is not None:
        noted.append(Assumption(about=model.target, assumed=f"its speed was {measured.said}", instead="use `--fit`"))
        return
    prior = prior_of(provider, name)
    free = ", which costs nothing here" if isinstance(provider, Local) else ""
    instead = f"run `headworks probe`{free}, use `--fit` once the ledger has calls, or set `expect:` on the target"
    for part, words, time, known in (
        ("first_token", "time to first token", model.first, None if prior is None else prior.first_token),
        ("per_token", "time per output token", model.pace, None if prior is None else prior.per_token),
    ):
        if origins[part] not in ("prior", "unknown"):
            continue
        said = f"{words}: p50 {_ms(time.median)}"
        if part == "first_token" and (model.prefill or model.stall):
            said += f" plus {written_figure((model.prefill + model.stall) * 1000, 6)} ms per prompt token"
        if part == "per_token" and model.crowding:
            said += f", {model.crowding:.0%} slower for each concurrent call"
        if known is None:
            said = f"{words} is unknown, and no verdict rests on it; simulated with {said.partition(': ')[2]}"
        else:
            said += f", from {_ms(known.low)} to {_ms(known.high)}, by {prior}"
        noted.append(Assumption(about=model.target, assumed=said, instead=instead))


def _ms(seconds: float) -> str:
    return f"{written_figure(seconds * 1000)} ms" if seconds < 1 else f"{written_figure(seconds)} s"


def _note_assumed(name: str, base: VendorModel, origins: Mapping[str, Origin], noted: list[Assumption]) -> None:
    """Lists what else was neither measured nor written in the file."""
    if origins["first_token"] != "declared":
        said = "all tokens are plain input and output: none is cached, reasoning or audio"
        noted.append(Assumption(about=name, assumed=said, instead="use `--fit`"))
    if origins["faults"] == "assumed":
        faults = ", ".join(f"{kind} {share:.2%}" for kind, share in base.faults.items()) or "none"
        noted.append(Assumption(about=name, assumed=f"faults per call: {faults}", instead="use `--fit`"))
    elif origins["faults"] == "declared" and origins["first_token"] != "probed":
        return
    if not base.crowding and base.slots is None:
        noted.append(Assumption(about=name, assumed="it does not slow down under load", instead="use `--fit`"))
