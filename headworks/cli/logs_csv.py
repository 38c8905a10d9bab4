"""`headworks logs --csv`: calls and sums as rows, for a spreadsheet.

Always true: a cell of text never begins as a formula does, whoever wrote it: a spreadsheet would run what a caller has
sent (owasp.org, CSV injection). Such a cell has a `'` before it; `--json` has every text as it is. Money is written out,
without an exponent. Words that were said are not here.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from headworks.cli.views.logs import NANO, Line, line_of, rounded
from headworks.core.record import Record
from headworks.ledger.sums import By, Sum

COLUMNS: Final = (
    "request_id at model prompt key group tags user session agent status outcome error reason duration first_token input_tokens"
    " output_tokens estimated cost cost_nano price_at operation streamed cache attempts targets trace config"
).split()
SUMS: Final = ("calls", "errors", "tokens", "cost", "cost_nano", "unpriced", "p50", "p95")

NOBODY: Final = "-"
"""What sums call calls without a model or key. In a row it is an empty cell, as in the rows of calls."""

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run."""


def print_csv(records: Iterable[Record], *, with_header: bool) -> int:
    """Prints calls as rows, and returns how many it was."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    if with_header:
        rows.writerow(COLUMNS)
    count = 0
    for record in records:
        rows.writerow(row_of(line_of(record)))
        count += 1
    sys.stdout.flush()
    return count


def print_sums_csv(groups: Sequence[Sum], by: Sequence[By]) -> None:
    """Prints groups of calls as rows. A cost leaves out `unpriced` calls."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow((*by, *SUMS))
    for one in groups:
        costs = (dollars(one.cost_nano), one.cost_nano, one.unpriced)
        rows.writerow(
            (
                *(safe("" if name == NOBODY else name) for name in one.names),
                one.calls,
                one.errors,
                one.tokens,
                *costs,
                rounded(one.p50),
                rounded(one.p95),
            )
        )


def row_of(line: Line) -> list[object]:
    """A call's cells, in the order of `COLUMNS`."""
    written: dict[str, object] = {
        "at": datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "tags": " ".join(line.tags),
        "cost": "" if line.cost_nano is None else dollars(line.cost_nano),
        "attempts": len(line.attempts),
        "targets": " ".join([attempt.target for attempt in line.attempts]),
    }
    return [safe(written[name] if name in written else getattr(line, name)) for name in COLUMNS]


def safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def dollars(nano: int) -> str:
    return f"{nano // NANO}.{nano % NANO:09d}"
