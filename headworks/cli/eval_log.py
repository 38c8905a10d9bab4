"""`headworks eval --from-log`: samples of what was recorded."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from headworks.cli.exits import FAILS, HOLDS
from headworks.cli.ledger_place import place
from headworks.cli.logs import DECODE, reading
from headworks.evals.suites.from_log import SampledCalls, parse_filter, samples_from

DEFAULT = Path("suites") / "from-log.jsonl"


def from_log(file: Path | None, text: str, out: Path | None) -> int:
    """Writes the samples of recorded calls, says how many they are, and returns the exit code: 1 where there is none."""
    asked = parse_filter(text)
    with reading(place(file)) as questions:
        taken = samples_from(DECODE(line) for line in questions.lines(asked))
    click.echo(said(taken))
    if not taken.samples:
        if taken.bodiless:
            click.echo(
                "write `log: {bodies: full}` into the system file: from then on calls are recorded with their texts"
            )
        return FAILS
    path = out or (Path() if file is None else file.parent) / DEFAULT
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as written:
            written.writelines(msgspec.json.encode(sample) + b"\n" for sample in taken.samples)
    except FileExistsError:
        raise click.ClickException(f"{path} already exists: name another file with --out") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error
    click.echo(f"wrote {path}: add `expected` answers, then write `samples: {path.name}` into a suite beside it")
    return HOLDS


def said(taken: SampledCalls) -> str:
    """What became of the calls, in one line."""
    parts = [f"{taken.seen} calls: {len(taken.samples)} samples"]
    for count, what in (
        (taken.equal, "duplicates"),
        (taken.bodiless, "without their body"),
        (taken.unfit, "with more than text"),
    ):
        if count:
            parts.append(f"{count} {what}")
    return ", ".join(parts)
