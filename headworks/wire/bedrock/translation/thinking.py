"""How much to think, as each family of Bedrock's models is told: the API itself has no word for it.

Claude: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html (models up to 4.5 take a budget,
from 4.7 on only `adaptive`); Nova 2: https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html; gpt-oss:
`reasoning_effort`. All read in November 2026. What no row is about is not told, and decides by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from headworks.wire import hub

LEAST: Final = 1024
"""The least budget that Claude takes."""

_BUDGETS: Final[Mapping[str, int]] = MappingProxyType(
    {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
)
_USUAL: Final = 8192
_ROOM: Final = 4096
"""Tokens that are left for the answer where nobody bounds it."""

_CLAUDE: Final = "anthropic.claude"
_BUDGETED: Final = re.compile(r"anthropic\.claude-(?:3-7|(?:opus|sonnet|haiku)-4(?:-(?:0|1|5))?-?(?:20\d{6}|v|$|:))")
"""Those that think with a budget, by the beginning of what follows the vendor's name."""
_THOUGHTLESS: Final = re.compile(r"anthropic\.claude-(?:v|instant|3-(?:5|haiku|opus|sonnet))")
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_NOVA: Final = re.compile(r"amazon\.nova-2")
_NOVA_EFFORTS: Final = ("low", "medium", "high")
_OPEN: Final = "openai.gpt-oss"


def put_thinking(body: dict[str, Any], asked: hub.Reasoning, model: str) -> None:
    """Writes what the model is told of it into `additionalModelRequestFields`, and what goes with it."""
    is_off = asked.mode == "off" or asked.effort == "none" or asked.budget == 0
    if _CLAUDE in model:
        if not is_off:
            _claude(body, asked, model)
        return
    effort = _effort(asked)
    if is_off or not effort:
        return
    if _NOVA.search(model):
        said = effort if effort in _NOVA_EFFORTS else "high"
        _more(body)["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": said}
    elif _OPEN in model:
        _more(body)["reasoning_effort"] = effort if effort in _NOVA_EFFORTS else "high"


def _claude(body: dict[str, Any], asked: hub.Reasoning, model: str) -> None:
    if _THOUGHTLESS.search(model) or not (asked.effort or asked.budget or asked.mode):
        return
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    if "any" in choice or "tool" in choice:
        return  # a call that has to use a tool cannot think
    config = body.setdefault("inferenceConfig", {})
    if _BUDGETED.search(model):
        most = config.get("maxTokens")
        budget = max(LEAST, _wanted(asked) if most is None else min(_wanted(asked), most // 2))
        if most is None:
            config["maxTokens"] = budget + _ROOM
        elif budget >= most:
            return
        _more(body)["thinking"] = {"type": "enabled", "budget_tokens": budget}
        _more(body).pop("top_k", None)
    else:
        _more(body)["thinking"] = {"type": "adaptive"}
        if effort := _effort(asked):
            _more(body)["output_config"] = {"effort": effort if effort in _EFFORTS else "low"}
    config.pop("temperature", None)  # a model that thinks takes none
    config.pop("topP", None)


def _wanted(asked: hub.Reasoning) -> int:
    """Tokens of thinking that are asked for, of an effort those that it means."""
    if asked.budget is not None and asked.budget > 0:
        return asked.budget
    return _BUDGETS.get(asked.effort, _USUAL)


def _effort(asked: hub.Reasoning) -> str:
    """The effort as a word, of a budget the one that is meant."""
    if asked.effort:
        return "low" if asked.effort == "minimal" else asked.effort
    if not asked.budget or asked.budget < 0:
        return ""
    return next((word for word in ("low", "medium") if asked.budget <= _BUDGETS[word]), "high")


def _more(body: dict[str, Any]) -> dict[str, Any]:
    more: dict[str, Any] = body.setdefault("additionalModelRequestFields", {})
    return more
