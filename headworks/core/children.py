"""How processes of ours are started: what they run, and what they inherit.

Always true: a child's import path does not have the current folder (`-P`), so no file that lies there is imported; and a child
that needs no secret inherits none. `-I` would be stricter, and would lose installs by PYTHONPATH or --user.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PLAIN = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
PLAIN_PREFIXES = ("LC_", "PYTHON")
"""Variables that say where things are and how text is written: every child may have them."""

PROXIES = tuple(name for one in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (one, one.upper()))
"""Variables by which vendors are reached. They may hold a password, so only processes that call vendors have them."""

HOME = str(Path(__file__).resolve().parents[2])
"""The folder that contains the package."""


def command(name: str) -> tuple[str, ...]:
    """The command that runs a module of ours in another process."""
    return (sys.executable, "-P", "-m", name)


def environment(
    env: Mapping[str, str], *, also: tuple[str, ...] = (), prefixes: tuple[str, ...] = ()
) -> dict[str, str]:
    """The variables of an environment that hold no secret. also, prefixes: further names, and prefixes of names, that the child needs."""
    names, begins = (*PLAIN, *also), (*PLAIN_PREFIXES, *prefixes)
    found = {name: value for name, value in env.items() if name in names or name.startswith(begins)}
    if sys.path and sys.path[0] == HOME:  # run from a clone by `python -m`: nothing else says where the package is
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (HOME, found.get("PYTHONPATH"))))
    return found
