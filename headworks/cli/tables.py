"""Output for people: tables that fit the terminal and never break a word.

Theory. A table is as wide as its cells where that fits. Where it does not, the widest columns are made narrower, none below
its longest word; where even that is too wide, each row becomes a block of lines, a cell a line. A word that is longer than
the screen is the only one that is ever broken.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

UNWRAPPED_WIDTH: Final = 200
"""Columns where nobody looks: a log or a pipe is not wrapped at 80."""

READ_WIDTH: Final = 110
"""Columns of a paragraph at most."""

GAP: Final = 2
"""Blanks between two columns."""


class TableRows:
    """The cells of a table. right: titles of the columns of numbers. whole: of those whose cells stay on one line, as numbers
    do. A text is printed as it is: nothing in it is markup."""

    def __init__(
        self, titles: Sequence[str], right: Collection[str], whole: Collection[str], *, is_headed: bool
    ) -> None:
        self.titles = titles
        self.right = right
        self.whole = {*right, *whole}
        self.is_headed = is_headed and any(titles)
        self.rows: list[list[Text]] = []

    def add_row(self, *cells: str | Text) -> None:
        self.rows.append([cell if isinstance(cell, Text) else Text(cell) for cell in cells])

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def widths(self, room: int) -> list[int] | None:
        """The width of each column within `room`; None if words would break."""
        cells = [[row[at].plain for row in self.rows] for at in range(len(self.titles))]
        if self.is_headed:
            cells = [[title, *one] for title, one in zip(self.titles, cells, strict=True)]
        natural = [max(map(cell_len, one), default=0) for one in cells]
        least = [
            wide if title in self.whole else max(map(longest_word, one), default=0)
            for title, wide, one in zip(self.titles, natural, cells, strict=True)
        ]
        return fitted_widths(natural, least, room)


class Output:
    """Prints reports: unwrapped where stdout is not a terminal."""

    def __init__(self) -> None:
        self.is_seen = sys.stdout.isatty()
        self.console = Console(
            width=None if self.is_seen else UNWRAPPED_WIDTH, highlight=False, markup=False, emoji=False
        )

    def table(
        self, *titles: str, right: Collection[str] = (), whole: Collection[str] = (), is_headed: bool = True
    ) -> TableRows:
        """A table to be filled, and then printed by `print`."""
        return TableRows(titles, right, whole, is_headed=is_headed)

    def fits(self, rows: TableRows) -> bool:
        """Whether its rows can be printed as rows."""
        return rows.widths(self._room(rows)) is not None

    def title(self, text: str) -> None:
        click.echo()
        click.echo(click.style(text, bold=True))

    def paragraph(self, text: str, style: str = "") -> None:
        """Prints a paragraph, at most as wide as a line that is read with ease."""
        width = min(self.console.width, READ_WIDTH)
        for line in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
            self.console.print(Text(line, style=style))

    def items(self, lines: Iterable[str]) -> None:
        """Prints lines of a list; what does not fit goes on below itself."""
        for line in lines:
            self.console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))

    def print(self, rows: TableRows) -> None:
        """Prints a table."""
        widths = rows.widths(self._room(rows))
        self.console.print(self._blocks(rows) if widths is None else self._drawn(rows, widths))

    def pairs(self, pairs: Iterable[Sequence[str]], *, margin: int = 2) -> None:
        """Prints lines that have what they are about before them; what does not fit goes on below itself."""
        table = Table.grid(padding=(0, GAP, 0, 0))
        for cells in pairs:
            if not table.columns:
                for _ in cells[1:]:
                    table.add_column(no_wrap=True)
                table.add_column(overflow="fold")
            table.add_row(*map(Text, cells))
        self.console.print(Padding(table, (0, 0, 0, margin)))

    def _room(self, rows: TableRows) -> int:
        count = len(rows.titles)
        return self.console.width - GAP * (count - 1)

    def _drawn(self, rows: TableRows, widths: Sequence[int]) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD if self.is_seen else None,
            show_edge=False,
            pad_edge=False,
            padding=(0, GAP - self.is_seen, 0, 0),  # where there are lines, a blank stands between columns for them
            show_header=rows.is_headed,
        )
        for title, width in zip(rows.titles, widths, strict=True):
            # Not rich's "ellipsis": it takes a blank at the end of a line with wide characters for a letter that does not fit.
            align: JustifyMethod = "right" if title in rows.right else "left"
            table.add_column(Text(title), width=width, justify=align, overflow="fold")
        for row in rows.rows:
            table.add_row(*row)
        return table

    def _blocks(self, rows: TableRows) -> Table:
        table = Table.grid(padding=(0, GAP, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for row in rows.rows:
            for title, cell in zip(rows.titles, row, strict=True):
                if cell.plain:
                    table.add_row(title, cell)
            table.add_row("", "")
        return table


def longest_word(text: str) -> int:
    """Columns of the longest word."""
    return max(map(cell_len, text.split()), default=0)


def fitted_widths(natural: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """The widths of columns that have so much room together: the widest are cut to one width, but none below its least.
    None where that is not enough."""
    if sum(least) > room:
        return None
    most = max(natural, default=0)
    while sum(widths := [min(wide, max(word, most)) for wide, word in zip(natural, least, strict=True)]) > room:
        most -= 1
    return widths
