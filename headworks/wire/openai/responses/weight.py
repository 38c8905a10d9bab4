"""What of a body decides how many tokens it can have, beside its length. Read only under a budget.

Always true: what a body's bytes do not bound is named in `unbounded`. A search of the web that nobody demands is none of it: under
a budget no vendor is asked for it (`vendor.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from headworks.core.dialect import Weight
from headworks.core.errors import Malformed
from headworks.wire.json_text import read_json
from headworks.wire.members import members
from headworks.wire.openai.responses.tools import HOSTED
from headworks.wire.openai.translation.message import text_in

MOST_DENSE: Final = 200_000
"""Objects and lists in a body beyond which it is not weighed: reading them would hold the loop for 50 ms."""

_OWN: Final = frozenset({"function", "custom", "namespace"})
_SEARCH: Final = "web_search"
_PICTURES: Final = frozenset({"input_image", "computer_screenshot"})
_UNBOUNDED: Final = frozenset({"input_file", "item_reference", "image_generation_call", "compaction"})
_TELLING: Final = (b'"input_', b'"id"', b"_call", b'"item_reference"', b'"compaction"', b"\\u")
"""What stands in a body whose items are not text alone: an item that is only named has an `id` and need not say a type."""

_LEAST: Final = Weight()


def weigh(body: bytes) -> Weight:
    """The weight of a body. What cannot be read is unbounded: the vendor may read it otherwise."""
    try:
        if body.count(b"{") + body.count(b"[") > MOST_DENSE:
            return Weight(unbounded="input")
        found = members(body)
        for name in ("background", "prompt", "context_management"):
            if name in found and bytes(found[name]) not in (b"null", b"false", b"[]"):
                return Weight(unbounded=name)
        if (unbounded := _unbounded_tool(found.get("tools"), found.get("tool_choice"))) is not None:
            return Weight(unbounded=unbounded)
        if not any(word in body for word in _TELLING):
            return _LEAST  # text only, as most
        items = read_json(found["input"]) if "input" in found else ()
    except (Malformed, ValueError, RecursionError):
        return Weight(unbounded="input")
    low = high = 0
    is_audible = False
    for part in _parts(items):
        kind = text_in(part, "type")
        if not kind and "id" in part and "role" not in part:
            return Weight(unbounded="item_reference")
        if kind in _UNBOUNDED:
            return Weight(unbounded=kind)
        if kind in _PICTURES:
            low, high = (low + 1, high) if part.get("detail") == "low" else (low, high + 1)
        is_audible = is_audible or kind == "input_audio"
    return Weight(pictures=(low, high), is_audible=is_audible) if low or high or is_audible else _LEAST


def _unbounded_tool(tools: Any, choice: Any) -> str | None:
    """The first tool whose use has no bound."""
    said = read_json(tools) if tools is not None else None
    kinds = [text_in(one, "type") for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    for kind in kinds:
        if kind not in _OWN and HOSTED.get(kind) != _SEARCH:
            return kind or "tools"
    chosen = read_json(choice) if choice is not None else None
    kind = text_in(chosen, "type") if isinstance(chosen, dict) else ""
    is_demanded = bool(kind) and kind not in (*_OWN, "allowed_tools")
    return kind if is_demanded else None


def _parts(items: Any) -> Iterator[dict[str, Any]]:
    """The items, and the parts of their contents and outputs."""
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item
            for name in ("content", "output"):
                inside = item.get(name)
                if isinstance(inside, dict):
                    yield inside
                elif isinstance(inside, list):
                    yield from [part for part in inside if isinstance(part, dict)]
