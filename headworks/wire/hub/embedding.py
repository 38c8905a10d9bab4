"""Embeddings in no vendor's words: what is to be embedded, and the vectors.

Always true: a vector is JSON text that nobody between two dialects reads (`Raw`): a list of numbers.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from headworks.core import reply
from headworks.wire.hub.values import Raw

Input: TypeAlias = str | tuple[int, ...]
"""A text, or the numbers of its tokens in the vendor's own alphabet (OpenAI)."""


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """dimensions: how long each vector is, None for the model's own length. user: an id of the caller's user."""

    inputs: tuple[Input, ...]
    dimensions: int | None = None
    user: str = ""


class Vectors(msgspec.Struct, frozen=True, kw_only=True):
    """One vector for each input, in their order."""

    vectors: tuple[Raw, ...]
    usage: reply.Usage | None = None
    model: str = ""
