"""What of a caller's body decides the answer: two bodies with the same `question` may share one.

As for chat (`wire/same_question.py`, `wire/openai/question.py`), with this API's names. `store` is left out: nothing is kept, whatever
it says. Whom a vendor may hold responsible (`user`, `safety_identifier`) and which of its machines is warm stay in: an answer of this
API repeats them, and nobody may be given another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from headworks.wire.openai.translation.message import text_in
from headworks.wire.same_question import Spec, same_question

_LEFT_OUT: Final = ("model", "stream", "stream_options", "store")
_DECIDING: Final = ("temperature", "background", "tools", "prompt")
"""What has a say in whether an answer may be kept."""

_OWN: Final = frozenset({"function", "custom", "namespace"})


def _is_repeatable(asked: Mapping[str, Any]) -> bool:
    """Whether the same question may get the same answer again: nothing by chance, nothing of the hour, nothing kept elsewhere."""
    if asked.get("temperature") not in (None, 0) or asked.get("background") or asked.get("prompt") is not None:
        return False
    tools = asked.get("tools")
    return not isinstance(tools, list) or all(
        isinstance(tool, dict) and text_in(tool, "type") in _OWN for tool in tools
    )


question: Final = partial(same_question, Spec(_LEFT_OUT, ("max_output_tokens",), _DECIDING, _is_repeatable))
"""Bytes that are the same for every body that asks the same; None where answers must not be shared."""
