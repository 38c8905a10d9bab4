"""The key that a command calls a gateway with: in an environment variable, for everyone on the machine can read a command line."""

from __future__ import annotations

import os

import click

from headworks.system.schema.system import System


def api_key(name: str | None, system: System) -> str | None:
    """The key to call with. Raises click.ClickException."""
    if name is None:
        if system.keys:
            names = ", ".join(list(system.keys)[:5])
            raise click.ClickException(
                f"this system needs a key ({names}): put one into an environment variable, and name that variable with --key"
            )
        return None
    found = os.environ.get(name)
    if not found:
        raise click.ClickException(
            "--key: no environment variable has that name, or it is empty. Give a name, not the key itself: everyone on the "
            "machine can read a command line"
        )
    return found
