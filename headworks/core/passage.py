"""A request that passes to a provider by its path, and the ids that vendors give to what callers make there.

Always true: an id belongs to the key that made it; to every other key it looks like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from headworks.core.errors import Refused, Shed, shortened

PASSAGE_PREFIX = "passthrough/"
"""What stands before the path's word where a record names a model: `passthrough/files`."""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """word: the first part of the path below `/v1`. path: all of it below `/v1`, with its slash. query: as the caller wrote it, without a
    key. content_type: of the body, "" where there is none."""

    method: str
    word: str
    path: str
    query: str = ""
    content_type: str = ""

    @property
    def is_free(self) -> bool:
        """Whether no vendor takes money for it: it reads or deletes."""
        return self.method != "POST"


class OwnedId(msgspec.Struct, frozen=True):
    """key: the name of the key it belongs to, "" where there are no keys. kind: `batch_output` for the results of a batch, else "".
    counted: the call on whose record the cost of those results stands, "" before there is one."""

    id: str
    key: str
    kind: str = ""
    counted: str = ""


class OwnedIds(Protocol):
    """Where ids are noted. Every method raises IdsAway where the store cannot be used."""

    async def find(self, provider: str, ids: Sequence[str], /) -> Mapping[str, OwnedId]:
        """Those of these ids that are known."""
        ...

    async def note(self, provider: str, ids: Sequence[OwnedId], /) -> None:
        """Notes ids for good. One that is known already stays whose it is."""
        ...

    async def count(self, provider: str, id: str, call: str, /) -> bool:
        """Says that a call's record has the cost of these results; False where another one's has it."""
        ...

    async def forget(self, provider: str, id: str, /) -> None:
        """Forgets an id whose thing was deleted."""
        ...


class UnknownId(Refused):
    """A file, batch or other thing that is not there, or is another key's: the same words for both, OpenAI's."""

    status = 404

    @classmethod
    def named(cls, id: str, word: str) -> UnknownId:
        kind = word[:-2] if word.endswith("ches") else word.removesuffix("s")
        return cls(f"No such {kind.replace('_', ' ').title()} object: {shortened(id)}", param="id")


class IdsAway(Shed):
    """Whose an id is cannot be read or noted now."""

    code = "ids_unavailable"
