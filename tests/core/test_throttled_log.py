"""A change is said at once and once; what changes again and again does not flood the log."""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core.throttled_log import LONGEST, MOST, WINDOW, LogEvent, ThrottledLog
from headworks.core.vtime import run_virtual

log = logging.getLogger("headworks.test_notices")


def state(number: int, subject: str = "vendor/m") -> LogEvent:
    return LogEvent(logging.WARNING, "changed", subject, f"state {number}", {"number": number})


def fields(record: logging.LogRecord) -> dict[str, object]:
    found: dict[str, object] = record.__dict__["fields"]
    return found


def test_a_change_is_said_at_once_with_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        ThrottledLog(log).write(state(1))
        assert [record.getMessage() for record in caplog.records] == ["changed: vendor/m: state 1"]

    run_virtual(run())
    assert fields(caplog.records[0]) == {"event": "changed", "subject": "vendor/m", "number": 1}


def test_what_changes_all_the_time_is_summed_up_and_the_last_word_is_true(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        notices = ThrottledLog(log)
        for number in range(600):  # a minute
            notices.write(state(number))
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)

    run_virtual(run())
    said = [record.getMessage() for record in caplog.records]
    assert said[:MOST] == [f"changed: vendor/m: state {number}" for number in range(MOST)]
    assert said[MOST:] == [f"changed: vendor/m: state 599 ({600 - MOST - 1} more changes in the last 60 s)"]
    assert fields(caplog.records[-1])["left_out"] == 600 - MOST - 1


def test_a_day_of_flapping_is_a_line_in_five_minutes(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        notices = ThrottledLog(log)
        for number in range(86_400 // 40):
            notices.write(state(number))
            await asyncio.sleep(40.0)

    run_virtual(run())
    assert len(caplog.records) <= MOST + 3 + 86_400 / LONGEST


def test_a_window_in_which_nothing_happened_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        notices = ThrottledLog(log)
        for number in range(MOST + 2):
            notices.write(state(number))
        await asyncio.sleep(WINDOW + 1.0)
        assert (
            caplog.records[-1].getMessage() == f"changed: vendor/m: state {MOST + 1} (1 more change in the last 60 s)"
        )
        await asyncio.sleep(2 * WINDOW)
        count = len(caplog.records)
        notices.write(state(100))
        assert caplog.records[count].getMessage() == "changed: vendor/m: state 100"

    run_virtual(run())


def test_one_subject_does_not_silence_another(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        notices = ThrottledLog(log)
        for number in range(MOST + 1):
            notices.write(state(number))
        notices.write(state(0, "other/m"))

    run_virtual(run())
    assert caplog.records[-1].getMessage() == "changed: other/m: state 0"


def test_at_its_end_nothing_is_left_unsaid(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        notices = ThrottledLog(log, most=1)
        for number in range(2):
            notices.write(state(number))
        notices.close()

    run_virtual(run())
    assert [record.getMessage() for record in caplog.records][-1] == "changed: vendor/m: state 1"


@settings(max_examples=40)
@given(st.lists(st.floats(0.0, 400.0), min_size=1, max_size=40))
def test_law_the_last_line_is_the_last_change_once_its_window_has_ended(pauses: list[float]) -> None:
    said: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    own = logging.Logger("own")
    own.addHandler(Keeps())

    async def run() -> None:
        notices = ThrottledLog(own, most=2)
        for number, pause in enumerate(pauses):
            notices.write(state(number))
            await asyncio.sleep(pause)
        await asyncio.sleep(2 * LONGEST)

    run_virtual(run())
    assert said[-1].startswith(f"changed: vendor/m: state {len(pauses) - 1}")
