"""Folders that hold what only their owner may read: records, keys' digests, spending."""

from __future__ import annotations

import stat
from pathlib import Path

PRIVATE = 0o700


def make_private(folder: Path) -> None:
    """Makes a folder and its missing parents with mode 0700. `mkdir(parents=True)` sets the mode of the last one only.

    A folder that exists keeps its mode: somebody may have widened it on purpose. Raises OSError.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=PRIVATE, exist_ok=True)


def is_open_to_others(folder: Path) -> bool:
    """Whether others on this machine may read or enter it; False where it is not there."""
    try:
        return bool(stat.S_IMODE(folder.stat().st_mode) & ~PRIVATE)
    except OSError:
        return False
