"""Loads that are as their plan says: runs of the twin on seeds of their own, as long as a load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import msgspec

from headworks.cli.load_prediction import as_arrivals, simulated_loads
from headworks.cli.load_run import Options, wanted_load
from headworks.cli.plan import read
from headworks.load.prediction import ROUNDING, RUNS, Row, prediction_intervals
from headworks.load.run import LoadConfig
from headworks.system.schema.system import System
from headworks.twin.models.building import build_models
from headworks.twin.models.vendor_model import VendorModel

SECONDS = 75.0
WARM_UP = 5.0

ANSWERS = """
version: 1
name: answers
requirements:
  traffic: {peak_rps: 2, prompt_tokens: {p50: 100, p95: 300}, output_tokens: {p50: 180, p95: 600}}
  objectives:
    - {id: whole50, metric: duration, percentile: 50, at_most: 5s}
    - {id: whole95, metric: duration, percentile: 95, at_most: 15s}
    - {id: cost, metric: cost_per_call, at_most: $0.01}
providers:
  v: {dialect: simulated, first_token: {p50: 200ms, p99: 500ms}, per_token: {p50: 10ms, p99: 20ms}}
models:
  m: {targets: v, price: {input: $1/M, output: $10/M}}
server: {listen: "127.0.0.1:PORT"}
"""

PLACES = """
version: 1
name: places
requirements:
  traffic: {peak_rps: 6, prompt_tokens: {p50: 300, p95: 1000}, output_tokens: {p50: 40, p95: 100}, streamed: 80%}
  objectives:
    - {id: ttft50, metric: time_to_first_token, percentile: 50, at_most: 1s}
    - {id: ttft95, metric: time_to_first_token, percentile: 95, at_most: 3s}
    - {id: ttft99, metric: time_to_first_token, percentile: 99, at_most: 5s}
    - {id: whole50, metric: duration, percentile: 50, at_most: 2s}
    - {id: whole95, metric: duration, percentile: 95, at_most: 6s}
    - {id: whole99, metric: duration, percentile: 99, at_most: 10s}
    - {id: good, metric: goodput, at_least: 5rps}
    - {id: avail, metric: availability, at_least: 95%}
    - {id: cost, metric: cost_per_call, at_most: $0.01}
providers:
  v:
    dialect: simulated
    first_token: {p50: 200ms, p99: 730ms}
    per_token: {p50: 15ms, p99: 31ms}
    faults: {server_error: 1%, cut: 0.2%}
    concurrency: 8
models:
  m: {targets: v, price: {input: $2/M, output: $10/M}}
server: {listen: "127.0.0.1:PORT"}
"""

QUEUES = (
    PLACES.replace("name: places", "name: queues")
    .replace("peak_rps: 6", "peak_rps: 4")
    .replace("output_tokens: {p50: 40, p95: 100}", "output_tokens: {p50: 60, p95: 200}")
    .replace("concurrency: 8", "concurrency: 7")
)
"""A load of 0.9 of the places: calls wait for each other for minutes."""

BURSTS = """
version: 1
name: bursts
requirements:
  traffic:
    peak_rps: 8
    burstiness: 4
    prompt_tokens: {p50: 300, p95: 1000}
    output_tokens: {p50: 60, p95: 200}
    streamed: 60%
    repeated: 10%
    aliases: {b: {peak_rps: 3}}
  objectives:
    - {id: ttft95, metric: time_to_first_token, percentile: 95, at_most: 3s}
    - {id: whole95, metric: duration, percentile: 95, at_most: 6s}
    - {id: whole95-b, metric: duration, percentile: 95, at_most: 6s, alias: b}
    - {id: good, metric: goodput, at_least: 3rps}
    - {id: avail, metric: availability, at_least: 95%}
    - {id: month, metric: cost, at_most: $10000, window: 30d}
providers:
  v: {dialect: simulated, faults: {server_error: 2%, cut: 1%}, rpm: 300}
  w: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}
models:
  a: {targets: [v, w/x], cache: {exact: 1h}, price: {input: $2/M, output: $10/M}}
  b: {targets: w/x, price: {input: $2/M, output: $10/M}}
server: {listen: "127.0.0.1:PORT"}
"""


class Scene(msgspec.Struct, frozen=True):
    """A system, the models of its plan, and its load."""

    system: System
    models: Mapping[str, VendorModel]
    wanted: LoadConfig

    def loads(self, count: int, models: Mapping[str, VendorModel] | None = None) -> list[dict[Row, float]]:
        """The numbers of so many loads; models: those of a vendor that is not as the plan says."""
        drawn = [as_arrivals(self.wanted, seed) for seed in range(1, count + 1)]
        return simulated_loads(
            self.wanted, self.system, models or self.models, [one for one in drawn if one is not None]
        )

    def compared(self) -> list[Row]:
        """The rows that a comparison has: objectives, and latencies by alias."""
        percentiles = [(f"p{percent} of {alias}", metric) for percent in (50, 95, 99) for alias in self.system.models
                       for metric in ("time_to_first_token", "duration")]  # fmt: skip
        return [(one.id, one.metric) for one in self.system.requirements.objectives] + percentiles


def scene(folder: Path, text: str) -> Scene:
    file = folder / "headworks.yaml"
    file.write_text(text.replace("PORT", "18080"))
    system = read(file)
    options = dict.fromkeys(Options.__struct_fields__) | {
        "seconds": SECONDS, "warm": WARM_UP, "search": False, "no_stop": False, "seed": 1
    }  # fmt: skip
    wanted = wanted_load(system, file, msgspec.convert(options, Options), None, None)
    return Scene(system, build_models(system).models, wanted)


def outside(load: Mapping[Row, float], others: Sequence[Mapping[Row, float]], rows: Sequence[Row]) -> list[Row]:
    """The rows of a load that lie outside of what the other loads predict."""
    return [
        row
        for row, (low, high) in prediction_intervals(others, rows).items()
        if not low * (1 - ROUNDING) <= load[row] <= high * (1 + ROUNDING)
    ]


def pairs(loads: Sequence[Mapping[Row, float]], others: Sequence[Mapping[Row, float]], rows: Sequence[Row]) -> int:
    """How many of the loads lie outside in any row, each beside some of the others on their own."""
    rng = Random(1)
    found = 0
    for load in loads:
        beside = rng.sample([one for one in others if one is not load], RUNS)
        found += bool(outside(load, beside, rows))
    return found
