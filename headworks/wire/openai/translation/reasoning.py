"""A message's reasoning to and from the hub's Thinking.

Chat has no field of its own for it; three came into use. `reasoning_content` (DeepSeek, vLLM, llama.cpp) and `reasoning`
(OpenRouter, Groq) are texts. `reasoning_details` (OpenRouter, MiniMax) is a list of blocks with signatures and encrypted
data, and `format` says whose they are: so what Anthropic signed survives on its way through a chat client and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from headworks.wire import hub
from headworks.wire.hub.values import CHAT, CONVERSE, GENERATE, MESSAGES, RESPONSES, only, own

TEXTS: Final = ("reasoning_content", "reasoning")
DETAILS: Final = "reasoning_details"
_FIELDS_OF_MESSAGE: Final = frozenset({*TEXTS, DETAILS})

FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        MESSAGES: "anthropic-claude-v1",
        GENERATE: "google-gemini-v1",
        RESPONSES: "openai-responses-v1",
        CONVERSE: "bedrock-converse-v1",
    }
)
"""What a detail's `format` says, by the dialect whose vendor made it. The first three are OpenRouter's words
(https://openrouter.ai/docs/use-cases/reasoning-tokens); the last is ours, in their manner."""

_ORIGINS: Final[Mapping[str, str]] = MappingProxyType({word: dialect for dialect, word in FORMATS.items()})
_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {"reasoning.text": "text", "reasoning.summary": "summary", "reasoning.encrypted": "data"}
)


def taken(message: dict[str, Any]) -> list[hub.Thinking]:
    """The thinking of a message, taken out of its members; what is no thinking stays."""
    if _FIELDS_OF_MESSAGE.isdisjoint(message):
        return []  # as in most
    texts = {name: message.pop(name) for name in TEXTS if isinstance(message.get(name), str)}
    details = message.pop(DETAILS) if isinstance(message.get(DETAILS), list) and message[DETAILS] else []
    if not details:
        if not texts:
            return []
        text = texts.get("reasoning_content") or texts.get("reasoning") or ""
        is_usual = len(texts) == 1 and "reasoning_content" in texts
        return [hub.Thinking(origin=CHAT, text=text, extra=only(CHAT, {} if is_usual else texts))]
    return [_detailed(detail, texts if not at else {}) for at, detail in enumerate(details)]


def _detailed(detail: Any, texts: dict[str, Any]) -> hub.Thinking:
    """extra: the detail as it stood, and the texts that say the same."""
    extra = {CHAT: {**texts, DETAILS: [detail]}}
    if not isinstance(detail, dict):
        return hub.Thinking(origin=CHAT, extra=extra)
    kind, format = str(detail.get("type")), detail.get("format")
    said = detail.get(_FIELDS.get(kind, ""))
    text = said if isinstance(said, str) else ""
    is_hidden = kind == "reasoning.encrypted"
    return hub.Thinking(
        origin=_ORIGINS.get(format, CHAT) if isinstance(format, str) else CHAT,
        text="" if is_hidden else text,
        signature=_string(detail, "signature"),
        redacted=text if is_hidden else "",
        id=_string(detail, "id"),
        is_summary=kind == "reasoning.summary",
        extra=extra,
    )


def put(message: dict[str, Any], parts: Iterable[hub.Thinking]) -> None:
    """Writes thinking into a message, a vendor's of another dialect too."""
    texts: list[str] = []
    details: list[Any] = []
    for part in parts:
        said = own(part.extra, CHAT)
        if not said:
            texts.append(part.text)
            if part.origin in FORMATS:
                details.append(detail_of(part, len(details)))
        for name, value in said.items():
            if name == DETAILS:
                details.extend(value)
            else:
                message[name] = value
    if texts:
        message["reasoning_content"] = "".join(texts)
    if details:
        message[DETAILS] = details


def detail_of(part: hub.Thinking | hub.ThinkingDelta, index: int) -> dict[str, Any]:
    """The detail that says what only the vendor of `part.origin` can use."""
    said: dict[str, Any] = {"type": "reasoning.text", "text": part.text}
    if part.redacted:
        said = {"type": "reasoning.encrypted", "data": part.redacted}
    elif part.is_summary:
        said = {"type": "reasoning.summary", "summary": part.text}
    if part.signature:
        said["signature"] = part.signature
    if part.id:
        said["id"] = part.id
    return {**said, "format": FORMATS[part.origin], "index": index}


def _string(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
