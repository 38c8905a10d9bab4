"""Modules that need an extra of the package: imported when a command does its work, so that its `--help` needs none."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import click

from headworks.core.extras import EXTRAS, install


def brought(command: str, module: str) -> ModuleType:
    """The module that does a command's work. Raises click.ClickException that says what to install for it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        said = f"`headworks {command}` needs {error.name}, which is not installed\n    {install(extra)}"
        raise click.ClickException(said) from error
