"""How much to think, as a body of Messages says it to a model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from headworks.wire import hub
from headworks.wire.anthropic.models import Abilities
from headworks.wire.hub.values import MESSAGES, merged, own

_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_BUDGETS: Final[Mapping[str, int]] = MappingProxyType(
    {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
)
"""Tokens of thinking that an effort means: Google's equivalents of three of the words
(https://ai.google.dev/gemini-api/docs/openai), and a third more for what is above."""

LEAST: Final = 1024
"""The least budget that is taken."""

_WORDS: Final[Mapping[str, str]] = MappingProxyType({"on": "enabled", "adaptive": "adaptive", "off": "disabled"})
_DISPLAYS: Final[Mapping[str, str]] = MappingProxyType(
    {"auto": "summarized", "concise": "summarized", "detailed": "summarized", "full": "summarized", "none": "omitted"}
)


def put_thinking(body: dict[str, Any], question: hub.Question, abilities: Abilities) -> None:
    """Writes `thinking` and `output_config.effort`."""
    asked = question.reasoning
    assert asked is not None
    if question.origin == MESSAGES:
        _own(body, asked)
        return
    is_off = asked.mode == "off" or asked.effort == "none" or asked.budget == 0
    effort = "low" if asked.effort == "minimal" else asked.effort
    if abilities.has_effort and effort in _EFFORTS:
        body.setdefault("output_config", {})["effort"] = effort
    if abilities.thinks == "no" or not _may_think(body, question, abilities):
        return
    if is_off:
        if not abilities.always:
            body["thinking"] = {"type": "disabled"}
        return
    if not (asked.effort or asked.budget or asked.mode):
        return  # what is asked for is only how it is shown
    said: dict[str, Any] = {"type": "adaptive"}
    if abilities.thinks == "budget":
        budget = _budget(asked, body["max_tokens"])
        if budget is None:
            return
        said = {"type": "enabled", "budget_tokens": budget}
    if asked.shown:
        said["display"] = _DISPLAYS[asked.shown]
    body["thinking"] = said


def _own(body: dict[str, Any], asked: hub.Reasoning) -> None:
    if asked.effort:
        body.setdefault("output_config", {})["effort"] = asked.effort
    if asked.mode:
        said: dict[str, Any] = {"type": _WORDS[asked.mode]}
        if asked.budget is not None:
            said["budget_tokens"] = asked.budget
        if asked.shown:
            said["display"] = _DISPLAYS[asked.shown]
        body["thinking"] = merged(said, own(asked.extra, MESSAGES).get("thinking", {}))


def _budget(asked: hub.Reasoning, most: int) -> int | None:
    """Tokens of thinking, below the bound on the answer; None where it leaves no room."""
    wanted = asked.budget if asked.budget is not None and asked.budget > 0 else _BUDGETS.get(asked.effort, 8192)
    budget = max(LEAST, min(wanted, most // 2))
    return budget if budget < most else None


def _may_think(body: dict[str, Any], question: hub.Question, abilities: Abilities) -> bool:
    """Whether the API takes a call that thinks: none that has to use a tool, and, of models that think with a budget, none whose
    last answer called tools without its thinking, which the client has lost."""
    if body.get("tool_choice", {}).get("type") in ("any", "tool"):
        return False
    if abilities.thinks != "budget":
        return True
    last = next((turn for turn in reversed(question.turns) if turn.role == "assistant"), None)
    if last is None or not any(isinstance(part, hub.ToolCall) for part in last.parts):
        return True
    return any(isinstance(part, hub.Thinking) and part.origin == MESSAGES for part in last.parts)
