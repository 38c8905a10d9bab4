"""What of a caller's body in Anthropic's API decides the answer (`wire/same_question.py`). Left out are

- `model`: the alias stands beside the question, see `layers/fingerprint.py`;
- `stream`: how the answer is delivered, not what it says;
- `metadata`: whose call it is, which Anthropic documents as a help against abuse; `service_tier`.

Marks of the prompt cache stay in: they stand anywhere, and taking them out would cost more than the answers that it finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from headworks.wire.anthropic.weight import is_callers
from headworks.wire.same_question import Spec, same_question

_OUTSIDE: Final = ("mcp_servers", "container", "thread", "fallbacks")
"""What is kept or run at the vendor's."""


def _is_repeatable(asked: Mapping[str, Any]) -> bool:
    """Whether the same question may get the same answer again. An explicit temperature above 0 asks for chance."""
    if asked.get("temperature") not in (None, 0) or any(asked.get(name) for name in _OUTSIDE):
        return False
    tools = asked.get("tools")
    return not isinstance(tools, list) or all(map(is_callers, tools))


_SPEC: Final = Spec(
    ("model", "stream", "metadata", "service_tier"),
    ("max_tokens", "top_k"),
    ("temperature", *_OUTSIDE, "tools"),
    _is_repeatable,
)
question: Final = partial(same_question, _SPEC)
