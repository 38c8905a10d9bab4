"""How a command ends."""

from typing import Final

HOLDS: Final = 0
"""What was asked holds."""

FAILS: Final = 1
"""It does not."""

COULD_NOT_RUN: Final = 3
"""Bad input or bad usage. (2, it cannot be said, is for commands that measure.)"""

INTERRUPTED: Final = 130
"""Ctrl-C, as shells say it."""
