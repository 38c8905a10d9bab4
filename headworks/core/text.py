"""Text that arrives in pieces, with surrogate pairs that may be split between two of them (JSON counts in UTF-16).

A lone surrogate is a valid `str` and no valid UTF-8: what is written must be `well_formed`.
"""

from __future__ import annotations

from collections.abc import Iterable


def joined(pieces: Iterable[str]) -> str:
    """The pieces as one text; halves that meet become the character that they are."""
    text = "".join(pieces)
    if text.isascii() or is_well_formed(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def is_well_formed(text: str) -> bool:
    """Whether it has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def well_formed(text: str) -> str:
    """The text with a replacement character for each lone surrogate."""
    return (
        text
        if text.isascii() or is_well_formed(text)
        else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )


def utf8_size(text: str) -> int:
    """Bytes in UTF-8; a lone half has three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
