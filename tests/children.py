"""Processes that a test starts, and that end with it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Starts a command. A test that fails kills it: `Popen` alone would wait for it, and a command that serves never ends."""
    with subprocess.Popen(command, **options) as child:
        try:
            yield child
        except BaseException:
            child.kill()
            raise
