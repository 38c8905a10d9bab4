"""The beginning of an answer, written into a body of chat completions in each form (`wire/prefill.py`)."""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.dialect import Prefill
from headworks.wire.members import members, places
from headworks.wire.openai.body import whole
from headworks.wire.prefill import tokens_of

_BOUNDS: Final = ("max_tokens", "max_completion_tokens")
_FINAL: Final = b',"continue_final_message":true,"add_generation_prompt":false'


def prefilled(body: bytes, text: str, form: Prefill) -> bytes:
    """The body with the beginning of the answer as its last message, and its bounds lowered by that much.

    Every byte that is not replaced is the caller's own. The bounds are lowered by an estimate, and never below one token.
    """
    found = members(body)
    where = places(body, found)
    message = {"role": "assistant", "content": text}
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
    return begun(b"".join((*pieces, body[at:])), form)


def begun(body: bytes, form: Prefill) -> bytes:
    """The body, whose last message is the beginning of the answer, with what this form has to say of that."""
    if form == "final_message":
        return body.rstrip()[:-1] + _FINAL + b"}"
    if form not in ("prefix", "repeated_prefix"):
        return body
    found = members(body)
    start, end = places(body, found)["messages"]
    messages = msgspec.json.decode(found["messages"], type=list[msgspec.Raw])
    if "prefix" in members(bytes(messages[-1])):
        return body
    marked = body[start:end].rstrip()[:-1].rstrip()[:-1] + b',"prefix":true}]'
    return b"".join((body[:start], marked, body[end:]))
