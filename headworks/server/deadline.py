"""How long a caller is ready to wait, as it says in `x-headworks-deadline`.

The form: seconds (`2.5`), or a duration as the system file writes it (`1500ms`, `4s`, `2m`), counted from the arrival of
the request. It only shortens: the alias's `timeouts.total` binds all the same. What is not understood is refused, because
a caller who writes a deadline relies on it.
"""

from __future__ import annotations

import re
from typing import Final

from headworks.core.errors import Malformed
from headworks.system.syntax.scalars import NUMBER, Unreadable, duration, shown

HEADER: Final = b"x-headworks-deadline"
NAME: Final = "x-headworks-deadline"

_SECONDS = re.compile(NUMBER)


def seconds(said: bytes) -> float:
    """The seconds that the header grants, above zero. Raises Malformed."""
    text = said.decode("latin-1").strip()
    try:
        granted = duration(f"{text}s" if _SECONDS.fullmatch(text) else text)
    except Unreadable:
        raise Malformed(
            f"The header `{NAME}` is {shown(text)}: write seconds (2.5) or a duration (1500ms, 4s, 2m).", param=NAME
        ) from None
    if granted <= 0:
        raise Malformed(f"The header `{NAME}` grants no time: write more than zero, such as 1500ms.", param=NAME)
    return granted
