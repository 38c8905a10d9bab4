"""OpenAI's token counts as disjoint classes.

Theory. `prompt_tokens` includes cached, cache-writing and audio tokens, `completion_tokens` reasoning and audio. So each
class is cut out of what is left, in this order, and no class is ever negative, whatever a vendor says. `total_tokens`
above the sum of the two is output that a vendor bills and left out of `completion_tokens`: xAI does so with reasoning,
Gemini's compatible API with thoughts. So the classes always sum to what the vendor says was used.
"""

from __future__ import annotations

import msgspec

from headworks.core.reply import Usage

MOST = 10**12
"""Tokens that are believed: a count beyond it is a vendor's bug, and would make an integer too wide for a store."""


class InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class UsageSaid(msgspec.Struct):
    """`usage` as it stands on the wire. prompt_cache_hit_tokens: DeepSeek's name for cached tokens."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None

    def usage(self) -> Usage:
        prompt = _part(self.prompt_tokens, MOST)
        completion = _part(self.completion_tokens, MOST)
        total = _part(self.total_tokens, MOST)
        if total > prompt + completion:
            completion = total - prompt
        cached = self.prompt_cache_hit_tokens
        inside, outside = self.prompt_tokens_details, self.completion_tokens_details
        if inside is None and outside is None and not cached:
            return Usage(input=prompt, output=completion)
        written = heard = reasoned = spoken = 0
        cached = _part(inside.cached_tokens if inside is not None and inside.cached_tokens else cached, prompt)
        if inside is not None:
            written = _part(inside.cache_write_tokens, prompt - cached)
            heard = _part(inside.audio_tokens, prompt - cached - written)
        if outside is not None:
            reasoned = _part(outside.reasoning_tokens, completion)
            spoken = _part(outside.audio_tokens, completion - reasoned)
        return Usage(
            input=prompt - cached - written - heard,
            cached_input=cached,
            cache_write=written,
            audio_input=heard,
            output=completion - reasoned - spoken,
            reasoning=reasoned,
            audio_output=spoken,
        )


def _part(said: int | None, whole: int) -> int:
    if not said or said < 0:
        return 0
    return said if said < whole else whole
