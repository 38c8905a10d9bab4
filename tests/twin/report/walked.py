"""A fixture that walks every report that a test makes: its numbers have to add up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import headworks.twin.plan
from headworks.twin.report.report import Report
from tests.twin.report.sums import contradictions


@pytest.fixture(autouse=True)
def every_report_adds_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made: list[Report] = []

    def noted(**fields: object) -> Report:
        made.append(Report(**fields))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(headworks.twin.plan, "Report", noted)
    yield
    assert [line for report in made for line in contradictions(report)] == []
