"""`docs/failure.md` says what the drills say, and the example of `docs/drills.md` is a drill."""

import re
from pathlib import Path

import pytest

from headworks.drill.library import library, read
from headworks.drill.report import drill_outcome
from headworks.drill.timeline import timeline
from headworks.drill.virtual_time import drill_in_virtual_time
from tools.failure import PAGE, WITH, placed, system, troubles, vendors
from tools.outages import OUTAGES, row, rows

TEXT = Path(PAGE).read_text(encoding="utf-8")
DRILLS = Path(PAGE).with_name("drills.md").read_text(encoding="utf-8")


def test_the_table_of_vendors_is_what_virtual_drills_say() -> None:
    assert placed(TEXT, "vendors", vendors()) == TEXT, "run `python tools/failure.py`"


@pytest.mark.soak
def test_the_table_of_troubles_is_what_real_drills_say() -> None:
    assert placed(TEXT, "troubles", troubles()) == TEXT, "run `python tools/failure.py --real`"


def test_every_drill_has_its_row() -> None:
    for name in library():
        assert f"\n| `{name}` | " in TEXT


def test_the_example_is_a_drill() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", DRILLS, re.DOTALL)
    assert list(read(example.encode(), "example", {"assistant": ["one/m"]})) == ["eu-away"]


def test_the_verdict_that_is_explained_is_the_one_that_is_printed() -> None:
    came = drill_outcome("cut", drill_in_virtual_time(system(WITH), "cut", library()["cut"], 0))
    for line in timeline(came):
        assert line in DRILLS


@pytest.mark.parametrize("name", [name for name, seconds in OUTAGES.items() if seconds <= 60])
def test_a_row_of_the_table_of_outages_is_what_a_virtual_outage_says(name: str) -> None:
    assert f"\n{row(name)}\n" in TEXT, "run `python tools/outages.py`"


@pytest.mark.soak
def test_the_table_of_outages_is_what_virtual_outages_say() -> None:
    assert placed(TEXT, "outages", list(rows()), "tools/outages.py") == TEXT, "run `python tools/outages.py`"
