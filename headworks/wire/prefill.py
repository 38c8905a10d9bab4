"""Which models take the beginning of their own answer, and in which form. A dialect writes it (`wire/openai/prefill.py`).

Theory. Most chat APIs take a last message of the assistant for history, and begin a new one: continuing there would join
two answers. Those that do go on with it want it said in different ways, so `presets.py` has a column for it. It is by the provider's URL
and the model's name, like the prices; the operator's `prefill` on a target goes before it. A model that the table has and
that refuses (newer ones do) answers 400 once, and is remembered by who asked.

- *message*: a last message of the assistant is enough (Anthropic's compatible API; llama.cpp's server);
- *prefix*: it says `"prefix": true` (DeepSeek's beta), and the answer begins behind it;
- *repeated_prefix*: the same, and the answer repeats it (Mistral);
- *final_message*: two more fields of the body say so (vLLM, SGLang).
"""

from __future__ import annotations

import re
from typing import Final

from headworks.core.dialect import Prefill
from headworks.wire.presets import preset_of

BYTES_PER_TOKEN: Final = 4


def known_prefill(base_url: str, model: str, word: str = "openai") -> Prefill:
    """What is known of a model at a vendor; `none` where nothing is. word: the provider's `dialect:`."""
    known = preset_of(word, base_url)
    for part, begins, form in () if known is None else known.prefills:
        if part in base_url and re.match(begins, model):
            return form
    return "none"


def repeats(form: Prefill) -> bool:
    """Whether the answer begins with the prefill itself."""
    return form == "repeated_prefix"


def tokens_of(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)
