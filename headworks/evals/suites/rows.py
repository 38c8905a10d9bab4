"""Samples from rows: a line of JSONL or a row of CSV each.

Always true: names in a row that are none of a sample's keys are variables; problems are reported with their line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headworks.evals.suites.suite import Sample
from headworks.evals.suites.yaml_document import Problems, read_text

SAMPLE_KEYS = Sample.__struct_fields__
LISTS_OF_TEXTS = frozenset({"tags", "options", "disturb"})
"""Keys of a sample that are lists of texts; in CSV their items stand between bars."""

MAX_FIELD_BYTES = 16 * 1024 * 1024


def with_ids(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    return tuple(one if one.id else msgspec.structs.replace(one, id=one.own_id) for one in samples)


def read_samples(path: Path, problems: Problems) -> tuple[Sample, ...]:
    """Samples of a JSONL or CSV file."""
    rows = _csv(path, problems) if path.suffix.lower() == ".csv" else _jsonl(path, problems)
    made = []
    for line, row in rows:
        try:
            made.append(_sample(row))
        except (msgspec.ValidationError, TypeError) as error:
            problems.add(validation_message(error)[0], "", line=line, column=1)
    problems.raise_any()
    return with_ids(made)


def _jsonl(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(read_text(path, problems).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except (ValueError, RecursionError) as error:
            problems.add(f"this line is not JSON: {error}", "one JSON object a line", line=number, column=1)
            continue
        if not isinstance(row, dict):
            problems.add("this line is not a JSON object", "one JSON object a line", line=number, column=1)
            continue
        yield number, row


def _csv(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(MAX_FIELD_BYTES)
    rows = csv.DictReader(io.StringIO(read_text(path, problems), newline=""), strict=True)
    try:
        for row in rows:
            if None in row or None in row.values():
                problems.add(
                    "this row has a different number of fields than the first line",
                    "quote fields that contain commas",
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
                    if value or name not in SAMPLE_KEYS
                },
            )
    except csv.Error as error:
        problems.add(f"this is not CSV: {error}", "quote fields that contain quotes", line=rows.line_num, column=1)


def _sample(row: dict[str, Any]) -> Sample:
    known = {name: value for name, value in row.items() if name in SAMPLE_KEYS and name != "variables"}
    own = row.get("variables", {})
    if not isinstance(own, dict):
        raise TypeError("`variables` is not a map")
    rest = {name: value for name, value in row.items() if name not in SAMPLE_KEYS}
    for name in ("id", "cluster"):
        if isinstance(known.get(name), int | float):
            known[name] = str(known[name])
    return msgspec.convert({**known, "variables": {**rest, **own}}, Sample)


def validation_message(error: Exception) -> tuple[str, str]:
    """msgspec's words, and the first name of the path in them."""
    text, _, path = str(error).partition(" - at `$")
    name = path.rstrip("`").lstrip(".").partition(".")[0].partition("[")[0]
    text = text[:1].lower() + text[1:]
    return f"`{name}`: {text}" if name else text, name
