"""Drills on the real loop, with a few calls each: a copy in a process of its own, sockets, signals. The whole library runs
in `make soak`, and a choice of it in `.ci/run`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headworks.drill.library import library, read
from headworks.drill.report import DrillOutcome
from headworks.drill.run import Run, run_in_real_time, run_in_virtual_time
from tests.children import running
from tests.drill.systems import STARTER, system

QUICK_TO_RETRY = b"""
version: 1
providers: {one: {dialect: simulated}, two: {dialect: simulated}}
models:
  assistant:
    targets: [one, two]
    retry: {attempts: 2, backoff: 10ms..20ms}
    breaker: {failures: 100}
    mid_stream: restart
"""

DRILLS = b"""
drills:
  cut: {shows: cut, faults: [{fault: cut, from: 1s, until: 2s}], traffic: &few {rate: 2, calls: 6, tokens: 8}}
  tls: {shows: tls, trouble: {what: tls, from: 1s, until: 2s}, traffic: *few}
  disk: {shows: disk, trouble: {what: disk, from: 1s, until: 2s}, traffic: *few}
  sigkill: {shows: sigkill, trouble: {what: sigkill, from: 1s, until: 2s}, traffic: {rate: 4, calls: 40, streamed: 100%},
    expect: {whole: 0%, broken: 100%, recovery: 60s}}
"""


def run(text: bytes, drills: bytes) -> dict[str, DrillOutcome]:
    """The outcomes, all at once."""
    chosen = read(drills, "test.yaml", {})
    outcomes = run_in_real_time(Run(drilled=system(text), drills=chosen, jobs=len(chosen)), lambda one: None)
    return {one.name: one for one in outcomes}


@pytest.mark.e2e
def test_a_vendor_that_breaks_a_disk_that_fills_and_a_gateway_that_is_killed() -> None:
    came = run(QUICK_TO_RETRY, DRILLS)
    assert {name: (one.verdict, one.why) for name, one in came.items()} == dict.fromkeys(came, ("holds", []))
    assert came["cut"].figures.ended == {"whole": 6}
    assert came["cut"].figures.struck > 0
    assert came["tls"].figures.ended == {"whole": 6}
    assert "Unreachable" in {attempt.error for attempt in came["tls"].attempts}
    assert came["disk"].figures.ended == {"whole": 6}
    assert came["sigkill"].figures.ended["whole"] > 0


@pytest.mark.soak
def test_the_whole_library_holds_on_the_real_loop_with_the_attempts_of_the_virtual_one() -> None:
    drills = library()
    run_it = Run(drilled=system(STARTER), drills=drills)
    came = {one.name: one for one in run_in_real_time(run_it, lambda one: None)}
    assert {name: (one.verdict, one.why) for name, one in came.items()} == dict.fromkeys(drills, ("holds", []))
    of_vendors = {name: drill for name, drill in drills.items() if drill.trouble is None}
    for twin in run_in_virtual_time(Run(drilled=system(STARTER), drills=of_vendors)):
        real = came[twin.name]
        assert (real.figures.attempts, real.figures.ended) == (twin.figures.attempts, twin.figures.ended), twin.name
        assert [call.kind for call in real.calls] == [call.kind for call in twin.calls], twin.name


@pytest.mark.e2e
def test_a_copy_that_cannot_start_is_an_outcome_that_says_why() -> None:
    drills = read(DRILLS, "test.yaml", {})
    broken = system(QUICK_TO_RETRY)
    broken.root["unknown"] = "key"
    [came] = run_in_real_time(Run(drilled=broken, drills={"cut": drills["cut"]}), lambda one: None)
    assert came.verdict == "cannot say"
    assert "the copy did not start" in came.why[0]
    assert "the key `unknown` is not known" in came.why[0]


@pytest.mark.e2e
def test_a_drill_that_is_told_to_stop_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_bytes(QUICK_TO_RETRY)
    command = [sys.executable, "-m", "headworks", "drill", "--only", "cut", "system.yaml"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with running(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as drill:
        deadline = time.monotonic() + 60
        while not (started := list(tmp_path.glob("headworks-drill-*/journal/*.jsonl"))):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        copy = int(started[0].name.split("-")[1])
        os.kill(copy, 0)
        drill.terminate()
        _, said = drill.communicate(timeout=60)
    assert drill.returncode == 130
    assert b"Traceback" not in said
    assert not list(tmp_path.glob("headworks-drill-*"))
    with pytest.raises(ProcessLookupError):
        os.kill(copy, 0)
