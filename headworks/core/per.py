"""The limits of each user and of each session of a key or group: the callers that stand behind one secret.

A user is who the body says (`user`, `metadata.user_id`), a session the run of calls that a client names (`core/session.py`). A caller can
say what it likes there. So these limits keep a caller apart from the others, and the limits of the key stand above them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headworks.core.state import Window
from headworks.core.units import Count

Estimate = Literal["bytes", "chars"]

Money = Annotated[int, msgspec.Meta(ge=1, extra={"unit": "money"})]
"""Nano-dollars: `$50`."""

Life = Annotated[float, msgspec.Meta(ge=3600, extra={"unit": "seconds"})]
"""An hour at least."""


class UserBudget(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of one user may cost in each window. A user has no end, so it has no `total`."""

    amount: Money
    every: Literal["1h", "1d", "1w", "30d"]
    estimate: Estimate = "bytes"


class SessionBudget(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of one session may cost: in its whole life, or in each window."""

    amount: Money
    every: Window = "total"
    estimate: Estimate = "bytes"


class UserLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of each user. Calls that name none count as those of one user."""

    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    budget: UserBudget | None = None


class SessionLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of each session. calls: in its whole life. forget: seconds of silence after which that life is over. Calls that
    name no session count as those of one, whose life is a day."""

    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    budget: SessionBudget | None = None
    calls: Count | None = None
    forget: Life = 604_800.0


class Per(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user: UserLimits | None = None
    session: SessionLimits | None = None

    def __bool__(self) -> bool:
        return self.user is not None or self.session is not None
