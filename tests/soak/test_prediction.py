"""A plan held against a vendor that shares no code with it, and how fast a plan simulates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headworks.twin.simulation.run import simulate
from headworks.twin.workload.arrivals import Shape
from tests.twin.systems import one, steady
from tests.twin.workload.test_arrivals import shape

ROOT = Path(__file__).parent.parent.parent
TRACE = Path(os.environ.get("HEADWORKS_TRACE", ROOT.parent / "shared" / "data" / "azure_llm_2023_conv.csv"))
"""The conversation trace of Azure (2023), which is not part of the project."""


@pytest.mark.soak
@pytest.mark.skipif(not TRACE.exists(), reason="HEADWORKS_TRACE names no trace")
def test_half_a_trace_predicts_the_other_half(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "bench" / "prediction.py", TRACE, "--calls", "1500", "--folder", tmp_path]
    subprocess.run(command, check=True, cwd=ROOT)
    errors = json.loads((tmp_path / "errors.json").read_text())
    assert abs(errors["duration p50"]) <= 0.10
    assert abs(errors["duration p95"]) <= 0.20
    assert abs(errors["time_to_first_token p50"]) <= 0.20
    assert abs(errors["time_to_first_token p95"]) <= 0.20


@pytest.mark.soak
def test_three_thousand_calls_are_simulated_in_a_second_of_one_core() -> None:
    system = one(targets="v/x, w/y", limits=", concurrency: 500")
    models = {name: steady(name) for name in ("v/x", "w/y")}
    arrivals = Shape([shape()]).draw(1, 5000)
    rates = []
    for _ in range(3):
        begun = time.process_time()
        simulate(system, models, arrivals, 1)
        rates.append(len(arrivals.at) / (time.process_time() - begun))
    assert max(rates) >= 3000, rates
