"""What of a body in Anthropic's dialect decides how many tokens it can have, beside its length. Read only under a budget.

Always true: what a body's bytes do not bound is named in `unbounded`. Pictures are bounded by their number; documents that are
pages or only pointed to, what a vendor's own tools bring in, and a summary that the vendor makes by itself are not.
"""

from __future__ import annotations

from typing import Any, Final

from headworks.core.dialect import Weight
from headworks.wire.json_text import read_json

DENSE: Final = 60_000
"""Lists and objects from which a body is not weighed: it would hold the loop for 20 ms."""

_BOUNDED: Final = frozenset(
    {
        *("text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result"),
        *("server_tool_use", "mcp_tool_use", "tool_reference"),
    }
)
"""Blocks whose tokens are bounded by their bytes, or by their number."""

_OURS: Final = ("bash_", "text_editor_", "computer_", "memory_")
"""How the types of tools begin that Anthropic defines and the caller runs."""

_FAR: Final = ("container", "mcp_servers", "thread", "compaction")
"""Fields that bring in what is not in the body."""


def weigh(body: bytes) -> Weight:
    """The weight of a body. What cannot be read is unbounded: the vendor may read it otherwise."""
    if body.count(b"{") + body.count(b"[") > DENSE:
        return Weight(unbounded="messages")
    try:
        asked = read_json(body)
    except (ValueError, RecursionError):
        return Weight(unbounded="messages")
    if not isinstance(asked, dict) or not isinstance(messages := asked.get("messages"), list):
        return Weight(unbounded="messages")
    if len(messages) > DENSE:
        return Weight(unbounded="messages")  # bare values: millions of them fit into a body
    for name in _FAR:
        if asked.get(name):
            return Weight(unbounded=name)
    if _compacts(asked.get("context_management")):
        return Weight(unbounded="context_management")
    if not all(map(is_callers, asked.get("tools") or ())):
        return Weight(unbounded="tools")
    pictures = 0
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else ():
            found = _pictures(block)
            if isinstance(found, str):
                return Weight(unbounded=found)
            pictures += found
    return Weight(pictures=(0, pictures)) if pictures else Weight()


def _pictures(block: Any) -> int | str:
    """How many pictures are in a block; or the kind of what is not bounded."""
    kind = str(block.get("type")) if isinstance(block, dict) else "messages"
    if kind == "image":
        return 1
    if kind == "document":
        source = block.get("source")
        inside = source.get("content") if isinstance(source, dict) and source.get("type") == "content" else None
        is_text = isinstance(source, dict) and source.get("type") in ("text", "content")
        return _inside(inside) if is_text else kind
    if kind == "tool_result":
        return _inside(block.get("content"))
    return 0 if kind in _BOUNDED else kind[:64]


def _inside(content: Any) -> int | str:
    total = 0
    for block in content if isinstance(content, list) else ():
        found = _pictures(block)
        if isinstance(found, str):
            return found
        total += found
    return total


def is_callers(tool: Any) -> bool:
    """Whether it is the caller who runs a tool. What the vendor runs may read anything."""
    if not isinstance(tool, dict):
        return False
    kind = tool.get("type")
    return kind in (None, "custom") or (isinstance(kind, str) and kind.startswith(_OURS))


def _compacts(management: Any) -> bool:
    edits = management.get("edits") if isinstance(management, dict) else None
    return isinstance(edits, list) and any("compact" in str(one.get("type")) for one in edits if isinstance(one, dict))
