"""Log lines about changes of state, with a limit on lines per subject, so that a flapping target cannot flood the log.

Theory. An operator wants to know of each change at once. Of a subject that changes again and again (a flapping target) the number
of changes says more than a line for each. So each subject may write a few lines. Further changes are counted over a window, at
whose end one line has the latest change and the number of those left out. Windows get longer until one passes without a change;
then the subject may write its few lines again.

Always true: the last line of a subject is its current state, or the end of its window will bring it; a subject that changes all
the time writes `MOST` lines, and then one in each window. Lines have an event's name and
fields for machines (`log: {format: json}`), and say the same in words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from headworks.core.errors import Problem

MOST: Final = 4
"""Lines of a subject in its first window: it went, it came back, and once more."""

WINDOW: Final = 60.0
LONGEST: Final = 300.0
"""Seconds of a subject's first window, and of the longest: a line in five minutes is no flood, and no old news."""

Field: TypeAlias = str | int | float | Sequence[str] | None


class LogEvent(NamedTuple):
    """One change. event: its name. subject: what has changed. text: the rest, in words. fields: beside event and subject."""

    level: int
    event: str
    subject: str
    text: str
    fields: Mapping[str, Field] = MappingProxyType({})


class Window:
    """The current window of one subject: how many lines were written, how many left out."""

    __slots__ = ("is_quiet", "latest", "left_out", "lines", "seconds", "timer")

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        self.timer = timer
        self.seconds = WINDOW
        self.is_quiet = True
        self.lines = 0
        self.left_out = 0
        self.latest: LogEvent | None = None


class ThrottledLog:
    """Writes events of one kind. most: lines of a subject in a window; further ones are counted."""

    def __init__(self, log: logging.Logger, most: int = MOST) -> None:
        self.log = log
        self.most = most
        self._windows: dict[str, Window] = {}

    def write(self, event: LogEvent) -> None:
        """Writes the event now, or counts it and writes the latest one when the subject's window ends. Call it on the loop. Without a
        running loop every event is written at once."""
        window = self._windows.get(event.subject)
        if window is None:
            try:
                timer = asyncio.get_running_loop().call_later(WINDOW, self._end, event.subject)
            except RuntimeError:
                self._write(event)
                return
            window = self._windows[event.subject] = Window(timer)
        window.is_quiet = False
        if window.lines < self.most:
            window.lines += 1
            self._write(event)
        else:
            window.left_out += 1
            window.latest = event

    def close(self) -> None:
        """Writes what was counted so far."""
        for window in self._windows.values():
            window.timer.cancel()
            self._sum_up(window)
        self._windows.clear()

    def _end(self, subject: str) -> None:
        window = self._windows[subject]
        if window.is_quiet:
            del self._windows[subject]
            return
        self._sum_up(window)
        window.is_quiet = True
        window.seconds = min(2 * window.seconds, LONGEST)
        window.timer = asyncio.get_running_loop().call_later(window.seconds, self._end, subject)

    def _sum_up(self, window: Window) -> None:
        if window.latest is not None:
            left_out, window.left_out = window.left_out - 1, 0
            event, window.latest = window.latest, None
            if left_out:
                changes = "change" if left_out == 1 else "changes"
                said = f"{event.text} ({left_out} more {changes} in the last {window.seconds:.0f} s)"
                event = event._replace(text=said, fields={**event.fields, "left_out": left_out})
            self._write(event)

    def _write(self, event: LogEvent) -> None:
        fields = {"event": event.event, "subject": event.subject, **event.fields}
        self.log.log(event.level, "%s: %s: %s", event.event, event.subject, event.text, extra={"fields": fields})


def log_fields(event: str, **fields: Field) -> Mapping[str, Mapping[str, Field]]:
    """The fields of a JSON log line, as `extra` of a call of `logging`. For events that happen once and need no throttling."""
    return {"fields": {"event": event, **fields}}


def problem_fields(event: str, problem: Problem) -> Mapping[str, Mapping[str, Field]]:
    """The same for a problem in a file."""
    place: dict[str, Field] = {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "problem": problem.problem,
        "remedy": problem.remedy,
    }
    return log_fields(event, **{name: value for name, value in place.items() if value})
