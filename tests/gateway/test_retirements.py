"""Operators are told that a vendor ends a model: from 60 days before, once a day, with its successor."""

from __future__ import annotations

import asyncio
import logging
from datetime import date

import pytest

from headworks.core.clock import now
from headworks.core.vtime import run_virtual
from headworks.gateway.capabilities import TargetCapabilities
from headworks.gateway.retirements import EVERY, log_retirements, retiring, tell_retirements, warn_of_retirements
from headworks.system.syntax.findings import Findings
from tests.stack.systems import system

SYSTEM = system("""
version: 1
providers:
  openai: {dialect: openai, base_url: "https://api.openai.com/v1"}
  sim: {dialect: simulated}
models:
  assistant: {targets: [sim/x, openai/gpt-5-mini]}
  other: {targets: [openai/gpt-5-mini]}
""")
KNOWN = TargetCapabilities(SYSTEM)
ENDS = date(2026, 12, 11)


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (date(2026, 10, 11), None),
        (date(2026, 10, 12), "in 60 days"),
        (date(2026, 12, 10), "in 1 day"),
        (date(2026, 12, 11), "today: calls to it fail or will soon"),
        (date(2027, 1, 10), "30 days ago: calls to it fail or will soon"),
    ],
)
def test_a_model_is_told_from_60_days_before_its_end_and_on_after_it(day: date, told: str | None) -> None:
    found = list(retiring(KNOWN, day))
    if told is None:
        assert not found
        return
    assert [one.where for one in found] == [
        ("models", "assistant", "targets", 1, 0),
        ("models", "other", "targets", 0, 0),
    ]
    assert "`openai/gpt-5-mini`" in found[0].problem
    assert "2026-12-11" in found[0].problem
    assert found[0].problem.endswith(told)
    assert "`gpt-5.6-terra`" in found[0].remedy
    assert "https://" in found[0].remedy


def test_check_warns_of_each_place() -> None:
    findings = Findings("test.yaml")
    warn_of_retirements(SYSTEM, findings, ENDS)
    assert [one.path for one in findings.warnings] == ["models.assistant.targets[1][0]", "models.other.targets[0][0]"]
    assert not findings.errors


def test_a_target_without_a_named_successor_is_told_all_the_same() -> None:
    read = system("""
version: 1
providers: {mistral: {dialect: openai, base_url: "https://api.deepseek.com"}}
models: {assistant: {targets: [mistral/deepseek-chat]}}
""")
    [one] = retiring(TargetCapabilities(read), date(2026, 7, 24))
    assert one.remedy.startswith("name another (https://")


@pytest.mark.parametrize(
    ("day", "level", "event"), [(date(2026, 12, 1), "WARNING", "target_retires"), (ENDS, "ERROR", "target_retired")]
)
def test_the_log_has_a_line_a_target_with_its_fields(
    caplog: pytest.LogCaptureFixture, day: date, level: str, event: str
) -> None:
    with caplog.at_level(logging.INFO, "headworks.targets"):
        tell_retirements(KNOWN, day)
    [record] = caplog.records
    assert record.levelname == level
    fields = record.__dict__["fields"]
    assert (fields["event"], fields["subject"], fields["on"]) == (event, "openai/gpt-5-mini", "2026-12-11")
    assert (fields["days"], fields["successor"]) == ((ENDS - day).days, "gpt-5.6-terra")


def test_the_log_tells_at_the_start_and_once_a_day_of_the_system_that_is_served_then() -> None:
    asked: list[float] = []

    def served() -> object:
        asked.append(now())
        return KNOWN

    async def main() -> None:
        began = now()
        task = asyncio.create_task(log_retirements(served))  # type: ignore[arg-type]
        await asyncio.sleep(2.5 * EVERY)
        task.cancel()
        assert [round(at - began) for at in asked] == [0, EVERY, 2 * EVERY]

    run_virtual(main())
