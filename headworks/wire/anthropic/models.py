"""What Claude models take: how they think, what bounds their answers, whether they fit them to a schema.

Theory. A caller of this API knows his model, and nothing here is asked: his bytes pass. A caller of another API asks for an
effort or a schema, and how that is said depends on the model. A name that is not known is one of a vendor who follows the API
(DeepSeek, Moonshot, Z.ai): it is asked in the oldest words.

Sources, read 2026-11-30: https://platform.claude.com/docs/en/about-claude/models/overview (bounds, thinking),
https://platform.claude.com/docs/en/build-with-claude/effort, .../structured-outputs, .../adaptive-thinking; that sampling is
refused from Opus 4.7 on: NousResearch/hermes-agent#11137, tailcallhq/forgecode#3418.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """thinks: not at all, with a budget, or as it decides. has_effort: takes an effort beside. is_sampled: takes a temperature.
    has_schema: fits its answer to a schema. always: cannot be kept from thinking."""

    thinks: str = "budget"
    has_effort: bool = False
    is_sampled: bool = True
    has_schema: bool = False
    always: bool = False
    most_output: int = 8192


_FAMILY: Final = "claude-"

_TABLE: Final = (
    (("2", "instant", "v1", "3-opus", "3-sonnet", "3-haiku"), Abilities(thinks="no", most_output=4096)),
    (("3-5",), Abilities(thinks="no", most_output=8192)),
    (("3-7", "sonnet-4-0", "sonnet-4-2025", "sonnet-4@", "sonnet-4$", "4-sonnet"), Abilities(most_output=64_000)),
    (("opus-4-0", "opus-4-2025", "opus-4@", "opus-4$", "4-opus"), Abilities(most_output=32_000)),
    (("opus-4-1",), Abilities(has_schema=True, most_output=32_000)),
    (("sonnet-4-5", "haiku-4-5"), Abilities(has_schema=True, most_output=64_000)),
    (("opus-4-5",), Abilities(has_schema=True, has_effort=True, most_output=64_000)),
    (
        ("opus-4-6", "sonnet-4-6"),
        Abilities(thinks="adaptive", has_effort=True, has_schema=True, most_output=128_000),
    ),
    (
        ("fable", "mythos"),
        Abilities(
            thinks="adaptive", has_effort=True, has_schema=True, is_sampled=False, always=True, most_output=128_000
        ),
    ),
    (
        ("",),  # what is new is like the newest
        Abilities(thinks="adaptive", has_effort=True, has_schema=True, is_sampled=False, most_output=128_000),
    ),
)
"""How a name begins behind the family's, with dashes for dots and `$` at its end; the first row counts."""

_OTHER: Final = Abilities()


def abilities_of(model: str) -> Abilities:
    """model: as a vendor names it: `claude-opus-4-6`, `anthropic/claude-opus-4.6`, `us.anthropic.claude-opus-4-6-v1:0`."""
    before, family, name = model.partition(_FAMILY)
    if not family or (before and not before.endswith(("/", "anthropic."))):
        return _OTHER
    name = f"{name.replace('.', '-')}$"
    return next(abilities for begins, abilities in _TABLE if name.startswith(begins))
