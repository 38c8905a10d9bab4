"""Items of earlier answers that a call only refers to by their id. No vendor of ours keeps any: it is told `store: false`.

The Vercel AI SDK refers to every item of an earlier turn, unless its caller says `store: false`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.errors import Malformed

REFERENCE: Final = b'"item_reference"'
"""A body without it has none: that costs one search."""

_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class _Item(msgspec.Struct):
    type: msgspec.Raw = msgspec.Raw()


_ITEM: Final = msgspec.json.Decoder(_Item)


def refuse_references(given: msgspec.Raw) -> None:
    """Raises Malformed for the first item of `input` that is a reference."""
    try:
        items = _ITEMS.decode(given)
    except msgspec.DecodeError:
        return  # a text
    for at, item in enumerate(items):
        if REFERENCE in bytes(item) and _is_reference(item):
            raise Malformed(
                f"`input[{at}]` refers to an item of an earlier answer by its id, and this gateway and its vendors keep none. Send the "
                "item itself, as it came. SDKs do so with `store: false` (Vercel AI SDK: `providerOptions: {openai: {store: false}}`).",
                param="input",
            )


def _is_reference(item: msgspec.Raw) -> bool:
    try:
        return bytes(_ITEM.decode(item).type) == REFERENCE
    except msgspec.DecodeError:
        return False  # no object
