"""The beginning of an answer as the last message of the assistant: that is what Anthropic's API goes on with.

Its last text may not end in blanks, so they are left out; what they were is the splice's to know.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.dialect import Prefill
from headworks.wire.anthropic.request import BOUND
from headworks.wire.json_body import replaced, whole
from headworks.wire.members import members, places
from headworks.wire.prefill import tokens_of

BLANKS: Final = " \t\r\n"


def prefilled(body: bytes, text: str, form: Prefill, /) -> bytes:
    """The body with the beginning of the answer as its last message, and its bound lowered by that much. In every form alike:
    of the others only another API has the words."""
    found = members(body)
    where = places(body, found)
    start, end = where["messages"]
    message = {"role": "assistant", "content": text.rstrip(BLANKS)}
    values = {(start, end): body[start:end].rstrip()[:-1] + b"," + msgspec.json.encode(message) + b"]"}
    if BOUND in where and (bound := whole(found[BOUND])) is not None and bound > 0:
        values[where[BOUND]] = b"%d" % max(1, bound - tokens_of(text))
    return replaced(body, values)
