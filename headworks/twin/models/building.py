"""Builds the vendor model of each target: every number from the best source available, plus a list of what was assumed.

Order of sources: what the ledger shows (`fit.py`), what the file expects of the target, what a simulated provider is
made of, and last our own defaults. Always true: what is assumed is in the list, with its value and what would replace it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from math import log
from typing import Final

import msgspec

from headworks.system.schema.requirements import Times
from headworks.system.schema.system import Local, Simulated, System, TargetOf
from headworks.system.syntax.scalars import written_duration
from headworks.system.verdicts import inputs
from headworks.system.verdicts.availability_windows import MEAN_OUTAGE_SECONDS
from headworks.system.verdicts.closed_forms import ASSUMED_UNAVAILABILITY, BETA_FACTOR, NORMAL, LogNormal
from headworks.system.verdicts.inputs import ASSUMED_FAULTS
from headworks.twin.models.vendor_model import Latency, Origin, VendorModel

HOSTED_FIRST: Final = Latency(
    median=inputs.ASSUMED_FIRST_TOKEN.median, sigma=inputs.ASSUMED_FIRST_TOKEN.sigma, tail=2.5
)
HOSTED_PACE: Final = Latency(median=inputs.ASSUMED_PER_TOKEN.median, sigma=inputs.ASSUMED_PER_TOKEN.sigma)
"""A hosted model of which nothing is known: about the middle of what public trackers show for small models in 2025. The
tail is assumed too: a first token without one is seen nowhere."""

LOCAL_FIRST: Final = Latency(median=0.03, sigma=0.2)
LOCAL_PREFILL: Final = 0.0005
LOCAL_PACE: Final = Latency(median=0.012, sigma=0.1)
LOCAL_CROWDING: Final = 0.5
"""The embedded model on a few cores, as measured here; another machine or model is another matter."""


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """Something assumed without evidence. about: a target, a part of the file, or the method; instead: what to
    write or do so that it need not be assumed."""

    about: str
    assumed: str
    instead: str = ""


class BuiltModels(msgspec.Struct, frozen=True, kw_only=True):
    """Every target's model, and the assumptions."""

    models: dict[str, VendorModel]
    assumptions: list[Assumption]


def build_models(system: System, fitted: Mapping[str, VendorModel] | None = None) -> BuiltModels:
    """The models of every target of a system."""
    models: dict[str, VendorModel] = {}
    assumptions: list[Assumption] = []
    for model in system.models.values():
        for target in chain.from_iterable(model.targets):
            name = str(target)
            made = models.get(name)
            if made is None or (target.expect is not None and "expected" not in made.origins.values()):
                noted: list[Assumption] = []
                models[name] = _build_model(system, target, (fitted or {}).get(name), noted)
                assumptions = [one for one in assumptions if one.about != name] + noted
    if not system.requirements.common_causes and len({model.provider for model in models.values()}) > 1:
        assumed = f"{BETA_FACTOR:.0%} of each provider's outages hit all providers of an alias at once (common cause)"
        assumptions.append(Assumption(about="outages", assumed=assumed, instead="set `common_causes`"))
    said = f"an outage lasts {written_duration(MEAN_OUTAGE_SECONDS)} on average; a provider that is down answers 503 at once"
    assumptions.append(Assumption(about="outages", assumed=said))
    return BuiltModels(models=models, assumptions=assumptions)


def _latency(times: Times) -> Latency:
    return Latency(median=times.p50, sigma=log(times.p95 / times.p50) / NORMAL.inv_cdf(0.95))


def _build_model(system: System, target: TargetOf, fitted: VendorModel | None, noted: list[Assumption]) -> VendorModel:
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
    if isinstance(provider, Simulated):
        base = _declared(name, provider)
    elif isinstance(provider, Local):
        base = _local(name)
    else:
        base = VendorModel(target=name, first=HOSTED_FIRST, pace=HOSTED_PACE, faults=dict(ASSUMED_FAULTS))
    first, pace = base.first, base.pace
    origins["first_token"] = origins["per_token"] = "declared" if isinstance(provider, Simulated) else "assumed"
    origins["faults"] = origins["first_token"]
    prefill, stall = base.prefill, base.stall
    if expect is not None and expect.first_token is not None:
        first, prefill, stall = _latency(expect.first_token), 0.0, 0.0
        origins["first_token"] = "expected"
    if expect is not None and expect.per_token is not None:
        pace = _latency(expect.per_token)
        origins["per_token"] = "expected"
    _note_assumed(name, base, origins, noted)
    return msgspec.structs.replace(
        base, first=first, pace=pace, prefill=prefill, stall=stall, outage=outage, origins=origins
    )


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


def _note_assumed(name: str, base: VendorModel, origins: Mapping[str, Origin], noted: list[Assumption]) -> None:
    """Lists what was neither measured nor written in the file."""
    if origins["first_token"] != "declared":
        said = "all tokens are plain input and output: none is cached, reasoning or audio"
        noted.append(Assumption(about=name, assumed=said, instead="use `--fit`"))
    instead = "use `--fit` once the ledger has calls, or set `expect:` on the target"
    if origins["first_token"] == "assumed":
        half, most = base.first.median * 1000, base.first.at(95) * 1000
        said = f"time to first token: p50 {half:.0f} ms, p95 {most:.0f} ms"
        if base.prefill or base.stall:
            said += f", plus {(base.prefill + base.stall) * 1000:g} ms per prompt token"
        noted.append(Assumption(about=name, assumed=said, instead=instead))
    if origins["per_token"] == "assumed":
        said = f"time per output token: p50 {base.pace.median * 1000:.0f} ms, p95 {base.pace.at(95) * 1000:.0f} ms"
        if base.crowding:
            said += f", {base.crowding:.0%} slower for each concurrent call"
        noted.append(Assumption(about=name, assumed=said, instead=instead))
    if origins["faults"] == "assumed":
        faults = ", ".join(f"{kind} {share:.2%}" for kind, share in base.faults.items()) or "none"
        noted.append(Assumption(about=name, assumed=f"faults per call: {faults}", instead="use `--fit`"))
    elif origins["faults"] == "declared":
        return
    if not base.crowding and base.slots is None:
        noted.append(Assumption(about=name, assumed="it does not slow down under load", instead="use `--fit`"))
