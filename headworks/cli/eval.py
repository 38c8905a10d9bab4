"""`headworks eval`: how the model behaves on inputs nobody tried, with error bars, and whether it is good enough.

Always true: what it will cost is shown before anything is sent. What this needs beside the gateway is the extra `eval`;
it is imported when the command runs, so that nothing else pays for it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import click

from headworks.cli.notated import SystemFile
from headworks.core.extras import install
from headworks.core.money import NANO

NEEDED: Final = ("jinja2", "jsonschema_rs", "rapidfuzz", "regex", "scipy", "statsmodels")
"""What the extra `eval` installs."""


class Dollars(click.ParamType[int]):
    """Nano-dollars from `$1.50` or `1.50`."""

    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            amount = round(float(str(value).removeprefix("$")) * NANO)
        except (ValueError, OverflowError):
            amount = -1
        if amount < 0:
            self.fail(f"{value!r} is no amount: write $1.50", param, ctx)
        return amount


class Points(click.ParamType[float]):
    """A part of one from `3%`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            part = float(str(value).removesuffix("%")) / 100
        except ValueError:
            part = -1
        if not 0 <= part <= 1:
            self.fail(f"{value!r} is no share: write 3%", param, ctx)
        return part


@click.command("eval")
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Only this suite; may be given several times.")
@click.option("--model", default="", metavar="ALIAS", help="The model that is asked, in place of the suite's.")
@click.option("--quick", is_flag=True, help="20 samples, 4 conditions: a look, in about a minute.")
@click.option("--conditions", metavar="A,B", help="These conditions, beside plain; `all`, or `none`.")
@click.option("--samples", type=click.IntRange(min=1), help="At most so many samples, drawn by the seed.")
@click.option("--seed", type=int, default=1, show_default=True, help="What disturbances and the order are drawn from.")
@click.option(
    "--vs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Hold this system against another system file, or against the results (.jsonl) of an earlier run.",
)
@click.option(
    "--margin", type=Points(), default=0.03, show_default="3%", help="With --vs: how much worse is not worse."
)
@click.option(
    "--max-cost", type=Dollars(), metavar="DOLLARS", help="Never spend more; what was asked by then is reported."
)
@click.option("--concurrency", type=click.IntRange(min=1), help="Calls at once; by default what the providers take.")
@click.option(
    "--key", default="", metavar="NAME", help="The key (its name) that calls show, where the system has keys."
)
@click.option("--fresh", is_flag=True, help="Do not go on with a run that was left.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked and what it may cost, and ask nothing.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where results go; .headworks/evals by default."
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to look at, all in one file."
)
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit's XML, for CI.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown, for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.option(
    "--from-log",
    metavar="FILTER",
    help="Write samples of recorded calls to --out (suites/from-log.jsonl by default): outcome=error, alias=NAME, key=, "
    "target=, error=WORDS, slow=4s, with commas between them. Nothing is asked.",
)
@click.option(
    "--power",
    type=Points(),
    metavar="POINTS",
    help="Say how many samples it takes to see a difference of so many points; nothing is asked.",
)
@click.argument("file", required=False, type=SystemFile())
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:  # fmt: skip
    """Run suites under conditions, with error bars, and gate on the quality objectives that name them.

    FILE is the system file (headworks.yaml by default). Without `suites:` in it the suite that comes with the package is
    run. A run that was stopped goes on where it was when the same command is given again.

    Exits with 0 where every gate holds, 1 where one does not, 2 where there is not enough data to say, 3 when it could not
    run.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise click.ClickException(f"not installed here: {', '.join(missing)}\n    {install('eval')}")
    ctx.exit(import_module("headworks.cli.eval_run").evaluate(options))
