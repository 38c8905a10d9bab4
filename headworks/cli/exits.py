"""The exit codes of all commands."""

from typing import Final

HOLDS: Final = 0
"""What was asked holds."""

FAILS: Final = 1
"""It does not."""

CANNOT_SAY: Final = 2
"""No verdict: too little was measured or is known."""

COULD_NOT_RUN: Final = 3
"""Bad input or bad usage."""

INTERRUPTED: Final = 130
"""Ctrl-C, as shells say it."""

READER_LEFT: Final = 141
"""Nobody reads stdout any more (`headworks logs | head -1`), as shells say it: nothing is said about what was asked."""
