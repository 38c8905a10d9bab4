"""Items of earlier answers that a call only refers to by their id (`item_reference`). A vendor of ours keeps none: it is told `store: false`.

The Vercel AI SDK refers to every item of an earlier turn, unless its caller says `store: false`. Where answers are kept, a reference is replaced
by its item before anything else reads the body. An item that the conversation has already is not put in twice: a vendor refuses a call of a
tool that stands there twice. Reasoning that no vendor could make anything of is left out, as in earlier turns (`kept.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from headworks.core.kept_answer import MOST_REFERENCES, ItemPlace
from headworks.wire.members import members

REFERENCE: Final = b'"item_reference"'
"""A body without it has none: that costs one search."""

MOST_PLACES: Final = 1000
"""Items of one answer that a later call may refer to."""

_ID: Final = re.compile(r"[!-~]{1,200}")
"""Ids that are kept. Vendors' are letters, digits and `_`; stores take neither every character nor every length."""

_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Item(msgspec.Struct):
    type: Any = None
    id: Any = None
    encrypted_content: Any = None
    content: Any = None


_item: Final = msgspec.json.Decoder(_Item).decode


def references_in(given: msgspec.Raw) -> tuple[int, list[str]]:
    """Where the first reference stands in an `input`, and the ids of all, "" for one without an id: as many as a call may have, and one more."""
    try:
        items = _items(given)
    except msgspec.DecodeError:
        return 0, []  # a text
    named = ((at, id) for at, item in enumerate(items) if (id := _referred(item)) is not None)
    found = list(islice(named, MOST_REFERENCES + 1))
    return (found[0][0] if found else 0), [id for _, id in found]


def resolved(input: bytes, items: Mapping[str, bytes], earlier: Iterable[bytes]) -> bytes:
    """The list of items with each reference replaced by what it refers to. earlier: lists of items that stand before it."""
    there = {id for one in earlier for item in _items(one) if (id := id_of(item)) is not None}
    written: list[bytes] = []
    for item in _items(input):
        id = _referred(item)
        if id is None:
            written.append(bytes(item))
        elif id not in there:
            there.add(id)
            if not is_bare(items[id]):
                written.append(items[id])
    return b"[%b]" % b",".join(written)


def places_in(turn: bytes) -> Sequence[ItemPlace]:
    """Where the items of a turn's output stand that have an id."""
    output = bytes(members(turn)["output"])
    end = len(turn) - len(output) - 1  # a turn ends with its output
    found: list[ItemPlace] = []
    for item in _items(output)[:MOST_PLACES]:
        data = bytes(item)
        begin = turn.index(data, end)  # between two items stands only a comma and white space
        end = begin + len(data)
        id = id_of(item)
        if id is not None and _ID.fullmatch(id):
            found.append(ItemPlace(id, begin, len(data)))
    return found


def is_bare(item: bytes | msgspec.Raw) -> bool:
    """Whether it is reasoning that no vendor could make anything of."""
    found = _item(item)
    return found.type == "reasoning" and not found.encrypted_content and not found.content


def id_of(item: msgspec.Raw) -> str | None:
    try:
        id = _item(item).id
    except msgspec.DecodeError:
        return None  # no object
    return id if isinstance(id, str) else None


def _referred(item: msgspec.Raw) -> str | None:
    """The id that a reference has; None for what is none."""
    if REFERENCE not in bytes(item):
        return None
    try:
        found = _item(item)
    except msgspec.DecodeError:
        return None  # no object
    if found.type != "item_reference":
        return None
    return found.id if isinstance(found.id, str) else ""
