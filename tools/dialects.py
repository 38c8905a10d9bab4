"""Writes the tables of `docs/dialects.md`, from the tables that decide what a call may carry.

python -m tools.dialects
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from headworks.wire.hub import Fate, Table
from headworks.wire.hub.fields import FIELDS
from headworks.wire.openai.translation.table import TABLE as OPENAI_CHAT
from tools.failure import placed

PAGE = Path(__file__).parent.parent / "docs" / "dialects.md"
TOOL = "tools/dialects.py"

TABLES: Final[tuple[Table, ...]] = (OPENAI_CHAT,)
FATES: Final[Mapping[Fate, str]] = {
    "carried": "carried",
    "emulated": "emulated",
    "left_out": "left out",
    "refused": "refused",
}


def main() -> None:
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def written(text: str) -> str:
    for table in TABLES:
        text = placed(text, table.dialect, list(rows(table)), TOOL)
    return text


def rows(table: Table) -> Iterator[str]:
    yield "| field | what it is | there | its name there | how, or why not |"
    yield "|---|---|---|---|---|"
    for field, what in FIELDS.items():
        row = table.rows[field]
        name = f"`{row.name}`" if row.name else ""
        yield f"| `{field}` | {what} | {FATES[row.fate]} | {name} | {row.note} |"


if __name__ == "__main__":
    main()
