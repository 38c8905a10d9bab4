"""An answer that is kept under an id, so that a later call can go on from it or read it (OpenAI's Responses).

Always true: it belongs to the key that made it. A conversation is a chain: each answer names the one before it, and has only what its
own call added. So a conversation of a hundred turns is kept once, and not a hundred times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

OVERHEAD = 1000
"""Bytes that a turn counts beside its content, so that the bound on a conversation also bounds the number of its turns."""

MOST_REFERENCES = 1000
"""References to items of earlier answers that one call may have."""


class ItemPlace(NamedTuple):
    """Where an item of an output stands in its turn: bytes from the turn's beginning, and bytes of the item."""

    id: str
    position: int
    size: int


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """key: the name of the key it belongs to, "" where there are no keys. user: the digest of the caller's `user`, "" without one. made_at:
    when the call arrived (seconds since 1970). earlier: the id of the answer that it goes on from, "" for the first one. root: the id of the
    conversation's first answer. total: bytes of all turns so far. turn: what the call added, its input and its output. head: the answer
    without its output. items: where those items of its output stand in `turn` that a later call may refer to."""

    id: str
    key: str
    user: str
    made_at: float
    earlier: str
    root: str
    total: int
    turn: bytes
    head: bytes
    items: Sequence[ItemPlace] = ()


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A kept answer with its own turn, and before that all turns that led to it (`find`) or none of them (`read`)."""

    id: str
    root: str
    total: int
    turns: Sequence[bytes]
    head: bytes


class KeptAnswers(Protocol):
    """Where answers are kept. A store that cannot be used raises AnswersAway, but `keep` says False: the answer is served all the same."""

    async def find(self, id: str, key: str, /) -> Conversation | None:
        """The conversation up to an answer; None where there is none, or it is another key's. Raises TooLarge where a call could not
        have so much."""
        ...

    async def items(self, ids: Sequence[str], key: str, /) -> Mapping[str, bytes]:
        """Those of these items that are there and this key's. One id may have come twice: then it is the newest. Raises TooLarge where a call
        could not have so much."""
        ...

    async def read(self, id: str, key: str, /) -> Conversation | None:
        """An answer with its own turn alone; None where there is none, or it is another key's."""
        ...

    async def keep(self, answer: KeptAnswer, /) -> bool:
        """Whether it is kept: then everybody who shares the store finds it, also after this process was killed."""
        ...

    async def delete(self, id: str, key: str, /) -> bool:
        """Deletes an answer for good; False where there is none."""
        ...

    def left_out(self, why: str, /) -> None:
        """Counts an answer that is not kept, though that was asked for."""
        ...
