"""`headworks load`: load-test a running gateway with its system's traffic, and judge each objective."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from headworks.cli.dialect_words import DialectMix
from headworks.cli.extra_modules import import_extra
from headworks.cli.param_types import SystemFileType


@click.command("load")
@click.option(
    "--url", help="The gateway, as http://HOST:PORT. By default the address in the system file, on this machine."
)
@click.option("--key", metavar="NAME", help="The environment variable that holds the API key.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Calls per second, instead of `peak_rps`.")
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True, help="Seconds to measure."
)
@click.option(
    "--warm", type=click.FloatRange(0), default=5.0, show_default=True, help="Seconds of warm-up, which do not count."
)
@click.option(
    "--arrivals", type=click.Choice(["poisson", "gamma", "even"]), help="The arrival process, where there is no trace."
)
@click.option(
    "--burstiness", type=click.FloatRange(0, min_open=True), help="With gamma arrivals: instead of the file's."
)
@click.option(
    "--trace", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A CSV file with arrivals and sizes."
)
@click.option("--alias", help="Call this model only.")
@click.option("--streamed", type=click.FloatRange(0, 1), help="Share of streamed calls, instead of the file's.")
@click.option(
    "--dialect",
    "dialects",
    type=DialectMix(),
    default="chat",
    show_default=True,
    help="The API in which calls are sent: chat, messages, responses, gemini or completions; or a mix, as messages:60,chat:40.",
)
@click.option("--search", is_flag=True, help="Find the highest rate that meets the objectives, and measure there.")
@click.option(
    "--most", type=click.FloatRange(0, min_open=True), help="With --search: at most this many calls per second."
)
@click.option(
    "--patience", type=click.FloatRange(1), help="Seconds after which a caller gives up. Above the file's `total`."
)
@click.option("--no-stop", is_flag=True, help="Do not stop when the load exceeds the gateway's capacity.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same calls.")
@click.option(
    "--compare",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Output of `plan --json` to compare with.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object, for machines.")
@click.argument("file", default="headworks.yaml", type=SystemFileType())
@click.pass_context
def command(
    ctx: click.Context, /, file: Path, is_json: bool, compare: Path | None, key: str | None, **options: object
) -> None:
    """Load-test a running gateway with its system's traffic, and judge each objective.

    It is an open loop: the time of each call is drawn beforehand, and latency counts from that time.

    FILE is the system file (headworks.yaml by default). Calls go to this machine unless --url names another. Real vendors
    behind the gateway cost real money.

    Exit codes: 0 every objective holds; 1 one does not, or the load is too high; 2 one cannot be judged, or the load generator
    was late; 3 it could not run.
    """
    module = import_extra("load", "headworks.cli.load_run")
    asked = msgspec.convert(options, module.Options)
    ctx.exit(module.run(file, asked, key, compare, is_json=is_json))
