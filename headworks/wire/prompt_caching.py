"""Vendors' rules of their prompt caches, as they publish them: for simulated vendors, and for plans.

A prompt cache keeps what a model has computed for the beginning of a prompt. A later prompt that begins with the same tokens is
cheaper and faster. The rules below were read on 2026-12-01 from

- OpenAI: developers.openai.com/api/docs/guides/prompt-caching (from 1,024 tokens; latency down by up to 80 %) and, for the life,
  learn.microsoft.com/azure/foundry/openai/how-to/prompt-caching (cleared after 5 to 10 minutes without use). In steps of 128
  tokens: known from that guide's earlier text, not read again on that day;
- Anthropic: platform.claude.com/docs/en/build-with-claude/prompt-caching (smallest prompts by model, marks, 5 minutes or an hour,
  refreshed on use, writes at 1.25 and 2 times the price of input, reads at a tenth; 4 marks, 20 blocks back from each). The numbers by
  model were read where others quote them (docs.orq.ai/docs/proxy/prompt-caching, clawdemy.org), which differ on Sonnet 4.6: 1,024 or 2,048;
- Gemini: ai.google.dev/gemini-api/docs/caching (implicit: smallest prompts by model) and docs.cloud.google.com, context cache
  overview (90 % off). Neither a life nor a step is published: 5 minutes and 128 tokens are assumptions;
- DeepSeek: api-docs.deepseek.com/guides/kv_cache (any prefix that ended a request, or a common one) and api-docs.deepseek.com/news/news0802
  (units of 64 tokens, kept for some hours to days: not read again on that day; an hour is the assumption here).

Prices differ by model: those that count are in the price table or under `price:`. The factors here are the usual ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

import msgspec

Rules: TypeAlias = Literal["openai", "anthropic", "gemini", "deepseek"]

PREFILL_SHARE: Final = 0.8
"""The part of the time to the first token that reading the prompt takes, and that a cached prompt saves: OpenAI's "up to 80 %"."""


class PromptCaching(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one vendor.

    smallest: tokens of the shortest prefix that is cached; by_model: that of models with a word in their name, the first that
    fits. step: the cached prefix is a multiple of so many tokens. life, long_life: seconds since the last use. is_marked: only up to
    the caller's marks (`cache_control`), else any prefix. read, write, write_long: factors of the price of input.
    """

    smallest: int
    step: int = 1
    life: float = 300.0
    long_life: float = 0.0
    is_marked: bool = False
    read: float = 0.1
    write: float = 1.0
    write_long: float = 1.0
    by_model: tuple[tuple[str, int], ...] = ()

    def smallest_for(self, model: str) -> int:
        name = model.lower()
        return next((tokens for word, tokens in self.by_model if word in name), self.smallest)


RULES: Final[Mapping[Rules, PromptCaching]] = MappingProxyType(
    {
        "openai": PromptCaching(smallest=1024, step=128, life=600.0),
        "anthropic": PromptCaching(
            smallest=1024,
            long_life=3600.0,
            is_marked=True,
            write=1.25,
            write_long=2.0,
            by_model=(
                ("opus-4-8", 1024),
                ("opus-4-7", 4096),
                ("opus-4-6", 4096),
                ("opus-4-5", 4096),
                ("haiku-4-5", 4096),
                ("haiku", 2048),
            ),
        ),
        "gemini": PromptCaching(smallest=4096, step=128, by_model=(("2.5", 2048),)),
        "deepseek": PromptCaching(smallest=64, step=64, life=3600.0),
    }
)
assert set(RULES) == set(get_args(Rules))
