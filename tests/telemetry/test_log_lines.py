"""One line of the log is one object, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from headworks.core.masking import NOTHING, Mask
from headworks.core.throttled_log import log_fields
from headworks.telemetry.log_lines import JsonLines, TextLines, hide_in_log


def line(message: str, *arguments: object, worker: int | None = None, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("headworks.x", logging.WARNING, "x.py", 1, message, arguments, more.get("exc_info"))
    record.created = 1796057622.25
    record.__dict__.update(more.get("extra", {}))
    text = JsonLines(worker).format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_says_when_how_bad_who_and_what() -> None:
    assert line("it is %s", "so") == {
        "at": "2026-11-30T16:53:42.250Z",
        "level": "warning",
        "logger": "headworks.x",
        "message": "it is so",
    }


def test_a_workers_lines_have_its_number() -> None:
    assert line("x", worker=0)["worker"] == 0


def test_fields_stand_beside_the_words() -> None:
    said = line("x", extra=log_fields("budget_alert", subject="key/web", spent=7, models=["a", "b"]))
    assert (said["event"], said["subject"], said["spent"], said["models"]) == ("budget_alert", "key/web", 7, ["a", "b"])


@pytest.mark.parametrize("text", ["two\nlines", 'a "quote"', "\x1b[2J", "half a pair \ud83d", "\u2028"])
def test_no_text_breaks_a_line(text: str) -> None:
    assert line("%s", text)["message"].startswith(text[:4].strip("\ud83d"))


def test_what_is_no_json_is_written_as_text() -> None:
    assert line("x", extra={"fields": {"odd": object}})["odd"] == "<class 'object'>"
    assert line("x", extra={"fields": {"endless": float("inf"), "half": "\ud83d"}})["half"] == "?"


def test_a_bug_has_its_trace_in_the_object() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        said = line("a bug", exc_info=sys.exc_info())
    assert said["trace"].splitlines()[-1] == "ValueError: no"


@pytest.mark.parametrize("form", [TextLines("%(levelname)s %(message)s"), JsonLines()])
def test_no_line_shows_a_secret_and_each_stays_an_object(form: TextLines | JsonLines) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(form)
    logging.getLogger().addHandler(handler)
    try:
        hide_in_log(Mask(["secret-0123456789", "warning", "12345"]))
        record = logging.LogRecord(
            "headworks.x", logging.WARNING, "x.py", 1, "a warning: %s", ("secret-0123456789",), None
        )
        record.__dict__.update(log_fields("x", subject="key secret-0123456789", spent=12345))
        line = form.format(record)
    finally:
        logging.getLogger().removeHandler(handler)
    assert "secret" not in line
    assert "a ***: ***" in line
    if isinstance(form, JsonLines):
        said = json.loads(line)
        assert (said["level"], said["spent"], said["subject"]) == ("warning", 12345, "key ***")


def test_formatters_of_others_are_left_alone() -> None:
    hide_in_log(NOTHING)
    assert JsonLines().mask is TextLines().mask is NOTHING
