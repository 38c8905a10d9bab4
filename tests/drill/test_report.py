"""What a drill says of itself: to people, to machines, to CI."""

from xml.etree import ElementTree

import msgspec
import pytest

from headworks.drill.library import library
from headworks.drill.report import DrillOutcome, Report, drill_outcome, junit, overall, table
from headworks.drill.timeline import COLUMNS, NAMES, timeline
from headworks.drill.virtual_time import drill_in_virtual_time
from tests.drill.systems import ALONE, STARTER, system


def run(text: bytes, name: str) -> DrillOutcome:
    return drill_outcome(name, drill_in_virtual_time(system(text), name, library()[name], 0))


def report(*outcomes: DrillOutcome) -> Report:
    return Report(system="test", loop="virtual", seed=0, verdict=overall(outcomes), drills=list(outcomes))


def test_a_timeline_shows_the_fault_the_callers_and_every_target_on_one_scale() -> None:
    lines = timeline(run(STARTER, "error-500"))
    names = [line[:NAMES].strip() for line in lines]
    assert names == ["", "fault server_error", "callers", "shaky/simulated", "steady/simulated"]
    begins, ends = lines[1].index("#"), lines[1].rindex("#")
    assert all(begins <= at <= ends for at, mark in enumerate(lines[3]) if mark == "x")
    assert lines[2][NAMES + 1 :].split() == ["o", "o", "+", "+", *["o"] * 10]
    assert max(map(len, lines)) <= NAMES + 1 + COLUMNS + 8


def test_the_worst_of_a_column_is_what_is_shown() -> None:
    [*_, callers, _] = timeline(run(ALONE, "error-500"))
    assert callers.split() == ["callers", "o", "o", "e", "e", "e", "e", *["o"] * 8]


def test_a_report_is_one_object_that_can_be_read_again() -> None:
    made = report(run(STARTER, "cut"), run(ALONE, "cut"))
    assert msgspec.json.decode(msgspec.json.encode(made), type=Report) == made
    assert made.verdict == "does not hold"


@pytest.mark.parametrize(
    ("said", "all_together"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "cannot say"], "cannot say"),
        (["cannot say", "does not hold", "holds"], "does not hold"),
        ([], "cannot say"),
    ],
)
def test_the_worst_verdict_is_that_of_all(said: list[str], all_together: str) -> None:
    one = run(STARTER, "cut")
    assert overall([msgspec.structs.replace(one, verdict=verdict) for verdict in said]) == all_together


def test_junit_has_a_case_a_drill_with_what_does_not_hold() -> None:
    unsaid = msgspec.structs.replace(run(STARTER, "html"), verdict="cannot say", why=["a <reason> & more"])
    root = ElementTree.fromstring(junit(report(run(STARTER, "cut"), run(ALONE, "error-500"), unsaid)))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")
    assert [case.get("name") for case in root] == ["cut", "error-500", "html"]
    assert [[inner.tag for inner in case] for case in root] == [[], ["failure"], ["error"]]
    assert root[2][0].get("message") == "a <reason> & more"


def test_a_row_of_the_table_tells_what_the_caller_sees() -> None:
    [_, _, whole, refused, alone] = table(
        [run(STARTER, "cut"), run(STARTER, "content-filter"), run(ALONE, "reset-after-head")]
    )
    assert "| complete (3) |" in whole
    assert "400 `content_filter` (4)" in refused
    assert "error event `upstream_cut` (" in alone
