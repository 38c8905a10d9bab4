"""Anthropic's token counts as disjoint classes.

Theory. `input_tokens` is what was neither read from a cache nor written to one: the three stand beside each other (OpenAI
counts cached tokens inside the prompt). `cache_creation` says how long what was written is kept; without it all of it counts
as the usual five minutes. Thinking is inside `output_tokens`, and told apart where the vendor does. A `compaction` among the
`iterations` is billed and in none of the sums, so it is added (https://platform.claude.com/docs/en/api/messages, and the types
of anthropic 2.14.0: `types/beta/beta_iterations_usage.py`, read 2026-11-30).

A stream tells the input at its start and the output with its end; the counts of its end are those of the whole answer, and
those that it leaves out stand as they were.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from headworks.core.reply import Usage

MOST: Final = 10**12
"""Tokens that are believed: a count beyond it is a vendor's bug, and would make an integer too wide for a store."""


class Creation(msgspec.Struct):
    """`cache_creation`: tokens that were written, by how long they are kept."""

    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class Details(msgspec.Struct):
    thinking_tokens: int | None = None


class Counts(msgspec.Struct):
    """What `usage` and each of its `iterations` say."""

    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation: Creation | None = None
    output_tokens_details: Details | None = None
    type: str | None = None

    def joined(self, more: UsageSaid) -> UsageSaid:
        """These, and what a later event of the same answer says of them."""
        return UsageSaid(**{name: _newer(getattr(more, name), getattr(self, name, None)) for name in _FIELDS})

    def usage(self) -> Usage | None:
        """The tokens by class; None where there are none."""
        asked, read = _count(self.input_tokens), _count(self.cache_read_input_tokens)
        written, said = _count(self.cache_creation_input_tokens), _count(self.output_tokens)
        hour = 0
        if self.cache_creation is not None:
            hour = _count(self.cache_creation.ephemeral_1h_input_tokens)
            written = max(written, hour + _count(self.cache_creation.ephemeral_5m_input_tokens))
        if not (asked or read or written or said):
            return None
        thought = 0
        if self.output_tokens_details is not None:
            thought = min(_count(self.output_tokens_details.thinking_tokens), said)
        return Usage(
            input=asked,
            cached_input=read,
            cache_write=written - hour,
            cache_write_1h=hour,
            output=said - thought,
            reasoning=thought,
        )


class UsageSaid(Counts):
    """`usage` as it stands on the wire."""

    iterations: list[Counts] | None = None

    def total(self) -> Usage | None:
        """The tokens by class, those of a compaction too; None where there are none."""
        usage = self.usage()
        for one in self.iterations or ():
            if one.type == "compaction" and (more := one.usage()) is not None:
                usage = more if usage is None else _sum(usage, more)
        return usage


_FIELDS: Final = tuple(UsageSaid.__struct_fields__)


def read_usage(said: Mapping[str, Any]) -> UsageSaid:
    """A usage whose counts have other types: a float, a number in a string. What is no number is left out."""
    made = UsageSaid(**_numbers(said))
    if isinstance(parts := said.get("cache_creation"), dict):
        made.cache_creation = Creation(**_known(parts, Creation))
    if isinstance(parts := said.get("output_tokens_details"), dict):
        made.output_tokens_details = Details(**_known(parts, Details))
    if isinstance(each := said.get("iterations"), list):
        made.iterations = [Counts(type=str(one.get("type")), **_numbers(one)) for one in each if isinstance(one, dict)]
    return made


def _numbers(said: Mapping[str, Any]) -> dict[str, Any]:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    return {name: count for name in names if (count := _number(said.get(name))) is not None}


def _known(said: Mapping[str, Any], kind: type[msgspec.Struct]) -> dict[str, int]:
    return {name: count for name in kind.__struct_fields__ if (count := _number(said.get(name))) is not None}


def _number(said: Any) -> int | None:
    if isinstance(said, str):
        return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None
    if isinstance(said, float):
        return int(said) if math.isfinite(said) else None
    return said if isinstance(said, int) else None


def _count(said: int | None) -> int:
    return 0 if not said or said < 0 else min(said, MOST)


def _newer(said: Any, known: Any) -> Any:
    return known if said is None else said


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in Usage.__struct_fields__})
