"""Sticky load balancing: a session's calls go to the target whose prompt cache is warm."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from random import Random

from headworks.core.call import Call
from headworks.core.service import Opening
from headworks.layers.balance import Balance, Target
from headworks.policy.balancing import Picker
from headworks.policy.sticky import Moves, Sticky


class StickyBalance(Balance):
    """Balance for one session at a time. `choice` is for calls that name neither a session nor a user."""

    def __init__(
        self,
        targets: Sequence[Target],
        choice: Picker,
        rng: Random,
        moves: Moves,
        *,
        most: int,
        resort: Sequence[Target] = (),
    ) -> None:
        super().__init__(targets, choice, rng, most=most, resort=resort)
        self.sticky = Sticky(self.candidates, moves)

    def open(self, call: Call, choice: Picker | None = None) -> Opening:
        session = session_of(call)
        return super().open(call, self.sticky.picker(session) if session else choice)


def session_of(call: Call) -> bytes:
    """A digest of who goes on with an earlier conversation: the session, else the end user; b"" where the call names neither.

    Not the key, and not the beginning of the prompt: one application has one key and one system prompt, so all its calls would
    go to one target, whatever the weights. Names are the callers' own: those of two keys are apart.
    """
    if call.session is not None:
        kind, name = "session", call.session.id
    elif call.user:
        kind, name = "user", call.user
    else:
        return b""
    return blake2b(f"{kind}\0{call.tenant}\0{name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
