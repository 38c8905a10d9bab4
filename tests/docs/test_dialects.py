"""`docs/dialects.md` and the pages below it print the tables that decide what a call may carry."""

from __future__ import annotations

from typing import get_args

import pytest

from headworks.wire.hub import Fate
from headworks.wire.hub.fields import FIELDS
from tools.dialects import DOCS, FATES, TABLES, rows, written


@pytest.mark.parametrize("page", TABLES)
def test_the_table_is_the_one_that_decides_and_no_cell_breaks_a_row(page: str) -> None:
    text, table = (DOCS / page).read_text(encoding="utf-8"), TABLES[page]
    assert written(text, table) == text, "run `python -m tools.dialects`"
    assert {row.count(" | ") for row in list(rows(table))[2:]} == {4}
    assert len(list(rows(table))) == len(FIELDS) + 2


def test_every_fate_is_explained_once_for_all_of_them() -> None:
    text = (DOCS / "dialects.md").read_text(encoding="utf-8")
    assert set(FATES) == set(get_args(Fate))
    assert all(f"**{word}**" in text for word in FATES.values())
    assert all(f"({page})" in text for page in TABLES if page != "dialects.md")
