"""Runs `headworks load`: prepares the traffic, sends it, and prints the report."""

from __future__ import annotations

import os
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
import uvloop

from headworks.cli.caller_key import api_key
from headworks.cli.exit_codes import CANNOT_SAY, COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.ledger_location import ledger_of_file
from headworks.cli.load_prediction import costs_of, with_prediction
from headworks.cli.logs import DECODE, reading
from headworks.cli.plan import past, read
from headworks.cli.views.load import as_json, show
from headworks.core.errors import PlanError
from headworks.core.figures import written_figure
from headworks.http.dial import Origin, trust_only
from headworks.http.proxy import Proxy
from headworks.ledger.query import Filter
from headworks.load.arrivals import (
    MAX_PROMPT_TOKENS,
    Arrival,
    ArrivalProcess,
    closest_stretch,
    draw_arrivals,
    in_dialects,
)
from headworks.load.call import CallResult
from headworks.load.run import DrawArrivals, LoadConfig, load
from headworks.load.verdict import Costs, Plan
from headworks.system.derived.proxies import proxy_for
from headworks.system.schema.requirements import Traffic
from headworks.system.schema.system import OpenAI, System
from headworks.system.syntax.scalars import Unreadable
from headworks.system.verdicts.inputs import StatedInputs
from headworks.twin.workload.arrivals import Shape
from headworks.twin.workload.demand import Demand, demand
from headworks.wire.client_apis import OWN_API

ENDS = {
    "holds": HOLDS,
    "does not hold": FAILS,
    "cannot say": CANNOT_SAY,
    "invalid": CANNOT_SAY,
    "unserved": COULD_NOT_RUN,
}

INDEXED_WITHIN = 5.0
"""Seconds that are waited for the ledger to have the last calls."""


def run(file: Path, asked: Options, key: str | None, compare: Path | None, *, is_json: bool) -> int:
    """Sends the load, prints the report, and gives the exit code. Raises click.ClickException."""
    system = with_traffic(read(file), asked)
    try:
        wanted = wanted_load(system, file, asked, api_key(key, system), None if compare is None else plan_of(compare))
    except PlanError as error:
        raise click.ClickException(str(error)) from error
    told = Progress()
    report = uvloop.run(load(wanted, told, lambda calls, began: costs(file, calls, began, asked.url)))
    if compare is not None:
        told("simulating loads of this length")
        report = with_prediction(report, wanted, system, compare)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    if is_json:
        click.echo(as_json(report).decode())
    else:
        show(report)
    return ENDS[report.verdict]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options."""

    url: str | None
    rate: float | None
    seconds: float
    warm: float
    arrivals: ArrivalProcess | None
    burstiness: float | None
    trace: object
    alias: str | None
    streamed: float | None
    dialects: dict[str, float] | None = None
    search: bool
    most: float | None
    patience: float | None
    no_stop: bool
    seed: int


def with_traffic(system: System, asked: Options) -> System:
    """The system with the options in the place of its own traffic. Raises click.ClickException."""
    required = system.requirements
    traffic = required.traffic
    changed: dict[str, object] = {}
    if asked.alias is not None:
        if asked.alias not in system.models:
            known = ", ".join(system.models)
            raise click.ClickException(f"--alias: the file has no model {asked.alias!r}, only {known}")
        own = traffic.aliases.get(asked.alias)
        changed["aliases"] = {} if own is None else {asked.alias: own}
        promises = tuple([one for one in required.promises if one.alias in (None, asked.alias)])
        required = msgspec.structs.replace(required, promises=promises)
        if own is not None and own.peak_rps is not None:
            changed["peak_rps"] = own.peak_rps
        system = msgspec.structs.replace(system, models={asked.alias: system.models[asked.alias]})
    if asked.trace is not None:
        changed |= {"trace": str(Path(str(asked.trace)).resolve()), "log": False}
    if asked.streamed is not None:
        changed["streamed"] = asked.streamed
    if asked.burstiness is not None:
        changed["burstiness"] = asked.burstiness
    if asked.rate is not None and traffic.peak_rps is None and not any(a.peak_rps for a in traffic.aliases.values()):
        changed["peak_rps"] = asked.rate
    traffic = msgspec.structs.replace(traffic, **changed)
    for name, value in (("streamed", asked.streamed), ("burstiness", asked.burstiness)):
        if value is not None:
            own_shapes = {one: msgspec.structs.replace(shape, **{name: None}) for one, shape in traffic.aliases.items()}
            traffic = msgspec.structs.replace(traffic, aliases=own_shapes)
    return msgspec.structs.replace(system, requirements=msgspec.structs.replace(required, traffic=traffic))


def wanted_load(system: System, file: Path, asked: Options, key: str | None, plan: Plan | None) -> LoadConfig:
    """What is to be sent, and where. Raises PlanError, click.ClickException."""
    traffic: Traffic = system.requirements.traffic
    found = demand(
        system,
        lambda path: (file.parent / path).read_bytes(),
        past(file, Filter()) if traffic.log else None,
    )
    rate = asked.rate if asked.rate is not None else found.workload.rate
    factor = rate / found.workload.rate
    longest = max(one.total for one in (model.timeouts for model in system.models.values()))
    url = asked.url or local_url(system)
    return LoadConfig(
        url=url,
        origin=origin(url),
        system=system.name,
        digest=system.digest,
        objectives=system.requirements.objectives,
        session_objectives=system.requirements.session_objectives,
        traffic=traffic,
        source=source_of(found.source, rate, asked),
        draw=arriving(found, factor, asked),
        redraw=lambda seed: arriving(found, factor, msgspec.structs.replace(asked, seed=seed)),
        rate=rate,
        longest=MAX_PROMPT_TOKENS,
        seconds=asked.seconds,
        warm_up=asked.warm,
        seed=asked.seed,
        key=key,
        patience=asked.patience or longest + 10.0,
        stop_on_overload=not asked.no_stop,
        max_rate=(asked.most or 64 * rate) if asked.search else None,
        plan=plan,
        context=context(system, file) if asked.url is None else None,
        proxy=proxy(url),
        mean_rates={one.alias: one.rate * rate / found.workload.rate * found.busy for one in found.mix},
        inputs=StatedInputs(system),
    )


def source_of(traffic: str, rate: float, asked: Options) -> str:
    """What is sent, in words."""
    if asked.rate is not None:
        traffic += f"; sent at {written_figure(rate, 4)}/s"
    if (mix := asked.dialects or {}) and list(mix) != [OWN_API.word]:
        whole = sum(mix.values())
        traffic += "; in " + ", ".join([f"{word} {weight / whole:.0%}" for word, weight in mix.items()])
    return traffic


def arriving(found: Demand, factor: float, asked: Options) -> DrawArrivals:
    """Gives calls at so many times the rate that is wanted, in the APIs that are asked for."""
    drawn = arrivals_of(found, factor, asked)
    return lambda seconds, faster: in_dialects(drawn(seconds, faster), asked.dialects or {}, asked.seed)


def arrivals_of(found: Demand, factor: float, asked: Options) -> DrawArrivals:
    """The calls, whatever API they are sent in."""
    workload = found.workload
    if isinstance(workload, Shape):
        shapes = workload.aliases
        process: ArrivalProcess = asked.arrivals or "gamma"
        return lambda seconds, faster: draw_arrivals(
            shapes, seconds, asked.seed, faster=factor * faster, process=process
        )
    if asked.arrivals is not None:
        raise click.ClickException("--arrivals: the traffic of this file is a trace, which has its own arrival times")

    def traced(seconds: float, faster: float) -> Sequence[Arrival]:
        made = workload.scaled(factor * faster).draw(asked.seed, 0)  # type: ignore[attr-defined]
        begin, end = closest_stretch(made.at, workload.rate * factor * faster, seconds)
        rows = list(zip(made.at, made.alias, made.sizes, made.streamed, made.same, strict=True))[begin:end]
        return [
            Arrival(at - rows[0][0], alias, min(size.prompt, MAX_PROMPT_TOKENS), size.output, streamed, same)
            for at, alias, size, streamed, same in rows
        ]

    return traced


def local_url(system: System) -> str:
    """The gateway's URL on this machine. Raises click.ClickException where it listens elsewhere."""
    address = system.server.listen
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # of a server that listens everywhere
    if not msgspec.structs.replace(address, host=host).is_loopback:
        raise click.ClickException(
            f"the system listens on {address}, which may be another machine: name it with --url if you may load it"
        )
    return msgspec.structs.replace(system.server, listen=msgspec.structs.replace(address, host=host)).url


