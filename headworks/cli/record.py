"""`headworks record`: a few calls to one target, kept as files that a test can read, with filler for every text."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click
import msgspec
import uvloop

from headworks.cli.exit_codes import CANNOT_SAY, HOLDS
from headworks.cli.param_types import SystemFileType
from headworks.core.atomic_write import atomic_write
from headworks.core.money import written_dollars
from headworks.gateway.recorder import MOST_OUTPUT, Recorder, Result, all_targets
from headworks.system.load import Loaded, load
from headworks.system.syntax.findings import suggestion
from headworks.wire.filler import Filler


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. cost_nano: nano-dollars of all calls at most, null where the price is unknown."""

    target: str
    cost_nano: int | None
    files: dict[str, str]
    not_kept: dict[str, str]


@click.command("record")
@click.option(
    "--to", "to", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder to write to."
)
@click.option("--yes", "is_agreed", is_flag=True, help="Make the calls without asking first.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object, for machines. Needs --yes.")
@click.argument("target")
@click.argument("file", default="headworks.yaml", type=SystemFileType())
@click.pass_context
def command(ctx: click.Context, /, target: str, file: Path, to: Path, *, is_agreed: bool, is_json: bool) -> None:
    """Keep a vendor's answers as files, with filler in place of every text.

    TARGET is a target of the system file (provider/model), or an alias, whose first target is asked. It is asked for a text, a
    tool call and a model that is not there, each whole and streamed. Each call becomes a file in DIR/VENDOR. What it costs at most is
    shown and confirmed first. A file of the same name is replaced.

    FILE is the system file (headworks.yaml by default). Its secrets must resolve.

    Exit codes: 0 every call is kept; 2 one is not; 3 it could not run.
    """
    if is_json and not is_agreed:
        raise click.UsageError("--json asks nobody: add --yes to make calls that cost money")
    ctx.exit(uvloop.run(recorded(load(file, os.environ), target, to, is_agreed=is_agreed, is_json=is_json)))


async def recorded(loaded: Loaded, target: str, to: Path, *, is_agreed: bool, is_json: bool) -> int:
    """Asks, keeps and tells. Raises click.ClickException."""
    async with recorder(loaded, target) as asking:
        cost = asking.cost
        if not is_agreed and not agreed(asking, cost):
            click.echo("nothing was sent (--yes confirms)")
            return CANNOT_SAY
        filler = Filler(secrets.token_bytes(32))
        results = [await asking.ask(question, filler) for question in asking.questions]
        files = {}
        for one in results:
            if (path := kept(one, to / asking.vendor)) is not None:
                files[one.name] = str(path)
        name = str(asking.target)
    not_kept = {one.name: one.why for one in results if one.capture is None}
    if is_json:
        report = Report(target=name, cost_nano=cost, files=files, not_kept=not_kept)
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        for one in results:
            said = files.get(one.name) or f"not kept: {one.why}"
            click.echo(f"  {one.name:<24} {one.status or '-':<4} {said}")
    return HOLDS if not not_kept else CANNOT_SAY


def recorder(loaded: Loaded, target: str) -> Recorder:
    try:
        return Recorder(loaded.system, loaded.folder, target)
    except KeyError:
        known = [*loaded.system.models, *(str(one) for _, one in all_targets(loaded.system))]
        raise click.UsageError(f"there is no target {target}: {suggestion(target, known, 'targets')}") from None
    except TypeError:
        raise click.UsageError(f"{target} is not asked over HTTP, so there is no answer of a vendor to keep") from None


def agreed(asking: Recorder, cost: int | None) -> bool:
    """Whether the user at the terminal agrees."""
    price = "at an unknown price" if cost is None else f"for {written_dollars(cost)} at most"
    names = ", ".join(one.name for one in asking.questions)
    click.echo(f"{asking.target}: {names}; answers of at most {MOST_OUTPUT} tokens")
    try:
        return click.confirm(f"Make these {len(asking.questions)} calls, {price} in all?", default=False)
    except click.Abort:
        click.echo()
        return False


def kept(one: Result, folder: Path) -> Path | None:
    """Where the capture stands now; None where there is none."""
    if one.capture is None:
        return None
    path = folder / f"{one.name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, may_replace=True) as writer:
            writer.write(msgspec.json.format(msgspec.json.encode(one.capture)) + b"\n")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error
    return path
