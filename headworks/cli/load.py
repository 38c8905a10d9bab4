"""`headworks load`: does the running gateway keep its promises under the traffic that it was built for?"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from headworks.cli.brought import brought
from headworks.cli.notated import SystemFile


@click.command("load")
@click.option(
    "--url", help="The gateway, as http://HOST:PORT. By default where the system file listens, on this machine."
)
@click.option("--key", metavar="NAME", help="The environment variable with the key to call with.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Calls a second, in place of `peak_rps`.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True, help="How long.")
@click.option(
    "--warm", type=click.FloatRange(0), default=5.0, show_default=True, help="Seconds before that do not count."
)
@click.option(
    "--arrivals", type=click.Choice(["poisson", "gamma", "even"]), help="How calls come, where no trace says it."
)
@click.option("--burstiness", type=click.FloatRange(0, min_open=True), help="Of gamma: in place of the file's.")
@click.option(
    "--trace", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Arrivals and sizes of a CSV file."
)
@click.option("--alias", help="Call this model only.")
@click.option("--streamed", type=click.FloatRange(0, 1), help="The share of streamed calls, in place of the file's.")
@click.option("--search", is_flag=True, help="Look for the highest rate that keeps the promises, and measure there.")
@click.option(
    "--most", type=click.FloatRange(0, min_open=True), help="With --search: no more than so many calls a second."
)
@click.option(
    "--patience", type=click.FloatRange(1), help="Seconds after which a caller gives up. Beyond the file's `total`."
)
@click.option("--no-stop", is_flag=True, help="Go on though the load is over the gateway's capacity.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same calls.")
@click.option(
    "--compare", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What `plan --json` printed."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object, for machines.")
@click.argument("file", default="headworks.yaml", type=SystemFile())
@click.pass_context
def command(
    ctx: click.Context, /, file: Path, is_json: bool, compare: Path | None, key: str | None, **options: object
) -> None:
    """Send the traffic of a system file to its running gateway, at instants that are drawn beforehand, and say of each
    objective whether it holds. Latency counts from the instant at which a call was due.

    FILE is the system file (headworks.yaml by default). Calls go to this machine unless --url names another; real vendors
    behind it cost real money. Exits with 0 when every objective holds, 1 when one does not or the load is too much, 2
    when one cannot be said or the generator was late, 3 when it could not run.
    """
    module = brought("load", "headworks.cli.load_run")
    asked = msgspec.convert(options, module.Asked)
    ctx.exit(module.run(file, asked, key, compare, is_json=is_json))
