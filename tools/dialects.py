"""Writes the tables of `docs/dialects.md` and the pages below it, from the tables that decide what a call may carry.

python -m tools.dialects
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from headworks.wire.anthropic.translation.table import TABLE as ANTHROPIC_MESSAGES
from headworks.wire.gemini.translation.table import TABLE as GEMINI_GENERATE
from headworks.wire.hub import Fate, Table
from headworks.wire.hub.fields import FIELDS
from headworks.wire.openai.responses.table import TABLE as OPENAI_RESPONSES
from headworks.wire.openai.translation.table import TABLE as OPENAI_CHAT
from tools.failure import placed

DOCS = Path(__file__).parent.parent / "docs"
TOOL = "tools/dialects.py"

TABLES: Final[Mapping[str, Table]] = {
    "dialects.md": OPENAI_CHAT,
    "dialects/anthropic.md": ANTHROPIC_MESSAGES,
    "dialects/gemini.md": GEMINI_GENERATE,
    "dialects/responses.md": OPENAI_RESPONSES,
}
"""By the page that has them."""
FATES: Final[Mapping[Fate, str]] = {
    "carried": "carried",
    "emulated": "emulated",
    "left_out": "left out",
    "refused": "refused",
}


def main() -> None:
    for page, table in TABLES.items():
        path = DOCS / page
        path.write_text(written(path.read_text(encoding="utf-8"), table), encoding="utf-8")


def written(text: str, table: Table) -> str:
    return placed(text, table.dialect, list(rows(table)), TOOL)


def rows(table: Table) -> Iterator[str]:
    yield "| field | what it is | there | its name there | how, or why not |"
    yield "|---|---|---|---|---|"
    for field, what in FIELDS.items():
        row = table.rows[field]
        name = f"`{row.name}`" if row.name else ""
        yield f"| `{field}` | {what} | {FATES[row.fate]} | {name} | {row.note} |"


if __name__ == "__main__":
    main()
