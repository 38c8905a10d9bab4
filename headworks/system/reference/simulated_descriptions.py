"""What the keys of a simulated vendor mean: a part of `descriptions.py`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SIMULATED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "first_token": "Time to the first token.",
        "per_token": "Time between tokens.",
        "output_tokens": "How long its answers are. `max_tokens` cuts them. Without this key an answer is as long as the "
        "`max_tokens` of its call; without both half of the answers have at most 40 tokens, 99 of 100 at most 200.",
        "faults": "The share of calls that each fault happens to, such as `{server_error: 0.5%, cut: 0.1%}`.",
        "rpm": "Requests a minute above which it answers 429, like a vendor whose limit is not in the file. Unlimited by "
        "default.",
        "tpm": "Tokens a minute above which it answers 429. Unlimited by default.",
        "concurrency": "Calls at this provider at the same time. A stream counts until its last chunk. Unlimited by default.",
        "seed": "The seed of its answers: two simulated vendors with the same seed give the same answers.",
        "prompt_cache": "Whose rules its prompt cache keeps: `openai`, `anthropic`, `gemini` or `deepseek`. What is cached is counted as "
        "`cached_input` and `cache_write`, and its first token comes earlier. None by default (`docs/sessions.md`).",
    }
)
