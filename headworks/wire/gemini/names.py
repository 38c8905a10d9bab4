"""Names in Gemini's API: proto3's JSON has two spellings of each, `maxOutputTokens` and `max_output_tokens`.

What is read is known by the first one; what stands in a caller's own data (arguments, results, schemas) is nobody's field.
"""

from __future__ import annotations

from typing import Any


def camel(name: str) -> str:
    """`max_output_tokens` as `maxOutputTokens`."""
    if "_" not in name:
        return name
    first, *rest = name.split("_")
    return first + "".join([word[:1].upper() + word[1:] for word in rest])


def cameled(members: dict[str, Any]) -> dict[str, Any]:
    """An object's members under the first spelling of their names; the same object where all of them are."""
    return {camel(name): value for name, value in members.items()} if any("_" in name for name in members) else members
