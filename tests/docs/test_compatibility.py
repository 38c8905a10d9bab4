"""`docs/compatibility.md` says what the tables in `wire/` say."""

from __future__ import annotations

import re
from typing import get_args

from headworks.wire.vendor_errors import VENDORS, Meaning
from tools.failure import placed
from tools.vendor_errors import COLUMNS, PAGE, TOOL, rows

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_of_errors_is_the_one_that_is_looked_up() -> None:
    assert placed(TEXT, "errors", list(rows()), TOOL) == TEXT, "run `python tools/vendor_errors.py`"


def test_every_meaning_has_a_column_and_every_vendor_a_row_with_its_source() -> None:
    assert set(COLUMNS) == set(get_args(Meaning))
    for vendor in VENDORS:
        [row] = re.findall(rf"^\| {re.escape(vendor.name)} \|.*$", TEXT, re.MULTILINE)
        assert row.count(" | ") == len(COLUMNS) + 1, "no cell breaks the row"
        assert "](https://" in row
