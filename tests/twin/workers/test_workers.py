"""Tasks on other cores: in order, with their errors, and without a process that is left."""

from __future__ import annotations

import json
import math
import operator
import os
import pickle
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headworks.core.errors import PlanError
from headworks.system.schema.secrets import PrivateUrl, Secret
from headworks.twin.workers import child, frames
from headworks.twin.workers.frames import Failure, pickled
from headworks.twin.workers.workers import MOST, ThisProcess, WorkerProcesses, bought, cores, worker_count, workers


@pytest.fixture(scope="module")
def two() -> Iterator[WorkerProcesses]:
    with WorkerProcesses(2) as found:
        yield found


def test_results_come_in_the_order_of_the_items(two: WorkerProcesses) -> None:
    assert list(two.map(math.factorial, range(40))) == [math.factorial(one) for one in range(40)]


def test_a_task_is_done_by_another_process(two: WorkerProcesses) -> None:
    assert two.submit(os.getpid).result() != os.getpid()
    assert ThisProcess().submit(os.getpid).result() == os.getpid()


def test_an_error_is_raised_where_the_result_is_taken(two: WorkerProcesses) -> None:
    for some in (two, ThisProcess()):
        asked = some.submit(operator.truediv, 1, 0)
        with pytest.raises(ZeroDivisionError, match="division by zero"):
            asked.result()
    assert two.submit(operator.add, 1, 2).result() == 3  # and the worker is there for the next task


def test_an_error_that_cannot_be_pickled_comes_in_words(two: WorkerProcesses) -> None:
    with pytest.raises(RuntimeError, match="Strange: what was it"):
        raise pickle.loads(child.failed(Strange("what was it"))).error
    with pytest.raises(json.JSONDecodeError):
        two.submit(json.loads, "{").result()
    assert isinstance(pickle.loads(child.failed(PlanError("no traffic"))).error, PlanError)


class Strange(Exception):
    """An error with something in it that no other process can have."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.letters = (one for one in text)


def test_a_map_that_is_left_early_asks_no_more(two: WorkerProcesses) -> None:
    found = two.map(math.factorial, range(1_000))
    assert next(found) == 1
    found.close()
    assert two.submit(operator.add, 1, 2).result() == 3


def test_a_worker_that_died_is_replaced_by_this_process() -> None:
    with WorkerProcesses(1) as one:
        os.kill(one.submit(os.getpid).result(), signal.SIGKILL)
        assert one.submit(os.getpid).result() == os.getpid()
        assert one.submit(operator.add, 1, 2).result() == 3


def test_workers_that_cannot_start_are_replaced_by_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headworks.twin.workers.workers.CHILD", ("/no/such/program",))
    with WorkerProcesses(2) as some:
        assert list(some.map(math.sqrt, [4.0, 9.0])) == [2.0, 3.0]


def test_ctrl_c_leaves_no_process() -> None:
    some = WorkerProcesses(2)
    with pytest.raises(KeyboardInterrupt), some:
        some.start("json")
        assert some.submit(operator.add, 1, 2).result() == 3
        raise KeyboardInterrupt
    assert all(one.returncode is not None for one in some._children)


def test_no_secret_is_in_a_frame() -> None:
    written = pickled([Secret("sk-very-secret", "${KEY}"), PrivateUrl("postgresql://me:hunter2@db/x")])
    assert b"very-secret" not in written
    assert b"hunter2" not in written
    secret, url = pickle.loads(written)
    assert (str(secret), secret.reveal()) == ("Secret(${KEY})", "")
    assert isinstance(url, PrivateUrl)


def test_one_core_has_no_workers() -> None:
    with workers(1) as some:
        assert isinstance(some, ThisProcess)
        assert list(some.map(math.sqrt, [4.0, 9.0])) == [2.0, 3.0]


@pytest.mark.parametrize(("found", "count"), [(1, 1), (2, 3), (3, 4), (64, MOST)])
def test_there_is_one_worker_more_than_cores(found: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cores() >= 1
    monkeypatch.setattr("headworks.twin.workers.workers.cores", lambda: found)
    assert worker_count() == count


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("max 100000", sys.maxsize),
        ("100000 100000", 1),
        ("150000 100000", 1),
        ("50000 100000", 0),
        ("?", sys.maxsize),
        ("1 0", sys.maxsize),
    ],
)
def test_a_containers_quota_counts_in_whole_cores(written: str, whole: int, tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(written)
    assert bought(file) == whole
    assert bought(tmp_path / "missing") == sys.maxsize


def test_a_frame_that_is_cut_is_none(tmp_path: Path) -> None:
    file = tmp_path / "frames"
    with file.open("wb") as opened:
        frames.write_frame(opened, pickled(Failure(ValueError("x"))))
    whole = file.read_bytes()
    for size in (3, len(whole) - 1):
        file.write_bytes(whole[:size])
        with file.open("rb") as opened:
            assert frames.read_frame(opened) is None
