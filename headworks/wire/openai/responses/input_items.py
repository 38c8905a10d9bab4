"""The list of a kept answer's input items: all that it was made from, in pages.

Sources, 2026-12-01: https://platform.openai.com/docs/api-reference/responses/input-items (`limit`, `order`, `after`; "items used to generate
this response"), and the types of the official SDK (openai 2.x, `ResponseItemList`): every item has an id, and a message a list of parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from headworks.core.errors import Malformed
from headworks.wire.json_text import read_json, write_json
from headworks.wire.openai.translation.message import text_in

USUAL: Final = 20
MOST: Final = 100
"""Items of a page: the API's own numbers."""

MOST_MEMBERS: Final = 500_000
"""Commas in all items together. More would take too much memory to be looked through."""

_PREFIXES: Final[Mapping[str, str]] = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
}


_ENDED: Final = frozenset(
    {"message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"}
)
"""Items that a client need not give a status, and that have one in a list."""


class Page(msgspec.Struct, frozen=True):
    """What is asked for. after: the id of the item before it, "" for the beginning."""

    limit: int = USUAL
    is_newest_first: bool = True
    after: str = ""


class _Id(msgspec.Struct):
    id: str | None = None


_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_id: Final = msgspec.json.Decoder(_Id).decode


def page_asked(query: Mapping[str, str]) -> Page:
    """Raises Malformed."""
    said = query.get("limit", str(USUAL))
    limit = int(said) if said.isascii() and said.isdigit() and len(said) < 5 else 0
    if not 1 <= limit <= MOST:
        raise Malformed(f"`limit` must be a whole number from 1 to {MOST}.", param="limit")
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise Malformed("`order` must be asc or desc.", param="order")
    return Page(limit, order == "desc", query.get("after", ""))


def listed(lists: Sequence[bytes], answer_id: str, page: Page) -> bytes:
    """A page of the items in these lists, as JSON. Raises Malformed where `after` names none of them."""
    if sum([one.count(b",") for one in lists]) > MOST_MEMBERS:
        raise Malformed("This answer has too many input items to be listed.", param="response_id")
    items = list(chain.from_iterable(map(_items, lists)))
    numbers = range(len(items))
    order = list(reversed(numbers)) if page.is_newest_first else list(numbers)
    base = answer_id.partition("_")[2]
    first = 0
    if page.after:
        first = next((at for at, number in enumerate(order, 1) if id_of(items[number], base, number) == page.after), 0)
        if not first:
            raise Malformed("`after` names no item of this answer's input.", param="after")
    chosen = order[first : first + page.limit]
    return write_json(_page(items, chosen, base, has_more=first + page.limit < len(order)))


def _page(items: Sequence[msgspec.Raw], chosen: Sequence[int], base: str, *, has_more: bool) -> dict[str, Any]:
    data = [_shown(items[number], id_of(items[number], base, number)) for number in chosen]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def id_of(item: msgspec.Raw, base: str, number: int) -> str:
    """An item's own id, or else one that is the same whenever the list is asked for."""
    try:
        own = _id(item).id
    except ValueError:
        own = None
    return own or f"{_PREFIXES.get(_kind(read_json(item)), 'item')}_{base}{number:04x}"


def _kind(item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    return text_in(item, "type") or ("message" if "role" in item else "")


def _shown(raw: msgspec.Raw, id: str) -> dict[str, Any]:
    said = read_json(raw)
    item = said if isinstance(said, dict) else {"value": said}
    kind = _kind(item)
    shown = {**item, "id": id, "type": kind}
    if kind == "message":
        content = item.get("content")
        if isinstance(content, str):
            part = "output_text" if item.get("role") == "assistant" else "input_text"
            more: dict[str, Any] = {"annotations": []} if part == "output_text" else {}
            shown["content"] = [{"type": part, "text": content, **more}]
    if kind in _ENDED:
        shown.setdefault("status", "completed")
    return shown
