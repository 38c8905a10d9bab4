"""What a client asks, as every layer sees it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from headworks.core.dialect import Dialect, Prefill, Schema
from headworks.core.errors import Refused
from headworks.core.key import Key, Priority
from headworks.core.passage import Passage
from headworks.core.session import Session
from headworks.core.trail import Attempt, Trail

NEVER = float("inf")

PROMPT_PREFIX = "prompt/"
"""What a caller writes before a prompt's name where others write an alias: `prompt/summarize`."""


LARGE = 250_000
"""Bytes. From this size on, reading a body, looking it up and rewriting it each take a turn of the loop of their own. Each takes
up to 5 ms for 1 MB and 40 ms for 10 MB, and other calls wait meanwhile."""


class Fitting(Protocol):
    """A schema that an answer must fit."""

    @property
    def schema(self) -> Schema: ...
    async def wrong(self, text: str) -> str | None:
        """Why this text does not fit; None where it does. The reason has none of the text in it."""
        ...


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call: its body as it came, and what policies need to know of it. Frozen; only the trail changes.

    id: ours, shown to the caller. alias: the name under `models` that was asked for. body: the caller's bytes.
    dialect: the API in which the caller asked, and is answered.
    forwarded: headers of the caller that may pass to a vendor. traceparent: the caller's trace, or "".
    digest: of the body, for the record. credential: the caller's secret; it never leaves Auth. tenant: the name of the key, and key: all of it, once Auth knows them.
    found_at: the keyring's version when the server looked up `key` by the headers, before Auth; 0 if it did not.
    streamed, include_usage, max_output (tokens), user: what the body says. bound: the limit on output
    tokens that is sent to vendors where the body sets none. session: the run of calls that it is one of, as the client
    names it; None where it does not. arrived_at, deadline_at: loop seconds.
    cache_control: the caller's header of that name. fingerprint: what equal calls have in common (`layers/fingerprint.py`),
    b"" where no answer may be shared.
    refusal: why the body could not be understood; raised by Route, so that the record shows it and strangers do not
    learn it. attempt: which try this is; Balance sets it for everything below. resumed_at: how many attempts there were when
    a broken stream was opened again, 0 for the first journey. prefill: the beginning of the answer, to be gone on with.
    begun: the form in which the body has that beginning as its last message. passage: the path by which it passes to a provider.
    """

    id: str
    alias: str
    body: bytes
    dialect: Dialect
    streamed: bool = False
    include_usage: bool = False
    max_output: int | None = None
    bound: int | None = None
    user: str | None = None
    session: Session | None = None
    credential: str | None = None
    tenant: str = ""
    key: Key | None = None
    found_at: int = 0
    priority: Priority = "normal"
    arrived_at: float = 0.0
    deadline_at: float = NEVER
    forwarded: tuple[tuple[bytes, bytes], ...] = ()
    traceparent: str = ""
    digest: str = ""
    cache_control: str = ""
    fingerprint: bytes = b""
    refusal: Refused | None = None
    trail: Trail = msgspec.field(default_factory=Trail)
    attempt: Attempt | None = None
    output: Fitting | None = None
    resumed_at: int = 0
    prefill: str = ""
    begun: Prefill = "none"
    passage: Passage | None = None

    def __repr__(self) -> str:
        # The generated one would print the credential and the caller's words.
        return f"Call(id={self.id!r}, alias={self.alias!r}, dialect={self.dialect.name!r}, streamed={self.streamed})"
