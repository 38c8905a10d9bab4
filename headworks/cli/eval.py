"""`headworks eval`: run evaluation suites, with confidence intervals, and gate on the results.

Always true: what it will cost is shown before anything is sent. What this needs beside the gateway is the extra `eval`;
it is imported when the command runs, so that nothing else pays for it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import click

from headworks.cli.param_types import SystemFileType
from headworks.core.extras import install
from headworks.core.money import NANO

NEEDED: Final = ("jinja2", "jsonschema_rs", "rapidfuzz", "regex", "scipy", "statsmodels")
"""What the extra `eval` installs."""


class DollarsType(click.ParamType[int]):
    """Nano-dollars from `$1.50` or `1.50`."""

    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            amount = round(float(str(value).removeprefix("$")) * NANO)
        except (ValueError, OverflowError):
            amount = -1
        if amount < 0:
            self.fail(f"{value!r} is not an amount: write $1.50", param, ctx)
        return amount


class ShareType(click.ParamType[float]):
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
            self.fail(f"{value!r} is not a share: write 3%", param, ctx)
        return part


@click.command("eval")
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Run only this suite; repeatable.")
@click.option("--model", default="", metavar="ALIAS", help="The model to ask, instead of the suite's.")
@click.option(
    "--targets",
    metavar="all|A,B",
    help="Ask each target of the model alone, and keep what it is worth for `plan` and `check`; or only these (provider/model).",
)
@click.option(
    "--yes", "is_agreed", is_flag=True, help="With --targets: make calls that cost money without asking first."
)
@click.option("--quick", is_flag=True, help="20 samples, 4 conditions: a first look, in about a minute.")
@click.option("--conditions", metavar="A,B", help="Conditions beside plain; or `all`, or `none`.")
@click.option("--samples", type=click.IntRange(min=1), help="At most this many samples, drawn by the seed.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the perturbations and the order.")
@click.option(
    "--vs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Compare with another system file, or with the results (.jsonl) of an earlier run.",
)
@click.option(
    "--margin", type=ShareType(), default=0.03, show_default="3%", help="With --vs: the non-inferiority margin."
)
@click.option(
    "--max-cost",
    type=DollarsType(),
    metavar="DOLLARS",
    help="Stop before spending more, and report what was asked by then.",
)
@click.option(
    "--concurrency", type=click.IntRange(min=1), help="Calls at once; by default as many as the providers take."
)
@click.option("--key", default="", metavar="NAME", help="Name of the key to call with, where the system has keys.")
@click.option(
    "--fresh",
    is_flag=True,
    help="Start anew instead of resuming an interrupted run; with --targets, also ask what was measured before.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be asked and what it may cost, and ask nothing.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the results; in .headworks/evals by default.",
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report, in one file.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit report, for CI.")
@click.option(
    "--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a Markdown report, for a pull request."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.option(
    "--from-log",
    metavar="FILTER",
    help="Write recorded calls as samples to --out (suites/from-log.jsonl by default), and ask nothing. FILTER: outcome=error, "
    "alias=NAME, key=, target=, error=WORDS, slow=4s, separated by commas.",
)
@click.option(
    "--power",
    type=ShareType(),
    metavar="POINTS",
    help="Show how many samples are needed to detect a difference of so many points, and ask nothing.",
)
@click.argument("file", required=False, type=SystemFileType())
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:  # fmt: skip
    """Run evaluation suites, with confidence intervals, and gate on the results.

    Each suite runs under several conditions (typos, lower case, injections, ...). Quality objectives that name a suite become its
    gates.

    FILE is the system file (headworks.yaml by default). Without `suites:` in it the bundled suite is run. Run the same command
    again to resume an interrupted run.

    Exit codes: 0 every gate holds; 1 one does not; 2 there is not enough data; 3 it could not run. With --targets: 0 every target was
    measured; 2 one was not; 3 it could not run.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise click.ClickException(f"not installed: {', '.join(missing)}\n    {install('eval')}")
    ctx.exit(import_module("headworks.cli.eval_run").evaluate(options))
