"""The digest that records carry: BLAKE2b, 16 bytes, in hex (about half the price of SHA-256 on bodies of 1.4 KB)."""

from __future__ import annotations

from hashlib import blake2b

SIZE = 16


def digest(data: bytes) -> str:
    """32 hex digits that stand for these bytes."""
    return blake2b(data, digest_size=SIZE).hexdigest()
