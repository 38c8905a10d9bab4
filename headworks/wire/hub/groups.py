"""The name of a tool in a group, for dialects without groups.

Always true: the name is one that every vendor takes (letters, digits, `_` and `-`, at most 64 of them), and no two tools of
a question get the same one. Nobody takes it apart again: who needs the way back makes the names of all tools and looks it up.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

MOST_NAME: Final = 64
_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]")
_MARK: Final = 4
"""Bytes of the digest behind a name that had to be changed."""


def flat_name(group: str, name: str) -> str:
    """`GROUP__NAME`; where that is too long or has other letters, as much of it as may be, and a digest."""
    whole = f"{group}__{name}"
    plain = _OTHER.sub("_", whole)
    if plain == whole and len(whole) <= MOST_NAME:
        return whole
    mark = blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=_MARK).hexdigest()
    return f"{plain[: MOST_NAME - len(mark) - 1]}_{mark}"
