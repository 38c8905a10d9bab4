"""Which format the log of `up` has, and what is written where something is wrong."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

import pytest

from headworks.cli.exit_codes import COULD_NOT_RUN
from headworks.cli.log_format import format_of, log_failure, log_unexpected
from headworks.cli.main import run
from headworks.core.errors import ConfigError, HeadworksError, Problem


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("log: {format: json}\n", "json"),
        ("log: {format: text}\n", "text"),
        ("log: {format: xml}\n", "text"),
        ("models: [nonsense]\nlog: {format: json, nonsense: 1}\n", "json"),
        ("log: json\n", "text"),
        ("log: {format: [json]}\n", "text"),
        ("- json\n", "text"),
        ("log: {format: json\n", "text"),
        ("", "text"),
    ],
)
def test_the_format_is_the_files_also_where_the_file_is_wrong(text: str, form: str, tmp_path: Path) -> None:
    file = tmp_path / "system.yaml"
    file.write_text(text)
    assert format_of(file) == form
    assert format_of(tmp_path / "none.yaml") == "text"


def test_each_thing_that_is_wrong_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    log_failure(
        ConfigError([Problem(problem="one", remedy="mend it", line=3, column=4, file="f"), Problem(problem="two")])
    )
    log_failure(HeadworksError("three"))
    fields = [record.__dict__["fields"] for record in caplog.records]
    assert fields[0] == {
        "event": "not_started",
        "problem": "one",
        "remedy": "mend it",
        "line": 3,
        "column": 4,
        "file": "f",
    }
    assert [one["event"] for one in fields] == ["not_started"] * 3
    assert caplog.records[2].getMessage() == "three"


def test_a_bug_is_a_line_with_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    log_unexpected(ValueError, ValueError("no"), None)
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.CRITICAL, "a bug of ours: ValueError")
    assert record.exc_info is not None


def test_what_keeps_a_gateway_from_starting_is_a_line_and_nothing_else_is_printed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back afterwards
    file = tmp_path / "system.yaml"
    file.write_text("providers: {v: {dialect: simulated}}\nmodels: {a: u/x, b: w/x}\nlog: {format: json}\n")
    try:
        assert run(["up", str(file)]) == COULD_NOT_RUN
    finally:
        logging.captureWarnings(False)
    assert [record.__dict__["fields"]["path"] for record in caplog.records] == [
        "models.a.targets[0][0].provider",
        "models.b.targets[0][0].provider",
    ]
    assert "Error" not in capsys.readouterr().out
