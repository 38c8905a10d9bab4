"""Keys and groups: who may call, and how much.

A secret has 256 random bits and is kept as its BLAKE2b digest. A slow hash protects secrets that people choose. Random ones
cannot be guessed, and a call must not wait for a slow hash.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Annotated, Literal

import msgspec

from headworks.core.per import Estimate, Money, Per
from headworks.core.state import Window
from headworks.core.units import Count

PREFIX = "hw_"
"""The prefix of generated secrets. Secret scanners can find one that was committed."""

NUMBER_SEPARATOR = "#"
"""Stands between a name and a number, from 2 on: `nightly#2` is the second key named `nightly`. No name contains it."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 43
"""Characters of 62 that hold 256 bits."""

Priority = Literal["high", "normal", "low"]

Share = Annotated[float, msgspec.Meta(ge=0, le=1, extra={"unit": "share"})]


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """A budget: `amount` nano-dollars in each window. estimate: how the input tokens of a call are estimated before it is made
    (`policy/spend.py`). alert: the share of the budget from which on an alert is logged."""

    amount: Money
    every: Window
    estimate: Estimate = "bytes"
    alert: Share = 0.8


class Allowance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of a key or group: requests and tokens a minute, calls at once, money. None: no limit. per: those of each user and
    session beside them. fails_open: of a group, whether its calls are served while the shared state cannot be reached."""

    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    budget: Spending | None = None
    per: Per | None = None
    fails_open: bool = msgspec.field(default=False, name="goes_on")  # its name in stores of version 0.1

    def __bool__(self) -> bool:
        limits = (self.rpm, self.tpm, self.concurrency, self.budget, self.per)
        return self.fails_open or any(one is not None for one in limits)


UNLIMITED = Allowance()


def numbered_name(name: str, number: int) -> str:
    """The name of the nth key of a name, as records, budgets and cached answers have it."""
    return name if number == 1 else f"{name}{NUMBER_SEPARATOR}{number}"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key: a name, the digest of its secret, the aliases it may use (none listed: all).

    tags: what its records carry. group: whose limits and budget it shares, or "". expires_at: seconds since 1970.
    """

    name: str
    digest: bytes
    models: frozenset[str] = frozenset()
    priority: Priority = "normal"
    tags: tuple[str, ...] = ()
    group: str = ""
    expires_at: float = float("inf")
    allowance: Allowance = UNLIMITED

    def may_use(self, alias: str) -> bool:
        return not self.models or alias in self.models


def secret_digest(secret: str) -> bytes:
    """The digest by which a secret is kept. It cannot be reversed."""
    return blake2b(secret.encode(), digest_size=32).digest()


def new_secret(chance: Callable[[int], int]) -> str:
    """A secret of 256 bits. `chance` gives so many random bits, and must be the system's: `secrets.randbits`."""
    number = chance(256)
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return PREFIX + "".join(digits)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change in the key store.

    key: a key as it is now, None where it was revoked; `former` has digests that stay good for a while, with the instant at
    which they end. group: its allowance. revoked: a key of the system file may (False) or may not (True) be used. purged: a
    user's calls that arrived before an instant (seconds since 1970) are nobody's any more; `name` is the digest of theirs.
    """

    kind: Literal["key", "group", "revoked", "purged"]
    name: str
    key: Key | None = None
    former: tuple[tuple[bytes, float], ...] = ()
    allowance: Allowance = UNLIMITED
    is_revoked: bool = False
    purged_at: float = 0.0
