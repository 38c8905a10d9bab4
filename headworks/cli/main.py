"""`headworks`: the group of commands, and what every command shares: how it ends and how it says what is wrong.

Always true: `headworks --help` imports nothing but click; whatever the user did wrong is said on stderr in words, never
as a stack trace. Exit codes: 0 what was asked holds, 1 it does not, 2 it cannot be said, 3 the command could not run (130 on Ctrl-C, 141 where nobody reads on).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

import click

from headworks import __version__
from headworks.cli.exit_codes import COULD_NOT_RUN, HOLDS, INTERRUPTED, READER_LEFT

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "up": "Serve a system.",
        "reload": "Make a running gateway read its system file again.",
        "init": "Write a first system file, from a prompt or from nothing.",
        "connect": "Show what to put where, for a client to use a system.",
        "check": "Check a system file, and judge its objectives by arithmetic.",
        "plan": "Predict whether a system meets its objectives, and what would help.",
        "probe": "Measure how fast each target is, for plan.",
        "record": "Keep a vendor's answers as files for tests, with filler for every text.",
        "eval": "Run evaluation suites, with confidence intervals, and gate on the results.",
        "load": "Load-test a running gateway with its system's traffic, and judge the results.",
        "drill": "Inject faults into a copy of the system, and judge what callers saw.",
        "keys": "Create, list, rotate and revoke API keys.",
        "logs": "Show calls: what happened, why, and what it cost.",
        "ledger": "Back up the ledger, verify a backup, restore it.",
        "schema": "Print the JSON Schema of the system file, for editors.",
    }
)
"""Each is `command` in `headworks/cli/<name>.py`. The words stand here so that the list needs none of those modules."""


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"headworks.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="headworks", message="%(prog)s %(version)s")
def commands() -> None:
    """Run a system built on language models from one file.

    The file states what the system must achieve and how it is built. These commands check it, test it and serve it. It is
    the last argument of each command (headworks.yaml by default)."""


def our_errors() -> type[Exception]:
    """Looked up only when something was raised: the error tree loads msgspec, a third of what `--help` would cost."""
    from headworks.core.errors import HeadworksError

    return HeadworksError


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code."""
    try:
        ended = commands.main(arguments, prog_name="headworks", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return COULD_NOT_RUN
    except our_errors() as error:
        click.echo(error, err=True)
        return COULD_NOT_RUN
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit:  # from click, and only where stdout was closed: its 1 would say that something does not hold
        return READER_LEFT
    return ended if isinstance(ended, int) else HOLDS


def main() -> None:
    """The command `headworks`."""
    sys.exit(run(sys.argv[1:]))
