"""The reason of a failure, as text that is safe to store in a record.

Always true: nothing of a caller's text and no part of a secret gets in. So only the vendor's and our own words count,
never those of an error that is the caller's fault (they quote the call); what a vendor sent in place of an answer is cut
off (it may be a piece of one); words with digits that are long enough to be a key are hidden; control characters, which
a terminal would obey, are gone.
"""

from __future__ import annotations

import re

from headworks.core.errors import CallError, Garbled

MOST_REASON = 300
"""Characters."""

_WORD = re.compile(r"[A-Za-z0-9_\-*.]{20,}")
"""What may be a key, where a digit or a star is in it. The shortest keys that vendors hand out have 20 characters; identifiers of ours (`provider/model`) hold a slash."""


def reason(error: CallError) -> str:
    """One line of at most `MOST_REASON` characters; empty where the only words are the caller's."""
    if error.blame == "caller":
        return ""
    said = error.message
    if isinstance(error, Garbled):
        said = said.partition(":")[0]
    said = _WORD.sub(_mask, said[: 4 * MOST_REASON])
    if error.place:
        # No caller sees it, and the operator must. Ours, without secrets: a long host is no key.
        said = f"{said} ({error.place})"
    if not said.isprintable():
        said = "".join(c if c.isprintable() else " " for c in said)
    said = " ".join(said.split())
    return said if len(said) <= MOST_REASON else f"{said[: MOST_REASON - 3]}..."


def _mask(match: re.Match[str]) -> str:
    return "***" if any(letter in "0123456789*" for letter in match[0]) else match[0]
