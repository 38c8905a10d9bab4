"""Members of a caller's body, taken out one by one: what is not understood stays where it was."""

from __future__ import annotations

from typing import Any

from headworks.wire.json_text import read_json
from headworks.wire.members import Members
from headworks.wire.openai.body import MOST_TOKENS, whole


def read_member(found: Members, name: str) -> Any:
    raw = found.get(name)
    return None if raw is None else read_json(raw)


def taken(found: Members, name: str, kind: type | tuple[type, ...]) -> Any:
    """The value, taken out, where it is of this kind; None where it is null, or of another kind and stays."""
    if name not in found:
        return None
    value = read_json(found[name])
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        del found[name]
        return value
    return None


def taken_whole(found: Members, name: str) -> int | None:
    """A whole number in any notation, taken out; what is none, or out of bounds, stays."""
    if name not in found:
        return None
    number = whole(found[name])
    if number is None or not 0 <= number <= MOST_TOKENS:
        taken(found, name, ())
        return None
    del found[name]
    return number


def texts_of(said: Any) -> tuple[str, ...] | None:
    """One text, or a list of them."""
    if isinstance(said, str):
        return (said,)
    if isinstance(said, list) and all(isinstance(one, str) for one in said):
        return tuple(said)
    return None
