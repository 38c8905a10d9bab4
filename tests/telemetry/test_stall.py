"""What holds the loop is named while it is held, and nothing else is."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import pytest
import uvloop

from headworks.telemetry.stall import HELD, MOST_PLACES, MOST_TOLD, StallDetector, StallWatcher, held_by
from headworks.telemetry.watchdog import EVERY, Watchdog

LOOP = "headworks.loop"


class Held:
    """A loop that last beat at an instant, in a process that had so much of the processor."""

    def __init__(self) -> None:
        self.beaten_at = 0.0
        self.cpu = 0.0
        self.stall = StallDetector(EVERY, lambda: self.beaten_at, sys._getframe, lambda: self.cpu)

    def look(self, at: float, *, cpu: float | None = None) -> float:
        self.cpu = at if cpu is None else cpu
        return self.stall.look(at)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOOP]


def test_a_loop_that_beats_is_looked_at_four_times_a_second_and_never_spoken_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held, at, looks = Held(), 0.0, 0
    while at < 60.0:
        held.beaten_at = EVERY * int(at / EVERY)
        at += held.look(at)
        looks += 1
    assert looks <= 60 / HELD + 1
    assert told(caplog) == []


def test_a_loop_that_is_held_is_told_once_again_after_twice_the_time_and_when_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = Held()
    at = held.look(0.0)
    assert at == pytest.approx(HELD + EVERY)
    for _ in range(3):
        at += held.look(at)
    assert [line.partition(" by ")[0] for line in told(caplog)] == [
        "loop_held: for 0.30 s",
        "loop_held: for 0.60 s",
        "loop_held: for 1.20 s",
    ]
    held.beaten_at = 1.7
    held.look(1.8)
    assert told(caplog)[3:] == ["loop_held: it goes on after 1.70 s"]
    held.look(1.9)
    assert len(told(caplog)) == 4
    first, *_, last = [vars(record)["fields"] for record in caplog.records]
    assert first["event"] == last["event"] == "loop_held"
    assert (first["held"], last["after"]) == (0.3, 1.7)
    assert first["places"][0].startswith("headworks/telemetry/stall.py:")


def test_places_are_told_and_no_value_and_no_folder_of_the_machine(caplog: pytest.LogCaptureFixture) -> None:
    def spins(secret: str) -> None:
        held = Held()
        held.look(held.look(0.0))

    spins("sk-secret")
    [line] = told(caplog)
    assert ":test_places_are_told_and_no_value_and_no_folder_of_the_machine.<locals>.spins < " in line
    assert "sk-secret" not in line
    assert "/home" not in line
    assert " /" not in line


def test_a_deep_stack_is_told_in_part(caplog: pytest.LogCaptureFixture) -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        else:
            held = Held()
            held.look(held.look(0.0))

    deep(100)
    [line] = told(caplog)
    assert line.count(" < ") == MOST_PLACES
    assert line.endswith(" more")


def test_a_process_that_stood_still_is_held_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    held = Held()
    due = held.look(0.0)
    pause = held.look(due + 3600.0, cpu=0.01)
    assert told(caplog) == []
    held.look(due + 3600.0 + pause, cpu=0.02)
    assert len(told(caplog)) == 1, "and yet it does not go on"


def test_who_computes_without_letting_this_thread_look_is_told_when_it_may(caplog: pytest.LogCaptureFixture) -> None:
    held = Held()
    due = held.look(0.0)
    held.look(due + 2.0, cpu=2.0)
    assert len(told(caplog)) == 1


def test_no_more_is_told_than_a_log_can_bear(caplog: pytest.LogCaptureFixture) -> None:
    held = Held()
    for number in range(120):
        held.beaten_at = 0.5 * number
        held.look(held.beaten_at)
        held.look(held.beaten_at + 0.4)
    assert sum(" by " in line for line in told(caplog)) == 2 * MOST_TOLD - 1, "ten at once, and ten a minute"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_the_stack_of_what_holds_a_real_loop_is_logged_while_it_is_held(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    spoken = threading.Event()

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            spoken.set()

    heard = Heard()
    logging.getLogger(LOOP).addHandler(heard)

    def computes() -> None:
        assert spoken.wait(60.0)

    async def holds() -> None:
        watchdog = asyncio.create_task(Watchdog().watch())
        await asyncio.sleep(0)
        computes()
        watchdog.cancel()
        with suppress(asyncio.CancelledError):
            await watchdog

    try:
        run(holds())
    finally:
        logging.getLogger(LOOP).removeHandler(heard)
    line = told(caplog)[0]
    assert "computes < " in line
    assert line.endswith("holds"), "what the loop has called is told, and not who runs the loop"
    assert "test_stall.py:" in line
    assert not [one for one in threading.enumerate() if one.name == "loop lookout"]


def test_a_loop_that_waits_is_held_by_nobody() -> None:
    seen: list[list[FrameType]] = []

    async def waits() -> None:
        await asyncio.to_thread(look, threading.get_ident())

    def look(loops: int) -> None:
        while True:
            frame = sys._current_frames()[loops]
            seen.append(held_by(frame))
            if not seen[-1]:
                return

    for run in (asyncio.run, uvloop.run):
        seen.clear()
        run(waits())
        assert seen[-1] == []


def test_the_lookout_ends_when_it_is_told_to() -> None:
    watcher = StallWatcher(EVERY, lambda: 0.0)
    watcher.stop()
    assert not watcher._thread.is_alive()
