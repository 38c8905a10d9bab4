"""Gemini's token counts as disjoint classes.

Theory (ai.google.dev/api/generate-content#UsageMetadata, read 2026-11-30). `promptTokenCount` includes what was cached
(`cachedContentTokenCount`); what a hosted tool brought in (`toolUsePromptTokenCount`) and what was thought
(`thoughtsTokenCount`) stand beside prompt and candidates, and are billed as input and as output. Sound has a price of its own:
its tokens are told by modality. Each class is cut out of what is left, and none is ever negative. What `totalTokenCount` has
beyond all of them is output: a vendor that bills thoughts and does not tell them says it there only.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from headworks.core.reply import Usage

MOST: Final = 10**12
"""Tokens that are believed: a count beyond it is a vendor's bug."""


class OfModality(msgspec.Struct, rename="camel"):
    modality: str | None = None
    token_count: int | None = None


class UsageSaid(msgspec.Struct, rename="camel"):
    """`usageMetadata` as it stands on the wire."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: list[OfModality] | None = None
    cache_tokens_details: list[OfModality] | None = None
    candidates_tokens_details: list[OfModality] | None = None
    tool_use_prompt_tokens_details: list[OfModality] | None = None

    def usage(self) -> Usage | None:
        """The tokens by class; None where there are none."""
        prompt, said = _part(self.prompt_token_count, MOST), _part(self.candidates_token_count, MOST)
        brought, thought = _part(self.tool_use_prompt_token_count, MOST), _part(self.thoughts_token_count, MOST)
        total = _part(self.total_token_count, MOST)
        if not (prompt or said or brought or thought or total):
            return None
        said += max(0, total - prompt - said - brought - thought)
        cached = _part(self.cached_content_token_count, prompt)
        heard = _part(_sound(self.prompt_tokens_details) - _sound(self.cache_tokens_details), prompt - cached)
        heard_there = _part(_sound(self.tool_use_prompt_tokens_details), brought)
        spoken = _part(_sound(self.candidates_tokens_details), said)
        return Usage(
            input=prompt - cached - heard + brought - heard_there,
            cached_input=cached,
            audio_input=heard + heard_there,
            output=said - spoken,
            reasoning=thought,
            audio_output=spoken,
        )


_NAMES: Final = tuple(zip(UsageSaid.__struct_fields__, UsageSaid.__struct_encode_fields__, strict=True))
_COUNTS: Final = tuple(names for names in _NAMES if names[0].endswith("_count"))
_DETAILS: Final = tuple(names for names in _NAMES if names[0].endswith("_details"))


def read_usage(said: dict[str, Any]) -> UsageSaid:
    """A usage whose counts have other types: a float, a number in a string. What is no number is left out."""
    fields: dict[str, Any] = {field: _count(said.get(name)) for field, name in _COUNTS}
    for field, name in _DETAILS:
        if isinstance(listed := said.get(name), list):
            fields[field] = [
                OfModality(str(one.get("modality") or ""), _count(one.get("tokenCount")))
                for one in listed
                if isinstance(one, dict)
            ]
    return UsageSaid(**fields)


def _count(said: Any) -> int | None:
    if isinstance(said, str):  # an int64 of proto3 is a string in JSON
        return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None
    if isinstance(said, float):
        return int(said) if math.isfinite(said) else None
    return said if isinstance(said, int) else None


def _sound(details: list[OfModality] | None) -> int:
    return sum([one.token_count or 0 for one in details if one.modality == "AUDIO"]) if details else 0


def _part(said: int | None, whole: int) -> int:
    if not said or said < 0:
        return 0
    return said if said < whole else whole


def written_usage(usage: Usage) -> dict[str, Any]:
    """The counts in Gemini's words. What was written into a cache is a part of the prompt: there is no word for it."""
    said: dict[str, Any] = {"promptTokenCount": usage.input_tokens}
    if usage.cached_input:
        said["cachedContentTokenCount"] = usage.cached_input
    said["candidatesTokenCount"] = usage.output + usage.audio_output
    if usage.reasoning:
        said["thoughtsTokenCount"] = usage.reasoning
    said["totalTokenCount"] = usage.input_tokens + usage.output_tokens
    if usage.audio_input:
        said["promptTokensDetails"] = _by_modality(usage.input_tokens, usage.audio_input)
    if usage.audio_output:
        said["candidatesTokensDetails"] = _by_modality(usage.output + usage.audio_output, usage.audio_output)
    return said


def _by_modality(whole: int, sound: int) -> list[dict[str, Any]]:
    found = [{"modality": "TEXT", "tokenCount": whole - sound}] if whole > sound else []
    return [*found, {"modality": "AUDIO", "tokenCount": sound}]
