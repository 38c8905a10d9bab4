"""What an answer says of itself, and of what was asked: the same in its first event and in its last.

What the caller asked is said again as it was written. It is not kept, so `store` is false, whatever was asked.
"""

from __future__ import annotations

from typing import Any, Final

from headworks.core.errors import Malformed
from headworks.wire import hub
from headworks.wire.members import members

PREFIX: Final = "resp_"

_ECHOED: Final = (
    *("instructions", "max_output_tokens", "max_tool_calls", "parallel_tool_calls", "prompt_cache_key", "reasoning"),
    *("safety_identifier", "service_tier", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p"),
    *("truncation", "user", "metadata", "prompt_cache_retention"),
)
_UNASKED: Final[dict[str, Any]] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
    "metadata": {},
}
"""What an answer says of a field that was not asked for."""


class Head:
    """id: of the call, without its prefix. model: for an answer whose vendor says none. created: seconds since 1970."""

    __slots__ = ("_asked", "_base", "_created", "_model", "service_tier")

    def __init__(self, id: str, model: str, created: int, asked: dict[str, Any]) -> None:
        self._base = id
        self._model = model
        self._created = created
        self._asked = asked
        self.service_tier = ""

    def started(self, piece: hub.Started) -> None:
        self._model = piece.model or self._model
        self.service_tier = piece.service_tier or self.service_tier

    def item_id(self, prefix: str, index: int) -> str:
        return f"{prefix}_{self._base}{index:04x}"

    def response(self, status: str, output: list[Any], usage: Any) -> dict[str, Any]:
        said = {
            "id": PREFIX + self._base,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            **self._asked,
            "model": self._model,
            "output": output,
            "previous_response_id": None,
            "store": False,
            "usage": usage,
        }
        if self.service_tier:
            said["service_tier"] = self.service_tier
        return said


def asked_in(body: bytes) -> dict[str, Any]:
    """What the answer to this body says of it."""
    try:
        found = members(body)
    except Malformed:
        return dict(_UNASKED)
    said: dict[str, Any] = dict(_UNASKED)
    for name in _ECHOED:
        raw = found.get(name)
        if raw is not None and not (bytes(memoryview(raw)[:4]) == b"null" and name in _UNASKED):
            said[name] = raw
    return said
