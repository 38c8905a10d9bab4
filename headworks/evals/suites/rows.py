"""Samples from rows: a line of JSONL or a row of CSV each.

Always true: names in a row that are none of a sample's keys are variables; what is wrong is told with its line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headworks.evals.suites.places import Troubles, content_of
from headworks.evals.suites.suite import Sample

SAMPLE = Sample.__struct_fields__
LISTS_OF_TEXTS = frozenset({"tags", "options", "disturb"})
"""Keys of a sample that are lists of texts; in CSV their items stand between bars."""

MOST_FIELD = 16 * 1024 * 1024


def named(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    return tuple(one if one.id else msgspec.structs.replace(one, id=one.own_id) for one in samples)


def samples_of(path: Path, troubles: Troubles) -> tuple[Sample, ...]:
    """Samples of a JSONL or CSV file."""
    rows = _csv(path, troubles) if path.suffix.lower() == ".csv" else _jsonl(path, troubles)
    made = []
    for line, row in rows:
        try:
            made.append(_sample(row))
        except (msgspec.ValidationError, TypeError) as error:
            troubles.add(said_of(error)[0], "", line=line, column=1)
    troubles.raise_any()
    return named(made)


def _jsonl(path: Path, troubles: Troubles) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(content_of(path, troubles).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except (ValueError, RecursionError) as error:
            troubles.add(f"this line is not JSON: {error}", "one JSON object a line", line=number, column=1)
            continue
        if not isinstance(row, dict):
            troubles.add("this line is no JSON object", "one JSON object a line", line=number, column=1)
            continue
        yield number, row


def _csv(path: Path, troubles: Troubles) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(MOST_FIELD)
    rows = csv.DictReader(io.StringIO(content_of(path, troubles), newline=""), strict=True)
    try:
        for row in rows:
            if None in row or None in row.values():
                troubles.add(
                    "this row has another number of fields than the first line",
                    "quote fields with commas in them",
                    line=rows.line_num,
                    column=1,
                )
                continue
            yield (
                rows.line_num,
                {
                    name: [part.strip() for part in value.split("|") if part.strip()]
                    if name in LISTS_OF_TEXTS
                    else value
                    for name, value in row.items()
                    if value or name not in SAMPLE
                },
            )
    except csv.Error as error:
        troubles.add(f"this is not CSV: {error}", "quote fields with quotes in them", line=rows.line_num, column=1)


def _sample(row: dict[str, Any]) -> Sample:
    known = {name: value for name, value in row.items() if name in SAMPLE and name != "variables"}
    own = row.get("variables", {})
    if not isinstance(own, dict):
        raise TypeError("`variables` is no map")
    rest = {name: value for name, value in row.items() if name not in SAMPLE}
    for name in ("id", "cluster"):
        if isinstance(known.get(name), int | float):
            known[name] = str(known[name])
    return msgspec.convert({**known, "variables": {**rest, **own}}, Sample)


def said_of(error: Exception) -> tuple[str, str]:
    """msgspec's words, and the first name of the path in them."""
    text, _, path = str(error).partition(" - at `$")
    name = path.rstrip("`").lstrip(".").partition(".")[0].partition("[")[0]
    text = text[:1].lower() + text[1:]
    return f"`{name}`: {text}" if name else text, name
