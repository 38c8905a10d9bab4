"""Which models take the beginning of their own answer, in which form, and the body that hands it to them.

Theory. Most chat APIs take a last message of the assistant for history, and begin a new one: continuing there would join
two answers. Those that do go on with it want it said in different ways, so there is a table. It is by the provider's URL
and the model's name, like the prices; the operator's `prefill` on a target goes before it. A model that the table has and
that refuses (newer ones do) answers 400 once, and is remembered by who asked.

- *message*: a last message of the assistant is enough (Anthropic's compatible API; llama.cpp's server);
- *prefix*: it says `"prefix": true` (DeepSeek's beta), and the answer begins behind it;
- *repeated_prefix*: the same, and the answer repeats it (Mistral);
- *final_message*: two more fields of the body say so (vLLM, SGLang).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from headworks.core.call import Prefill
from headworks.wire.members import members, places
from headworks.wire.openai.body import whole

TABLE: Final[tuple[tuple[str, str, Prefill], ...]] = (
    ("api.anthropic.com", r"claude-", "message"),
    ("openrouter.ai", r"anthropic/claude-", "message"),
    ("api.deepseek.com/beta", r"", "prefix"),
    ("api.mistral.ai", r"", "repeated_prefix"),
)
"""A part of the base URL, how the model's name begins, the form."""

BYTES_PER_TOKEN: Final = 4

_BOUNDS: Final = ("max_tokens", "max_completion_tokens")
_FINAL: Final = b',"continue_final_message":true,"add_generation_prompt":false'


def known_prefill(base_url: str, model: str) -> Prefill:
    """What the table says of a model; `none` where it says nothing."""
    for part, begins, form in TABLE:
        if part in base_url and re.match(begins, model):
            return form
    return "none"


def repeats(form: Prefill) -> bool:
    """Whether the answer begins with the prefill itself."""
    return form == "repeated_prefix"


def tokens_of(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def prefilled(body: bytes, text: str, form: Prefill) -> bytes:
    """The caller's body with the beginning of the answer as its last message, and its bounds lowered by that much.

    Every byte that is not replaced is the caller's own. The bounds are lowered by an estimate, and never below one token.
    """
    found = members(body)
    where = places(body, found)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if form in ("prefix", "repeated_prefix"):
        message["prefix"] = True
    start, end = where["messages"]
    messages = body[start:end].rstrip()
    values = {(start, end): messages[:-1] + b"," + msgspec.json.encode(message) + b"]"}
    said = tokens_of(text)
    for name in _BOUNDS:
        if name in where and (bound := whole(found[name])) is not None and bound > 0:  # -1 is no bound
            values[where[name]] = b"%d" % max(1, bound - said)
    pieces: list[bytes] = []
    at = 0
    for (begin, stop), value in sorted(values.items()):
        pieces += (body[at:begin], value)
        at = stop
    rest = body[at:]
    if form == "final_message":
        rest = rest.rstrip()[:-1] + _FINAL + b"}"
    return b"".join((*pieces, rest))
