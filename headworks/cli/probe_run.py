"""What `headworks probe` does: sizes and costs, a question, the calls, the fit, and the file. It needs the extra `plan`."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
import msgspec
import uvloop

from headworks.cli.exit_codes import CANNOT_SAY, HOLDS
from headworks.cli.plan import past
from headworks.cli.views.probe import Planned, show, show_costs
from headworks.core.clock import wall
from headworks.core.money import written_dollars
from headworks.gateway.probe import Probe, Probed, ProbeSize
from headworks.ledger.query import Filter
from headworks.system.load import Loaded, load
from headworks.system.schema.system import OpenAI
from headworks.system.speeds.measurements import Measurement, asked_of, keep_measurements, measurements_path
from headworks.system.syntax.findings import suggestion
from headworks.twin.models.probed import fit_probe
from headworks.twin.workload.probe_sizes import probe_sizes

MOST_PLACE = 100
"""Characters of a place that are kept."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How it is made and told."""

    calls: int
    targets: tuple[str, ...] = ()
    place: str | None = None
    is_agreed: bool = False
    is_json: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. cost_nano: nano-dollars of all calls at most, null where a price is unknown; file: where it is kept."""

    file: str
    cost_nano: int | None
    targets: dict[str, Measurement]


def run(file: Path, way: Run) -> int:
    """Measures, keeps and prints it, and gives the exit code. Raises click.ClickException, HeadworksError."""
    return uvloop.run(probed(file, load(file, os.environ), way))


async def probed(file: Path, loaded: Loaded, way: Run) -> int:
    """The same on a running loop, for tests on virtual time."""
    system, folder = loaded.system, loaded.folder
    async with Probe(system, folder, way.targets) as probe:
        for name in way.targets:
            if name not in probe.targets:
                known = list(Probe(system, folder).targets)
                raise click.UsageError(
                    f"there is no target {name} that may be asked: {suggestion(name, known, 'targets')}"
                )
        if not probe.targets:
            raise click.ClickException(f"{file}: no target meets the constraints, so none is asked")
        records = past(file, Filter()) if system.requirements.traffic.log else []
        sizes = {
            name: probe_sizes(system, alias, way.calls, lambda path: (folder / path).read_bytes(), records)
            for name, (alias, _, _) in probe.targets.items()
        }
        costs = {name: probe.cost(name, of) for name, of in sizes.items()}
        planned = planned_of(sizes, costs)
        is_paid = any(isinstance(system.providers[one.provider], OpenAI) for _, _, one in probe.targets.values())
        if not way.is_json:
            show_costs(planned)
        if is_paid and not way.is_agreed:
            if way.is_json:
                raise click.UsageError("--json asks nobody: add --yes to make calls that cost money")
            if not agreed(planned):
                click.echo("nothing was sent (--yes confirms)")
                return CANNOT_SAY
        found = await probe.ask(sizes, progress(way.calls))
        at, place = wall(), (platform.node() if way.place is None else way.place)[:MOST_PLACE] or "an unnamed machine"
        measured = {
            name: fitted(one, asked_of(system, probe.targets[name][2]), at, place) for name, one in found.items()
        }
    kept = measurements_path(system, folder)
    try:
        keep_measurements(kept, measured)
    except OSError as error:
        raise click.ClickException(f"{kept} cannot be written: {error.strerror or error}") from error
    if way.is_json:
        report = Report(file=str(kept), cost_nano=total(planned), targets=measured)
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        show(system, measured)
        enough = [name for name, one in measured.items() if one.is_enough]
        said = f"`headworks plan` uses {'it' if len(enough) == len(measured) else ', '.join(enough)}"
        click.echo(f"kept in {kept}: {said if enough else 'nothing that `headworks plan` could use'}")
    return HOLDS if all(one.is_enough for one in measured.values()) else CANNOT_SAY


def fitted(found: Probed, asked: str, at: float, place: str) -> Measurement:
    return fit_probe(found.samples, found.limits, asked=asked, at=at, place=place)


def planned_of(sizes: Mapping[str, Sequence[ProbeSize]], costs: Mapping[str, int | None]) -> list[Planned]:
    return [
        Planned(
            target=name,
            calls=len(of),
            prompt=sum(one.prompt for one in of),
            output=sum(one.output for one in of),
            cost_nano=costs[name],
        )
        for name, of in sizes.items()
    ]


def total(planned: Sequence[Planned]) -> int | None:
    """Nano-dollars of all calls; None where a price is unknown."""
    known = [one.cost_nano for one in planned if one.cost_nano is not None]
    return sum(known) if len(known) == len(planned) else None


def agreed(planned: Sequence[Planned]) -> bool:
    """Whether the user at the terminal agrees."""
    cost = total(planned)
    price = "at an unknown price" if cost is None else f"for {written_dollars(cost)} at most"
    calls = sum(one.calls for one in planned)
    try:
        return click.confirm(f"Make these {calls} calls, {price} in all?", default=False)
    except click.Abort:
        click.echo()
        return False


def progress(calls: int) -> Callable[[str, int], None]:
    """Tells each call that is done, where somebody waits at a terminal."""

    def told(target: str, done: int) -> None:
        if sys.stderr.isatty():
            click.echo(click.style(f"{target}: {done} of {calls}", dim=True), err=True)

    return told