def context(system: System, file: Path) -> ssl.SSLContext | None:
    """Trust in the certificate of this file's gateway, where it speaks https. Raises click.ClickException."""
    if system.server.tls is None:
        return None
    try:
        return trust_only(str(file.parent / system.server.tls.cert))
    except OSError as error:
        raise click.ClickException(f"server.tls.cert cannot be read: {error.strerror or error}") from error


def proxy(url: str) -> Proxy | None:
    """The proxy for this URL from the environment. Raises click.ClickException."""
    try:
        found = proxy_for(OpenAI(base_url=url), os.environ)
    except Unreadable as error:
        raise click.ClickException(f"{error.problem}: {error.remedy}") from error
    return None if found is None else Proxy.parse(found.reveal())


def origin(url: str) -> Origin:
    try:
        return Origin.parse(url)
    except ValueError as error:
        raise click.ClickException(f"--url: {error}") from error


def plan_of(path: Path) -> Plan:
    """Raises click.ClickException."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except (OSError, ValueError) as error:
        raise click.ClickException(
            f"{path} is not a plan: {error}; make one with `headworks plan --json > {path}`"
        ) from error


class Progress:
    """One line that is written over, where somebody looks; at most twice a second."""

    def __init__(self) -> None:
        self.is_seen = sys.stderr.isatty()

    def __call__(self, line: str) -> None:
        if self.is_seen:
            click.echo(f"\r\x1b[K{line[:118]}", nl=False, err=True)


def costs(file: Path, calls: Sequence[CallResult], began: float, url: str | None) -> Costs:
    """What these calls cost, by the ledger of the system file: empty where the gateway is another one's or has no ledger."""
    wanted = {one.request_id for one in calls if one.request_id}
    if not wanted:
        return Costs(why_not="no call has a request id, so none can be found in the ledger")
    try:
        with reading(ledger_of_file(file)) as questions:
            until = time.monotonic() + INDEXED_WITHIN
            while True:
                records = map(DECODE, questions.lines(Filter(since=began - 60.0)))
                found = costs_of([record for record in records if record.request_id in wanted])
                missing = len(wanted) - len(found.nano)
                if not missing or time.monotonic() > until or (url is not None and not found.nano):
                    break
                time.sleep(0.5)
    except (click.ClickException, OSError) as error:
        return Costs(why_not=f"the ledger of {file} cannot be read: {error}")
    if missing:
        return Costs(why_not=f"the ledger of {file} has {len(found.nano)} of the {len(wanted)} calls")
    return found
