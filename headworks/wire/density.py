"""Whether a body has so many parts that telling them to another API would hold the loop.

Each object and each list becomes values of the hub and is written again, at some 4 us. A body may be 10 MB, and `{},` is three bytes:
three million of them held the loop for 14 s.
"""

from __future__ import annotations

from typing import Final

from headworks.core.errors import Malformed

MOST_PARTS: Final = 50_000
"""Objects and lists. An agent's eighty tools have some three thousand, and a turn of a conversation has five."""

MOST_QUOTES: Final = 1_000_000
"""Quotes of texts and names, beyond which texts are not told apart from what stands between them."""


def require_sparse(body: bytes) -> None:
    """Raises Malformed for a body with too many objects and lists. Another target may take it: nothing was sent yet."""
    if not is_dense(body):
        return
    error = Malformed(
        f"The body has more than {MOST_PARTS} objects and lists: too many to be written anew for this target."
    )
    error.retry = "elsewhere"
    raise error


def is_dense(body: bytes) -> bool:
    if _count(body) <= MOST_PARTS:
        return False
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # what is escaped stands within a text
    return bare.count(b'"') > MOST_QUOTES or _count(b"".join(bare.split(b'"')[::2])) > MOST_PARTS


def _count(data: bytes) -> int:
    return data.count(b"{") + data.count(b"[")
