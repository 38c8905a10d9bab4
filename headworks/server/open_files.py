"""Raises the limit on open files (RLIMIT_NOFILE) at the start.

A call in flight is two sockets, and a shell allows 1,024 unless it was told otherwise: half the calls that `max_in_flight`
admits would be refused by the kernel, with a reset instead of an answer. What the system grants beyond that it grants for the asking
(systemd and Docker allow some 500,000), so it is asked, once, at the start. Children and workers inherit it.
"""

from __future__ import annotations

import resource
from typing import Final

ENOUGH: Final = 65_536
"""Four times what 16,384 callers at once need. Not all that there is: some programs walk through every number that they may have."""


def allow_open_files(enough: int = ENOUGH) -> int:
    """Raises the limit to `enough`, or as far as the system lets it; returns what it is now. Never lowers it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # macOS has a bound of its own below the hard one
        return soft
    return wanted
