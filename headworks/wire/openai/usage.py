"""OpenAI's token counts as disjoint classes, in the many forms in which vendors state them.

Theory. `prompt_tokens` includes cached, cache-writing and audio tokens, `completion_tokens` reasoning and audio. So each
class is cut out of what is left, in this order, and no class is ever negative, whatever a vendor says. `total_tokens`
above the sum of the two is output that a vendor bills and left out of `completion_tokens`: xAI does so with reasoning,
Gemini's compatible API with thoughts. So the classes always sum to what the vendor says was used.

What stands beside the two sums is added to them: tokens that a search brought in (Perplexity's `citation_tokens`, at the
price of input) and the reasoning of such a search. Cached and written tokens in Anthropic's words are inside
`prompt_tokens`, unless that is too small to hold them. `usage_forms.py` has the vendors' forms, one by one.

A usage without any token says nothing: it is no usage.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from headworks.core.reply import Usage

MOST = 10**12
"""Tokens that are believed: a count beyond it is a vendor's bug, and would make an integer too wide for a store."""


class InputDetails(msgspec.Struct):
    """Parts of the input. cache_creation_input_tokens: DashScope; cache_creation_tokens: LiteLLM."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation_tokens: int | None = None
    audio_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class UsageSaid(msgspec.Struct):
    """`usage` as it stands on the wire.

    prompt_cache_hit_tokens: DeepSeek; cached_tokens: Moonshot, StepFun, Together; num_cached_tokens: Mistral;
    cache_read_input_tokens, cache_creation_input_tokens: Anthropic's words, which proxies keep; reasoning_tokens: SGLang
    (inside the completion), Perplexity (beside it); citation_tokens, num_search_queries: Perplexity.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    num_cached_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    citation_tokens: int | None = None
    num_search_queries: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None

    def usage(self, *, is_answer: bool = True) -> Usage | None:
        """The tokens by class; None where there are none. is_answer: there is output, to which tokens of the total belong
        that are in neither sum. Of embeddings they are input."""
        prompt, completion, total = self.prompt_tokens or 0, self.completion_tokens or 0, self.total_tokens or 0
        if not (0 <= prompt <= MOST and 0 <= completion <= MOST and 0 <= total <= MOST):
            prompt, completion, total = _part(prompt, MOST), _part(completion, MOST), _part(total, MOST)
        beyond = total - prompt - completion
        if not (prompt or completion or total):
            return None
        if (
            self.prompt_tokens_details is None
            and self.completion_tokens_details is None
            and not (self.prompt_cache_hit_tokens or self.cached_tokens or self.num_cached_tokens)
            and not (self.cache_read_input_tokens or self.cache_creation_input_tokens)
            and not (self.reasoning_tokens or self.citation_tokens)
        ):
            if beyond <= 0:
                return Usage(input=prompt, output=completion)
            return Usage(input=prompt, output=completion + beyond) if is_answer else Usage(input=prompt + beyond)
        return self._classed(prompt, completion, max(0, beyond))

    def _classed(self, prompt: int, completion: int, beyond: int) -> Usage:
        inside, outside = self.prompt_tokens_details or InputDetails(), self.completion_tokens_details
        read, made = _part(self.cache_read_input_tokens, MOST), _part(self.cache_creation_input_tokens, MOST)
        cached = _first(inside.cached_tokens, self.prompt_cache_hit_tokens, self.cached_tokens, self.num_cached_tokens)
        cached = cached or read
        written = _first(inside.cache_write_tokens, inside.cache_creation_input_tokens, inside.cache_creation_tokens)
        written = written or made
        if read + made > prompt or (beyond and beyond == read + made):  # they are beside the prompt, not in it
            prompt, beyond = prompt + read + made, max(0, beyond - read - made)
        completion += beyond
        cached = _part(cached, prompt)
        written = _part(written, prompt - cached)
        heard = _part(inside.audio_tokens, prompt - cached - written)
        reasoned, completion = self._reasoned(completion)
        spoken = _part(outside.audio_tokens if outside is not None else 0, completion - reasoned)
        return Usage(
            input=prompt - cached - written - heard + _part(self.citation_tokens, MOST),
            cached_input=cached,
            cache_write=written,
            audio_input=heard,
            output=completion - reasoned - spoken,
            reasoning=reasoned,
            audio_output=spoken,
        )

    def _reasoned(self, completion: int) -> tuple[int, int]:
        """The tokens of reasoning, and all of the output with them."""
        outside = self.completion_tokens_details
        if outside is not None and outside.reasoning_tokens:
            return _part(outside.reasoning_tokens, completion), completion
        said = _part(self.reasoning_tokens, MOST)
        is_beside = said > completion or bool(self.citation_tokens or self.num_search_queries)
        return said, completion + said if is_beside else completion


_PARTS: dict[str, type[msgspec.Struct]] = {
    "prompt_tokens_details": InputDetails,
    "completion_tokens_details": OutputDetails,
}


def read_usage(said: dict[str, Any]) -> UsageSaid:
    """A usage whose counts have other types: a float, a number in a string. What is no number is left out."""
    parts: dict[str, Any] = {
        name: kind(**_counts(said[name], kind)) for name, kind in _PARTS.items() if isinstance(said.get(name), dict)
    }
    return UsageSaid(**_counts(said, UsageSaid), **parts)


def _counts(said: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    counts = {name: _count(said.get(name)) for name in kind.__struct_fields__ if name not in _PARTS}
    return {name: count for name, count in counts.items() if count is not None}


def _count(said: Any) -> int | None:
    if isinstance(said, str):
        return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None
    if isinstance(said, float):
        return int(said) if math.isfinite(said) else None
    return said if isinstance(said, int) else None


def _first(*counts: int | None) -> int:
    return next((count for count in counts if count), 0)


def _part(said: int | None, whole: int) -> int:
    if not said or said < 0:
        return 0
    return said if said < whole else whole
