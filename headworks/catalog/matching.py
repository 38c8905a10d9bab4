"""How a model's name is matched to a row of a bundled table. It stands alone: the tools that build the tables use it without our dependencies."""

from __future__ import annotations

import re
from collections.abc import Sequence

Match = tuple[tuple[str, ...], ...]
"""Any of these, each of which is all of those: texts that begin with what they do (see `holds`)."""

COMPACT_DATE = re.compile(r"-(20\d\d)(\d\d)(\d\d)(?=$|[:@])")
"""Some vendors write a model's date without its dashes."""


def spellings(model: str) -> list[str]:
    """A name in lower case, and with the dashes of its date where it has none."""
    name = model.lower()
    return list(dict.fromkeys((name, COMPACT_DATE.sub(r"-\1-\2-\3", name))))


def matches(match: Sequence[Sequence[str]], name: str) -> bool:
    """Whether a model's name, in lower case, is meant."""
    return any(all(holds(text, name) for text in texts) for texts in match)


def holds(text: str, name: str) -> bool:
    """One condition: `=equal`, `^begins`, `$ends`, `*has`, `~regular expression`."""
    rest = text[1:]
    match text[0]:
        case "=":
            return name == rest
        case "^":
            return name.startswith(rest)
        case "$":
            return name.endswith(rest)
        case "*":
            return rest in name
    return re.search(rest, name) is not None
