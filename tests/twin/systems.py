"""Systems, models and arrivals for the tests of the twin."""

from __future__ import annotations

import numpy as np

from headworks.system.schema.system import System
from headworks.twin.models.random_streams import generator
from headworks.twin.models.vendor_model import Latency, VendorModel
from headworks.twin.workload.arrivals import Arrivals
from headworks.twin.workload.token_counts import TokenCounts
from tests.system.files import right

ONE = """\
requirements: {{{requirements}}}
providers: {{v: {{dialect: openai, base_url: "https://v/v1"{limits}}}, w: {{dialect: openai, base_url: "https://w/v1"}}}}
models:
  a: {{targets: [{targets}]{model}, price: {{input: $1/M, output: $5/M}}}}
{more}
"""


def one(requirements: str = "", limits: str = "", targets: str = "v/x", model: str = "", more: str = "") -> System:
    """A system of one alias over the vendors v and w."""
    return right(ONE.format(requirements=requirements, limits=limits, targets=targets, model=model, more=more))


def steady(target: str = "v/x", first: float = 0.5, pace: float = 0.01) -> VendorModel:
    """A target whose every answer takes the same times and never fails."""
    return VendorModel(target=target, first=Latency(median=first), pace=Latency(median=pace))


def queueing(slots: int) -> VendorModel:
    """A target that is nothing but slots: a millisecond a token, and no time to the first."""
    return VendorModel(target="v/x", first=Latency(median=1e-9), pace=Latency(median=0.001), slots=slots)


def exponential(rate: float, seconds: float, calls: int, seed: int, *, warm: float = 0.1) -> Arrivals:
    """Poisson arrivals whose stays at `queueing` are exponential: the tokens are, and each is a millisecond."""
    rng = generator(seed, "exponential")
    at = np.cumsum(rng.exponential(1 / rate, calls))
    tokens = np.maximum(1, np.rint(rng.exponential(seconds * 1000, calls))) + 1
    return Arrivals(
        at=at.tolist(),
        alias=["a"] * calls,
        sizes=[TokenCounts(1, int(count)) for count in tokens],
        streamed=[False] * calls,
        same=list(range(calls)),
        begins=float(at[int(warm * calls)]),
        ends=float(at[-1]),
    )
