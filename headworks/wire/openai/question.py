"""What of a caller's body in OpenAI's API decides the answer (`wire/same_question.py`). Left out are

- `model`: the alias stands beside the question, see `layers/fingerprint.py`;
- `stream`, `stream_options`: how the answer is delivered, not what it says;
- `user`, `safety_identifier`: whom the vendor may hold responsible for abuse; `prompt_cache_key` and
  `prompt_cache_retention`: which of the vendor's machines has the prompt's beginning ready. OpenAI documents all four as
  without effect on the answer. `metadata` stays in: vendors that are more than a model act on it.

Some calls have no question at all (None): their answers depend on chance, on the hour, or do something outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headworks.core.dialect import Operation
from headworks.wire.same_question import DENSE as DENSE
from headworks.wire.same_question import LARGE as LARGE
from headworks.wire.same_question import MOST_READ as MOST_READ
from headworks.wire.same_question import MOST_TOOLS as MOST_TOOLS
from headworks.wire.same_question import Spec, same_question

_LEFT_OUT: Final = (
    "model",
    "stream",
    "stream_options",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
)
_WHOLE: Final = ("n", "max_tokens", "max_completion_tokens")
_DECIDING: Final = ("temperature", "store", "web_search_options", "modalities", "audio", "tools")
"""What has a say in whether an answer may be kept."""

_OFF: Final = (None, False, "none")


def question(operation: Operation, body: bytes) -> bytes | None:
    """Bytes that are the same for every body that asks the same; None where answers must not be shared."""
    return same_question(_CHAT if operation == "chat" else _EMBEDDINGS, body)


def _is_repeatable(asked: Mapping[str, Any]) -> bool:
    """Whether the same question may get the same answer again.

    An explicit temperature above 0 asks for chance; without one most callers have not thought about it. A seed changes
    nothing in that: vendors promise no more than to try, and it is a part of the question.
    """
    if asked.get("temperature") not in (None, 0):
        return False
    if asked.get("store") not in _OFF or asked.get("web_search_options") not in _OFF:
        return False  # kept at the vendor's for later; or about the world as it is now
    modalities = asked.get("modalities")
    if asked.get("audio") is not None or (isinstance(modalities, list) and "audio" in modalities):
        return False  # what is spoken has an id at the vendor's, and that expires
    tools = asked.get("tools")
    if isinstance(tools, list):  # of the vendor's own tools nobody knows what they do, or when
        return all(isinstance(tool, dict) and tool.get("type") in ("function", "custom") for tool in tools)
    return True


_CHAT: Final = Spec(_LEFT_OUT, _WHOLE, _DECIDING, _is_repeatable)
_EMBEDDINGS: Final = Spec(_LEFT_OUT, _WHOLE, _DECIDING, lambda _: True)
