"""How long each phase of an attempt may take.

Always true: `first_token` and `between_tokens` bind streamed attempts, `answer` binds one attempt that is not streamed,
`connect` binds every attempt, and `total` binds the call with all its attempts. Time spent waiting for the *caller*
never counts. The instants are made by `for_attempt`; who keeps them is the leaf, which must know which one ran out.
"""

from __future__ import annotations

import msgspec

from headworks.core.units import Seconds


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """The longest each phase may last, in seconds."""

    connect: Seconds = 2.0
    first_token: Seconds = 8.0
    between_tokens: Seconds = 8.0
    answer: Seconds = 60.0
    total: Seconds = 120.0
