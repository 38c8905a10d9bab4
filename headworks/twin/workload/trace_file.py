"""Reads a trace file: when each call arrived, and its tokens.

Always true: rows come back in order of time with the first at 0; a row that cannot be read is an error that names its
line. Nothing is guessed: unknown columns are left alone, known ones are found by their name whatever their order.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from math import isfinite
from typing import Final

import msgspec
import numpy as np

from headworks.core.errors import PlanError
from headworks.twin.models.random_streams import Floats
from headworks.twin.workload.token_counts import TokenCounts

COLUMN_NAMES: Final[tuple[tuple[str, ...], ...]] = (
    ("arrived_at", "TIMESTAMP", "timestamp"),
    ("prompt_tokens", "ContextTokens"),
    ("output_tokens", "GeneratedTokens"),
)
"""Names of the three columns, our own first: the others are those of the Azure traces (Patel et al., Splitwise, 2024)."""

MAX_ROWS: Final = 5_000_000


class TraceRows(msgspec.Struct, frozen=True):
    """A trace."""

    at: Floats
    sizes: list[TokenCounts]


def read_trace(content: bytes, name: str) -> TraceRows:
    """The rows of a CSV file. name: what messages call it. Raises PlanError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PlanError(f"{name} is not UTF-8 text: a trace is a CSV file") from None
    reader = csv.reader(StringIO(text, newline=""))
    header = [column.strip() for column in next(reader, [])]
    places = [_column(header, known, name) for known in COLUMN_NAMES]
    at: list[float] = []
    sizes: list[TokenCounts] = []
    try:
        for row in reader:
            if not row:
                continue
            if len(at) >= MAX_ROWS:
                raise PlanError(f"{name} has more than {MAX_ROWS} calls: cut it to the hours that matter")
            at.append(_instant(row[places[0]]))
            sizes.append(TokenCounts(_tokens(row[places[1]]), max(1, _tokens(row[places[2]]))))
    except (ValueError, IndexError) as error:
        raise PlanError(f"{name}:{reader.line_num}: {_row_problem(error)}") from None
    if len(at) < 2:
        raise PlanError(f"{name} has {len(at)} calls: a trace has at least two")
    instants = np.array(at)
    order = np.argsort(instants, kind="stable")
    ordered = instants[order] - instants[order[0]]
    if ordered[-1] <= 0:
        raise PlanError(f"{name}: all its calls arrive at one instant")
    return TraceRows(ordered, [sizes[one] for one in order])


def _column(header: Sequence[str], known: Sequence[str], name: str) -> int:
    for column in known:
        if column in header:
            return header.index(column)
    there = ", ".join(header) or "none"
    raise PlanError(f"{name} has no column {known[0]} (or {known[1]}); its columns: {there}")


def _instant(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
        found = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    if not isfinite(found):
        raise ValueError(f"{text!r} is no instant")
    return found


def _tokens(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError(f"{text!r} is no number of tokens")
    return count


def _row_problem(error: Exception) -> str:
    if isinstance(error, IndexError):
        return "the row has too few columns"
    return f"{error}: write seconds or a date, and two whole numbers of tokens"
