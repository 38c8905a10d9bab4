"""How processes of ours are started: what they run, and what they inherit.

Always true: the folder where the gateway was started is not on a child's path (`-P`), so no file that lies there runs in our
name; and a child that needs no secret inherits none. `-I` would be stricter, and would lose installs by PYTHONPATH or --user.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

PLAIN = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
PLAIN_PREFIXES = ("LC_", "PYTHON")
"""Variables that say where things are and how text is written: every child may have them."""


def module(name: str) -> tuple[str, ...]:
    """The command that runs a module of ours in another process."""
    return (sys.executable, "-P", "-m", name)


def plain(env: Mapping[str, str], *, also: tuple[str, ...] = (), prefixes: tuple[str, ...] = ()) -> dict[str, str]:
    """Of an environment what holds no secret. also, prefixes: further names, and beginnings of names, that the child needs."""
    names, begins = (*PLAIN, *also), (*PLAIN_PREFIXES, *prefixes)
    return {name: value for name, value in env.items() if name in names or name.startswith(begins)}
