"""`docs/dialects.md` prints the tables that decide what a call may carry."""

from __future__ import annotations

from typing import get_args

from headworks.wire.hub import Fate
from headworks.wire.hub.fields import FIELDS
from tools.dialects import FATES, PAGE, TABLES, rows, written

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_the_ones_that_decide() -> None:
    assert written(TEXT) == TEXT, "run `python -m tools.dialects`"
    assert all(f"<!-- {table.dialect}:" in TEXT for table in TABLES)


def test_every_fate_is_explained_and_no_cell_breaks_a_row() -> None:
    assert set(FATES) == set(get_args(Fate))
    assert all(f"**{word}**" in TEXT for word in FATES.values())
    for table in TABLES:
        assert {row.count(" | ") for row in list(rows(table))[2:]} == {4}
        assert len(list(rows(table))) == len(FIELDS) + 2
