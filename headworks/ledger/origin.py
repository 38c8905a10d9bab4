"""The id of a journal's folder in the store, where several journals go into one store."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

ORIGIN: Final = "origin"
"""The file beside the journal's files."""


def origin(journal: Path) -> str:
    """16 hex digits that stand for a journal's folder, made when they are first asked for. Raises OSError."""
    path = journal / ORIGIN
    try:
        return path.read_text()
    except FileNotFoundError:
        unfinished = journal / f"{ORIGIN}.{os.getpid()}.{secrets.token_hex(4)}"
        unfinished.write_text(secrets.token_hex(8))
        with contextlib.suppress(FileExistsError):  # another process was first: its one is taken
            os.link(unfinished, path)
        unfinished.unlink()
        return path.read_text()
