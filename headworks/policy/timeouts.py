"""The timeouts of each phase of an attempt.

Always true: `connect` binds every attempt; `first_token` and `between_tokens` bind streamed ones, `answer` one that is
not streamed; `total` binds the call with all its attempts. Time spent waiting for the *caller* never counts as the
vendor's. There is nothing to decide here: the layer adds these to `now`, and the leaf, which alone knows the phase it
is in, keeps them and says which one ran out.
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
